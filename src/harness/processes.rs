//! Which processes belong to a service, and what they hold.

use std::collections::HashMap;
use std::os::fd::AsFd as _;
use std::{fs, io};

use nix::sys::signal::Signal;
use nix::unistd::Pid;

use crate::sys;

/// A process and all below it, parents before their children.
pub fn tree(root: u32) -> Vec<u32> {
    let mut below: HashMap<u32, Vec<u32>> = HashMap::new();
    for pid in self::all() {
        if let Some(stat) = stat(pid).filter(|stat| stat.alive) {
            below.entry(stat.parent).or_default().push(pid);
        }
    }
    let mut all = vec![root];
    let mut next = 0;
    while let Some(pid) = all.get(next) {
        all.extend(below.remove(pid).unwrap_or_default());
        next += 1;
    }
    all
}

/// All below a process, parents before their children. Quicker than [`tree`] where much else runs on the
/// machine, but what is started or reaped meanwhile may be passed over.
pub fn below(root: u32) -> Vec<u32> {
    let mut all = vec![root];
    let mut next = 0;
    while let Some(pid) = all.get(next).copied() {
        for task in fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten() {
            let list = fs::read_to_string(task.path().join("children")).unwrap_or_default();
            all.extend(list.split_whitespace().filter_map(|pid| pid.parse::<u32>().ok()));
        }
        next += 1;
    }
    all.split_off(1)
}

/// The ids of all processes that are to be seen here.
pub fn all() -> impl Iterator<Item = u32> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok())
}

/// All on this machine that have given themselves this name.
pub fn named(name: &str) -> Vec<Identity> {
    all()
        .filter(|pid| {
            let comm = fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
            comm.trim_end() == name
        })
        .filter_map(|pid| Some(Process::read(pid)?.identity))
        .collect()
}

/// A process as no other one is: the kernel uses ids again, but not at the same time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Identity {
    pub pid: u32,
    /// When it was started, in clock ticks since boot.
    pub started: u64,
}

impl Identity {
    /// Whether it is still there, and no zombie.
    pub fn lives(self) -> bool {
        stat(self.pid).is_some_and(|stat| stat.alive && stat.started == self.started)
    }

    /// Kills it, and no other that has its id by now.
    pub fn kill(self) {
        let Some(pidfd) =
            i32::try_from(self.pid).ok().and_then(|pid| sys::open_pidfd(Pid::from_raw(pid)).ok())
        else {
            return;
        };
        if self.lives() {
            let _ = sys::kill_by_pidfd(pidfd.as_fd(), Signal::SIGKILL);
        }
    }
}

/// A living process, and its ids from the machine's pid namespace to its own.
pub struct Process {
    pub identity: Identity,
    pub parent: u32,
    pub ids: Vec<u32>,
}

impl Process {
    /// `None` if it has ended.
    pub fn read(pid: u32) -> Option<Self> {
        let stat = stat(pid).filter(|stat| stat.alive)?;
        let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
        let ids = ids(&status)?;
        Some(Self { identity: Identity { pid, started: stat.started }, parent: stat.parent, ids })
    }

    /// Whether it is in a pid namespace below this process's.
    pub fn is_inside(&self) -> bool {
        self.ids.len() > 1
    }

    /// Whether it is the first there.
    pub fn is_init(&self) -> bool {
        self.is_inside() && self.ids.last() == Some(&1)
    }
}

fn ids(status: &str) -> Option<Vec<u32>> {
    let line = status.lines().find_map(|line| line.strip_prefix("NSpid:"))?;
    line.split_whitespace().map(|id| id.parse().ok()).collect()
}

/// What the kernel says of a process in one line.
pub struct Stat {
    /// Not a zombie.
    pub alive: bool,
    pub parent: u32,
    pub started: u64,
}

/// `None` if there is no such process.
pub fn stat(pid: u32) -> Option<Stat> {
    in_stat(&fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)
}

fn in_stat(text: &str) -> Option<Stat> {
    // The name in parentheses may hold anything, more of them too.
    let mut fields = text.get(text.rfind(')')? + 1..)?.split_whitespace();
    let alive = !matches!(fields.next()?, "Z" | "X");
    let parent = fields.next()?.parse().ok()?;
    // State and parent are the third and fourth field of proc_pid_stat(5), this is the 22nd.
    let started = fields.nth(17)?.parse().ok()?;
    Some(Stat { alive, parent, started })
}

/// Proportional set size of processes together, in bytes: what several share counts once.
///
/// # Errors
/// Where the kernel doesn't tell, as for the processes of another user.
pub fn pss(pids: &[u32]) -> Result<u64, String> {
    let mut sum = 0;
    for pid in pids {
        match fs::read_to_string(format!("/proc/{pid}/smaps_rollup")) {
            Ok(text) => sum += kib(&text, "Pss:").unwrap_or_default() * 1024,
            // It has ended meanwhile.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) if error.raw_os_error() == Some(libc::ESRCH) => {}
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
                return Err("the kernel tells root alone what these processes hold".to_owned());
            }
            Err(error) => return Err(format!("/proc/{pid}/smaps_rollup: {error}")),
        }
    }
    Ok(sum)
}

/// The value of a line `name   value kB`.
pub fn kib(text: &str, name: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    line.trim().strip_suffix("kB")?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pss_is_read_from_its_own_line() {
        let text = "5581-7ffe ---p [rollup]\nRss: 9 kB\nPss:   1234 kB\nPss_Dirty:  8 kB\n";
        assert_eq!(kib(text, "Pss:"), Some(1234));
        assert_eq!(kib("", "Pss:"), None);
    }

    #[test]
    fn a_process_is_told_by_its_start() {
        let text = "9 (a) Z (b) S 4 1 1 0 -1 4 0 0 0 0 0 0 0 0 20 0 1 0 777 0 0";
        let stat = in_stat(text).unwrap();
        assert_eq!((stat.alive, stat.parent, stat.started), (true, 4, 777));
        assert!(!in_stat(&text.replace(") S", ") Z")).unwrap().alive);
        let pid = std::process::id();
        let own = Identity { pid, started: super::stat(pid).unwrap().started };
        assert!(own.lives() && !Identity { started: own.started + 1, ..own }.lives());
    }

    #[test]
    fn the_first_process_of_a_namespace_is_told_by_its_ids() {
        let process = |text: &str| Process {
            identity: Identity { pid: 77, started: 7 },
            parent: 1,
            ids: ids(&format!("Name:\tx\nNSpid:\t{text}\n")).unwrap(),
        };
        assert!(process("77\t1").is_init() && process("77\t1").is_inside());
        assert!(process("77\t2").is_inside() && !process("77\t2").is_init());
        assert!(!process("1").is_init() && !Process::read(std::process::id()).unwrap().is_inside());
    }

    #[test]
    fn this_process_holds_something_and_its_child_is_below_it() {
        let own = std::process::id();
        let mut child = std::process::Command::new("sleep").arg("60").spawn().unwrap();
        let (tree, below) = (tree(own), below(own));
        let _ = child.kill();
        child.wait().unwrap();
        assert!(tree.contains(&own) && tree.contains(&child.id()), "{tree:?}");
        assert!(below.contains(&child.id()) && !below.contains(&own), "{below:?}");
        assert!(pss(&[own]).unwrap() > 0);
    }
}
