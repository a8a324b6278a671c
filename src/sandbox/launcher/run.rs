//! One run on the parent side: launched, watched, ended. A small state machine that its worker
//! drives with what the kernel reports.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::sys::signal::Signal;
use nix::sys::statvfs::fstatvfs;
use nix::unistd::Pid;

use super::collect::Collector;
use super::failure::{Step, of_stage, wall_of};
use super::group::Groups;
use super::host::Host;
use super::outer::Outer;
use super::processes::CpuLedger;
use super::warm::Warm;
use super::birth::{self, Born};
use super::{prepare, processes};
use crate::policy::{Limits, Wall};
use crate::sandbox::child::{RunFiles, Way};
use crate::sandbox::enforced::Refusal;
use crate::sandbox::messages::{End, LauncherKill, Outputs, Readings, RunId, Status};
use crate::sandbox::record::{Record, Stage};
use crate::sys;

/// Descriptors that the front hands over for a run.
pub struct Handed {
    /// Standard input.
    pub stdin: OwnedFd,
    /// Standard output.
    pub stdout: OwnedFd,
    /// Standard error.
    pub stderr: OwnedFd,
    /// The guest's end of the control socket.
    pub control: OwnedFd,
}

/// A sandbox being built, running or ending.
pub struct Run {
    /// Which host id it has, as an offset.
    pub slot: u32,
    /// Refers to init.
    pub pidfd: OwnedFd,
    /// Our end of the child's socket.
    pub setup: OwnedFd,
    /// Set when every wall stands.
    pub started: bool,
    /// Whether it was forked from a warm interpreter.
    pub warm: bool,
    /// Walls that the plan allows to be missing, and are.
    pub missing: Vec<(Wall, i32)>,
    /// The proxy's listening socket, until the front has it.
    pub proxy: Option<OwnedFd>,
    /// The step that failed, if one did.
    pub refusal: Option<Refusal>,
    /// When its CPU time and memory are looked at next.
    pub next_look: Instant,
    /// The collector of its outputs, once it has ended.
    pub collector: Option<Collector>,
    end: Option<End>,
    pid: Pid,
    groups: Groups,
    limits: Limits,
    scratch: Option<OwnedFd>,
    status: Option<Status>,
    killed_for: Option<LauncherKill>,
    /// The interpreter, where it is in no pid namespace that ends with init.
    guest: Option<Pid>,
    exec_refusals: u64,
    /// Kills for memory in the group around the service, before this run.
    shared_oom_kills: Option<u64>,
    memory_peak: u64,
    threads_peak: u64,
    ledger: CpuLedger,
    cpu_peak: Duration,
}

/// The shortest time between two looks at one run.
const LOOK_FLOOR: Duration = Duration::from_millis(20);
/// How often memory is looked at where no cgroup counts it.
const WATCHDOG: Duration = Duration::from_millis(50);

impl Run {
    /// Clones the sandbox's init and lets it go.
    ///
    /// # Errors
    /// A refusal; nothing of the run is left then.
    pub fn launch(
        host: &Host,
        warm: Option<&Warm>,
        id: RunId,
        slot: u32,
        limits: Limits,
        handed: Handed,
    ) -> Result<Self, Refusal> {
        let groups =
            Groups::make(&host.bases.bases, id, &limits).step("cgroup", Wall::CgroupMemory)?;
        let built = Self::clone_into(host, warm, slot, limits, handed, &groups);
        match built {
            Ok(Born { pid, pidfd, ours: setup, warm }) => Ok(Self {
                slot,
                pid,
                pidfd,
                setup,
                started: false,
                warm,
                missing: Vec::new(),
                proxy: None,
                refusal: None,
                next_look: Instant::now() + WATCHDOG,
                collector: None,
                end: None,
                groups,
                limits,
                scratch: None,
                status: None,
                killed_for: None,
                guest: None,
                exec_refusals: 0,
                shared_oom_kills: host.outer.as_ref().and_then(Outer::oom_kills),
                memory_peak: 0,
                threads_peak: 0,
                ledger: CpuLedger::default(),
                cpu_peak: Duration::ZERO,
            }),
            Err(refusal) => {
                let _ = groups.remove(&host.bases.bases);
                Err(refusal)
            }
        }
    }

