//! How many processors a container may use, and which of them its runs get.
//!
//! A quota of processor time counts for a container as a whole: runs that use it up on every processor at
//! once leave the service standing still for the rest of each period. On no more processors than the
//! quota is worth they can't, and on the others the service doesn't wait behind them.

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;

use nix::sched::{CpuSet, sched_getaffinity};
use nix::unistd::Pid;

/// Processors of this host, as far as they are ours.
pub struct Processors {
    /// How many can be used at once.
    pub count: u32,
    /// Those that runs are kept to and those that are left to the service, where a quota allows fewer
    /// than there are.
    pub division: Option<(CpuSet, CpuSet)>,
}

impl Processors {
    /// Asks the kernel, and the control group that this process is in.
    #[must_use]
    pub fn find() -> Self {
        let quota = std::thread::available_parallelism().map_or(1, usize::from);
        let ours = sched_getaffinity(Pid::from_raw(0)).map(|set| listed(&set)).unwrap_or_default();
        Self {
            count: u32::try_from(quota).unwrap_or(u32::MAX),
            division: (quota < ours.len()).then(|| divide(&ours, quota)).flatten(),
        }
    }

    /// The runs' part by number; `None` if all are.
    #[must_use]
    pub fn left_to_runs(&self) -> Option<Vec<usize>> {
        self.division.as_ref().map(|(runs, _)| listed(runs))
    }

    /// The service's part by number; empty if all are.
    #[must_use]
    pub fn left_to_service(&self) -> Vec<usize> {
        self.division.as_ref().map(|(_, service)| listed(service)).unwrap_or_default()
    }
}

fn listed(set: &CpuSet) -> Vec<usize> {
    (0..CpuSet::count()).filter(|cpu| set.is_set(*cpu).unwrap_or(false)).collect()
}

/// `count` neighbours, anywhere, and the rest: containers of one host that know nothing of each other
/// should not all choose the same.
fn divide(ours: &[usize], count: usize) -> Option<(CpuSet, CpuSet)> {
    let start = RandomState::new().hash_one(()) as usize % ours.len().max(1);
    let (mut runs, mut service) = (CpuSet::new(), CpuSet::new());
    for (index, cpu) in ours.iter().cycle().skip(start).take(ours.len()).enumerate() {
        let side = if index < count { &mut runs } else { &mut service };
        side.set(*cpu).ok()?;
    }
    Some((runs, service))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_many_are_chosen_as_the_quota_is_worth_and_of_ours_only() {
        for _ in 0..50 {
            let (runs, service) = divide(&[2, 5, 7], 2).unwrap();
            let (mut all, service) = (listed(&runs), listed(&service));
            assert_eq!((all.len(), service.len()), (2, 1));
            all.extend(service);
            all.sort_unstable();
            assert_eq!(all, [2, 5, 7]);
        }
    }

    #[test]
    fn this_process_has_at_least_one() {
        assert!(Processors::find().count >= 1);
    }
}
