//! `--accept-tier`, of `run` and `doctor`.

use clap::{Args, ValueEnum};

use super::Stop;
use crate::config::Tier;

/// As for `serve`, where an empty value counts as not set.
const VARIABLE: &str = "CODEMODE_ACCEPT_TIER";

#[derive(Clone, Copy, ValueEnum)]
enum Name {
    /// Namespaces and a root of its own
    Sandbox,
    /// Where the host allows no user namespaces: Landlock, seccomp and rlimits only
    Container,
}

#[derive(Args)]
pub(super) struct TierArgs {
    /// The least that a run is to be kept in [default: $CODEMODE_ACCEPT_TIER, else sandbox]
    #[arg(long, value_enum, value_name = "TIER")]
    accept_tier: Option<Name>,
}

impl TierArgs {
    /// The flag, else the variable, else the default.
    ///
    /// # Errors
    /// A value of the variable that is no tier's name.
    pub(super) fn tier(&self) -> Result<Tier, Stop> {
        match self.accept_tier {
            Some(Name::Sandbox) => return Ok(Tier::Sandbox),
            Some(Name::Container) => return Ok(Tier::Container),
            None => {}
        }
        let value = std::env::var(VARIABLE).unwrap_or_default();
        if value.is_empty() {
            return Ok(Tier::default());
        }
        Tier::parse(&value).ok_or_else(|| {
            Stop::usage(format!("{VARIABLE}: {value:?}; give one of {}", Tier::NAMES.join(", ")))
        })
    }
}
