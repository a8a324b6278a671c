//! The control groups of one run, one per hierarchy: made or taken again, limited, read, and kept for the
//! next run or removed.

use std::os::fd::{BorrowedFd, OwnedFd};
use std::time::Duration;

use nix::errno::Errno;

use super::group::{Base, Group, Kind};
use crate::policy::Limits;
use crate::sandbox::messages::Readings;

/// The most names beside the usual that are tried. A launcher that was killed may have left groups of the usual
/// one, in which processes are still ending.
const OTHER_NAMES: u32 = 64;

/// See the module.
#[derive(Default)]
pub struct Groups {
    name: String,
    groups: Vec<Group>,
    /// What they limit: bytes, and processes of the code.
    limited: (u64, u32),
    /// CPU time that earlier runs have used in them.
    cpu_before: Duration,
}

impl Groups {
    /// Makes a run's group in every base and sets its limits.
    ///
    /// # Errors
    /// As `mkdir(2)` and `write(2)`; nothing is left behind.
    fn make(bases: &[Base], run: u64, limits: &Limits) -> nix::Result<Self> {
        let mut made = Self::named(format!("run-{run}"), bases, limits);
        for other in 1..=OTHER_NAMES {
            if !matches!(made, Err(Errno::EEXIST)) {
                break;
            }
            made = Self::named(format!("run-{run}-{other}"), bases, limits);
        }
        made
    }

    fn named(name: String, bases: &[Base], limits: &Limits) -> nix::Result<Self> {
        let mut made = Self { name, limited: limited(limits), ..Self::default() };
        let result = bases.iter().try_for_each(|base| {
            made.groups.push(base.make(&made.name)?);
            made.groups.last().map_or(Ok(()), |group| limit(group, limits))
        });
        match result {
            Ok(()) => Ok(made),
            Err(errno) => {
                let _ = made.remove(bases);
                Err(errno)
            }
        }
    }

    fn find(&self, controller: &str) -> Option<&Group> {
        self.groups.iter().find(|group| group.kind.has(controller))
    }

