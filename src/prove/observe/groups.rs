//! Where control groups lie on this machine.

use std::cell::LazyCell;
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use crate::plan::hierarchies::Hierarchies;

/// A group as no other one is: another run's may have the same path later.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Group {
    /// Its directory.
    pub path: PathBuf,
    inode: u64,
}

impl Group {
    fn at(path: &Path) -> Option<Self> {
        Some(Self { path: path.to_owned(), inode: fs::metadata(path).ok()?.ino() })
    }

    /// Whether it is still there; if empty ones are kept for the next run, with a process in it.
    pub fn is_left(&self, kept: bool) -> bool {
        let processes = || fs::read_to_string(self.path.join("cgroup.procs"));
        let populated = || processes().is_ok_and(|processes| !processes.is_empty());
        Self::at(&self.path).as_ref() == Some(self) && (!kept || populated())
    }
}

/// The groups of a process that are runs' own.
pub fn groups_of_run(pid: u32) -> impl Iterator<Item = Group> {
    of_run(pid).into_iter().filter_map(|(_, path)| Group::at(&path))
}

/// The groups of a process that are runs' own, with the controllers of each (empty: v2).
pub fn of_run(pid: u32) -> Vec<(String, PathBuf)> {
    let text = fs::read_to_string(format!("/proc/{pid}/cgroup")).unwrap_or_default();
    let mounted = LazyCell::new(Hierarchies::mounted);
    let mut found = Vec::new();
    for line in text.lines() {
        let mut parts = line.splitn(3, ':').skip(1);
        let (Some(controllers), Some(group)) = (parts.next(), parts.next()) else { continue };
        if group.contains("/codemode-") && group.contains("/run-") {
            let hierarchy = mounted.of(controllers);
            found.extend(hierarchy.map(|it| (controllers.to_owned(), it.directory(group))));
        }
    }
    found
}
