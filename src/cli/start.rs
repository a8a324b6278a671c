//! `--start` and `--preload`, of `run` and `doctor`.

use clap::ValueEnum;

use super::Stop;
use crate::config;
use crate::policy::Start;

/// As for `serve`, where an empty value counts as not set.
const START: &str = "CODEMODE_START";
const PRELOAD: &str = "CODEMODE_PRELOAD";

/// Where the interpreter of a run comes from.
#[derive(Clone, Copy, ValueEnum)]
pub(super) enum StartName {
    /// Forked from one that has its modules loaded
    Warm,
    /// Started for this run
    Fresh,
}

impl From<StartName> for config::Start {
    fn from(name: StartName) -> Self {
        match name {
            StartName::Warm => Self::Warm,
            StartName::Fresh => Self::Fresh,
        }
    }
}

/// The flags, else the variables, else `default` with the usual modules.
///
/// # Errors
/// A value that means nothing, and modules named by flag for a fresh start.
pub(super) fn start(
    flag: Option<StartName>,
    preload: &[String],
    default: config::Start,
) -> Result<Start, Stop> {
    let start = match flag {
        Some(name) => name.into(),
        None => by_variable()?.unwrap_or(default),
    };
    if start == config::Start::Fresh {
        // A variable may be there for `serve`; a flag is meant for this command.
        return match preload {
            [] => Ok(Start::Fresh),
            _ => Err(Stop::usage("--preload needs --start warm")),
        };
    }
    let (source, names) = match preload {
        [] => (PRELOAD, std::env::var(PRELOAD).unwrap_or_default()),
        _ => ("--preload", preload.join(",")),
    };
    let more = config::parse_modules(&names)
        .map_err(|problem| Stop::usage(format!("{source}: {problem}")))?;
    Ok(Start::from_config(start, &more))
}

fn by_variable() -> Result<Option<config::Start>, Stop> {
    let value = std::env::var(START).unwrap_or_default();
    if value.is_empty() {
        return Ok(None);
    }
    let names = config::Start::NAMES.join(", ");
    let unknown = || Stop::usage(format!("{START}: {value:?} is not allowed; give one of {names}"));
    config::Start::parse(&value).map(Some).ok_or_else(unknown)
}
