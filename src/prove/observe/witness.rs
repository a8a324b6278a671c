//! Watches a run's processes for as long as it lasts.

use std::collections::{BTreeSet, HashSet};
use std::fs;

use super::groups::{self, Group};
use super::looked::{self, Looks};
use crate::harness::processes::{self, Identity, Process};

/// See the module.
pub struct Witness {
    /// The guard, below which all of it is.
    guard: u32,
    marker: String,
    /// Processes that were there before, which are not the run's.
    known: HashSet<Identity>,
    /// Processes of runs.
    pub seen: HashSet<Identity>,
    /// Their control groups.
    pub groups: BTreeSet<Group>,
    /// What was looked at in each process that was marked.
    pub looked: Vec<(Identity, Looks)>,
}

impl Witness {
    /// Of whatever comes below `guard`.
    #[must_use]
    pub fn new(guard: u32, marker: &str) -> Self {
        let below = processes::below(guard).into_iter().filter_map(Process::read);
        let known = below.map(|process| process.identity).collect();
        Self {
            guard,
            marker: marker.to_owned(),
            known,
            seen: HashSet::new(),
            groups: BTreeSet::new(),
            looked: Vec::new(),
        }
    }

    /// Looks around once; at processes that wait for it, in these respects. How many of those were new.
    pub fn look(&mut self, names: &[&'static str]) -> usize {
        let mut waiting = 0;
        for pid in processes::below(self.guard) {
            let Some(process) = Process::read(pid) else { continue };
            let identity = process.identity;
            if self.known.contains(&identity) {
                continue;
            }
            if self.seen.insert(identity) || process.is_inside() {
                self.groups.extend(groups::groups_of_run(pid));
            }
            let marked = name(pid).is_some_and(|name| name == self.marker);
            if marked && self.looked.iter().all(|(known, _)| *known != identity) {
                waiting += 1;
                let looks = names.iter().map(|name| (*name, looked::at(pid, name))).collect();
                self.looked.push((identity, looks));
            }
        }
        waiting
    }

    /// Processes of the run that are still there.
    #[must_use]
    pub fn living(&self) -> Vec<Identity> {
        let seen = self.seen.iter().copied().filter(|identity| identity.lives());
        let marked = processes::named(&self.marker);
        seen.chain(marked).collect::<HashSet<_>>().into_iter().collect()
    }
}

/// The name that a process has given itself.
pub fn name(pid: u32) -> Option<String> {
    Some(fs::read_to_string(format!("/proc/{pid}/comm")).ok()?.trim_end().to_owned())
}