    fn clone_into(
        host: &Host,
        warm: Option<&Warm>,
        slot: u32,
        limits: Limits,
        handed: Handed,
        groups: &Groups,
    ) -> Result<Born, Refusal> {
        let (ours, theirs) = birth::setup_sockets().step("socket", None)?;
        let ruleset = match &host.landlock {
            Ok(landlock) => landlock
                .ruleset()
                .map_err(|error| std::io::Error::other(error.to_string()))
                .step("landlock ruleset", Wall::Landlock)?,
            Err(_) => None,
        };
        let (memory, processes) = (host.counts("memory"), host.counts("pids"));
        let files = RunFiles {
            setup: theirs,
            group: groups.v2().map(|group| group.try_clone_to_owned()).transpose().step("cgroup", None)?,
            groups: groups.entries(host.way() == Way::Unshare).step("cgroup", Wall::CgroupMemory)?,
            stdin: handed.stdin,
            stdout: handed.stdout,
            stderr: handed.stderr,
            control: handed.control,
            ruleset,
            scratch_options: prepare::scratch_options(&limits)?,
            rlimits: prepare::rlimits(&limits, memory, processes, host.way() == Way::Confined),
            open_files: u64::from(limits.open_files),
        };
        let Born { pid, pidfd, ours, warm } = birth::give(host, warm, files, ours)?;
        let admitted = birth::admit(host, pid, slot)
            .and_then(|()| sys::send(ours.as_fd(), &[1], &[]).step("start", None));
        match admitted {
            Ok(_) => Ok(Born { pid, pidfd, ours, warm }),
            Err(refusal) => {
                end_now(pid, pidfd.as_fd());
                Err(refusal)
            }
        }
    }

    /// Takes what the child told; `false` once its socket is shut.
    pub fn hear(&mut self) -> bool {
        loop {
            let mut bytes = [0; Record::SIZE];
            match sys::receive(self.setup.as_fd(), &mut bytes, 0) {
                Ok((0, _)) => return false,
                Ok((length, [descriptor, ..])) => {
                    match bytes.get(..length).and_then(Record::decode) {
                        Some(record) => self.take(record, descriptor),
                        None => return false,
                    }
                }
                Err(Errno::EAGAIN) => return true,
                Err(Errno::EINTR) => {}
                Err(_) => return false,
            }
        }
    }

    fn take(&mut self, record: Record, descriptor: Option<OwnedFd>) {
        match record {
            Record::Failed(stage, errno) => {
                self.refusal.get_or_insert_with(|| of_stage(stage, errno));
            }
            Record::Missing(stage, errno) => {
                self.missing.extend(wall_of(stage).map(|wall| (wall, errno)));
            }
            Record::Scratch => self.scratch = descriptor,
            Record::Proxy => self.proxy = descriptor,
            Record::Sealed => self.started = true,
            Record::Exited(code) => self.status = Some(Status::Exited(code)),
            Record::Signaled(signal) => self.status = Some(Status::Signaled(signal)),
            Record::ExecRefused(count) => self.exec_refusals = count.unsigned_abs().into(),
            Record::Guest(pid) => self.guest = Some(Pid::from_raw(pid)),
            Record::Gate | Record::Init(_) => {}
        }
    }

    /// The processes of it that are ours to reap.
    pub fn children(&self) -> impl Iterator<Item = Pid> {
        let collector = self.collector.as_ref().map(|collector| collector.pid);
        [Some(self.pid), self.guest, collector].into_iter().flatten()
    }

    /// Ends every process of the run: the kernel takes the pid namespace down with its init.
    pub fn kill(&self) {
        // ESRCH: it is gone already, which is what was asked for.
        let _ = sys::kill_by_pidfd(self.pidfd.as_fd(), Signal::SIGKILL);
    }

    /// Kills the run and waits for its end.
    pub fn abandon(&self) {
        end_now(self.pid, self.pidfd.as_fd());
    }

    /// Memory in use now, counted by nobody but us, and what it may hold in the kernel besides.
    pub fn size(&mut self) -> u64 {
        let sum = processes::sum(self.pid);
        let memory = sum.memory + self.scratch_used().unwrap_or(0);
        self.memory_peak = self.memory_peak.max(memory);
        memory + sum.kernel
    }

    /// Looks at CPU time and memory, kills the run if it is over, and says when to look again.
    pub fn look(&mut self, now: Instant, processors: u32) {
        let counted = self.groups.cpu();
        let uncounted_memory = self.groups.oom_kills().is_none();
        let sum = (counted.is_none() || uncounted_memory).then(|| processes::sum(self.pid));
        let cpu = match (counted, &sum) {
            (Some(counted), _) => counted,
            (None, Some(sum)) => self.ledger.note(sum.own_cpu.clone(), sum.cpu),
            (None, None) => Duration::ZERO,
        };
        self.cpu_peak = self.cpu_peak.max(cpu);
        if cpu > self.limits.cpu_time {
            self.kill_for(LauncherKill::Cpu);
        }
        // It can't use what is left sooner than with every processor at once.
        let left = self.limits.cpu_time.saturating_sub(cpu) / processors.max(1);
        let mut wait = left.max(LOOK_FLOOR);
        if let (true, Some(sum)) = (uncounted_memory, sum) {
            // No cgroup stops it at its limit: only these looks do, so they come often.
            let memory = sum.memory + self.scratch_used().unwrap_or(0);
            self.memory_peak = self.memory_peak.max(memory);
            self.threads_peak = self.threads_peak.max(sum.threads);
            if memory > self.limits.memory {
                self.kill_for(LauncherKill::Memory);
            }
            // No other counter is this run's own there.
            if self.guest.is_some() && sum.threads > self.limits.processes.into() {
                self.kill_for(LauncherKill::Processes);
            }
            wait = wait.min(WATCHDOG);
        }
        self.next_look = now + wait;
    }

