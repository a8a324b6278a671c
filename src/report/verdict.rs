//! The verdict of a run, and what proves it.
//!
//! A verdict about a limit rests on a reading of ours: a counter of the kernel's, a signal, a
//! clock. The guest's word decides nothing but which exception a failed program names.

use std::fmt;

use nix::sys::signal::Signal;
use serde::{Deserialize, Serialize};

use crate::policy::Limits;
use crate::sandbox::messages::{End, LauncherKill, Readings, Status};
use crate::supervise::{Observed, Stopped};

/// How a run went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Verdict {
    /// It ran to its end.
    Ok,
    /// An exception ended it.
    Exception,
    /// It ended itself with an exit code other than 0.
    ExitCode,
    /// A signal ended it that stands for no limit.
    Signal,
    /// It ran out of wall-clock time.
    Timeout,
    /// It ran out of CPU time.
    CpuLimit,
    /// It ran out of memory.
    MemoryLimit,
    /// It ran out of processes.
    ProcessLimit,
    /// It ran out of descriptors.
    OpenFilesLimit,
    /// It wrote a file too large.
    FileSizeLimit,
    /// It filled its scratch space.
    ScratchLimit,
    /// It wrote too much to standard output or error, which was cut.
    OutputLimit,
    /// It broke the protocol of its control socket.
    ProtocolViolation,
    /// Nobody waited for it any more.
    Cancelled,
    /// A wall that must stand could not; the code was never read.
    Refused,
    /// Our fault, not the program's.
    SandboxFault,
}

impl Verdict {
    /// Every verdict.
    pub const ALL: [Self; 16] = [
        Self::Ok,
        Self::Exception,
        Self::ExitCode,
        Self::Signal,
        Self::Timeout,
        Self::CpuLimit,
        Self::MemoryLimit,
        Self::ProcessLimit,
        Self::OpenFilesLimit,
        Self::FileSizeLimit,
        Self::ScratchLimit,
        Self::OutputLimit,
        Self::ProtocolViolation,
        Self::Cancelled,
        Self::Refused,
        Self::SandboxFault,
    ];

    /// The name used in reports, as in JSON.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Exception => "exception",
            Self::ExitCode => "exit_code",
            Self::Signal => "signal",
            Self::Timeout => "timeout",
            Self::CpuLimit => "cpu_limit",
            Self::MemoryLimit => "memory_limit",
            Self::ProcessLimit => "process_limit",
            Self::OpenFilesLimit => "open_files_limit",
            Self::FileSizeLimit => "file_size_limit",
            Self::ScratchLimit => "scratch_limit",
            Self::OutputLimit => "output_limit",
            Self::ProtocolViolation => "protocol_violation",
            Self::Cancelled => "cancelled",
            Self::Refused => "refused",
            Self::SandboxFault => "sandbox_fault",
        }
    }

    /// The limit that the run met, by the name of its setting.
    #[must_use]
    pub fn limit(self) -> Option<&'static str> {
        Some(match self {
            Self::Timeout => "code_timeout",
            Self::CpuLimit => "cpu_time",
            Self::MemoryLimit => "memory",
            Self::ProcessLimit => "processes",
            Self::OpenFilesLimit => "open_files",
            Self::FileSizeLimit => "file_size",
            Self::ScratchLimit => "scratch_size",
            Self::OutputLimit => "output",
            _ => return None,
        })
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

type Judgement = (Verdict, String);

/// Judges a run.
pub(super) fn judge(observed: &Observed, limits: &Limits) -> Judgement {
    if let Some(refusal) = &observed.refusal
        && observed.stopped.is_none()
    {
        // What was no wall's doing is ours.
        let verdict = if refusal.wall.is_some() { Verdict::Refused } else { Verdict::SandboxFault };
        return (verdict, refusal.to_string());
    }
    if let Some(fault) = &observed.fault {
        return (Verdict::SandboxFault, fault.clone());
    }
    if let Some(stopped) = &observed.stopped {
        return stopped_by_us(stopped, observed, limits);
    }
    let Some(end) = &observed.end else {
        return (Verdict::SandboxFault, "the run has no end".to_owned());
    };
    kernel_limits(end, limits)
        .or_else(|| looked_limits(observed, end, limits))
        .or_else(|| cut_output(observed, limits))
        .unwrap_or_else(|| own_end(observed, end))
}

