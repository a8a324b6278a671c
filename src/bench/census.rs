//! What a service holds of the machine, counted from outside while it is idle.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::{fs, io};

use serde::Serialize;

use crate::harness::processes::{self, Identity, Process};

/// What one of the service's processes holds. What the kernel doesn't tell is absent.
#[derive(Clone, Debug, Serialize)]
#[allow(missing_docs)]
pub struct Held {
    /// `front`, `keeper`, `launcher`; of another its command's.
    pub name: String,
    pub pid: u32,
    #[serde(skip)]
    identity: Identity,
    /// In a pid namespace below the machine's, as runs are.
    #[serde(skip)]
    inside: bool,
    pub rss_mib: Option<f64>,
    pub pss_mib: Option<f64>,
    pub descriptors: Option<usize>,
    /// In its mount namespace.
    pub mounts: Option<usize>,
}

/// What all hold, and what there is on the machine.
#[derive(Clone, Debug, Serialize)]
#[allow(missing_docs)]
pub struct Census {
    /// The service's own processes: see [`Census::pair`].
    pub held: Vec<Held>,
    /// Of the service, sandboxes made ahead included.
    pub processes: usize,
    /// Proportional set size of all of these.
    pub pss_mib: Option<f64>,
    /// Directories in all hierarchies, of this service's launcher.
    pub cgroups: usize,
    /// Those that the service's processes are in or hold a descriptor of.
    pub namespaces: usize,
    /// Those of all processes, whoever they belong to.
    pub namespaces_on_machine: usize,
    pub processes_on_machine: usize,
}

impl Census {
    /// Counts what the service below `guard` holds now.
    pub fn take(guard: u32) -> Self {
        let all: Vec<u32> = processes::tree(guard).into_iter().skip(1).collect();
        let known: Vec<Process> = all.iter().filter_map(|pid| Process::read(*pid)).collect();
        let mib = |bytes: u64| bytes as f64 / f64::from(1 << 20);
        let everybody = everybody();
        Self {
            held: known.iter().enumerate().map(|(place, process)| held(place, process)).collect(),
            processes: all.len(),
            pss_mib: processes::pss(&all).ok().map(mib),
            cgroups: cgroups(&all),
            namespaces: namespaces(&all),
            namespaces_on_machine: namespaces(&everybody),
            processes_on_machine: everybody.len(),
        }
    }

    /// Leaves in both what is the service's own: not what is inside a run or a sandbox made ahead, which
    /// none of the two shares with the other.
    pub fn pair(before: &mut Self, after: &mut Self) {
        let lasts = |other: &Self| -> Vec<Identity> {
            other.held.iter().map(|held| held.identity).collect()
        };
        let (earlier, later) = (lasts(before), lasts(after));
        before.held.retain(|held| !held.inside || later.contains(&held.identity));
        after.held.retain(|held| !held.inside || earlier.contains(&held.identity));
        before.tell_apart();
        after.tell_apart();
    }

    /// Numbers those that have a name in common.
    fn tell_apart(&mut self) {
        let mut seen: BTreeMap<String, usize> = BTreeMap::new();
        for held in &mut self.held {
            let count = seen.entry(held.name.clone()).or_default();
            *count += 1;
            if *count > 1 {
                held.name = format!("{} {count}", held.name);
            }
        }
    }
}

/// The later census less the earlier; of the service's own processes, the sums of both.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[allow(missing_docs)]
pub struct Difference {
    pub rss_mib: Option<f64>,
    pub pss_mib: Option<f64>,
    pub descriptors: Option<i64>,
    pub mounts: Option<i64>,
    pub processes: i64,
    pub cgroups: i64,
    pub namespaces: i64,
    pub namespaces_on_machine: i64,
    pub processes_on_machine: i64,
}

