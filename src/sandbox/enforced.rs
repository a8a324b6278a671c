//! Which walls stand, and how: what launchers tell and reports show. Pure.

use serde::{Deserialize, Serialize};

use crate::policy::Wall;

/// Whether one wall stands on this host, and how.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Standing {
    /// The wall.
    pub wall: Wall,
    /// Whether it stands.
    pub standing: bool,
    /// By what means it stands, or what takes its place.
    pub how: String,
    /// The kernel's answer where it doesn't.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub errno: Option<i32>,
    /// What to do about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fix: Option<String>,
}

impl Standing {
    /// A wall that stands by these means.
    #[must_use]
    pub fn stands(wall: Wall, how: impl Into<String>) -> Self {
        Self { wall, standing: true, how: how.into(), errno: None, fix: None }
    }

    /// A wall that doesn't, with the kernel's reason and the cure.
    #[must_use]
    pub fn absent(
        wall: Wall,
        how: impl Into<String>,
        errno: Option<i32>,
        fix: impl Into<Option<String>>,
    ) -> Self {
        Self { wall, standing: false, how: how.into(), errno, fix: fix.into() }
    }
}

impl Standing {
    /// The refusal of whoever insists on this wall while it is absent.
    #[must_use]
    pub fn refusal(&self) -> Refusal {
        Refusal {
            stage: "policy".to_owned(),
            wall: Some(self.wall),
            errno: self.errno,
            why: self.how.clone(),
            fix: self.fix.clone().unwrap_or_default(),
        }
    }
}

/// What a launcher found it can do on this host, with its plan.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Profile {
    /// Whether it may give each run a host id of its own.
    pub privileged: bool,
    /// Every wall, as far as known before a run.
    pub walls: Vec<Standing>,
    /// Processors that runs leave to the service; none if they share all.
    pub processors: Vec<usize>,
}

impl Profile {
    /// Where no sandbox can be made for `refusal`: no wall stands, because there is nothing to stand
    /// around.
    #[must_use]
    pub fn of_refusal(refusal: &Refusal) -> Self {
        let standing = |wall: &Wall| {
            if Some(*wall) == refusal.wall {
                Standing::absent(*wall, &refusal.why, refusal.errno, refusal.fix.clone())
            } else {
                Standing::absent(*wall, "not tried: no sandbox can be built", None, None)
            }
        };
        let walls = Wall::ALL.iter().map(standing).collect();
        Self { privileged: false, walls, processors: Vec::new() }
    }
}

/// Why a sandbox, or a launcher, could not be made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    /// The step that failed.
    pub stage: String,
    /// The wall that can't stand for it, if it is one's.
    pub wall: Option<Wall>,
    /// The kernel's answer.
    pub errno: Option<i32>,
    /// What happened, without paths of the host.
    pub why: String,
    /// What to do about it.
    pub fix: String,
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.wall {
            Some(wall) => write!(f, "wall {wall} can't stand: ")?,
            None => write!(f, "the sandbox can't be built: ")?,
        }
        write!(f, "{} failed: {}", self.stage, self.why)?;
        if let Some(errno) = self.errno {
            write!(f, " ({:?})", nix::errno::Errno::from_raw(errno))?;
        }
        if self.fix.is_empty() { Ok(()) } else { write!(f, "; {}", self.fix) }
    }
}

impl std::error::Error for Refusal {}
