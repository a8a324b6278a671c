//! How many processors a container may use, and which of them its runs get.
//!
//! A quota of processor time counts for a container as a whole: runs that use it up on every processor at
//! once leave the service standing still for the rest of each period. On no more processors than the
//! quota is worth they can't.

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;

use nix::sched::{CpuSet, sched_getaffinity};
use nix::unistd::Pid;

/// Processors of this host, as far as they are ours.
pub struct Processors {
    /// How many can be used at once.
    pub count: u32,
    /// Those that runs are kept to, where a quota allows fewer than there are.
    pub kept_to: Option<CpuSet>,
}

impl Processors {
    /// Asks the kernel, and the control group that this process is in.
    #[must_use]
    pub fn find() -> Self {
        let quota = std::thread::available_parallelism().map_or(1, usize::from);
        let ours = sched_getaffinity(Pid::from_raw(0)).map(|set| listed(&set)).unwrap_or_default();
        Self {
            count: u32::try_from(quota).unwrap_or(u32::MAX),
            kept_to: (quota < ours.len()).then(|| some_of(&ours, quota)).flatten(),
        }
    }
}

fn listed(set: &CpuSet) -> Vec<usize> {
    (0..CpuSet::count()).filter(|cpu| set.is_set(*cpu).unwrap_or(false)).collect()
}

/// `count` neighbours, anywhere: containers of one host that know nothing of each other should not
/// all choose the same.
fn some_of(ours: &[usize], count: usize) -> Option<CpuSet> {
    let start = RandomState::new().hash_one(()) as usize % ours.len().max(1);
    let mut set = CpuSet::new();
    for cpu in ours.iter().cycle().skip(start).take(count) {
        set.set(*cpu).ok()?;
    }
    Some(set)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_many_are_chosen_as_the_quota_is_worth_and_of_ours_only() {
        for _ in 0..50 {
            let set = some_of(&[2, 5, 7], 2).unwrap();
            let chosen = listed(&set);
            assert_eq!(chosen.len(), 2);
            assert!(chosen.iter().all(|cpu| [2, 5, 7].contains(cpu)));
        }
    }

    #[test]
    fn this_process_has_at_least_one() {
        assert!(Processors::find().count >= 1);
    }
}
