//! The programs that speak to Docker. No secret is ever among their arguments.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::io;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use crate::cli::Stop;

pub(super) const INSTALL: &str =
    "install Docker Engine (https://docs.docker.com/engine/install), or put its client on PATH";
pub(super) const COMPOSE: &str =
    "install the compose plugin (docker-compose-plugin) or docker-compose";

/// The client program, known to start.
pub(super) struct Docker {
    version: String,
}

impl Docker {
    /// Finds the client.
    ///
    /// # Errors
    /// Why it can't be started, with the cure.
    pub(super) fn find() -> Result<Self, String> {
        match output(Command::new("docker").arg("--version")) {
            Ok(version) => Ok(Self { version }),
            Err(Failure::Start(error)) if error.kind() == io::ErrorKind::NotFound => {
                Err(format!("there is no docker command; {INSTALL}"))
            }
            Err(error) => Err(format!("the docker command fails ({error}); {INSTALL}")),
        }
    }

    /// As [`find`](Self::find), and the engine must answer.
    pub(super) fn connect() -> Result<Self, Stop> {
        let docker = Self::find().map_err(Stop::failed)?;
        docker.engine().map_err(Stop::failed)?;
        Ok(docker)
    }

    /// What the client says of itself.
    pub(super) fn version(&self) -> &str {
        &self.version
    }

    /// The engine's version.
    ///
    /// # Errors
    /// Why it doesn't answer, with the cure.
    pub(super) fn engine(&self) -> Result<String, String> {
        let format = "{{.Server.Version}}";
        self.ask(["version", "--format", format]).map_err(|error| {
            let cure = match &error {
                Failure::Exit(text) if text.contains("permission denied") => {
                    "let this user use it (`sudo usermod -aG docker $USER`, then log in anew)"
                }
                _ => "start it (`sudo systemctl start docker`), or see that DOCKER_HOST is right",
            };
            format!("the Docker Engine does not answer ({error}); {cure}")
        })
    }

    /// What a docker command prints.
    pub(super) fn ask<I: AsRef<OsStr>>(
        &self,
        arguments: impl IntoIterator<Item = I>,
    ) -> Result<String, Failure> {
        output(Command::new("docker").args(arguments))
    }

    /// A docker command whose output the user sees.
    pub(super) fn show<I: AsRef<OsStr>>(
        &self,
        what: &str,
        arguments: impl IntoIterator<Item = I>,
    ) -> Result<(), Stop> {
        run(what, Command::new("docker").args(arguments))
    }
}

/// Which program reads compose files: the plugin, or the older program of its own.
#[derive(Clone, Copy)]
pub(super) enum Compose {
    Plugin,
    Program,
}

impl Compose {
    /// The one that is there, with its version.
    pub(super) fn find() -> Option<(Self, String)> {
        [Self::Plugin, Self::Program].into_iter().find_map(|compose| {
            let version = output(compose.command().args(["version", "--short"])).ok()?;
            Some((compose, version))
        })
    }

    fn command(self) -> Command {
        match self {
            Self::Plugin => {
                let mut command = Command::new("docker");
                command.arg("compose");
                command
            }
            Self::Program => Command::new("docker-compose"),
        }
    }

    /// The command as a person would type it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Plugin => "docker compose",
            Self::Program => "docker-compose",
        }
    }

    /// A compose command in a directory, whose output the user sees, with variables that win over those
    /// of `.env`.
    pub(super) fn show(
        self,
        directory: &Path,
        arguments: &[&str],
        variables: &[(&str, String)],
    ) -> Result<(), Stop> {
        let what = format!("{} {}", self.name(), arguments.join(" "));
        let variables = variables.iter().map(|(name, value)| (name, value));
        run(&what, self.command().args(arguments).envs(variables).current_dir(directory))
    }
}

/// Why a command gave no answer.
#[derive(Debug, thiserror::Error)]
pub(super) enum Failure {
    #[error("{0}")]
    Start(io::Error),
    /// The last line of what it said.
    #[error("{0}")]
    Exit(String),
}

fn output(command: &mut Command) -> Result<String, Failure> {
    let Output { status, stdout, stderr } =
        command.stdin(Stdio::null()).output().map_err(Failure::Start)?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
    if status.success() {
        return Ok(text(&stdout));
    }
    let said = text(&stderr);
    let last = said.lines().last().map_or_else(|| status.to_string(), str::to_owned);
    Err(Failure::Exit(last))
}

/// Standard streams are the user's; what the command said is not repeated.
fn run(what: &str, command: &mut Command) -> Result<(), Stop> {
    match command.status() {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => {
            Err(Stop::failed(format!("`{what}` failed ({status}); see what it says above")))
        }
        Err(error) => Err(Stop::failed(format!("`{what}` cannot be started ({error}); {INSTALL}"))),
    }
}

/// The variables of the directory's `.env`, without quotes; what compose puts in the place of `${…}`. A variable of
/// this process wins.
pub(super) struct DotEnv(BTreeMap<String, String>);

impl DotEnv {
    pub(super) fn read(directory: &Path) -> Self {
        let text = fs::read_to_string(directory.join(".env")).unwrap_or_default();
        let line = |line: &str| {
            let (name, value) = line.trim().split_once('=')?;
            let value = value.trim().trim_matches(['"', '\'']);
            Some((name.trim().to_owned(), value.to_owned()))
        };
        Self(
            text.lines()
                .filter(|line| !line.trim_start().starts_with('#'))
                .filter_map(line)
                .collect(),
        )
    }

    /// The variable's value, unless it is empty.
    pub(super) fn get(&self, name: &str) -> Option<String> {
        let own = std::env::var(name).ok();
        own.or_else(|| self.0.get(name).cloned()).filter(|value| !value.is_empty())
    }
}
