//! Whether living runs share a namespace: looked at from outside, through the host's `/proc`, while
//! they run.
//!
//! Runs come and go under the look, and the kernel gives numbers of ended processes and namespaces away
//! again. So a look is believed only where every process that it rests on is the same one, and alive,
//! after the last of it was read: a namespace that a living process is in keeps its number.

use std::collections::HashSet;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread::{self, JoinHandle};
use std::time::Duration;
use std::{fs, io};

use serde::Serialize;

use crate::harness::processes::{self, Identity, Process};

/// All that the kernel has for isolation (time namespaces isolate nothing here).
pub const KINDS: [&str; 7] = ["user", "pid", "mnt", "net", "ipc", "uts", "cgroup"];

/// Between two looks: at five a second they took 2 % of the time of both processors, from what is measured there.
const PERIOD: Duration = Duration::from_millis(500);

/// What all looks saw.
#[derive(Clone, Debug, Default, Serialize)]
#[allow(missing_docs)]
pub struct Namespaces {
    pub looks: usize,
    /// Different runs, and sandboxes made ahead, whose namespaces were read while they lived.
    pub runs: usize,
    /// The most that were seen in one look.
    pub at_once: usize,
    /// Pairs that lived at once, look by look.
    pub pairs: usize,
    /// Different pairs that shared a namespace of any kind.
    pub shared_pairs: usize,
    /// Different runs that were in a namespace of the bench's own, the host's.
    pub in_the_hosts: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first_shared: Option<String>,
    /// Why none was read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unknown: Option<String>,
}

impl Namespaces {
    /// Pairs and runs that were where they should not be.
    #[must_use]
    pub fn faults(&self) -> usize {
        self.shared_pairs + self.in_the_hosts
    }
}

/// A thread that looks until it is asked for the sum, or dropped.
pub struct Watch {
    /// Its end is the thread's sign.
    stop: mpsc::Sender<()>,
    thread: JoinHandle<Namespaces>,
}

impl Watch {
    /// Looks at all below the process `guard`.
    pub fn begin(guard: u32) -> Self {
        let (stop, stopped) = mpsc::channel();
        let thread = thread::spawn(move || {
            let mut seen = Seen { hosts: spaces(std::process::id()).ok(), ..Seen::default() };
            while stopped.recv_timeout(PERIOD) == Err(RecvTimeoutError::Timeout) {
                seen.look(guard);
            }
            seen.sum()
        });
        Self { stop, thread }
    }

    pub fn end(self) -> Namespaces {
        drop(self.stop);
        self.thread.join().unwrap_or_else(|_| Namespaces {
            unknown: Some("the thread that looked has failed".to_owned()),
            ..Namespaces::default()
        })
    }
}

/// Numbers of a process's namespaces, in the order of [`KINDS`].
type Spaces = [u64; KINDS.len()];

/// A run under the look: its init, and the namespaces of that and of its guest.
struct Run {
    init: Identity,
    members: Vec<(Identity, Spaces)>,
}

#[derive(Default)]
struct Seen {
    hosts: Option<Spaces>,
    looks: usize,
    at_once: usize,
    pairs: usize,
    runs: HashSet<Identity>,
    shared: HashSet<(Identity, Identity)>,
    in_the_hosts: HashSet<Identity>,
    first_shared: Option<String>,
    refused: bool,
}

impl Seen {
    fn look(&mut self, guard: u32) {
        let all: Vec<Process> =
            processes::below(guard).into_iter().filter_map(Process::read).collect();
        let mut runs = Vec::new();
        for init in all.iter().filter(|process| process.is_init()) {
            match read(init, &all) {
                Ok(Some(run)) => runs.push(run),
                Ok(None) => {}
                Err(_) => self.refused = true,
            }
        }
        // Not before the last was read.
        runs.iter_mut().for_each(|run| run.members.retain(|(member, _)| member.lives()));
        runs.retain(|run| run.init.lives() && !run.members.is_empty());
        self.compare(&runs);
    }

