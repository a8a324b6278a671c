//! Reading a run's processes through the launcher's /proc, for hosts and counters without a
//! cgroup. Everything read is bounded; a process that is gone by then counts as nothing.

use std::collections::{HashMap, HashSet};
use std::fs;
use std::io::Read as _;
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::{Pid, SysconfVar, sysconf};

use crate::sys;

/// No run has more processes than its limit allows; this bounds the walk all the same.
const MOST: usize = 40_000;

fn children(pid: i32) -> Vec<i32> {
    let Ok(tasks) = fs::read_dir(format!("/proc/{pid}/task")) else { return Vec::new() };
    tasks
        .flatten()
        .filter_map(|task| fs::read_to_string(task.path().join("children")).ok())
        .flat_map(|list| {
            list.split_whitespace().filter_map(|pid| pid.parse().ok()).collect::<Vec<i32>>()
        })
        .collect()
}

/// Ends and reaps every child of this process but `known`.
pub fn end_children_but(known: &HashSet<Pid>) {
    let children = children(Pid::this().as_raw()).into_iter().map(Pid::from_raw);
    let mut left: Vec<Pid> = children.filter(|pid| !known.contains(pid)).collect();
    for pid in &left {
        // Not reaped by anybody yet, so the id is still its own.
        let _ = kill(*pid, Signal::SIGKILL);
    }
    // In any order: an init can't end before what is in its pid namespace is reaped.
    loop {
        left.retain(|pid| matches!(sys::reap(*pid), Ok(None)));
        if left.is_empty() {
            return;
        }
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// The processes of a run, init not included: those below it, and a `guest` that is nobody's child there.
#[must_use]
pub fn below(init: Pid, guest: Option<Pid>) -> Vec<i32> {
    let mut found = children(init.as_raw());
    found.extend(guest.map(Pid::as_raw));
    let mut next = 0;
    while let Some(pid) = found.get(next).copied() {
        found.extend(children(pid));
        next += 1;
        if found.len() > MOST {
            break;
        }
    }
    found
}

/// What one look at a run's processes adds up to.
#[derive(Clone, Debug, Default)]
pub struct Sum {
    /// Anonymous and shared memory resident, in bytes; what several processes share counts once.
    pub memory: u64,
    /// What they may hold in the kernel besides, at most: page tables, and buffers behind descriptors.
    pub kernel: u64,
    /// Processes and threads.
    pub threads: u64,
    /// CPU time of the living and of the children they reaped.
    pub cpu: Duration,
    /// CPU time of each living process by itself.
    pub own_cpu: HashMap<i32, Duration>,
    /// Most descriptors open in one process.
    pub open_files: u64,
    /// Slots of the largest descriptor table: at least the most ever open at one time there,
    /// rounded up by the kernel to 64, 256, 512 ...
    pub descriptor_slots: u64,
    /// Largest address space of one process, at its peak.
    pub address_space: u64,
}

pub(super) fn kib(status: &str, name: &str) -> u64 {
    number(status, name).saturating_mul(1024)
}

pub(super) fn number(status: &str, name: &str) -> u64 {
    status
        .lines()
        .find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))
        .and_then(|rest| rest.split_whitespace().next()?.parse().ok())
        .unwrap_or(0)
}

/// Bytes of a file asked for at once. The kernel doesn't say how long these are, and feeling for the end of
/// one is a dozen calls.
const AT_ONCE: usize = 4 << 10;
/// The most of one that is read.
const LONGEST: u64 = 1 << 20;

/// A file of /proc as text. A process names itself as it likes, so it need not be UTF-8.
fn read(pid: i32, file: &str) -> String {
    let mut bytes = Vec::with_capacity(AT_ONCE);
    let opened = fs::File::open(format!("/proc/{pid}/{file}"));
    match opened.and_then(|file| file.take(LONGEST).read_to_end(&mut bytes)) {
        Ok(_) => String::from_utf8_lossy(&bytes).into_owned(),
        Err(_) => String::new(),
    }
}

/// The fields of `/proc/PID/stat` from the third on, the state (proc(5)). The name before them stands in
/// parentheses and may hold anything, so its end is looked for from behind.
fn stat_fields(stat: &str) -> Vec<&str> {
    stat.rsplit_once(')').map_or_else(Vec::new, |(_, rest)| rest.split_whitespace().collect())
}

/// Where the flags of the process stand there, and its times: of itself in user mode and in the kernel, then
/// of the children it reaped.
const FLAGS: usize = 6;
const TIMES: usize = 11;

/// The four times there, in clock ticks.
pub(super) fn ticks(stat: &str) -> [u64; 4] {
    let fields = stat_fields(stat);
    [0, 1, 2, 3].map(|index| fields.get(TIMES + index).and_then(|f| f.parse().ok()).unwrap_or(0))
}

fn from_ticks(ticks: u64) -> Duration {
    let hertz = sysconf(SysconfVar::CLK_TCK).ok().flatten().unwrap_or(100).max(1) as u64;
    Duration::from_millis(ticks.saturating_mul(1000) / hertz)
}

/// CPU time of a run where no cgroup counts it. Never falls: a process that is gone keeps the time
/// it was last seen with, whoever reaped it.
#[derive(Debug, Default)]
pub struct CpuLedger {
    living: HashMap<i32, Duration>,
    gone: Duration,
    highest: Duration,
}

impl CpuLedger {
    /// Takes down one look: each living process's own time, and the sum with reaped children.
    pub fn note(&mut self, own: HashMap<i32, Duration>, with_reaped: Duration) -> Duration {
        for (pid, seen) in &self.living {
            // A time that fell is another process under the same id.
            if own.get(pid).is_none_or(|now| now < seen) {
                self.gone += *seen;
            }
        }
        self.living = own;
        let total = self.gone + self.living.values().sum::<Duration>();
        self.highest = self.highest.max(total).max(with_reaped);
        self.highest
    }
}

