//! One run's control groups: made, limited, joined, read and removed through directory
//! descriptors.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;
use std::time::Duration;

use nix::dir::Dir;
use nix::errno::Errno;
use nix::fcntl::{OFlag, open, openat};
use nix::sys::stat::{Mode, mkdirat};
use nix::unistd::{UnlinkatFlags, read, unlinkat, write};

use crate::policy::Limits;
use crate::sandbox::messages::Readings;

/// Version and controllers of a hierarchy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The unified hierarchy with these controllers; it counts CPU time even with none.
    V2(Vec<&'static str>),
    /// A v1 hierarchy of this one controller (`cpu` for cpuacct).
    V1(&'static str),
}

impl Kind {
    /// Whether groups here limit or count what `controller` is for.
    #[must_use]
    pub fn has(&self, controller: &str) -> bool {
        match self {
            Self::V2(controllers) => controller == "cpu" || controllers.contains(&controller),
            Self::V1(only) => *only == controller,
        }
    }

    /// `v2` or `v1`.
    #[must_use]
    pub fn version(&self) -> &'static str {
        match self {
            Self::V2(_) => "v2",
            Self::V1(_) => "v1",
        }
    }
}

/// A launcher's own directory in one hierarchy.
pub struct Base {
    /// Version and controllers.
    pub kind: Kind,
    directory: OwnedFd,
    /// Its parent, from which it is removed at the end.
    parent: OwnedFd,
    name: String,
}

fn open_directory(path: &Path) -> nix::Result<OwnedFd> {
    open(path, OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC, Mode::empty())
}

fn write_at(directory: BorrowedFd<'_>, file: &str, value: &str) -> nix::Result<()> {
    let file = openat(directory, file, OFlag::O_WRONLY | OFlag::O_CLOEXEC, Mode::empty())?;
    write(&file, value.as_bytes()).map(drop)
}

fn read_at(directory: BorrowedFd<'_>, file: &str) -> Option<String> {
    let file = openat(directory, file, OFlag::O_RDONLY | OFlag::O_CLOEXEC, Mode::empty()).ok()?;
    let mut buffer = [0; 4096];
    let length = read(&file, &mut buffer).ok()?;
    String::from_utf8(buffer.get(..length)?.to_vec()).ok()
}

impl Base {
    /// Opens the directory that was made at `path`.
    ///
    /// # Errors
    /// As `open(2)`.
    pub fn open(path: &Path, kind: Kind) -> io::Result<Self> {
        let invalid = || io::Error::from(io::ErrorKind::InvalidInput);
        let parent = open_directory(path.parent().ok_or_else(invalid)?)?;
        let name = path.file_name().and_then(|name| name.to_str()).ok_or_else(invalid)?;
        Ok(Self { kind, directory: open_directory(path)?, parent, name: name.to_owned() })
    }

    /// Whether swap is limited together with memory.
    #[must_use]
    pub fn limits_swap(&self) -> bool {
        let file = match self.kind {
            Kind::V1(_) => "memory.memsw.limit_in_bytes",
            Kind::V2(_) => "memory.swap.max",
        };
        read_at(self.directory.as_fd(), file).is_some()
    }

    /// Writes one of the directory's files.
    ///
    /// # Errors
    /// As `open(2)` and `write(2)`.
    pub fn write_file(&self, file: &str, value: &str) -> io::Result<()> {
        Ok(write_at(self.directory.as_fd(), file, value)?)
    }

    /// Removes the directory. Its runs are gone by then.
    pub fn remove(&self) {
        let _ = unlinkat(&self.parent, self.name.as_str(), UnlinkatFlags::RemoveDir);
    }