    fn compare(&mut self, runs: &[Run]) {
        self.looks += 1;
        self.at_once = self.at_once.max(runs.len());
        for (index, run) in runs.iter().enumerate() {
            self.runs.insert(run.init);
            if self.hosts.is_some_and(|hosts| {
                run.members.iter().any(|m| m.1.iter().zip(hosts).any(|(own, host)| *own == host))
            }) {
                self.in_the_hosts.insert(run.init);
            }
            for other in runs.iter().skip(index + 1) {
                self.pairs += 1;
                if let Some(kind) = run.shares(other) {
                    self.shared.insert((run.init, other.init));
                    let (one, two) = (run.init.pid, other.init.pid);
                    let words = format!("{one} and {two} shared their {kind} namespace");
                    self.first_shared.get_or_insert(words);
                }
            }
        }
    }

    fn sum(self) -> Namespaces {
        let unknown = match (self.runs.len(), self.refused) {
            (0, true) => Some("the kernel tells root alone which namespaces these are".to_owned()),
            (0, false) => Some("no run was seen in namespaces of its own".to_owned()),
            _ => None,
        };
        Namespaces {
            looks: self.looks,
            runs: self.runs.len(),
            at_once: self.at_once,
            pairs: self.pairs,
            shared_pairs: self.shared.len(),
            in_the_hosts: self.in_the_hosts.len(),
            first_shared: self.first_shared,
            unknown,
        }
    }
}

impl Run {
    /// The first kind that both are in.
    fn shares(&self, other: &Self) -> Option<&'static str> {
        KINDS.into_iter().enumerate().find_map(|(index, kind)| {
            let numbers = |run: &Self| -> Vec<u64> {
                run.members.iter().filter_map(|(_, spaces)| spaces.get(index).copied()).collect()
            };
            let theirs = numbers(other);
            numbers(self).iter().any(|number| theirs.contains(number)).then_some(kind)
        })
    }
}

/// Where the user and the pid namespace stand in [`KINDS`].
const USER: usize = 0;
const PID: usize = 1;

/// Whether `process` is the guest of `init`: its child, or one that was forked elsewhere and has joined.
fn is_guest(process: &Process, init: &Process) -> bool {
    if process.ids.len() != init.ids.len() || process.identity == init.identity {
        return false;
    }
    let both = || Some((spaces(process.identity.pid).ok()?, spaces(init.identity.pid).ok()?));
    process.parent == init.identity.pid
        || process.parent == init.parent
            && both().is_some_and(|(one, two)| one[PID] == two[PID] && one[USER] == two[USER])
}

/// The run of an init; none as long as it has no guest, which it gets once all its namespaces are new.
fn read(init: &Process, all: &[Process]) -> io::Result<Option<Run>> {
    let guest = all.iter().find(|process| is_guest(process, init));
    let Some(guest) = guest else { return Ok(None) };
    let mut members = Vec::new();
    let mut refused = None;
    for process in [init, guest] {
        match spaces(process.identity.pid) {
            Ok(spaces) => members.push((process.identity, spaces)),
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => refused = Some(error),
            // It has ended.
            Err(_) => {}
        }
    }
    match refused {
        // An ordinary user may read one of the two.
        Some(error) if members.is_empty() => Err(error),
        _ => Ok(Some(Run { init: init.identity, members })),
    }
}

fn spaces(pid: u32) -> io::Result<Spaces> {
    let mut spaces = [0; KINDS.len()];
    for (kind, number) in KINDS.into_iter().zip(&mut spaces) {
        let link = fs::read_link(format!("/proc/{pid}/ns/{kind}"))?;
        *number = link.to_str().and_then(inode).ok_or(io::ErrorKind::InvalidData)?;
    }
    Ok(spaces)
}

