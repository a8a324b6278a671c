//! The control group around the service: what a container may use in all.
//!
//! Where runs have no groups of their own, they share it with the service, and only these looks keep
//! its part for it.

use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::path::Path;

use super::cgroup;
use super::groups::field;

/// Opened before the launcher leaves the host's file system behind.
pub struct Outer {
    /// Bytes that all processes in it may use together.
    pub limit: u64,
    /// What of that is kept for the service.
    reserve: u64,
    usage: File,
    stat: File,
    events: File,
}

/// Limit, use and events by their file names.
const V2: [&str; 3] = ["memory.max", "memory.current", "memory.events"];
const V1: [&str; 3] = ["memory.limit_in_bytes", "memory.usage_in_bytes", "memory.oom_control"];

/// The least that is kept for the service: its own size when busy.
const LEAST_RESERVE: u64 = 24 << 20;

impl Outer {
    /// Finds the group; `None` if it has no limit, or can't be read.
    #[must_use]
    pub fn find() -> Option<Self> {
        let (directory, is_v2) = cgroup::own_memory_group()?;
        Self::open(&directory, if is_v2 { V2 } else { V1 })
    }

    fn open(directory: &Path, [limit, usage, events]: [&str; 3]) -> Option<Self> {
        let limit: u64 = fs::read_to_string(directory.join(limit)).ok()?.trim().parse().ok()?;
        // v1 says that there is none by a number larger than any memory.
        (limit < 1 << 60).then_some(())?;
        Some(Self {
            limit,
            reserve: (limit / 16).max(LEAST_RESERVE).min(limit / 4),
            usage: File::open(directory.join(usage)).ok()?,
            stat: File::open(directory.join("memory.stat")).ok()?,
            events: File::open(directory.join(events)).ok()?,
        })
    }

    /// Bytes in use that the kernel can't take back: all but the cache of files. Buffers of sockets and
    /// page tables are among them.
    #[must_use]
    pub fn in_use(&self) -> Option<u64> {
        let usage: u64 = read(&self.usage)?.trim().parse().ok()?;
        let text = read(&self.stat)?;
        let number = |names: [&str; 2]| names.into_iter().find_map(|name| field(&text, name));
        let cache = number(["total_inactive_file", "inactive_file"]).unwrap_or(0)
            + number(["total_active_file", "active_file"]).unwrap_or(0)
            + field(&text, "slab_reclaimable").unwrap_or(0);
        Some(usage.saturating_sub(cache))
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

    fn files(limit: &str) -> [(&str, &str); 4] {
        let empty = |name| (name, "");
        [
            ("memory.max", limit),
            empty("memory.current"),
            empty("memory.stat"),
            empty("memory.events"),
        ]
    }

    #[test]
    fn both_versions_are_read_and_the_page_cache_is_not_counted() {
        let v2 = group(&[
            ("memory.max", "536870912\n"),
            ("memory.current", "1000\n"),
            ("memory.stat", "anon 100\ninactive_file 800\nactive_file 90\nslab_reclaimable 3\n"),
            ("memory.events", "low 0\noom 2\noom_kill 3\n"),
        ]);
        let outer = Outer::open(v2.path(), V2).unwrap();
        assert_eq!((outer.in_use(), outer.oom_kills()), (Some(107), Some(3)));
        let v1 = group(&[
            ("memory.limit_in_bytes", "536870912\n"),
            ("memory.usage_in_bytes", "1000\n"),
            ("memory.stat", "inactive_file 1\ntotal_inactive_file 800\ntotal_active_file 93\n"),
            ("memory.oom_control", "oom_kill_disable 0\noom_kill 4\n"),
        ]);
        let outer = Outer::open(v1.path(), V1).unwrap();
        assert_eq!((outer.in_use(), outer.oom_kills()), (Some(107), Some(4)));
    }

    #[test]
    fn the_service_keeps_a_part_but_never_most_of_it() {
        let open = |limit| Outer::open(group(&files(limit)).path(), V2).unwrap();
        let outer = open("536870912");
        assert!(outer.is_full(512 << 20) && !outer.is_full(400 << 20));
        let outer = open("33554432");
        assert!(outer.is_full(26 << 20) && !outer.is_full(20 << 20));
    }

    #[test]
    fn a_group_without_a_limit_needs_no_watch() {
        for limit in ["max", "9223372036854771712"] {
            assert!(Outer::open(group(&files(limit)).path(), V2).is_none());
        }
    }
}
