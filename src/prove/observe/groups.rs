//! Where control groups lie on this machine.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

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
    let mut found = Vec::new();
    for line in text.lines() {
        let mut parts = line.splitn(3, ':').skip(1);
        let (Some(controllers), Some(group)) = (parts.next(), parts.next()) else { continue };
        if group.contains("/codemode-") && group.contains("/run-") {
            found.extend(directory(controllers, group).map(|path| (controllers.to_owned(), path)));
        }
    }
    found
}

/// The directory of a group, where its hierarchy is mounted.
fn directory(controllers: &str, group: &str) -> Option<PathBuf> {
    let mounts = fs::read_to_string("/proc/self/mountinfo").ok()?;
    mounts.lines().find_map(|line| {
        let (mount, source) = line.split_once(" - ")?;
        let mut source = source.split(' ');
        let (kind, options) = (source.next()?, source.next_back()?);
        let is_it = match controllers {
            "" => kind == "cgroup2",
            _ => {
                kind == "cgroup"
                    && controllers.split(',').all(|one| options.split(',').any(|o| o == one))
            }
        };
        if !is_it {
            return None;
        }
        let mut fields = mount.split(' ').skip(3);
        let (root, point) = (fields.next()?, fields.next()?);
        let below = group.strip_prefix(root).unwrap_or(group).trim_start_matches('/');
        Some(PathBuf::from(point).join(below))
    })
}
