//! Processes and control groups of this host, as /proc and /sys show them from outside.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// One process that is not a zombie.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Process {
    pub pid: i32,
    pub parent: i32,
    /// With the pid, names a process for good.
    pub started: u64,
    /// In how many pid namespaces it is; inside a run in one more than its launcher.
    pub depth: usize,
}

/// Every living process of the host.
pub fn all() -> Vec<Process> {
    let entries = fs::read_dir("/proc").expect("/proc").flatten();
    entries.filter_map(|entry| read(entry.file_name().to_str()?.parse().ok()?)).collect()
}

fn read(pid: i32) -> Option<Process> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name in parentheses may hold anything, so count from its end.
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    if matches!(*fields.first()?, "Z" | "X") {
        return None;
    }
    let (parent, started) = (fields.get(1)?.parse().ok()?, fields.get(19)?.parse().ok()?);
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let depth = status_line(&status, "NSpid").split_whitespace().count();
    Some(Process { pid, parent, started, depth })
}

pub fn is_alive(process: &Process) -> bool {
    read(process.pid).is_some_and(|now| now.started == process.started)
}

/// Every process below `pid`, whatever its depth.
pub fn below(pid: i32) -> Vec<Process> {
    let all = all();
    let mut ancestors = BTreeSet::from([pid]);
    let mut found = Vec::new();
    loop {
        let next: Vec<Process> = all
            .iter()
            .filter(|process| ancestors.contains(&process.parent))
            .filter(|process| !ancestors.contains(&process.pid))
            .cloned()
            .collect();
        if next.is_empty() {
            return found;
        }
        ancestors.extend(next.iter().map(|process| process.pid));
        found.extend(next);
    }
}

/// The name that a thread group gave itself.
pub fn name(pid: i32) -> Option<String> {
    let name = fs::read_to_string(format!("/proc/{pid}/comm")).ok()?;
    Some(name.trim_end().to_owned())
}

/// Living processes of this name.
pub fn named(wanted: &str) -> Vec<Process> {
    let is_it = |process: &Process| name(process.pid).as_deref() == Some(wanted);
    all().into_iter().filter(is_it).collect()
}

/// The value of one line of `/proc/PID/status`.
pub fn status(pid: i32, field: &str) -> String {
    let text = fs::read_to_string(format!("/proc/{pid}/status")).expect("a status");
    status_line(&text, field)
}

pub fn status_line(text: &str, field: &str) -> String {
    let line = text.lines().find_map(|line| line.strip_prefix(field)?.strip_prefix(':'));
    line.unwrap_or_else(|| panic!("no {field}")).trim().to_owned()
}

/// A control group's directory; a later one of the same name has another inode.
pub type Group = (PathBuf, u64);

/// The groups of its own that a run's process is in.
pub fn control_groups(process: &Process) -> Vec<Group> {
    let text = fs::read_to_string(format!("/proc/{}/cgroup", process.pid)).unwrap_or_default();
    let directories = text.lines().filter(|line| line.contains("/codemode-")).filter_map(|line| {
        let (controllers, group) = line.split_once(':')?.1.split_once(':')?;
        let places = [controllers, "unified", ""];
        let paths = places.map(|place| Path::new("/sys/fs/cgroup").join(place).join(&group[1..]));
        paths.into_iter().find(|path| path.is_dir())
    });
    directories.map(|path| (path.clone(), inode(&path).expect("just seen"))).collect()
}

fn inode(path: &Path) -> Option<u64> {
    Some(fs::metadata(path).ok()?.ino())
}

/// Those of these groups that are still there.
pub fn left(groups: &[Group]) -> Vec<&Group> {
    groups.iter().filter(|(path, ino)| inode(path) == Some(*ino)).collect()
}
