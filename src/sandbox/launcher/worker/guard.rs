//! Looks after the group that the runs share with the service, where no group is a run's own.

use std::time::{Duration, Instant};

use super::Worker;
use crate::sandbox::launcher::outer::Outer;
use crate::sandbox::messages::LauncherKill;

/// How often the group around the service is looked at, and when half of it is in use.
const GUARD: Duration = Duration::from_millis(20);
const GUARD_TIGHT: Duration = Duration::from_millis(4);

impl<'a> Worker<'a> {
    /// The group to be guarded, while anything runs in it.
    pub(super) fn guards(&self) -> Option<&'a Outer> {
        self.host.outer.as_ref().filter(|_| self.runs.values().any(|run| !run.has_ended()))
    }

    /// Ends the largest run when the group that all share with the service is full: the kernel would
    /// choose a process, after it has made every one of them wait.
    pub(super) fn guard(&mut self, now: Instant) {
        let Some(outer) = self.guards().filter(|_| self.next_guard <= now) else { return };
        let in_use = outer.in_use().unwrap_or(0);
        self.next_guard = now + if outer.is_tight(in_use) { GUARD_TIGHT } else { GUARD };
        if !outer.is_full(in_use) {
            return;
        }
        let living = self.runs.values_mut().filter(|run| !run.has_ended());
        let sizes = living.map(|run| (run.size(), run));
        if let Some((_, largest)) = sizes.max_by_key(|(memory, _)| *memory) {
            largest.kill_for(LauncherKill::Shared { in_use, limit: outer.limit });
        }
    }
}