impl Difference {
    /// Once [`Census::pair`] has left what can be compared.
    pub fn between(before: &Census, after: &Census) -> Self {
        let less = |of: fn(&Census) -> usize| of(after) as i64 - of(before) as i64;
        let sums = |of: fn(&Held) -> Option<f64>| {
            let sum = |census: &Census| census.held.iter().map(of).sum::<Option<f64>>();
            Some(sum(after)? - sum(before)?)
        };
        let counts = |of: fn(&Held) -> Option<f64>| sums(of).map(|count| count as i64);
        Self {
            rss_mib: sums(|held| held.rss_mib),
            pss_mib: sums(|held| held.pss_mib),
            descriptors: counts(|held| held.descriptors.map(|count| count as f64)),
            mounts: counts(|held| held.mounts.map(|count| count as f64)),
            processes: less(|census| census.processes),
            cgroups: less(|census| census.cgroups),
            namespaces: less(|census| census.namespaces),
            namespaces_on_machine: less(|census| census.namespaces_on_machine),
            processes_on_machine: less(|census| census.processes_on_machine),
        }
    }
}

/// The first three are each other's children.
fn held(place: usize, process: &Process) -> Held {
    let pid = process.identity.pid;
    let name = match ["front", "keeper", "launcher"].get(place) {
        Some(name) => (*name).to_owned(),
        None => {
            fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default().trim().to_owned()
        }
    };
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let mib = |kib: u64| kib as f64 / 1024.0;
    let pss = processes::pss(&[pid]).ok().map(|bytes| mib(bytes / 1024));
    Held {
        name,
        pid,
        identity: process.identity,
        inside: process.is_inside(),
        rss_mib: processes::kib(&status, "VmRSS:").map(mib),
        pss_mib: pss,
        descriptors: fs::read_dir(format!("/proc/{pid}/fd")).ok().map(Iterator::count),
        mounts: fs::read_to_string(format!("/proc/{pid}/mountinfo"))
            .ok()
            .map(|text| text.lines().count()),
    }
}

fn everybody() -> Vec<u32> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect()
}

/// Different namespaces that these are in, or that they hold by a descriptor.
fn namespaces(pids: &[u32]) -> usize {
    let mut found = BTreeSet::new();
    for pid in pids {
        for directory in ["ns", "fd"] {
            let links = fs::read_dir(format!("/proc/{pid}/{directory}"));
            for link in links.into_iter().flatten().flatten() {
                let target = fs::read_link(link.path()).unwrap_or_default();
                let target = target.to_string_lossy();
                // A socket or a pipe looks the same.
                let kind = target.split_once(":[").map(|(kind, _)| kind);
                if kind.is_some_and(|kind| !matches!(kind, "socket" | "pipe")) {
                    found.insert(target.into_owned());
                }
            }
        }
    }
    found.len()
}

/// Directories of control groups that belong to the launcher of these processes, and below. They are
/// found by the name that its runs' groups have: another launcher's is another one.
fn cgroups(pids: &[u32]) -> usize {
    let mut names = BTreeSet::new();
    for pid in pids {
        names.insert(format!("codemode-pid-{pid}"));
        let groups = fs::read_to_string(format!("/proc/{pid}/cgroup")).unwrap_or_default();
        names.extend(groups.lines().filter_map(base).map(str::to_owned));
    }
    below(Path::new("/sys/fs/cgroup"), &names, false).unwrap_or_default()
}

/// The launcher's part of a line of `/proc/PID/cgroup`: the last one with our name that has a run below it.
fn base(line: &str) -> Option<&str> {
    let path = line.splitn(3, ':').nth(2)?;
    let parts: Vec<&str> = path.split('/').collect();
    let pair = parts.windows(2).rfind(|pair| {
        matches!(pair, [name, run] if name.starts_with("codemode-") && run.starts_with("run-"))
    })?;
    pair.first().copied()
}

