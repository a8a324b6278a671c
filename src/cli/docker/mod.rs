//! `codemode docker`: the sidecar in a container.

mod assets;
mod check;
mod client;
mod commands;
mod env;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, Subcommand};

use super::Stop;

/// Run the sidecar in a container
#[derive(Args)]
pub(super) struct DockerArgs {
    #[command(subcommand)]
    command: DockerCommand,
}

#[derive(Subcommand)]
enum DockerCommand {
    Assets(assets::AssetsArgs),
    Env(env::EnvArgs),
    Check(check::CheckArgs),
    Build(commands::BuildArgs),
    Start(commands::StartArgs),
    Stop(commands::StopArgs),
    Remove(commands::RemoveArgs),
    Status(commands::StatusArgs),
}

/// Where the container's files are, and what it is called.
#[derive(Args)]
struct PlaceArgs {
    /// Directory that `docker assets` filled [default: the first of ., codemode-docker,
    /// docker_sidecar, docker and sidecar with a docker-compose.yml]
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
    /// The container's name [default: $CODEMODE_CONTAINER, also from .env, or codemode-executor]
    #[arg(long, short)]
    name: Option<String>,
}

impl PlaceArgs {
    /// The directory, or the working directory where none has the files.
    fn directory(&self) -> PathBuf {
        self.dir.clone().or_else(usual).unwrap_or_else(|| PathBuf::from("."))
    }

    /// Whether none was named, and none of the usual ones has the files.
    fn has_none(&self) -> bool {
        self.dir.is_none() && usual().is_none()
    }

    /// The directory, which must have `file`.
    fn directory_with(&self, file: &str) -> Result<PathBuf, Stop> {
        let directory = self.directory();
        if directory.join(file).is_file() {
            return Ok(directory);
        }
        let place = shown(&directory);
        Err(Stop::usage(format!(
            "{place} has no {file}; write the files with `codemode docker assets --dest DIR`, or name their \
             directory with --dir"
        )))
    }
}

/// The first of the usual directories that has the files.
fn usual() -> Option<PathBuf> {
    let usual = [".", "codemode-docker", "docker_sidecar", "docker", "sidecar"];
    let filled = |path: &PathBuf| path.join("docker-compose.yml").is_file();
    usual.map(PathBuf::from).into_iter().find(filled)
}

fn shown(directory: &Path) -> String {
    if directory == Path::new(".") {
        return "the working directory".to_owned();
    }
    directory.display().to_string()
}

pub(super) fn main(args: &DockerArgs) -> Result<ExitCode, Stop> {
    match &args.command {
        DockerCommand::Assets(args) => assets::main(args),
        DockerCommand::Env(args) => env::main(args),
        DockerCommand::Check(args) => check::main(args),
        DockerCommand::Build(args) => commands::build(args),
        DockerCommand::Start(args) => commands::start(args),
        DockerCommand::Stop(args) => commands::stop(args),
        DockerCommand::Remove(args) => commands::remove(args),
        DockerCommand::Status(args) => commands::status(args),
    }
}
