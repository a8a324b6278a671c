//! `codemode run`: one program, no configuration, no server.

use std::fs::{self, File};
use std::io::{self, Read};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, ValueEnum};
use nix::fcntl::OFlag;
use nix::unistd::pipe2;
use serde_json::value::RawValue;

use super::limits::LimitArgs;
use super::start::{StartName, start};
use super::tier::TierArgs;
use super::{Stop, begin, code, given, output};
use crate::config;
use crate::engine::Ready;
use crate::plan;
use crate::policy::domains::DomainPolicy;
use crate::policy::{Execution, NetworkMode, Policy, Wall, WallPolicy};
use crate::report::{Report, Verdict};
use crate::supervise::output::Sink;
use crate::supervise::{Request, ToolSet};

/// The largest program read, in bytes.
const LARGEST_PROGRAM: u64 = 16 << 20;

#[derive(Clone, Copy, ValueEnum)]
enum Network {
    /// Nothing, not even loopback
    None,
    /// Named domains, through a proxy
    Restricted,
    /// The host's own network: no wall
    All,
}

/// Run one Python program in a sandbox
///
/// Its output appears as it is written and its exit code becomes this command's; 124 means out of
/// time, 137 killed for memory, 125 that the sandbox failed and not the program.
#[derive(Args)]
pub(super) struct RunArgs {
    /// The program, or - for standard input; what follows are its arguments
    #[arg(value_names = ["FILE", "ARGS"], num_args = 1.., required = true, trailing_var_arg = true)]
    program: Vec<String>,
    /// Print the whole report as JSON instead of the program's output
    #[arg(long)]
    json: bool,
    /// Python interpreter: a path, or a name on PATH [default: $CODEMODE_PYTHON, else python3]
    #[arg(long, value_name = "PATH")]
    python: Option<PathBuf>,
    /// Where its interpreter comes from [default: $CODEMODE_START, else fresh]
    #[arg(long, value_enum, value_name = "START")]
    start: Option<StartName>,
    /// Module that a warm interpreter loads beside the usual ones (repeatable, or with commas)
    /// [default: $CODEMODE_PRELOAD]
    #[arg(long, value_name = "NAME")]
    preload: Vec<String>,
    /// Show DIR read-only as /workspace
    #[arg(long, value_name = "DIR")]
    workspace: Option<PathBuf>,
    /// Keep the regular files that the program leaves in /outputs in DIR
    #[arg(long, value_name = "DIR")]
    outputs: Option<PathBuf>,
    /// What of a network the program sees
    #[arg(long, value_enum, default_value = "none")]
    network: Network,
    /// Domain to let through with --network restricted; *.example.com for all below (repeatable)
    #[arg(long, value_name = "DOMAIN")]
    allow_domain: Vec<String>,
    /// Domain to refuse whatever else is allowed (repeatable)
    #[arg(long, value_name = "DOMAIN")]
    block_domain: Vec<String>,
    /// Command that the program may start, by bare name (repeatable) [default: none]
    #[arg(long, value_name = "NAME")]
    allow_command: Vec<String>,
    /// File that becomes the program's standard input [default: empty]
    #[arg(long, value_name = "FILE")]
    stdin: Option<PathBuf>,
    /// Refuse to run unless this wall stands; `codemode doctor` lists them (repeatable)
    #[arg(long, value_name = "WALL")]
    require: Vec<String>,
    #[command(flatten)]
    tier: TierArgs,
    #[command(flatten)]
    limits: LimitArgs,
}

pub(super) fn main(args: &RunArgs) -> Result<ExitCode, Stop> {
    let file = Path::new(args.program.first().map_or("-", String::as_str));
    let begun = begin()?;
    let program = read_program(file)?;
    let policy = policy(args)?;
    let interpreter = plan::find(given(args.python.as_deref(), "CODEMODE_PYTHON").as_deref())
        .map_err(Stop::usage)?;
    let prepared = begun.prepare(&policy, &interpreter, false)?;
    // A thread, so not before the launcher is started.
    let stdin = args.stdin.as_deref().map(feed_stdin).transpose()?;
    let request = request(args, file, program, stdin, &policy);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(Stop::sandbox)?;
    let report = runtime.block_on(async {
        let engine = prepared.attach(policy.limits, Ready::default())?;
        let report = engine.run(request, interrupted()).await;
        Ok::<_, Stop>(report)
    })?;
    if args.json {
        output::json(&report)?;
    } else {
        explain(&report);
    }
    Ok(exit_code(&report))
}

fn read_program(file: &Path) -> Result<String, Stop> {
    let stop = |why: &dyn std::fmt::Display| Stop::usage(format!("{}: {why}", file.display()));
    let mut bytes = Vec::new();
    let source: Box<dyn Read> = if file == Path::new("-") {
        Box::new(io::stdin())
    } else {
        let meta = fs::metadata(file).map_err(|error| stop(&error))?;
        if meta.is_dir() {
            return Err(stop(&"is a directory; give a Python file"));
        }
        Box::new(File::open(file).map_err(|error| stop(&error))?)
    };
    source.take(LARGEST_PROGRAM + 1).read_to_end(&mut bytes).map_err(|error| stop(&error))?;
    if bytes.len() as u64 > LARGEST_PROGRAM {
        return Err(stop(&"is larger than 16 MiB"));
    }
    String::from_utf8(bytes).map_err(|_| stop(&"is not UTF-8 text"))
}

