//! One run on the parent side: launched, watched, ended. A small state machine that its worker
//! drives with what the kernel reports.

mod launch;

use std::cell::Cell;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::sys::signal::Signal;
use nix::sys::socket::{Shutdown, shutdown};
use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::Pid;

use super::birth::{Child, Needs};
use super::collect::Collector;
use super::failure::{of_stage, wall_of};
use super::groups::Groups;
use super::handed_on::HandedOn;
use super::host::Host;
use super::networks::Network;
use super::outer::Outer;
use super::processes;
use super::processes::CpuLedger;
use crate::policy::{Limits, Wall};
use crate::sandbox::enforced::Refusal;
use crate::sandbox::messages::{End, LauncherKill, Outputs, Status};
use crate::sandbox::record::{Record, Stage};
use crate::sys;

/// A sandbox being built, running or ending.
pub struct Run {
    /// Which host id it has, as an offset.
    pub slot: u32,
    /// Process 1 of it.
    pub init: Child,
    /// The interpreter, where it is our child and not init's, until it is reaped.
    pub guest: Option<Child>,
    /// Our end of init's socket.
    pub setup: OwnedFd,
    /// Whether it is known to have started: every wall stands, and its processes are known.
    pub started: bool,
    /// Whether its guest is forked from a warm interpreter.
    pub warm: bool,
    /// What it was made with, while its guest is awaited from the warm interpreter.
    pub ordered: Option<Box<Needs>>,
    /// Its network namespace, to be handed on when it is gone.
    pub network: Option<Network>,
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
    /// The exit code of a guest that is held at its end.
    pub exiting: Option<i32>,
    /// Whether every wall stands.
    sealed: bool,
    pub(super) end: Option<End>,
    /// When its account was taken.
    pub(super) concluded: Option<Instant>,
    /// Whether init is still to be reaped.
    pub(super) stands: bool,
    pub(super) killed: Cell<bool>,
    pub(super) groups: Groups,
    pub(super) limits: Limits,
    pub(super) scratch: Option<OwnedFd>,
    pub(super) status: Option<Status>,
    pub(super) killed_for: Option<LauncherKill>,
    /// The interpreter, where it is in no pid namespace that ends with init.
    pub(super) stray: Option<Pid>,
    pub(super) usage: sys::Usage,
    pub(super) exec_refusals: u64,
    /// Kills for memory in the group around the service, before this run.
    pub(super) shared_oom_kills: Option<u64>,
    pub(super) memory_peak: u64,
    pub(super) threads_peak: u64,
    pub(super) ledger: CpuLedger,
    pub(super) cpu_peak: Duration,
}

/// How long a run that has ended is left standing, so that taking it down takes no processor from its
/// answer.
const COURTESY: Duration = Duration::from_millis(1);

