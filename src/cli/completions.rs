//! `codemode completions` and `codemode man`: the command line described for shells and for man(1).

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, CommandFactory as _};
use clap_complete::Shell;

use super::files::{self, NewFile};
use super::output::say;
use super::{Cli, Stop, output};

/// Print a script that completes commands and flags in a shell
///
/// For bash: codemode completions bash > /etc/bash_completion.d/codemode
#[derive(Args)]
pub(super) struct CompletionsArgs {
    /// The shell
    shell: Shell,
}

/// Print the manual page, or write the pages of all commands
#[derive(Args)]
pub(super) struct ManArgs {
    /// Write codemode.1, codemode-run.1, ... into DIR
    #[arg(long, short, value_name = "DIR")]
    output: Option<PathBuf>,
    /// Replace pages that exist
    #[arg(long, requires = "output")]
    force: bool,
}

pub(super) fn main(args: &CompletionsArgs) -> Result<ExitCode, Stop> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "codemode", &mut script);
    output::whole(&script)?;
    Ok(ExitCode::SUCCESS)
}

pub(super) fn man(args: &ManArgs) -> Result<ExitCode, Stop> {
    // Built, so that every command knows its full name.
    let mut command = Cli::command().disable_help_subcommand(true);
    command.build();
    let mut pages = Vec::new();
    let Some(directory) = &args.output else {
        output::whole(&page(&command)?.1)?;
        return Ok(ExitCode::SUCCESS);
    };
    collect(&command, &mut pages)?;
    let path = |name: &str| directory.join(name);
    let files = pages.iter().map(|(name, text)| NewFile::public(path(name), text)).collect();
    files::write(files, args.force)?;
    for (name, _) in &pages {
        say!("{}", path(name).display());
    }
    Ok(ExitCode::SUCCESS)
}

/// The file names and pages of a command and of all below it.
fn collect(command: &clap::Command, pages: &mut Vec<(String, Vec<u8>)>) -> Result<(), Stop> {
    pages.push(page(command)?);
    command.get_subcommands().try_for_each(|inner| collect(inner, pages))
}

fn page(command: &clap::Command) -> Result<(String, Vec<u8>), Stop> {
    let man = clap_mangen::Man::new(command.clone());
    let mut text = Vec::new();
    man.render(&mut text).map_err(Stop::failed)?;
    Ok((man.get_filename(), text))
}