/// The program gets a pipe, never the file: a descriptor of it would be a way to its attributes.
fn feed_stdin(file: &Path) -> Result<OwnedFd, Stop> {
    let stop = |error: io::Error| Stop::usage(format!("--stdin {}: {error}", file.display()));
    let mut source = File::open(file).map_err(stop)?;
    let (read, write) = pipe2(OFlag::O_CLOEXEC).map_err(|errno| stop(errno.into()))?;
    std::thread::spawn(move || {
        // Ends with the file, or with the program (EPIPE).
        let _ = io::copy(&mut source, &mut File::from(write));
    });
    Ok(read)
}

fn policy(args: &RunArgs) -> Result<Policy, Stop> {
    let network = match args.network {
        Network::None => NetworkMode::None,
        Network::Restricted => NetworkMode::Restricted,
        Network::All => NetworkMode::All,
    };
    if network != NetworkMode::Restricted && !args.allow_domain.is_empty() {
        return Err(Stop::usage("--allow-domain needs --network restricted"));
    }
    let execution = if args.allow_command.is_empty() {
        Execution::Closed
    } else {
        Execution::Commands(args.allow_command.clone())
    };
    let required: Vec<Wall> = args
        .require
        .iter()
        .map(|name| name.parse())
        .collect::<Result<Vec<_>, _>>()
        .map_err(|error| Stop::usage(format!("--require: {error}")))?;
    if network == NetworkMode::All && required.contains(&Wall::NetworkNamespace) {
        return Err(Stop::usage(
            "--network all gives up the wall network_namespace; drop one of them",
        ));
    }
    Ok(Policy {
        limits: args.limits.limits(),
        network,
        domains: DomainPolicy::from_names(&args.allow_domain, &args.block_domain)
            .map_err(Stop::usage)?,
        execution,
        // One run alone would only pay for the interpreter that it is forked from.
        start: start(args.start, &args.preload, config::Start::Fresh)?,
        workspace: args.workspace.clone(),
        outputs: args.outputs.clone(),
        walls: WallPolicy::of_tier(args.tier.tier()?).requiring(required),
    })
}

fn request(
    args: &RunArgs,
    file: &Path,
    code: String,
    stdin: Option<OwnedFd>,
    policy: &Policy,
) -> Request {
    let filename = if file == Path::new("-") {
        "<stdin>".to_owned()
    } else {
        // The bare name: the path is the host's.
        file.file_name().unwrap_or_default().to_string_lossy().into_owned()
    };
    let mut argv = vec![filename.clone()];
    argv.extend(args.program.iter().skip(1).cloned());
    let (stdout, stderr) =
        if args.json { (Sink::Keep, Sink::Keep) } else { (Sink::Stdout, Sink::Stderr) };
    Request {
        code,
        filename,
        argv,
        config: RawValue::from_string("{}".to_owned()).unwrap_or_default(),
        context: Box::<RawValue>::default(),
        tools: ToolSet::default(),
        limits: policy.limits,
        required: Vec::new(),
        stdin,
        stdout,
        stderr,
    }
}

/// Resolves when the user, or whoever started us, wants to stop.
pub(super) async fn interrupted() {
    use tokio::signal::unix::{SignalKind, signal};
    let (Ok(mut interrupt), Ok(mut terminate)) =
        (signal(SignalKind::interrupt()), signal(SignalKind::terminate()))
    else {
        return std::future::pending().await;
    };
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
}

/// Says on standard error what the program's own output doesn't.
fn explain(report: &Report) {
    match report.verdict {
        Verdict::Ok | Verdict::Exception | Verdict::ExitCode => {}
        verdict => eprintln!("codemode: {verdict}: {}", report.evidence),
    }
    let outputs = report.usage.outputs.as_ref();
    if let Some(outputs) = outputs.filter(|outputs| outputs.skipped + outputs.failed > 0) {
        eprintln!(
            "codemode: outputs: {} kept, {} left behind that are no regular files, {} failed{}",
            outputs.files,
            outputs.skipped,
            outputs.failed,
            outputs.reason.as_ref().map(|why| format!(" ({why})")).unwrap_or_default(),
        );
    }
}

fn exit_code(report: &Report) -> ExitCode {
    let own = || {
        let signaled = report.signal.map(|signal| 128 + signal);
        let number = report.exit_code.or(signaled).unwrap_or(1);
        u8::try_from(number).unwrap_or(1)
    };
    ExitCode::from(match report.verdict {
        Verdict::Ok => 0,
        Verdict::Timeout => code::TIMEOUT,
        Verdict::MemoryLimit => code::MEMORY,
        Verdict::Refused | Verdict::SandboxFault => code::SANDBOX,
        Verdict::Cancelled => code::INTERRUPTED,
        // A program that got along without what was refused has still met its limit.
        _ => own().max(1),
    })
}
