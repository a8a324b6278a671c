//! `--accept-tier`, of `run` and `doctor`.

use clap::{Args, ValueEnum};

use crate::config::Tier;

#[derive(Clone, Copy, ValueEnum)]
enum Name {
    /// Namespaces and a root of its own
    Sandbox,
    /// Where the host allows no user namespaces: Landlock, seccomp and rlimits only
    Container,
}

#[derive(Args)]
pub(super) struct TierArgs {
    /// The least that a run is to be kept in; every report says which walls stood
    #[arg(
        long,
        value_enum,
        value_name = "TIER",
        default_value = "sandbox",
        env = "CODEMODE_ACCEPT_TIER"
    )]
    accept_tier: Name,
}

impl TierArgs {
    pub(super) fn tier(&self) -> Tier {
        match self.accept_tier {
            Name::Sandbox => Tier::Sandbox,
            Name::Container => Tier::Container,
        }
    }
}