/// CPU time of a process, and with that of the children it reaped.
fn cpu_of(pid: i32) -> (Duration, Duration) {
    let [user, system, reaped_user, reaped_system] = ticks(&read(pid, "stat"));
    let own = user + system;
    (from_ticks(own), from_ticks(own + reaped_user + reaped_system))
}

/// Whether a process is on its way out (`PF_EXITING`).
#[must_use]
pub fn is_exiting(process: Pid) -> bool {
    const PF_EXITING: u64 = 0x4;
    let stat = read(process.as_raw(), "stat");
    let flags = stat_fields(&stat).get(FLAGS).and_then(|flags| flags.parse::<u64>().ok());
    // One that is gone is.
    flags.is_none_or(|flags| flags & PF_EXITING != 0)
}

/// What one process has used so far, as it will be said when it is reaped.
#[must_use]
pub fn usage(process: Pid) -> sys::Usage {
    let pid = process.as_raw();
    let [user, system, ..] = ticks(&read(pid, "stat"));
    sys::Usage {
        user: from_ticks(user),
        system: from_ticks(system),
        max_rss: kib(&read(pid, "status"), "VmHWM"),
    }
}

/// Adds up a run's processes. One that is `warm` shares memory with what it was forked from.
#[must_use]
pub fn sum(init: Pid, guest: Option<Pid>, warm: bool) -> Sum {
    let mut sum = Sum { cpu: cpu_of(init.as_raw()).1, ..Sum::default() };
    let processes = below(init, guest);
    let shared = warm || processes.len() > 1;
    for pid in processes {
        let (alive, status) = living(pid);
        sum.memory += memory(alive, &status, shared);
        let descriptors = descriptors(alive);
        sum.kernel += kib(&status, "VmPTE") + descriptors * BEHIND_A_DESCRIPTOR;
        sum.threads += number(&status, "Threads");
        sum.address_space = sum.address_space.max(kib(&status, "VmPeak"));
        sum.descriptor_slots = sum.descriptor_slots.max(number(&status, "FDSize"));
        let (own, with_reaped) = cpu_of(pid);
        sum.cpu += with_reaped;
        sum.own_cpu.insert(pid, own);
        sum.open_files = sum.open_files.max(descriptors);
    }
    sum
}

/// The most that lies in the kernel behind one descriptor: a socket's buffer, at the default of
/// `net.core.wmem_max`.
const BEHIND_A_DESCRIPTOR: u64 = 416 << 10;

/// A thread by which a process can be read, and its status. The first thread may have ended before the
/// others, and then shows nothing of what they share.
fn living(pid: i32) -> (i32, String) {
    let status = read(pid, "status");
    if status.contains("\nRssAnon:") {
        return (pid, status);
    }
    let tasks = fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
    let threads = tasks.filter_map(|task| task.file_name().to_str()?.parse::<i32>().ok());
    for thread in threads.take(MOST) {
        let of_thread = read(thread, "status");
        if of_thread.contains("\nRssAnon:") {
            return (thread, of_thread);
        }
    }
    (pid, status)
}

/// Memory of one process: where others may `shared` its pages since a fork, its part of them.
fn memory(pid: i32, status: &str, shared: bool) -> u64 {
    let whole = kib(status, "RssAnon") + kib(status, "RssShmem");
    if !shared {
        return whole;
    }
    let rollup = read(pid, "smaps_rollup");
    let part = kib(&rollup, "Pss_Anon") + kib(&rollup, "Pss_Shmem");
    // Nothing is in it for a process that is about to be gone, or that can't be read.
    if part == 0 { whole } else { part }
}

fn descriptors(pid: i32) -> u64 {
    fs::read_dir(format!("/proc/{pid}/fd")).map_or(0, |fds| fds.count() as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_parentheses_does_not_shift_the_fields() {
        let stat = "7 (a) b) c) S 1 2 3 4 5 6 7 8 9 10 100 20 3 4 0 0";
        assert_eq!(ticks(stat), [100, 20, 3, 4]);
        assert_eq!(ticks("nonsense"), [0; 4]);
    }

    #[test]
    fn cpu_time_never_falls_whoever_dies_and_whoever_reaps() {
        let second = Duration::from_secs;
        let own = |times: &[(i32, u64)]| times.iter().map(|(p, t)| (*p, second(*t))).collect();
        let mut ledger = CpuLedger::default();
        assert_eq!(ledger.note(own(&[(2, 1), (3, 4)]), second(5)), second(5));
        // 3 is gone, and nobody was given its time.
        assert_eq!(ledger.note(own(&[(2, 2)]), second(2)), second(6));
        // Another process has its id.
        assert_eq!(ledger.note(own(&[(2, 2), (3, 1)]), second(3)), second(7));
        assert_eq!(ledger.note(own(&[]), second(0)), second(7));
    }

    #[test]
    fn a_part_is_no_more_than_the_whole_and_falls_back_to_it() {
        let own = std::process::id() as i32;
        let status = read(own, "status");
        let (whole, part) = (memory(own, &status, false), memory(own, &status, true));
        assert!(part > 0 && part <= whole + (1 << 20), "{part} of {whole}");
        assert_eq!(memory(-1, "RssAnon: 7 kB\n", true), 7 << 10);
    }

    #[test]
    fn this_process_has_a_child_while_it_runs() {
        let mut child = std::process::Command::new("sleep").arg("5").spawn().unwrap();
        let below = below(nix::unistd::getpid(), None);
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(below.contains(&(child.id() as i32)));
    }
}