fn below(directory: &Path, names: &BTreeSet<String>, inside: bool) -> io::Result<usize> {
    let mut count = 0;
    for entry in fs::read_dir(directory)?.flatten() {
        // Not through links: v1 has some from a controller to its hierarchy.
        if !entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            continue;
        }
        let ours = inside || entry.file_name().to_str().is_some_and(|name| names.contains(name));
        // What has been removed meanwhile is no more.
        count += usize::from(ours) + below(&entry.path(), names, ours).unwrap_or_default();
    }
    Ok(count)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_launchers_groups_are_told_from_those_that_it_is_in_itself() {
        assert_eq!(base("4:memory:/box/codemode-9/x/codemode-3/run-77"), Some("codemode-3"));
        assert_eq!(base("0::/user.slice/codemode-pid-12/run-1/deeper"), Some("codemode-pid-12"));
        assert_eq!(base("0::/system.slice/codemode-8.service"), None);
        assert_eq!(base("no line"), None);
    }

    #[test]
    fn directories_are_counted_from_the_named_one_downwards() {
        let root = tempfile::tempdir().unwrap();
        for place in ["a/codemode-3/run-1", "b/codemode-3", "b/codemode-4/run-1", "run-9"] {
            fs::create_dir_all(root.path().join(place)).unwrap();
        }
        let names = BTreeSet::from(["codemode-3".to_owned()]);
        assert_eq!(below(root.path(), &names, false).unwrap(), 3);
    }

    #[test]
    fn what_is_inside_counts_only_if_it_lasts_and_names_are_told_apart() {
        let held = |pid: u32, inside| Held {
            name: "python3".to_owned(),
            pid,
            identity: Identity { pid, started: 7 },
            inside,
            rss_mib: None,
            pss_mib: None,
            descriptors: None,
            mounts: None,
        };
        let census = |held| Census { held, ..Census::take(std::process::id()) };
        // A service's own that is replaced, an interpreter inside that stays, and a run on either side.
        let mut before = census(vec![held(1, false), held(3, true), held(4, true)]);
        let mut after = census(vec![held(2, false), held(3, true), held(5, true)]);
        Census::pair(&mut before, &mut after);
        let left = |census: &Census| -> Vec<(String, u32)> {
            census.held.iter().map(|held| (held.name.clone(), held.pid)).collect()
        };
        assert_eq!(left(&before), [("python3".to_owned(), 1), ("python3 2".to_owned(), 3)]);
        assert_eq!(left(&after), [("python3".to_owned(), 2), ("python3 2".to_owned(), 3)]);
    }

    #[test]
    fn differences_are_of_sums_and_unknown_where_one_side_is() {
        let held = |rss: f64, descriptors: Option<usize>| {
            let own = held(0, &Process::read(std::process::id()).unwrap());
            Held { rss_mib: Some(rss), descriptors, ..own }
        };
        let start = Census::take(std::process::id());
        let one = held(2.0, Some(5));
        let before = Census { held: vec![one.clone(), one.clone()], cgroups: 9, ..start };
        let after = Census { held: vec![one, held(2.5, Some(8))], cgroups: 7, ..before.clone() };
        let difference = Difference::between(&before, &after);
        assert_eq!((difference.rss_mib, difference.descriptors), (Some(0.5), Some(3)));
        assert_eq!((difference.cgroups, difference.processes), (-2, 0));
        let blind = Census { held: vec![held(2.0, None)], ..before.clone() };
        assert_eq!(Difference::between(&before, &blind).descriptors, None);
    }

    #[test]
    fn this_process_and_its_namespaces_are_counted() {
        let own = std::process::id();
        assert!(namespaces(&[own]) >= 7 && everybody().contains(&own));
        let held = held(0, &Process::read(own).unwrap());
        assert_eq!((held.name.as_str(), held.pid), ("front", own));
        assert!(held.rss_mib.is_some_and(|size| size > 0.0));
        assert!(held.descriptors.is_some_and(|count| count > 2) && held.mounts.is_some());
    }
}