    /// The v2 group, to clone into.
    #[must_use]
    pub fn v2(&self) -> Option<BorrowedFd<'_>> {
        let v2 = self.groups.iter().find(|group| matches!(group.kind, Kind::V2(_)))?;
        Some(v2.directory())
    }

    /// The files through which a process joins the groups by itself, open for writing: the v1
    /// groups, and with `v2` that one too.
    ///
    /// By `tasks` and not `cgroup.procs`, and written by the process itself: only so does the kernel
    /// spare it a lock that waits for an RCU grace period (some 12 ms on an idle host).
    ///
    /// # Errors
    /// As `open(2)`.
    pub fn entries(&self, v2: bool) -> nix::Result<Vec<OwnedFd>> {
        let file = |kind: &Kind| match kind {
            Kind::V1(_) => Some("tasks"),
            Kind::V2(_) => v2.then_some("cgroup.procs"),
        };
        let joined = self.groups.iter().filter_map(|group| Some((group, file(&group.kind)?)));
        joined.map(|(group, file)| group.entry(file)).collect()
    }

    fn text(&self, controller: &str, v2: &'static str, v1: &'static str) -> Option<String> {
        let group = self.find(controller)?;
        group.read(if matches!(group.kind, Kind::V2(_)) { v2 } else { v1 })
    }

    fn number(&self, controller: &str, v2: &'static str, v1: &'static str) -> Option<u64> {
        self.text(controller, v2, v1)?.trim().parse().ok()
    }

    /// CPU time of the run so far.
    #[must_use]
    pub fn cpu(&self) -> Option<Duration> {
        self.counted_cpu().map(|counted| counted.saturating_sub(self.cpu_before))
    }

    fn counted_cpu(&self) -> Option<Duration> {
        let text = self.text("cpu", "cpu.stat", "cpuacct.usage")?;
        match field(&text, "usage_usec") {
            Some(micros) => Some(Duration::from_micros(micros)),
            None => text.trim().parse().ok().map(Duration::from_nanos),
        }
    }

    /// Processes and threads in the run, init included.
    #[must_use]
    pub fn processes(&self) -> Option<u64> {
        self.number("pids", "pids.current", "pids.current")
    }

    fn processes_peak(&self) -> Option<u64> {
        self.number("pids", "pids.peak", "pids.peak")
    }

    fn process_refusals(&self) -> Option<u64> {
        field(&self.text("pids", "pids.events", "pids.events")?, "max")
    }

    fn memory(&self) -> Option<u64> {
        self.number("memory", "memory.current", "memory.usage_in_bytes")
    }

    /// Times a process of the run was killed for memory.
    #[must_use]
    pub fn oom_kills(&self) -> Option<u64> {
        field(&self.text("memory", "memory.events", "memory.oom_control")?, "oom_kill")
    }

    /// All that the groups count.
    #[must_use]
    pub fn readings(&self) -> Readings {
        let stat = self.text("memory", "memory.stat", "memory.stat").unwrap_or_default();
        Readings {
            memory: self.memory(),
            memory_peak: self.number("memory", "memory.peak", "memory.max_usage_in_bytes"),
            memory_anon: field(&stat, "anon").or_else(|| field(&stat, "rss")),
            memory_file: field(&stat, "file").or_else(|| field(&stat, "cache")),
            oom_kills: self.oom_kills(),
            processes_peak: self.processes_peak(),
            process_refusals: self.process_refusals(),
            processes: self.processes(),
            cpu: self.cpu(),
            ..Readings::default()
        }
    }

    /// Removes the groups of a run that was never born, whose last process was reaped just now.
    pub fn remove_soon(&self, bases: &[Base]) {
        for _ in 0..100 {
            if self.remove(bases) {
                return;
            }
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    /// Removes the groups; every process must be gone. `false` if the kernel isn't done yet.
    #[must_use]
    pub fn remove(&self, bases: &[Base]) -> bool {
        // One that was never made has no name, and one whose making failed is in the first bases only.
        self.groups.is_empty() || bases.iter().all(|base| base.unmake(&self.name))
    }
}

/// The part of the limits that control groups enforce.
fn limited(limits: &Limits) -> (u64, u32) {
    (limits.memory, limits.processes)
}

/// Sets what `group`'s controllers limit.
fn limit(group: &Group, limits: &Limits) -> nix::Result<()> {
    let set = |file: &str, value: String| group.set(file, &value);
    let tolerate = |result: nix::Result<()>| match result {
        // The kernel may be built without this one file.
        Err(Errno::ENOENT) => Ok(()),
        other => other,
    };
    // Init is one process more than the code's.
    let processes = (u64::from(limits.processes) + 1).to_string();
    match &group.kind {
        Kind::V1("memory") => {
            set("memory.limit_in_bytes", limits.memory.to_string())?;
            // After the limit, which it must not be below. Swap is memory here.
            tolerate(set("memory.memsw.limit_in_bytes", limits.memory.to_string()))?;
        }
        Kind::V1("pids") => set("pids.max", processes)?,
        Kind::V2(controllers) => {
            if controllers.contains(&"memory") {
                set("memory.max", limits.memory.to_string())?;
                tolerate(set("memory.swap.max", "0".into()))?;
                set("memory.oom.group", "1".into())?;
            }
            if controllers.contains(&"pids") {
                set("pids.max", processes)?;
            }
        }
        Kind::V1(_) => {}
    }
    Ok(())
}

/// The most groups that are kept.
const MOST: usize = 32;
/// Init, and the one thread of a program that starts no other: what every run's peak is at least.
const LEAST_PROCESSES: u64 = 2;
/// What may still be charged to a group that is kept, in bytes: the kernel charges 64 pages at a time and
/// processor, gives back what of that is unused when the next group needs it there, and frees some of what it held
/// for a run late. Half of this was too little for one in forty runs on two busy processors.
const RESIDUE: u64 = 1 << 20;

/// Groups of runs that are over, kept for runs with the same limits. Only such are kept whose every
/// count is again what that of a new one would be: what the kernel counts up for good (kills, refusals,
/// the peak of processes) has never been counted, and what it holds is gone.
#[derive(Default)]
pub struct KeptGroups(Vec<Groups>);

impl KeptGroups {
    /// Groups for a run with `limits`.
    ///
    /// # Errors
    /// As `mkdir(2)` and `write(2)`; nothing is left behind.
    pub fn take(&mut self, bases: &[Base], run: u64, limits: &Limits) -> nix::Result<Groups> {
        match self.0.iter().position(|kept| kept.limited == limited(limits)) {
            Some(place) => Ok(self.0.swap_remove(place)),
            None => Groups::make(bases, run, limits),
        }
    }

    /// Keeps the groups of a run of which no process is left, or removes them. `false`, and they stay, if
    /// the kernel isn't done yet.
    #[must_use]
    pub fn take_back(&mut self, bases: &[Base], groups: &mut Groups) -> bool {
        if self.0.len() < MOST && groups.be_as_new() == Some(true) {
            self.0.push(std::mem::take(groups));
            return true;
        }
        groups.remove(bases)
    }

    /// How many are kept.
    #[must_use]
    pub fn kept(&self) -> usize {
        self.0.len()
    }

    /// Removes all but so many.
    pub fn keep(&mut self, count: usize, bases: &[Base]) {
        for groups in self.0.drain(count.min(self.0.len())..) {
            let _ = groups.remove(bases);
        }
    }
}

impl Groups {
    /// Brings every count to where a new group has it; `Some(true)` if that is where they are.
    fn be_as_new(&mut self) -> Option<bool> {
        let never = self.oom_kills()? == 0
            && self.process_refusals()? == 0
            && self.processes_peak()? <= LEAST_PROCESSES
            && self.processes()? == 0;
        if !never || self.memory()? > RESIDUE || !self.find("memory")?.forget_memory_peak() {
            return Some(false);
        }
        self.cpu_before = self.counted_cpu()?;
        Some(true)
    }
}

/// The number behind `name` in a file of lines `name number`.
#[must_use]
pub fn field(text: &str, name: &str) -> Option<u64> {
    text.lines().find_map(|line| {
        let (key, value) = line.split_once(' ')?;
        if key == name { value.trim().parse().ok() } else { None }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_is_read_by_its_whole_name() {
        let text = "rss_huge 7\nrss 5\nmax 3\n";
        assert_eq!(field(text, "rss"), Some(5));
        assert_eq!(field(text, "cache"), None);
    }

    #[test]
    fn a_group_that_is_still_occupied_is_passed_over() {
        let directory = tempfile::tempdir().unwrap();
        let path = |name: &str| directory.path().join("base").join(name);
        std::fs::create_dir_all(path("run-1/occupied")).unwrap();
        let bases = [Base::open(&path(""), Kind::V1("freezer")).unwrap()];
        let groups = Groups::make(&bases, 1, &Limits::default()).unwrap();
        assert_eq!(groups.name, "run-1-1");
        assert!(groups.remove(&bases) && !path("run-1-1").exists());
        // Its directory goes with the launcher, once the others have left what they had there.
        std::fs::remove_dir(path("run-1/occupied")).unwrap();
        bases[0].remove();
        assert!(!path("").exists());
    }
}
