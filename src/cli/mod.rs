//! The command line.

mod bench;
mod completions;
mod docker;
mod doctor;
mod files;
mod health;
mod init;
mod limits;
mod output;
mod progress;
mod prove;
mod run;
mod serve;
mod start;
mod tier;
mod tls;
mod validate;
mod version;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::engine::{self, Begun, EngineError};
use crate::plan::off;
use crate::sandbox::scope;

/// Exit codes beside the program's own.
mod code {
    /// What was asked for could not be done, or the answer is no.
    pub const FAILED: u8 = 1;
    /// A mistake in arguments or configuration.
    pub const USAGE: u8 = 2;
    /// The program ran out of wall-clock time, as timeout(1) has it.
    pub const TIMEOUT: u8 = 124;
    /// The sandbox, not the program, failed.
    pub const SANDBOX: u8 = 125;
    /// Ended by Ctrl-C (128 + SIGINT), or by whoever started us.
    pub const INTERRUPTED: u8 = 130;
    /// The program was killed for memory (128 + SIGKILL).
    pub const MEMORY: u8 = 137;
}

/// Runs untrusted Python, each run in its own kernel sandbox.
#[derive(Parser)]
#[command(version, about, max_term_width = 100, arg_required_else_help = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Run(Box<run::RunArgs>),
    Serve(serve::ServeArgs),
    Doctor(doctor::DoctorArgs),
    Prove(prove::ProveArgs),
    Bench(bench::BenchArgs),
    Init(init::InitArgs),
    Validate(validate::ValidateArgs),
    Health(health::HealthArgs),
    Docker(docker::DockerArgs),
    Tls(tls::TlsArgs),
    Completions(completions::CompletionsArgs),
    Man(completions::ManArgs),
    Version(version::VersionArgs),
}

/// Why a command ended without doing its work, and with which exit code.
struct Stop {
    message: String,
    code: u8,
}

impl Stop {
    fn usage(message: impl ToString) -> Self {
        Self { message: message.to_string(), code: code::USAGE }
    }

    fn failed(message: impl ToString) -> Self {
        Self { message: message.to_string(), code: code::FAILED }
    }

    fn sandbox(message: impl ToString) -> Self {
        Self { message: message.to_string(), code: code::SANDBOX }
    }
}

impl From<EngineError> for Stop {
    fn from(error: EngineError) -> Self {
        match error {
            EngineError::Plan(error) => Self::usage(error),
            error => Self::sandbox(error),
        }
    }
}

/// Parses the arguments and does what they say.
#[must_use]
pub fn main() -> ExitCode {
    let command = Cli::parse().command;
    if off::POSSIBLE {
        eprintln!(
            "codemode: THIS BUILD IS FOR TESTS: {} leaves walls down (walls-off)",
            off::VARIABLE
        );
    }
    let done = match command {
        Command::Run(args) => run::main(&args),
        Command::Serve(args) => serve::main(&args),
        Command::Doctor(args) => doctor::main(&args),
        Command::Prove(args) => prove::main(&args),
        Command::Bench(args) => bench::main(&args),
        Command::Init(args) => init::main(&args),
        Command::Validate(args) => validate::main(&args),
        Command::Health(args) => health::main(&args),
        Command::Docker(args) => docker::main(&args),
        Command::Tls(args) => tls::main(&args),
        Command::Completions(args) => completions::main(&args),
        Command::Man(args) => completions::man(&args),
        Command::Version(args) => version::main(&args),
    };
    match done {
        Ok(code) => code,
        Err(stop) => {
            for line in stop.message.lines() {
                eprintln!("codemode: {line}");
            }
            ExitCode::from(stop.code)
        }
    }
}

/// What was given as a flag, else by a variable: one that is set to nothing is not set, as for `serve`.
fn given(flag: Option<&Path>, variable: &str) -> Option<PathBuf> {
    let variable = || std::env::var_os(variable).filter(|value| !value.is_empty());
    flag.map(Path::to_owned).or_else(|| variable().map(PathBuf::from))
}

/// Starts the launcher with the running binary, in a control group that it can use if there is one.
fn begin() -> Result<Begun, Stop> {
    // The link and not its text: it holds even if the file was replaced meanwhile.
    let binary = Path::new("/proc/self/exe");
    if let Err(why) = scope::ensure() {
        eprintln!("codemode: {why}; going on without control groups");
    }
    Ok(engine::begin(binary)?)
}
