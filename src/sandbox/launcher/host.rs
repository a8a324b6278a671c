//! What a launcher works with: its plan made ready, its control groups, its host ids.

use std::collections::BTreeSet;
use std::os::fd::OwnedFd;

use nix::errno::Errno;
use nix::unistd::{getegid, geteuid};

use super::cgroup::Bases;
use super::confinement::Confinement;
use super::landlock::Landlock;
use super::outer::Outer;
use super::seat::{FIRST_ID, SLOTS, Seat};
use crate::plan::Plan;
use crate::policy::Wall;
use crate::sandbox::child::{Becomes, Prepared, Way};
use crate::sys::{self, ExecImage};

/// Finds out by asking the kernel how a process gets into new namespaces.
#[must_use]
pub fn probe_way() -> Way {
    if sys::clone_process_available() { Way::Clone } else { Way::Unshare }
}

/// Everything that stays the same over a launcher's runs.
pub struct Host {
    /// The plan.
    pub plan: Plan,
    /// The plan, with every byte ready.
    pub prepared: Prepared,
    /// What a guest becomes that this process forks itself: a fresh interpreter.
    pub becomes: Becomes,
    /// The warm interpreter to fork from, if there is to be one.
    pub warm: Option<ExecImage>,
    /// Whether it is root in the host's user namespace.
    pub privileged: bool,
    /// Held for as long as the launcher lives.
    pub seat: Seat,
    /// Control groups.
    pub bases: Bases,
    /// The group around the service, where runs have none of their own.
    pub outer: Option<Outer>,
    /// How many processors can be used at once.
    pub processors: u32,
    /// Landlock, or the kernel's word.
    pub landlock: Result<Landlock, Errno>,
    /// What confined runs share; gone with this.
    pub _confinement: Option<Confinement>,
    /// The host directory for outputs.
    pub outputs: Option<OwnedFd>,
}

impl Host {
    /// How a run gets its namespaces.
    #[must_use]
    pub fn way(&self) -> Way {
        self.prepared.way
    }

    /// Whether a cgroup limits `controller` for each run.
    #[must_use]
    pub fn counts(&self, controller: &str) -> bool {
        self.bases.find(controller).is_some()
    }

    /// Host user and group id of the run in `slot`.
    #[must_use]
    pub fn inner_map(&self, slot: u32) -> (u32, u32) {
        if self.privileged && self.plan.puts_up(Wall::DistinctUid) {
            let id = FIRST_ID + self.seat.first_slot() + slot;
            (id, id)
        } else {
            (geteuid().as_raw(), getegid().as_raw())
        }
    }
}

/// Gives each living run the lowest host id that no other has.
#[derive(Default)]
pub struct Slots {
    freed: BTreeSet<u32>,
    next: u32,
}

impl Slots {
    /// A free slot; `None` past [`SLOTS`] at once.
    pub fn take(&mut self) -> Option<u32> {
        if let Some(slot) = self.freed.pop_first() {
            return Some(slot);
        }
        if self.next == SLOTS {
            return None;
        }
        self.next += 1;
        Some(self.next - 1)
    }

    /// Frees a slot whose run is wholly gone.
    pub fn give_back(&mut self, slot: u32) {
        self.freed.insert(slot);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_living_runs_share_a_slot() {
        let mut slots = Slots::default();
        let (a, b) = (slots.take().unwrap(), slots.take().unwrap());
        assert_ne!(a, b);
        slots.give_back(a);
        assert_eq!(slots.take(), Some(a));
        assert_ne!(slots.take(), Some(b));
    }
}
