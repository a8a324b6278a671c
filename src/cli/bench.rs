//! `codemode bench`: the arguments and the output of `crate::bench`.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use clap::builder::RangedU64ValueParser;

use super::files::{self, NewFile};
use super::progress::Progress;
use super::{Stop, code, output, run};
use crate::bench::{self, Kind, Options, Results, svg, table};
use crate::harness::machine;
use crate::plan;

/// Measure what runs cost on this machine
///
/// Starts a service and a main application of its own on loopback ports, calls them over gRPC, and
/// stops them. Takes about six minutes, and exits with 1 if anything failed.
#[derive(Args)]
pub(super) struct BenchArgs {
    /// Measure only these, separated by commas [default: all but endurance]
    #[arg(long, value_enum, value_delimiter = ',', value_name = "NAMES")]
    only: Vec<Kind>,
    /// Take about a minute and a half, with fewer samples
    #[arg(long)]
    quick: bool,
    /// Seconds of throughput; each number of callers takes a fifth of them [default: 20, quick 5]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=3600))]
    seconds: Option<u32>,
    /// Runs for each row of latency; five tool calls for each, and a round of peers for five
    /// [default: 200, quick 40]. Of endurance, all runs [default: 100000, quick 10000]
    #[arg(long, value_name = "N", value_parser = RangedU64ValueParser::<usize>::new().range(1..=100_000_000))]
    runs: Option<usize>,
    /// Runs that wait for a tool at once [default: 1000, or what memory allows; quick 50]
    #[arg(long, value_name = "N", value_parser = RangedU64ValueParser::<usize>::new().range(1..=10_000))]
    waiting: Option<usize>,
    /// So many of these are started per second
    #[arg(long, value_name = "N", default_value = "50", value_parser = clap::value_parser!(u32).range(1..=1000))]
    rate: u32,
    /// Python interpreter: a path, or a name on PATH [default: python3]
    #[arg(long, value_name = "PATH", env = "CODEMODE_PYTHON")]
    python: Option<PathBuf>,
    /// Python in which `opencodemode` is installed: its sidecar is measured as one more peer
    #[arg(long, value_name = "PATH")]
    reference: Option<PathBuf>,
    /// Print JSON
    #[arg(long)]
    json: bool,
    /// Draw latency and the curve over callers into FILE
    #[arg(long, value_name = "FILE")]
    svg: Option<PathBuf>,
    /// Replace that file if it exists
    #[arg(long, requires = "svg")]
    force: bool,
}

pub(super) fn main(args: &BenchArgs) -> Result<ExitCode, Stop> {
    let options = options(args)?;
    if let Some(path) = args.svg.as_ref().filter(|_| !args.force) {
        // Now, and not after minutes of measuring.
        files::refuse_existing(&[NewFile::public(path.clone(), "")])?;
    }
    let interpreter = plan::find(args.python.as_deref()).map_err(Stop::usage)?;
    let runtime =
        tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(Stop::failed)?;
    let progress = Progress::new();
    let measured = runtime.block_on(async {
        let say = |step: &str| progress.say(step);
        tokio::select! {
            measured = bench::measure(options, &interpreter, &say) => Some(measured),
            () = run::interrupted() => None,
        }
    });
    progress.finish();
    let Some(measured) = measured else {
        let message = "interrupted; what the bench had started is stopped".to_owned();
        return Err(Stop { message, code: code::INTERRUPTED });
    };
    answer(args, &measured.map_err(Stop::failed)?)
}

fn answer(args: &BenchArgs, results: &Results) -> Result<ExitCode, Stop> {
    if args.json {
        output::json(results)?;
    } else {
        output::whole(table::text(results).as_bytes())?;
    }
    if let Some(path) = &args.svg {
        let picture = svg::picture(results);
        files::write(vec![NewFile::public(path.clone(), &picture)], args.force)?;
    }
    Ok(if results.failures == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn options(args: &BenchArgs) -> Result<Options, Stop> {
    let mut kinds = args.only.clone();
    kinds.sort_unstable();
    kinds.dedup();
    if kinds.is_empty() {
        kinds = Kind::usual();
    }
    if args.svg.is_some() && !kinds.contains(&Kind::Callers) {
        return Err(Stop::usage(
            "--svg draws the curve over callers, which --only leaves out; add callers to it",
        ));
    }
    let or = |whole, quick| if args.quick { quick } else { whole };
    let seconds = f64::from(args.seconds.unwrap_or(or(20, 5)));
    let runs = |whole, quick| args.runs.unwrap_or(or(whole, quick) as usize);
    let reference = reference(args, &kinds)?;
    Ok(Options {
        kinds,
        seconds: seconds / 5.0,
        throughput_seconds: seconds,
        runs: runs(200, 40),
        waiting: args.waiting.unwrap_or_else(|| (or(1000, 50) as usize).min(machine::room())),
        starts_per_s: args.rate,
        endurance_runs: runs(100_000, 10_000),
        reference,
    })
}

/// Its absolute path, links and all: a virtual environment is found by the link.
fn reference(args: &BenchArgs, kinds: &[Kind]) -> Result<Option<PathBuf>, Stop> {
    let Some(path) = &args.reference else { return Ok(None) };
    if !kinds.contains(&Kind::Peers) {
        return Err(Stop::usage(
            "--reference is one of the peers, which --only leaves out; add peers to it",
        ));
    }
    if !path.is_file() {
        let path = path.display();
        return Err(Stop::usage(format!(
            "--reference: there is no file {path}; give the Python in which opencodemode is installed"
        )));
    }
    std::path::absolute(path).map(Some).map_err(Stop::usage)
}
