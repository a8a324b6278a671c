//! `codemode bench`: the arguments and the output of `crate::bench`.

use std::io::{self, IsTerminal as _, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use clap::builder::RangedU64ValueParser;

use super::files::{self, NewFile};
use super::{Stop, code, output, run};
use crate::bench::{self, Kind, Options, Results, svg, table};
use crate::plan;

/// Measure what runs cost on this machine
///
/// Starts a service and a main application of its own on loopback ports, calls them over gRPC, and
/// stops them. Takes about two minutes, and exits with 1 if anything failed.
#[derive(Args)]
pub(super) struct BenchArgs {
    /// Measure only these, separated by commas [default: all]
    #[arg(long, value_enum, value_delimiter = ',', value_name = "NAMES")]
    only: Vec<Kind>,
    /// Take about half a minute, with fewer samples
    #[arg(long)]
    quick: bool,
    /// Seconds for each number of callers; throughput takes five times as long [default: 6, quick 1]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=3600))]
    seconds: Option<u32>,
    /// Runs for each row of latency; five tool calls for each, and a round of peers for five
    /// [default: 200, quick 40]
    #[arg(long, value_name = "N", value_parser = RangedU64ValueParser::<usize>::new().range(1..=20_000))]
    runs: Option<usize>,
    /// Runs that wait for a tool at once [default: 200, quick 50]
    #[arg(long, value_name = "N", value_parser = RangedU64ValueParser::<usize>::new().range(1..=10_000))]
    waiting: Option<usize>,
    /// So many of these are started per second
    #[arg(long, value_name = "N", default_value = "25", value_parser = clap::value_parser!(u32).range(1..=1000))]
    rate: u32,
    /// Python interpreter: a path, or a name on PATH [default: python3]
    #[arg(long, value_name = "PATH", env = "CODEMODE_PYTHON")]
    python: Option<PathBuf>,
    /// Print JSON
    #[arg(long)]
    json: bool,
    /// Draw the curve over callers into FILE
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
        let picture =
            svg::picture(&results.machine, results.callers.as_deref().unwrap_or_default());
        files::write(vec![NewFile::public(path.clone(), &picture)], args.force)?;
    }
    Ok(if results.failures == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn options(args: &BenchArgs) -> Result<Options, Stop> {
    use clap::ValueEnum as _;
    let mut kinds = args.only.clone();
    kinds.sort_unstable();
    kinds.dedup();
    if kinds.is_empty() {
        kinds = Kind::value_variants().to_vec();
    }
    if args.svg.is_some() && !kinds.contains(&Kind::Callers) {
        return Err(Stop::usage(
            "--svg draws the curve over callers, which --only leaves out; add callers to it",
        ));
    }
    let or = |whole, quick| if args.quick { quick } else { whole };
    Ok(Options {
        kinds,
        seconds: args.seconds.unwrap_or(or(6, 1)),
        runs: args.runs.unwrap_or(or(200, 40) as usize),
        waiting: args.waiting.unwrap_or(or(200, 50) as usize),
        starts_per_s: args.rate,
    })
}

/// What is being done, on standard error: on a terminal in one line that changes.
struct Progress {
    terminal: bool,
}

impl Progress {
    fn new() -> Self {
        Self { terminal: io::stderr().is_terminal() }
    }

    fn say(&self, step: &str) {
        let mut err = io::stderr();
        let _ = if self.terminal {
            write!(err, "\r\x1b[K{step}").and_then(|()| err.flush())
        } else {
            writeln!(err, "codemode: {step}")
        };
    }

    fn finish(&self) {
        if self.terminal {
            let _ = write!(io::stderr(), "\r\x1b[K");
        }
    }
}