fn stopped_by_us(stopped: &Stopped, observed: &Observed, limits: &Limits) -> Judgement {
    match stopped {
        Stopped::Deadline => {
            let (wall, limit) = (observed.wall.as_secs_f64(), limits.wall_time.as_secs_f64());
            (Verdict::Timeout, format!("wall clock {wall:.3} s, limit {limit} s; killed"))
        }
        Stopped::Cancelled => (Verdict::Cancelled, "the caller went away; killed".to_owned()),
        Stopped::Nonsense(what) => {
            (Verdict::ProtocolViolation, format!("on the control socket: {what}; killed"))
        }
    }
}

fn signal(end: &End) -> Option<Signal> {
    match end.status {
        Status::Signaled(signal) => Signal::try_from(signal).ok(),
        Status::Killed => Some(Signal::SIGKILL),
        Status::Exited(_) => None,
    }
}

/// The memory that all share was full, and a run was ended for it: by its own doing if half of it was
/// its own, else by ours, who let too many in.
fn full(own: u64, whole: u64, text: String) -> Judgement {
    if own >= whole / 2 {
        return (Verdict::MemoryLimit, text);
    }
    let cure = "give the container more memory, or lower limits.memory or limits.concurrent_runs";
    (Verdict::SandboxFault, format!("{text}; {cure}"))
}

/// What the kernel, or the launcher's watch, says by itself.
fn kernel_limits(end: &End, limits: &Limits) -> Option<Judgement> {
    let readings = &end.readings;
    let cpu = readings.cpu.unwrap_or_default().max(end.user_time.saturating_add(end.system_time));
    let cpu_text = || {
        let (used, limit) = (cpu.as_secs_f64(), limits.cpu_time.as_secs_f64());
        format!("CPU time {used:.3} s, limit {limit} s")
    };
    if end.killed_for == Some(LauncherKill::Cpu) {
        return Some((Verdict::CpuLimit, format!("{}; killed", cpu_text())));
    }
    if end.killed_for == Some(LauncherKill::Memory) {
        let peak = readings.memory_peak.unwrap_or_default();
        let text = format!("watchdog: {peak} bytes in use, limit {}; killed", limits.memory);
        return Some((Verdict::MemoryLimit, text));
    }
    if end.killed_for == Some(LauncherKill::Processes) {
        let most = readings.processes_peak.unwrap_or_default();
        let text = format!("watchdog: {most} threads, limit {}; killed", limits.processes);
        return Some((Verdict::ProcessLimit, text));
    }
    if let Some(LauncherKill::Shared { in_use, limit }) = end.killed_for {
        let own = readings.memory_peak.unwrap_or_default();
        let text = format!(
            "watchdog: {in_use} of {limit} bytes in use by the service and all runs, of which {own} by \
             this run; killed"
        );
        return Some(full(own, in_use, text));
    }
    if let Some(kills @ 1..) = readings.oom_kills {
        let mut text = format!("cgroup memory: oom_kill {kills}");
        // Linux before 5.19 keeps no peak in v2.
        if let Some(peak) = readings.memory_peak {
            text += &format!(", peak {peak} bytes");
        }
        text += &format!(", limit {}", limits.memory);
        return Some((Verdict::MemoryLimit, text));
    }
    match signal(end) {
        // The signal alone proves nothing: a program can send it to itself.
        Some(signal @ (Signal::SIGXCPU | Signal::SIGKILL)) if cpu >= limits.cpu_time => {
            Some((Verdict::CpuLimit, format!("{signal}; {}", cpu_text())))
        }
        Some(Signal::SIGKILL) if readings.shared_oom_kills.is_some_and(|kills| kills > 0) => {
            let kills = readings.shared_oom_kills.unwrap_or_default();
            let own = readings.memory_peak.unwrap_or_default().max(end.max_rss);
            let text = format!(
                "SIGKILL; oom_kill {kills} in the control group that the service and all runs share; \
                 {own} bytes seen in use by this run"
            );
            Some(full(own, limits.memory, text))
        }
        Some(Signal::SIGXFSZ) => {
            let text = format!("SIGXFSZ; file size limit {} bytes", limits.file_size);
            Some((Verdict::FileSizeLimit, text))
        }
        _ => None,
    }
}

fn failed(observed: &Observed, end: &End) -> bool {
    end.status != Status::Exited(0) || observed.done.as_ref().is_some_and(|done| !done.ok)
}