    /// Removes the groups of runs whose launcher died; their processes died with it.
    pub fn remove_leftovers(&self) {
        let flags = OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
        // A group empties a moment after its last process is reaped.
        for _ in 0..200 {
            let Ok(mut directory) = Dir::openat(&self.directory, ".", flags, Mode::empty()) else {
                return;
            };
            let runs: Vec<_> = directory
                .iter()
                .flatten()
                .map(|entry| entry.file_name().to_owned())
                .filter(|name| name.to_bytes().starts_with(b"run-"))
                .collect();
            let left = runs.iter().filter(|run| {
                unlinkat(&self.directory, run.as_c_str(), UnlinkatFlags::RemoveDir).is_err()
            });
            if left.count() == 0 {
                return;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

fn name_of(run: u64) -> String {
    format!("run-{run}")
}

/// The groups of one run, one per base.
pub struct Groups {
    run: u64,
    groups: Vec<(Kind, OwnedFd)>,
}

impl Groups {
    /// Makes the run's group in every base and sets its limits.
    ///
    /// # Errors
    /// As `mkdir(2)` and `write(2)`; nothing is left behind.
    pub fn make(bases: &[Base], run: u64, limits: &Limits) -> nix::Result<Self> {
        let mut made = Self { run, groups: Vec::with_capacity(bases.len()) };
        let result = bases.iter().try_for_each(|base| made.add(base, limits));
        match result {
            Ok(()) => Ok(made),
            Err(errno) => {
                let _ = made.remove(bases);
                Err(errno)
            }
        }
    }

    fn add(&mut self, base: &Base, limits: &Limits) -> nix::Result<()> {
        let name = name_of(self.run);
        mkdirat(&base.directory, name.as_str(), Mode::from_bits_truncate(0o755))?;
        let flags = OFlag::O_DIRECTORY | OFlag::O_RDONLY | OFlag::O_CLOEXEC;
        let group = openat(&base.directory, name.as_str(), flags, Mode::empty())?;
        self.groups.push((base.kind.clone(), group));
        let (kind, group) = self.groups.last().ok_or(Errno::EIO)?;
        let set = |file: &str, value: String| write_at(group.as_fd(), file, &value);
        let tolerate = |result: nix::Result<()>| match result {
            // The kernel may be built without this one file.
            Err(Errno::ENOENT) => Ok(()),
            other => other,
        };
        // Init is one process more than the code's.
        let processes = (u64::from(limits.processes) + 1).to_string();
        match kind {
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

    /// The v2 group, to clone into.
    #[must_use]
    pub fn v2(&self) -> Option<BorrowedFd<'_>> {
        self.groups
            .iter()
            .find(|(kind, _)| matches!(kind, Kind::V2(_)))
            .map(|(_, group)| group.as_fd())
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
        let flags = OFlag::O_WRONLY | OFlag::O_CLOEXEC;
        let file = |kind: &Kind| match kind {
            Kind::V1(_) => Some("tasks"),
            Kind::V2(_) => v2.then_some("cgroup.procs"),
        };
        self.groups
            .iter()
            .filter_map(|(kind, group)| Some((file(kind)?, group)))
            .map(|(file, group)| openat(group, file, flags, Mode::empty()))
            .collect()
    }

    fn file(&self, controller: &str, v2: &str, v1: &str) -> Option<String> {
        let (kind, group) = self.groups.iter().find(|(kind, _)| kind.has(controller))?;
        let file = if matches!(kind, Kind::V2(_)) { v2 } else { v1 };
        read_at(group.as_fd(), file)
    }

    fn number(&self, controller: &str, v2: &str, v1: &str) -> Option<u64> {
        self.file(controller, v2, v1)?.trim().parse().ok()
    }

    /// CPU time of the run so far.
    #[must_use]
    pub fn cpu(&self) -> Option<Duration> {
        let (kind, group) = self.groups.iter().find(|(kind, _)| kind.has("cpu"))?;
        match kind {
            Kind::V2(_) => {
                let text = read_at(group.as_fd(), "cpu.stat")?;
                field(&text, "usage_usec").map(Duration::from_micros)
            }
            Kind::V1(_) => {
                let text = read_at(group.as_fd(), "cpuacct.usage")?;
                text.trim().parse().ok().map(Duration::from_nanos)
            }
        }
    }

    /// Processes and threads in the run, init included.
    #[must_use]
    pub fn processes(&self) -> Option<u64> {
        self.number("pids", "pids.current", "pids.current")
    }

    /// Times a process of the run was killed for memory.
    #[must_use]
    pub fn oom_kills(&self) -> Option<u64> {
        field(&self.file("memory", "memory.events", "memory.oom_control")?, "oom_kill")
    }

    /// All that the groups count.
    #[must_use]
    pub fn readings(&self) -> Readings {
        let stat = self.file("memory", "memory.stat", "memory.stat").unwrap_or_default();
        let events = self.file("pids", "pids.events", "pids.events").unwrap_or_default();
        Readings {
            memory: self.number("memory", "memory.current", "memory.usage_in_bytes"),
            memory_peak: self.number("memory", "memory.peak", "memory.max_usage_in_bytes"),
            memory_anon: field(&stat, "anon").or_else(|| field(&stat, "rss")),
            memory_file: field(&stat, "file").or_else(|| field(&stat, "cache")),
            oom_kills: self.oom_kills(),
            processes_peak: self.number("pids", "pids.peak", "pids.peak"),
            process_refusals: field(&events, "max"),
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
        bases.iter().all(|base| {
            let name = name_of(self.run);
            let removed = unlinkat(&base.directory, name.as_str(), UnlinkatFlags::RemoveDir);
            matches!(removed, Ok(()) | Err(Errno::ENOENT))
        })
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
    fn v2_counts_cpu_without_any_controller() {
        assert!(Kind::V2(vec![]).has("cpu"));
        assert!(!Kind::V2(vec![]).has("memory"));
        assert!(Kind::V1("pids").has("pids"));
    }
}
