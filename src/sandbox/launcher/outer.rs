//! The control group around the service: what a container may use in all.
//!
//! Where runs have no groups of their own, they share it with the service, and only these looks keep
//! its part for it.

use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::path::Path;

use super::cgroup;
use super::group::field;

/// Opened before the launcher leaves the host's file system behind.
pub struct Outer {
    /// Bytes that all processes in it may use together.
    pub limit: u64,
    /// What of that is kept for the service.
    reserve: u64,
    stat: File,
    events: File,
}

/// The least that is kept for the service: its own size when busy.
const LEAST_RESERVE: u64 = 24 << 20;

impl Outer {
    /// Finds the group; `None` if it has no limit, or can't be read.
    #[must_use]
    pub fn find() -> Option<Self> {
        let (directory, limit, events) = match cgroup::own_memory_group()? {
            (directory, true) => (directory, "memory.max", "memory.events"),
            (directory, false) => (directory, "memory.limit_in_bytes", "memory.oom_control"),
        };
        Self::open(&directory, limit, events)
    }

    fn open(directory: &Path, limit: &str, events: &str) -> Option<Self> {
        let limit: u64 = fs::read_to_string(directory.join(limit)).ok()?.trim().parse().ok()?;
        // v1 says that there is none by a number larger than any memory.
        (limit < 1 << 60).then_some(())?;
        Some(Self {
            limit,
            reserve: (limit / 16).max(LEAST_RESERVE).min(limit / 4),
            stat: File::open(directory.join("memory.stat")).ok()?,
            events: File::open(directory.join(events)).ok()?,
        })
    }

    /// Bytes that the kernel can't take back: anonymous and shared memory, tmpfs files.
    #[must_use]
    pub fn in_use(&self) -> Option<u64> {
        let text = read(&self.stat)?;
        let number = |names: [&str; 2]| names.into_iter().find_map(|name| field(&text, name));
        Some(number(["total_rss", "anon"])? + number(["total_shmem", "shmem"]).unwrap_or(0))
    }

    /// Whether a run must go so that the service keeps its part.
    #[must_use]
    pub fn is_full(&self, in_use: u64) -> bool {
        in_use > self.limit - self.reserve
    }

    /// Whether that may soon be so.
    #[must_use]
    pub fn is_tight(&self, in_use: u64) -> bool {
        in_use > self.limit / 2
    }

    /// Processes killed in it for memory so far.
    #[must_use]
    pub fn oom_kills(&self) -> Option<u64> {
        field(&read(&self.events)?, "oom_kill")
    }
}

fn read(file: &File) -> Option<String> {
    let mut buffer = [0; 8192];
    let length = file.read_at(&mut buffer, 0).ok()?;
    String::from_utf8(buffer.get(..length)?.to_vec()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn group(files: &[(&str, &str)]) -> tempfile::TempDir {
        let directory = tempfile::tempdir().unwrap();
        for (name, text) in files {
            fs::write(directory.path().join(name), text).unwrap();
        }
        directory
    }

    #[test]
    fn both_versions_are_read_and_the_page_cache_is_not_counted() {
        let v2 = group(&[
            ("memory.max", "536870912\n"),
            ("memory.stat", "anon 100\nfile 900\nshmem 7\n"),
            ("memory.events", "low 0\noom 2\noom_kill 3\n"),
        ]);
        let outer = Outer::open(v2.path(), "memory.max", "memory.events").unwrap();
        assert_eq!((outer.in_use(), outer.oom_kills()), (Some(107), Some(3)));
        let v1 = group(&[
            ("memory.limit_in_bytes", "536870912\n"),
            ("memory.stat", "rss 1\nshmem 1\ntotal_cache 900\ntotal_rss 100\ntotal_shmem 7\n"),
            ("memory.oom_control", "oom_kill_disable 0\noom_kill 4\n"),
        ]);
        let outer = Outer::open(v1.path(), "memory.limit_in_bytes", "memory.oom_control").unwrap();
        assert_eq!((outer.in_use(), outer.oom_kills()), (Some(107), Some(4)));
    }

    #[test]
    fn the_service_keeps_a_part_but_never_most_of_it() {
        let files = |limit| [("memory.max", limit), ("memory.stat", ""), ("memory.events", "")];
        let open = |limit| {
            Outer::open(group(&files(limit)).path(), "memory.max", "memory.events").unwrap()
        };
        let outer = open("536870912");
        assert!(outer.is_full(512 << 20) && !outer.is_full(400 << 20));
        let outer = open("33554432");
        assert!(outer.is_full(26 << 20) && !outer.is_full(20 << 20));
    }

    #[test]
    fn a_group_without_a_limit_needs_no_watch() {
        for limit in ["max", "9223372036854771712"] {
            let files = [("memory.max", limit), ("memory.stat", ""), ("memory.events", "")];
            assert!(Outer::open(group(&files).path(), "memory.max", "memory.events").is_none());
        }
    }
}
