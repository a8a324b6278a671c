//! What is allowed: validated, immutable, without I/O.

pub mod domains;
#[cfg(any(test, feature = "fuzzing"))]
pub mod fuzzing;
mod limits;
mod network;
mod start;
pub mod static_checks;
mod walls;

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::config::Config;

use self::domains::DomainPolicy;
pub use limits::Limits;
pub use network::NetworkMode;
pub use start::{Start, USUAL_MODULES};
pub use walls::{UnknownWall, Wall, WallPolicy};

/// Which programs besides the interpreter may be started.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Execution {
    /// None, and the interpreter itself can't be started again either.
    #[default]
    Closed,
    /// The interpreter, and these commands by name.
    Commands(Vec<String>),
}

impl Execution {
    /// Whether `execve` is shut.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        matches!(self, Self::Closed)
    }
}

/// What a launcher's sandboxes may do. One value for all runs of one engine; a run may narrow it.
#[derive(Clone, Debug)]
pub struct Policy {
    /// Limits of each run unless the run brings tighter ones.
    pub limits: Limits,
    /// What of a network the code sees.
    pub network: NetworkMode,
    /// Domains for [`NetworkMode::Restricted`].
    pub domains: DomainPolicy,
    /// Programs the code may start.
    pub execution: Execution,
    /// Where the interpreter of a run comes from.
    pub start: Start,
    /// Host directory shown read-only as `/workspace`.
    pub workspace: Option<PathBuf>,
    /// Host directory that receives the files left in `/outputs`.
    pub outputs: Option<PathBuf>,
    /// Which walls must stand.
    pub walls: WallPolicy,
}

impl Policy {
    /// The policy that a sidecar's configuration asks for.
    ///
    /// # Errors
    /// [`PolicyError`] for names the configuration layer can't judge.
    pub fn from_config(config: &Config) -> Result<Self, PolicyError> {
        let execution = if config.security.allow_direct_execution {
            Execution::Commands(config.security.allowed_commands.clone())
        } else {
            Execution::Closed
        };
        let network = NetworkMode::from(config.network.mode);
        let required = config.security.required_walls.as_deref().unwrap_or_default();
        if network == NetworkMode::All
            && required.iter().any(|name| name == Wall::NetworkNamespace.name())
        {
            return Err(PolicyError::Contradiction);
        }
        Ok(Self {
            limits: Limits::from_config(&config.limits),
            network,
            domains: DomainPolicy::from_names(
                &config.network.allowed_domains,
                &config.network.blocked_domains,
            )?,
            execution,
            start: Start::from_config(config.start, &config.preload),
            workspace: config.mounts.workspace.clone(),
            outputs: config.mounts.outputs.clone(),
            walls: WallPolicy::from_names(
                config.security.accept_tier,
                config.security.required_walls.as_deref(),
                config.security.wanted_walls.as_deref(),
            )?,
        })
    }
}

/// A name in the configuration that means nothing.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PolicyError {
    /// Of a wall.
    #[error("security.required_walls or security.wanted_walls: {0}")]
    Wall(#[from] UnknownWall),
    /// A wall is required that the network mode gives up.
    #[error(
        "network.mode all gives up the wall network_namespace, which security.required_walls \
         names; drop one of them"
    )]
    Contradiction,
    /// Of a domain.
    #[error("network.allowed_domains or network.blocked_domains: {0}")]
    Domain(#[from] domains::PatternError),
}
