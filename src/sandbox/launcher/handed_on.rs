//! What runs leave to later ones, as new; less of it while none come.

use std::time::{Duration, Instant};

use super::group::Base;
use super::groups::KeptGroups;
use super::networks::Networks;

/// How long no run has come when there is less to keep.
const QUIET: Duration = Duration::from_millis(500);
/// As many of each are kept then.
const FEW: usize = 8;

/// See the module.
pub struct HandedOn {
    /// Control groups.
    pub groups: KeptGroups,
    /// Network namespaces, where runs are given one.
    pub networks: Option<Networks>,
    /// When the last run came.
    came: Instant,
}

impl HandedOn {
    /// None of the groups yet.
    #[must_use]
    pub fn new(networks: Option<Networks>) -> Self {
        Self { groups: KeptGroups::default(), networks, came: Instant::now() }
    }

    /// A run comes.
    pub fn comes(&mut self) {
        self.came = Instant::now();
    }

    /// When there is something to let go, if there will be.
    #[must_use]
    pub fn next_look(&self) -> Option<Instant> {
        let kept = self.networks.as_ref().map_or(0, Networks::kept).max(self.groups.kept());
        (kept > FEW).then(|| self.came + QUIET)
    }

    /// Lets go what a burst has left, once it is over.
    pub fn look(&mut self, bases: &[Base], now: Instant) {
        if self.next_look().is_some_and(|next| next <= now) {
            self.groups.keep(FEW, bases);
            if let Some(networks) = &mut self.networks {
                networks.keep(FEW);
            }
        }
    }
}
