//! `codemode prove`: the arguments and the output of `crate::prove`.

use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use clap::Args;

use super::files::{self, NewFile};
use super::health::TlsArgs;
use super::output::say;
use super::progress::Progress;
use super::start::StartName;
use super::{Stop, code, given, output, run};
use crate::plan::{self, Interpreter, off};
use crate::policy::Wall;
use crate::prove::{
    self, Case, Corpus, Elsewhere, Family, Options, Patience, Results, markdown, table,
};
use crate::report::Started;

/// Nothing could be tried.
const NOTHING: u8 = 3;

/// Run hostile programs in the sandbox, and see from outside whether its walls hold
///
/// Each is tried with a fresh and a warm interpreter, with secrets to find, files to write, listeners to
/// reach and a process to harm. Exits with 0 if every attack was held, 1 if one broke something, 3 if
/// nothing could be tried.
#[derive(Args)]
pub(super) struct ProveArgs {
    /// Only attacks of these families, separated by commas
    #[arg(long, value_enum, value_delimiter = ',', value_name = "NAMES")]
    family: Vec<Family>,
    /// Only this attack: its name, with or without its family (repeatable)
    #[arg(long, value_name = "NAME")]
    case: Vec<String>,
    /// Only attacks that press on this wall; `codemode doctor` lists them (repeatable)
    #[arg(long, value_name = "WALL")]
    wall: Vec<Wall>,
    /// Only with interpreters that come from there [default: both]
    #[arg(long, value_enum, value_name = "START")]
    start: Option<StartName>,
    /// List the attacks, and try none
    #[arg(long)]
    list: bool,
    /// Attacks of your own in place of those in this binary: DIR/FAMILY/NAME.py
    #[arg(long, value_name = "DIR")]
    corpus: Option<PathBuf>,
    /// So many at a time [default: the number of processors]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=64))]
    jobs: Option<u32>,
    /// On a slow machine: multiplies the time allowed of every case, and of every wait of the proof's own
    #[arg(long, value_name = "FACTOR", default_value = "1")]
    patience: Patience,
    /// A service that runs already, in place of this machine: what its answers show
    #[arg(long, value_name = "HOST:PORT", conflicts_with_all = ["python", "start"])]
    connect: Option<String>,
    /// File that holds the service's key [default: $CODEMODE_API_KEY]
    #[arg(long, value_name = "FILE", requires = "connect")]
    key_file: Option<PathBuf>,
    /// Be that service's application at this address, where it looks for one
    #[arg(long, value_name = "ADDRESS:PORT", requires = "connect")]
    application: Option<SocketAddr>,
    #[command(flatten)]
    tls: TlsArgs,
    /// Python interpreter: a path, or a name on PATH [default: $CODEMODE_PYTHON, else python3]
    #[arg(long, value_name = "PATH")]
    python: Option<PathBuf>,
    /// Print JSON
    #[arg(long)]
    json: bool,
    /// Write a report for a security review into FILE (Markdown)
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
    /// Replace that file if it exists
    #[arg(long, requires = "report")]
    force: bool,
}

pub(super) fn main(args: &ProveArgs) -> Result<ExitCode, Stop> {
    let corpus = match &args.corpus {
        Some(directory) => Corpus::in_directory(directory),
        None => Corpus::embedded(),
    };
    let corpus = Arc::new(corpus.map_err(Stop::usage)?);
    let cases = chosen(args, &corpus)?;
    if args.list {
        return list(&cases);
    }
    if let Some(path) = args.report.as_ref().filter(|_| !args.force) {
        // Now, and not after a minute of trying.
        files::refuse_existing(&[NewFile::public(path.clone(), "")])?;
    }
    let target = target(args)?;
    let processors = std::thread::available_parallelism().map_or(1, |count| count.get() as u32);
    let options = Options {
        cases,
        starts: starts(args),
        jobs: args.jobs.unwrap_or(processors.min(64)),
        variables: variables(),
        patience: args.patience,
    };
    let runtime =
        tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(Stop::failed)?;
    let progress = Progress::new();
    let proved = runtime.block_on(async {
        let say = |step: &str| progress.say(step);
        tokio::select! {
            // From the first moment on: a signal that nobody awaits would end us and leave what was started.
            biased;
            () = run::interrupted() => None,
            proved = async {
                match target {
                    Target::Here(interpreter) => {
                        prove::prove(corpus, options, &interpreter, &say).await
                    }
                    Target::There(there) => {
                        prove::prove_elsewhere(corpus, options, there, &say).await
                    }
                }
            } => Some(proved),
        }
    });
    progress.finish();
    let Some(proved) = proved else {
        let message = "interrupted; what was started for the proof is stopped".to_owned();
        return Err(Stop { message, code: code::INTERRUPTED });
    };
    answer(args, &proved.map_err(Stop::failed)?)
}