/// What readings show that were taken when the guest said it had met a limit, or at the end.
fn looked_limits(observed: &Observed, end: &End, limits: &Limits) -> Option<Judgement> {
    if !failed(observed, end) {
        return None;
    }
    if let Some(refusals @ 1..) = end.readings.process_refusals {
        let text = format!("cgroup pids: {refusals} refused, limit {}", limits.processes);
        return Some((Verdict::ProcessLimit, text));
    }
    // Without a look there is still the most that the launcher's watch saw.
    let nothing = Readings::default();
    let look = observed.look.as_ref().unwrap_or(&nothing);
    match observed.done.as_ref()?.errno? {
        libc::EMFILE => open_files(look, limits),
        libc::ENOSPC => scratch(look),
        libc::EAGAIN => processes(look, &end.readings, limits),
        libc::ENOMEM => memory(look, limits),
        _ => None,
    }
}

fn open_files(look: &Readings, limits: &Limits) -> Option<Judgement> {
    let limit = u64::from(limits.open_files);
    if let Some(open) = look.open_files.filter(|open| *open >= limit) {
        return Some((Verdict::OpenFilesLimit, format!("{open} descriptors open, limit {limit}")));
    }
    // Those that an unwinding stack closed again have still grown the table.
    let slots = look.descriptor_slots.filter(|slots| *slots >= limit)?;
    let text = format!("EMFILE with a descriptor table of {slots} slots, limit {limit}");
    Some((Verdict::OpenFilesLimit, text))
}

fn scratch(look: &Readings) -> Option<Judgement> {
    // tmpfs fills whole pages: with none free, the last write met the end.
    if let Some((0, all)) = look.scratch {
        return Some((Verdict::ScratchLimit, format!("scratch: 0 of {all} bytes free")));
    }
    if let Some((0, all)) = look.scratch_inodes {
        return Some((Verdict::ScratchLimit, format!("scratch: 0 of {all} inodes free")));
    }
    None
}

fn processes(look: &Readings, end: &Readings, limits: &Limits) -> Option<Judgement> {
    // Init counts too. The kernel counts a process before it can be seen, so a look right after a
    // refusal may see fewer than a later one: the most ever seen counts.
    let limit = u64::from(limits.processes);
    let most = look.processes.max(look.processes_peak).max(end.processes_peak);
    let alive = most.filter(|alive| *alive > limit)?.saturating_sub(1);
    Some((Verdict::ProcessLimit, format!("{alive} processes and threads, limit {limit}")))
}

fn memory(look: &Readings, limits: &Limits) -> Option<Judgement> {
    // Without a cgroup the kernel refuses memory per process; the refused piece itself was never
    // counted, so near is as close as a reading gets.
    let near = limits.memory / 2;
    let used = look.memory.max(look.memory_peak).filter(|used| *used >= near);
    if let Some(used) = used {
        let text = format!("ENOMEM with {used} bytes in use, limit {}", limits.memory);
        return Some((Verdict::MemoryLimit, text));
    }
    let space = look.address_space.filter(|space| *space >= limits.memory)?;
    let text = format!("ENOMEM with {space} bytes of address space, limit {}", limits.memory);
    Some((Verdict::MemoryLimit, text))
}

fn cut_output(observed: &Observed, limits: &Limits) -> Option<Judgement> {
    let streams = [("stdout", &observed.stdout), ("stderr", &observed.stderr)];
    let (name, stream) = streams.into_iter().find(|(_, stream)| stream.cut > 0)?;
    let text = format!(
        "{name}: {} bytes kept, at least {} cut, limit {}",
        stream.passed, stream.cut, limits.output
    );
    Some((Verdict::OutputLimit, text))
}

fn own_end(observed: &Observed, end: &End) -> Judgement {
    match end.status {
        Status::Exited(0) => (Verdict::Ok, "exit code 0".to_owned()),
        Status::Exited(code) => {
            let raised = observed.done.as_ref().is_some_and(|done| !done.ok);
            let verdict = if raised { Verdict::Exception } else { Verdict::ExitCode };
            (verdict, format!("exit code {code}"))
        }
        Status::Signaled(number) => {
            let name = Signal::try_from(number).map_or("unknown signal", Signal::as_str);
            (Verdict::Signal, format!("{name} ({number})"))
        }
        Status::Killed => (
            Verdict::SandboxFault,
            "the sandbox ended before its interpreter did, and not by us".to_owned(),
        ),
    }
}

#[cfg(test)]
mod tests;
