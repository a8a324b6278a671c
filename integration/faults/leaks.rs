//! What a service could leave behind: while it lives, and once it is gone.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::harness::{Sidecar, Traces, descendants, eventually, inside, traces};

const PATIENCE: Duration = Duration::from_secs(10);

/// What a service at rest holds: processes, descriptors, mounts, groups, namespaces.
pub struct AtRest(Traces);

impl AtRest {
    /// Waits until nothing changes any more.
    pub async fn of(sidecar: &Sidecar) -> Self {
        let mut last = traces(sidecar);
        let mut same = 0;
        eventually("the service comes to rest", PATIENCE, || {
            let now = traces(sidecar);
            let idle = inside(sidecar.launchers().1).is_empty();
            same = if now == last && idle { same + 1 } else { 0 };
            last = now;
            same >= 20
        })
        .await;
        Self(last)
    }

    /// Waits until the service holds what it held, and nothing more.
    pub async fn again(&self, sidecar: &Sidecar, after: &str) {
        let begun = std::time::Instant::now();
        loop {
            let now = traces(sidecar);
            // What comes in another's place may share a namespace where that did not.
            let namespaces = now.namespaces.max(self.0.namespaces);
            if (Traces { namespaces, ..now.clone() }) == self.0 {
                return;
            }
            let what = format!("left after {after}: {now:#?}\nbefore: {:#?}", self.0);
            assert!(begun.elapsed() < PATIENCE, "{what}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

/// A living service's processes and control groups, to be looked for once it is gone.
pub struct Remains {
    /// Process id → when it was started, in clock ticks.
    processes: BTreeMap<u32, String>,
    /// Directory → inode: its name is free for others afterwards.
    groups: BTreeMap<PathBuf, u64>,
}

impl Remains {
    pub fn of(sidecar: &Sidecar) -> Self {
        let (_, launcher) = sidecar.launchers();
        let processes = descendants(sidecar.pid());
        let processes = processes.into_iter().filter_map(|pid| Some((pid, started(pid)?)));
        Self { processes: processes.collect(), groups: groups(launcher) }
    }

    /// How many processes and groups there were.
    pub fn counts(&self) -> (usize, usize) {
        (self.processes.len(), self.groups.len())
    }

    /// Waits until every process is gone.
    pub async fn no_process(&self, after: &str) {
        eventually(&format!("no process is left after {after}"), PATIENCE, || {
            self.processes.iter().all(|(pid, since)| started(*pid).as_ref() != Some(since))
        })
        .await;
    }

    /// Waits until every process and every group is gone, but for groups that `heir`, which was started
    /// afterwards, has for its own.
    pub async fn nothing(&self, heir: &Sidecar, after: &str) {
        self.no_process(after).await;
        let (_, launcher) = heir.launchers();
        let taken_over = groups(launcher);
        eventually(&format!("no control group is left after {after}"), PATIENCE, || {
            let left = self.groups.iter().filter(|(group, _)| !taken_over.contains_key(*group));
            let gone = left.map(|(group, inode)| inode_of(group) != Some(*inode));
            gone.fold(traces(heir).groups.is_empty(), |all, gone| all && gone)
        })
        .await;
    }
}

/// When a process was started; `None` once it is gone or waits to be reaped.
fn started(pid: u32) -> Option<String> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let mut fields = stat.rsplit_once(") ")?.1.split(' ');
    let state = fields.next()?;
    (state != "Z" && state != "X").then(|| fields.nth(18).map(str::to_owned))?
}

fn inode_of(path: &Path) -> Option<u64> {
    fs::metadata(path).ok().map(|meta| meta.ino())
}

/// The launcher's own control groups, wherever the hierarchies are mounted, with what is below them.
fn groups(launcher: u32) -> BTreeMap<PathBuf, u64> {
    let held = fs::read_dir(format!("/proc/{launcher}/fd")).into_iter().flatten().flatten();
    let inodes: Vec<u64> = held
        .filter(|fd| {
            let target = fs::read_link(fd.path()).unwrap_or_default();
            target.file_name().is_some_and(|name| name.to_string_lossy().starts_with("codemode-"))
        })
        .filter_map(|fd| inode_of(&fd.path()))
        .collect();
    let mut found = BTreeMap::new();
    find(Path::new("/sys/fs/cgroup"), 8, &inodes, &mut found);
    found
}

fn find(directory: &Path, depth: u32, inodes: &[u64], found: &mut BTreeMap<PathBuf, u64>) {
    for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
        let path = entry.path();
        if depth == 0 || !entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            continue;
        }
        match inode_of(&path).filter(|inode| inodes.contains(inode)) {
            Some(inode) => drop(found.insert(path, inode)),
            None => find(&path, depth - 1, inodes, found),
        }
    }
}