enum Target {
    Here(Box<Interpreter>),
    There(Elsewhere),
}

fn target(args: &ProveArgs) -> Result<Target, Stop> {
    let Some(address) = &args.connect else {
        let python = given(args.python.as_deref(), "CODEMODE_PYTHON");
        let interpreter = plan::find(python.as_deref()).map_err(Stop::usage)?;
        return Ok(Target::Here(Box::new(interpreter)));
    };
    let key = match &args.key_file {
        Some(path) => std::fs::read_to_string(path).map_err(|error| {
            let path = path.display();
            Stop::usage(format!("--key-file: {path} cannot be read ({error}); check the path"))
        })?,
        None => std::env::var("CODEMODE_API_KEY").unwrap_or_default(),
    };
    Ok(Target::There(Elsewhere {
        probe: args.tls.probe("--connect", address)?,
        key: key.trim().to_owned(),
        application: args.application,
    }))
}

fn starts(args: &ProveArgs) -> Vec<Started> {
    match args.start {
        None => vec![Started::Fresh, Started::Warm],
        Some(StartName::Fresh) => vec![Started::Fresh],
        Some(StartName::Warm) => vec![Started::Warm],
    }
}

/// What `codemode run` reads of our own environment and a proof must not lose.
fn variables() -> Vec<(&'static str, OsString)> {
    let names = ["CODEMODE_ACCEPT_TIER", off::VARIABLE];
    names.into_iter().filter_map(|name| Some((name, std::env::var_os(name)?))).collect()
}

fn chosen(args: &ProveArgs, corpus: &Corpus) -> Result<Vec<Case>, Stop> {
    let is = |case: &Case, name: &str| {
        case.name == name || case.name.split_once('/').is_some_and(|(_, own)| own == name)
    };
    for name in &args.case {
        if !corpus.cases.iter().any(|case| is(case, name)) {
            let text = format!("--case: there is no {name:?}; `codemode prove --list` names all");
            return Err(Stop::usage(text));
        }
    }
    let wanted = |case: &&Case| {
        (args.family.is_empty() || args.family.contains(&case.family))
            && (args.wall.is_empty()
                || case.header.walls.iter().any(|wall| args.wall.contains(wall)))
            && (args.case.is_empty() || args.case.iter().any(|name| is(case, name)))
    };
    let cases: Vec<_> = corpus.cases.iter().filter(wanted).cloned().collect();
    if cases.is_empty() {
        return Err(Stop::usage("no attack is of these families, walls and names; see --list"));
    }
    Ok(cases)
}

fn list(cases: &[Case]) -> Result<ExitCode, Stop> {
    for case in cases {
        say!("{:<44} {}", case.name, case.header.tells);
    }
    Ok(ExitCode::SUCCESS)
}

fn answer(args: &ProveArgs, results: &Results) -> Result<ExitCode, Stop> {
    if args.json {
        output::json(results)?;
    } else {
        output::whole(table::text(results).as_bytes())?;
    }
    if let Some(path) = &args.report {
        let text = markdown::report(results);
        files::write(vec![NewFile::public(path.clone(), &text)], args.force)?;
    }
    Ok(match (results.held, results.broken) {
        (0, 0) => ExitCode::from(NOTHING),
        (_, 0) => ExitCode::SUCCESS,
        _ => ExitCode::from(code::FAILED),
    })
}
