//! What of a network the code sees.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What of a network the code sees.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum NetworkMode {
    /// An empty network namespace; not even loopback is up.
    #[default]
    None,
    /// Loopback, and on it a proxy that lets named domains through.
    Restricted,
    /// The host's own network: no wall at all.
    All,
}

impl fmt::Display for NetworkMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::None => "none",
            Self::Restricted => "restricted",
            Self::All => "all",
        })
    }
}

impl From<crate::config::NetworkMode> for NetworkMode {
    fn from(mode: crate::config::NetworkMode) -> Self {
        match mode {
            crate::config::NetworkMode::None => Self::None,
            crate::config::NetworkMode::Restricted => Self::Restricted,
            crate::config::NetworkMode::All => Self::All,
        }
    }
}