impl Run {
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
            Record::Sealed => self.sealed = true,
            Record::Exited(code) => self.status = Some(Status::Exited(code)),
            Record::Signaled(signal) => self.status = Some(Status::Signaled(signal)),
            Record::ExecRefused(count) => self.exec_refusals = count.unsigned_abs().into(),
            Record::Guest(pid) => self.stray = Some(Pid::from_raw(pid)),
            Record::Exiting(code) => self.exiting = Some(code),
            Record::Gate | Record::Init(_) => {}
        }
    }

    /// Whether it has started, once.
    pub fn starts(&mut self) -> bool {
        let starts = self.sealed && self.ordered.is_none() && !self.started;
        self.started |= starts;
        starts
    }

    /// The processes of it that are ours to reap.
    pub fn children(&self) -> impl Iterator<Item = Pid> {
        let init = self.stands.then_some(self.init.pid);
        let guest = self.guest.as_ref().map(|guest| guest.pid);
        let collector = self.collector.as_ref().map(|collector| collector.pid);
        [init, guest, self.stray, collector].into_iter().flatten()
    }

    /// Ends every process of the run: the kernel takes the pid namespace down with its init.
    pub fn kill(&self) {
        self.killed.set(true);
        if self.stands {
            self.init.kill();
        }
    }

    /// Waits until every process of a killed run is gone.
    pub fn await_end(&mut self) {
        // Init can't end before what lives in its pid namespace is reaped.
        if let Some(guest) = self.guest.take() {
            let _ = waitpid(guest.pid, None);
        }
        if self.stands {
            self.stands = false;
            let _ = waitpid(self.init.pid, None);
        }
    }

    /// The guest, our own child, has ended. Has init end, too.
    pub fn guest_ended(&mut self) {
        self.hear();
        let Some(guest) = self.guest.take() else { return };
        if let Ok(Some((status, usage))) = sys::reap(guest.pid) {
            self.usage = usage;
            // Who was ended with its init was not ended by itself.
            let with_init = matches!(status, WaitStatus::Signaled(_, Signal::SIGKILL, _))
                && processes::is_exiting(self.init.pid);
            if !self.killed.get() && !with_init {
                self.status = match status {
                    WaitStatus::Exited(_, code) => Some(Status::Exited(code)),
                    WaitStatus::Signaled(_, signal, _) => Some(Status::Signaled(signal as i32)),
                    _ => None,
                };
            }
        }
        // Init reads of it, says what it has counted, and ends, and with it whatever is left.
        let _ = shutdown(self.setup.as_raw_fd(), Shutdown::Write);
    }

    /// Lets a guest go on that is held at its end.
    pub fn let_exit(&self) {
        let _ = sys::send(self.setup.as_fd(), &[1], &[]);
    }

    /// The guest is held at its end, with `code`: whether nothing else of the run can go on, so that this
    /// is the run's.
    pub fn take_exit(&mut self, code: i32) -> bool {
        let known = self.started && self.exec_refusals == 0 && !self.killed.get();
        // Init and the one thread that is held.
        if known && self.groups.processes() == Some(2) {
            self.status = Some(Status::Exited(code));
            return true;
        }
        false
    }

    /// Whether it is known that no process is left of what the code was.
    pub fn is_deserted(&self) -> bool {
        let known = self.started && self.status.is_some() && self.exec_refusals == 0;
        // Init itself is what is left.
        known && self.guest.is_none() && self.groups.processes() == Some(1)
    }

    /// Reaps init. By then every process of its pid namespace is gone (pid_namespaces(7)).
    fn reap(&mut self) {
        self.hear();
        if self.stands
            && let Ok(Some((_, usage))) = sys::reap(self.init.pid)
        {
            self.stands = false;
            self.usage = self.usage.plus(usage);
        }
        if self.status.is_some() {
            // Init has reaped it, and another child of ours may have its number by now.
            self.stray = None;
        }
    }

    /// Takes the account of a run of which no process is left, or none that can go on.
    pub fn conclude(&mut self, outer: Option<&Outer>, init_ended: bool) {
        if init_ended {
            self.reap();
        }
        if let Some(guest) = &self.guest {
            self.usage = processes::usage(guest.pid);
        }
        if self.refusal.is_none() && !self.started {
            // Killed before a wall could speak: by us, or by the kernel for memory.
            self.refusal = Some(of_stage(Stage::Start, Errno::ECHILD as i32));
        }
        let mut readings = self.counters();
        let kills = outer.and_then(Outer::oom_kills);
        readings.shared_oom_kills = kills.zip(self.shared_oom_kills).map(|(now, then)| now - then);
        self.concluded = Some(Instant::now());
        self.end = Some(End {
            status: self.status.unwrap_or(Status::Killed),
            killed_for: self.killed_for,
            readings,
            user_time: self.usage.user,
            system_time: self.usage.system,
            max_rss: self.usage.max_rss,
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

    /// Whether its account has been taken.
    pub fn has_ended(&self) -> bool {
        self.end.is_some()
    }

    /// Removes what the kernel still has of it, or hands it on; `false` if that isn't done yet.
    #[must_use]
    pub fn clear(&mut self, host: &Host, on: &mut HandedOn) -> bool {
        if self.stands && !self.killed.get() {
            // What is held at its end, and an idle init.
            if self.concluded.is_some_and(|at| at.elapsed() < COURTESY) {
                return false;
            }
            self.kill();
        }
        if self.ordered.is_some() {
            return false;
        }
        if let Some(guest) = &self.guest {
            if matches!(sys::reap(guest.pid), Ok(None)) {
                return false;
            }
            self.guest = None;
        }
        if self.stands {
            self.reap();
            if self.stands {
                return false;
            }
        }
        // Killed with init (parent death signal) and left to us.
        if let Some(guest) = self.stray
            && matches!(sys::reap(guest), Ok(None))
        {
            return false;
        }
        self.stray = None;
        if !on.groups.take_back(&host.bases.bases, &mut self.groups) {
            return false;
        }
        if let (Some(networks), Some(network)) = (&mut on.networks, self.network.take()) {
            networks.take_back(network);
        }
        true
    }
}
