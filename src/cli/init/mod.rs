//! `codemode init`: a configuration to start from.

use std::io::{self, BufRead as _, IsTerminal as _, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Subcommand};

use super::Stop;
use super::files::{self, NewFile};
use super::output::say;

const SIDECAR: &str = include_str!("codemode-sidecar.yaml");
const CLIENT: &str = include_str!("codemode.yaml");

/// Write a configuration to start from
///
/// Without a command it asks which one.
#[derive(Args)]
pub(super) struct InitArgs {
    #[command(subcommand)]
    command: Option<InitCommand>,
}

#[derive(Subcommand)]
enum InitCommand {
    /// Write codemode-sidecar.yaml, for the service that runs the code
    Sidecar(FileArgs),
    /// Write codemode.yaml, for the application that sends it
    Client(FileArgs),
}

#[derive(Args, Default)]
struct FileArgs {
    /// File to write [default: the usual name, in the working directory]
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Replace a file that exists
    #[arg(long, short)]
    force: bool,
}

pub(super) fn main(args: &InitArgs) -> Result<ExitCode, Stop> {
    match &args.command {
        Some(InitCommand::Sidecar(args)) => sidecar(args)?,
        Some(InitCommand::Client(args)) => client(args)?,
        None => ask()?,
    }
    Ok(ExitCode::SUCCESS)
}

fn ask() -> Result<(), Stop> {
    if !io::stdin().is_terminal() {
        let text = "init asks which file to write, and standard input is no terminal; \
                    type `codemode init sidecar` or `codemode init client`";
        return Err(Stop::usage(text));
    }
    say!("  1  sidecar  the service that runs the code  (codemode-sidecar.yaml)");
    say!("  2  client   the application that sends it   (codemode.yaml)");
    loop {
        print!("Which configuration? [1] ");
        io::stdout().flush().map_err(Stop::failed)?;
        let mut line = String::new();
        let read = io::stdin().lock().read_line(&mut line).map_err(Stop::failed)?;
        match line.trim() {
            _ if read == 0 => return Err(Stop::failed("nothing was chosen, and nothing written")),
            "" | "1" | "sidecar" => return sidecar(&FileArgs::default()),
            "2" | "client" => return client(&FileArgs::default()),
            _ => say!("Type 1 or 2, or Ctrl-C to leave."),
        }
    }
}

fn sidecar(args: &FileArgs) -> Result<(), Stop> {
    let path = write(args, "codemode-sidecar.yaml", SIDECAR)?;
    say!("{path}\n\nSet CODEMODE_API_KEY (for instance to `openssl rand -hex 32`) and then:");
    say!("  codemode validate --config {path}\n  codemode serve --config {path}");
    Ok(())
}

fn client(args: &FileArgs) -> Result<(), Stop> {
    let path = write(args, "codemode.yaml", CLIENT)?;
    say!("{path}\n\nSet CODEMODE_EXECUTOR_API_KEY to the sidecar's key, and load the file:");
    say!("  from codemode.config import ConfigLoader");
    say!("  config = ConfigLoader.load_client_config({path:?})");
    Ok(())
}

fn write(args: &FileArgs, usual: &str, text: &str) -> Result<String, Stop> {
    let path = args.output.clone().unwrap_or_else(|| PathBuf::from(usual));
    let shown = path.display().to_string();
    files::write(vec![NewFile::public(path, text)], args.force)?;
    Ok(shown)
}
