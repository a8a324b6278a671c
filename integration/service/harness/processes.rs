//! Which processes a service consists of, and what they leave behind.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::Sidecar;

pub fn signal(pid: u32, signal: Signal) {
    kill(Pid::from_raw(pid as i32), signal).unwrap();
}

/// Its state (`ps(1)`): `T` while it is stopped, `Z` while it waits to be reaped; none if it is gone.
pub fn state(pid: u32) -> Option<char> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    stat.rsplit_once(") ")?.1.chars().next()
}

pub fn children(pid: u32) -> Vec<u32> {
    let list = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap_or_default();
    list.split_whitespace().map(|pid| pid.parse().unwrap()).collect()
}

pub fn descendants(pid: u32) -> Vec<u32> {
    let mut all = children(pid);
    let mut next = 0;
    while let Some(pid) = all.get(next).copied() {
        all.extend(children(pid));
        next += 1;
    }
    all
}

/// A process's number in each pid namespace it is in, outermost first; none if it is gone. Anyone may read it.
fn numbers(pid: u32) -> Vec<u32> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let numbers = status.lines().find_map(|line| line.strip_prefix("NSpid:")).unwrap_or_default();
    numbers.split_whitespace().filter_map(|number| number.parse().ok()).collect()
}

fn depth(pid: u32) -> usize {
    numbers(pid).len()
}

/// Whether a process is the first of its innermost pid namespace.
pub fn is_init(pid: u32) -> bool {
    numbers(pid).last() == Some(&1)
}

/// Every process of a run, inits too: what is below the launcher and in a pid namespace below its own.
pub fn inside(launcher: u32) -> Vec<u32> {
    let own = depth(launcher);
    descendants(launcher).into_iter().filter(|pid| depth(*pid) > own).collect()
}

/// The interpreter that runs' guests are forked from.
pub fn warm_interpreter(launcher: u32) -> Option<u32> {
    beside(launcher, "python")
}

/// What their inits are forked from.
pub fn cradle(launcher: u32) -> Option<u32> {
    beside(launcher, "cradle")
}

/// The launcher's one child in its own pid namespace that is named so.
fn beside(launcher: u32, name: &str) -> Option<u32> {
    let own = depth(launcher);
    let comm = |pid: u32| fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
    children(launcher).into_iter().find(|pid| depth(*pid) == own && comm(*pid).starts_with(name))
}

/// Everything that a run could leave behind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Traces {
    pub processes: usize,
    pub front_descriptors: usize,
    pub launcher_descriptors: usize,
    pub launcher_mounts: usize,
    pub groups: BTreeSet<PathBuf>,
    pub namespaces: usize,
}

pub fn traces(sidecar: &Sidecar) -> Traces {
    let count = |path: String| fs::read_dir(path).map_or(0, Iterator::count);
    let (_, launcher) = sidecar.launchers();
    let mounts = fs::read_to_string(format!("/proc/{launcher}/mountinfo")).unwrap_or_default();
    Traces {
        processes: descendants(sidecar.pid()).len(),
        front_descriptors: count(format!("/proc/{}/fd", sidecar.pid())),
        launcher_descriptors: launcher_descriptors(launcher),
        launcher_mounts: mounts.lines().count(),
        groups: run_groups(launcher),
        namespaces: namespaces(sidecar.pid()),
    }
}

/// The launcher keeps some network namespaces and control groups for the next runs; what is left in them is
/// their own case.
fn launcher_descriptors(launcher: u32) -> usize {
    let all = fs::read_dir(format!("/proc/{launcher}/fd")).into_iter().flatten().flatten();
    let targets = all.filter_map(|fd| fs::read_link(fd.path()).ok());
    let kept = ["net:", "/net/", "/run-"];
    let is_kept = |target: &PathBuf| {
        let target = target.to_string_lossy();
        kept.iter().any(|part| target.contains(part))
    };
    targets.filter(|target| !is_kept(target)).count()
}

/// So many empty control groups the launcher keeps at most.
const KEPT_GROUPS: usize = 32;

/// Groups of runs below the launcher's own, in every hierarchy, but for empty ones that it may keep. The
/// launcher holds a descriptor of each of its own groups.
fn run_groups(launcher: u32) -> BTreeSet<PathBuf> {
    let held = fs::read_dir(format!("/proc/{launcher}/fd")).into_iter().flatten().flatten();
    let own = held.filter_map(|fd| {
        let target = fs::read_link(fd.path()).ok()?;
        let name = target.file_name()?.to_str()?;
        name.starts_with("codemode-").then(|| fd.path())
    });
    let mut left = BTreeSet::new();
    for group in own {
        let runs = fs::read_dir(group).into_iter().flatten().flatten().map(|run| run.path());
        let runs: Vec<_> = runs.filter(|run| run.is_dir()).collect();
        let all = runs.len() > KEPT_GROUPS;
        let is_empty = |run: &PathBuf| {
            fs::read_to_string(run.join("cgroup.procs")).is_ok_and(|processes| processes.is_empty())
        };
        left.extend(runs.into_iter().filter(|run| all || !is_empty(run)));
    }
    left
}

/// Namespaces that only the sidecar's descendants have.
fn namespaces(front: u32) -> usize {
    let of = |pid: u32| -> BTreeSet<PathBuf> {
        let links = fs::read_dir(format!("/proc/{pid}/ns")).into_iter().flatten().flatten();
        links.filter_map(|link| fs::read_link(link.path()).ok()).collect()
    };
    let all: BTreeSet<_> = descendants(front).into_iter().flat_map(of).collect();
    all.len()
}