/// The number in `kind:[number]`.
fn inode(link: &str) -> Option<u64> {
    link.split_once(":[")?.1.strip_suffix(']')?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(pid: u32, init: Spaces, guest: Spaces) -> Run {
        let identity = |pid| Identity { pid, started: 7 };
        let members = vec![(identity(pid), init), (identity(pid + 1), guest)];
        Run { init: identity(pid), members }
    }

    fn from(first: u64) -> Spaces {
        std::array::from_fn(|index| first + index as u64)
    }

    #[test]
    fn what_is_apart_is_not_reported_and_what_is_shared_is_by_kind() {
        let mut seen = Seen { hosts: Some(from(900)), ..Seen::default() };
        seen.compare(&[run(10, from(0), from(0)), run(20, from(10), from(10))]);
        assert_eq!((seen.shared.len(), seen.pairs, seen.runs.len()), (0, 1, 2));
        // The guest alone is in another's network namespace, and is seen twice.
        let mut guest = from(10);
        guest[3] = 3;
        for _ in 0..2 {
            seen.compare(&[run(10, from(0), from(0)), run(20, from(10), guest)]);
        }
        let sum = seen.sum();
        assert_eq!((sum.shared_pairs, sum.pairs, sum.runs, sum.at_once), (1, 3, 2, 2));
        assert_eq!(sum.first_shared.as_deref(), Some("10 and 20 shared their net namespace"));
        assert_eq!((sum.faults(), sum.unknown), (1, None));
    }

    #[test]
    fn a_run_in_the_hosts_namespace_is_told() {
        let mut seen = Seen { hosts: Some(from(900)), ..Seen::default() };
        let mut own = from(0);
        own[4] = 904;
        seen.compare(&[run(10, own, own)]);
        assert_eq!(seen.sum().in_the_hosts, 1);
    }

    /// Two programs in user and pid namespaces of their own, and in the host's for all else.
    fn partly_apart() -> Vec<std::process::Child> {
        let program = |_| {
            let mut command = std::process::Command::new("unshare");
            command.args(["--user", "--map-root-user", "--pid", "--fork", "--kill-child"]);
            command.args(["sh", "-c", "sleep 60 & wait"]).stderr(std::process::Stdio::null());
            command.spawn().ok()
        };
        (0..2).filter_map(program).collect()
    }

    #[test]
    fn living_processes_that_share_a_namespace_are_found() {
        let mut children = partly_apart();
        let mut seen = Seen { hosts: spaces(std::process::id()).ok(), ..Seen::default() };
        let ended = |child: &mut std::process::Child| child.try_wait().unwrap().is_some();
        let mut tries = 0;
        while seen.at_once < 2 && children.len() == 2 && !children.iter_mut().any(ended) {
            seen.look(std::process::id());
            tries += 1;
            assert!(tries < 6000, "they were never seen");
            thread::sleep(Duration::from_millis(10));
        }
        for child in &mut children {
            let _ = child.kill();
            let _ = child.wait();
        }
        if seen.at_once < 2 {
            println!("skipped: no unshare(1), or it may make no namespace here");
            return;
        }
        let sum = seen.sum();
        assert_eq!((sum.runs, sum.shared_pairs, sum.in_the_hosts), (2, 1, 2), "{sum:?}");
        assert!(sum.first_shared.unwrap().ends_with("shared their mnt namespace"));
    }

    #[test]
    fn nothing_seen_is_no_proof() {
        assert!(Seen::default().sum().unknown.unwrap().contains("no run was seen"));
        let refused = Seen { refused: true, ..Seen::default() };
        assert!(refused.sum().unknown.unwrap().contains("root alone"));
    }

    #[test]
    fn the_own_namespaces_can_be_read() {
        assert!(spaces(std::process::id()).unwrap().iter().all(|number| *number > 0));
        assert_eq!((inode("net:[4026531840]"), inode("net:4")), (Some(4_026_531_840), None));
    }
}