    /// Ends it for a limit.
    pub fn kill_for(&mut self, reason: LauncherKill) {
        self.killed_for.get_or_insert(reason);
        self.kill();
    }

    fn scratch_used(&self) -> Option<u64> {
        let (free, all) = self.scratch_space()?.0;
        Some(all.saturating_sub(free))
    }

    /// Free and all bytes, free and all inodes.
    fn scratch_space(&self) -> Option<((u64, u64), (u64, u64))> {
        let stat = fstatvfs(self.scratch.as_ref()?).ok()?;
        let size = stat.fragment_size();
        let bytes = (stat.blocks_free() * size, stat.blocks() * size);
        Some((bytes, (stat.files_free(), stat.files())))
    }

    fn counters(&self) -> Readings {
        let mut readings = self.groups.readings();
        if let Some((bytes, inodes)) = self.scratch_space() {
            readings.scratch = Some(bytes);
            readings.scratch_inodes = Some(inodes);
        }
        if readings.memory_peak.is_none() && self.memory_peak > 0 {
            readings.memory_peak = Some(self.memory_peak);
        }
        if readings.cpu.is_none() && !self.cpu_peak.is_zero() {
            readings.cpu = Some(self.cpu_peak);
        }
        if readings.processes_peak.is_none() && self.threads_peak > 0 {
            readings.processes_peak = Some(self.threads_peak + 1);
        }
        readings
    }

    /// Readings while its processes still stand.
    pub fn readings(&mut self) -> Readings {
        let sum = processes::sum(self.pid);
        self.memory_peak = self.memory_peak.max(sum.memory);
        self.threads_peak = self.threads_peak.max(sum.threads);
        let mut readings = self.counters();
        readings.open_files = Some(sum.open_files);
        readings.descriptor_slots = Some(sum.descriptor_slots);
        readings.address_space = Some(sum.address_space);
        readings.processes = readings.processes.or(Some(sum.threads + 1));
        readings.memory = readings.memory.or(Some(sum.memory));
        readings
    }

    /// Reaps init. By then every process of its pid namespace is gone (pid_namespaces(7)).
    pub fn reap(&mut self, outer: Option<&Outer>) {
        self.hear();
        let usage = match sys::reap(self.pid) {
            Ok(Some((_, usage))) => usage,
            _ => sys::Usage::default(),
        };
        if self.status.is_some() {
            // Init has reaped it, and another child of ours may have its number by now.
            self.guest = None;
        }
        if self.refusal.is_none() && !self.started {
            // Killed before a wall could speak: by us, or by the kernel for memory.
            self.refusal = Some(of_stage(Stage::Start, Errno::ECHILD as i32));
        }
        let mut readings = self.counters();
        let kills = outer.and_then(Outer::oom_kills);
        readings.shared_oom_kills = kills.zip(self.shared_oom_kills).map(|(now, then)| now - then);
        self.end = Some(End {
            status: self.status.unwrap_or(Status::Killed),
            killed_for: self.killed_for,
            readings,
            user_time: usage.user,
            system_time: usage.system,
            max_rss: usage.max_rss,
            exec_refusals: self.exec_refusals,
            outputs: None,
        });
    }

    /// Begins to collect `/outputs`, if the plan has a place for it and the run got that far.
    pub fn collect(&mut self, outputs: Option<BorrowedFd<'_>>) {
        if let (true, Some(scratch), Some(outputs)) = (self.started, &self.scratch, outputs) {
            self.collector =
                Collector::start(scratch.as_fd(), outputs, self.limits.scratch_size).ok();
        }
    }

    /// The run's end, once; with what became of its outputs.
    pub fn take_end(&mut self, outputs: Option<Outputs>) -> Option<End> {
        let mut end = self.end.take()?;
        end.outputs = outputs;
        Some(end)
    }

    /// Whether init has been reaped.
    pub fn has_ended(&self) -> bool {
        self.end.is_some()
    }

    /// Removes what the kernel still has of it; `false` if it isn't done yet.
    #[must_use]
    pub fn clear(&mut self, host: &Host) -> bool {
        // Killed with init (parent death signal) and left to us.
        if let Some(guest) = self.guest
            && matches!(sys::reap(guest), Ok(None))
        {
            return false;
        }
        self.guest = None;
        self.groups.remove(&host.bases.bases)
    }
}

/// Kills a process that was not reaped, and reaps it.
pub fn end_now(pid: Pid, pidfd: BorrowedFd<'_>) {
    let _ = sys::kill_by_pidfd(pidfd, Signal::SIGKILL);
    let _ = nix::sys::wait::waitpid(pid, None);
}
