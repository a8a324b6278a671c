//! From what was seen of a run to what is said of it: one verdict with its evidence, the usage,
//! and the walls. Pure.

#[cfg(any(test, feature = "fuzzing"))]
pub mod fuzzing;
mod start;
mod verdict;
mod walls;

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::policy::Limits;
use crate::sandbox::enforced::{Profile, Standing};
use crate::sandbox::messages::{Outputs, Status};
use crate::supervise::Observed;

pub use start::Started;
pub use verdict::Verdict;

/// What is said of one run. Served over gRPC, printed by `--json`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Report {
    /// How it went.
    pub verdict: Verdict,
    /// What proves the verdict: a counter, a signal, a clock.
    pub evidence: String,
    /// Where its interpreter came from; `None` if it got no sandbox.
    #[serde(default)]
    pub start: Option<Started>,
    /// Exit code of the interpreter, if it exited.
    pub exit_code: Option<i32>,
    /// Signal that ended it, if one did.
    pub signal: Option<i32>,
    /// The result as JSON text.
    pub result: Option<String>,
    /// Names of the uncaught exception's type and its bases, in the guest's words.
    pub exception: Vec<String>,
    /// The exception's text, in the guest's words.
    pub message: String,
    /// Standard output, up to the limit. Empty where it was passed on instead.
    pub stdout: String,
    /// Standard error, up to the limit. Empty where it was passed on instead.
    pub stderr: String,
    /// What the run used.
    pub usage: Usage,
    /// Every wall, and whether it stood for this run.
    pub walls: Vec<Standing>,
}

/// What a run used. Sizes are bytes, times milliseconds; `None` is what this host doesn't tell.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Usage {
    /// From the request to the moment the code was handed over.
    pub start_ms: f64,
    /// From then to the moment every process was gone.
    pub wall_ms: f64,
    /// Of that, from the end of the program to that moment.
    #[serde(default)]
    pub teardown_ms: f64,
    /// Time during which at least one tool call was under way.
    #[serde(default)]
    pub tool_wait_ms: f64,
    /// CPU time of all processes.
    pub cpu_ms: f64,
    /// Of that, in user mode.
    pub user_ms: f64,
    /// Of that, in the kernel.
    pub system_ms: f64,
    /// Most memory in use at one time, page cache and scratch files included.
    pub memory_peak: Option<u64>,
    /// Anonymous memory still in use at the end.
    pub memory_anon: Option<u64>,
    /// Page cache and scratch files still in use at the end.
    pub memory_file: Option<u64>,
    /// Largest resident set of any one process.
    pub max_rss: u64,
    /// Most processes and threads of the code at one time.
    pub processes_peak: Option<u64>,
    /// Bytes written: standard output and error, cut or not, and scratch files at the end.
    pub bytes_written: u64,
    /// Bytes of scratch files at the end.
    pub scratch_bytes: Option<u64>,
    /// Bytes of standard output kept or passed on.
    pub stdout_bytes: u64,
    /// Bytes of standard error kept or passed on.
    pub stderr_bytes: u64,
    /// Bytes of standard output cut off.
    pub stdout_cut: u64,
    /// Bytes of standard error cut off.
    pub stderr_cut: u64,
    /// Tool calls passed on.
    pub tool_calls: u64,
    /// Attempts to start a program that were refused.
    pub exec_refusals: u64,
    /// Files kept from `/outputs`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub outputs: Option<Outputs>,
    /// Connections that the proxy refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub proxy_refusals: Option<u64>,
}

fn milliseconds(time: Duration) -> f64 {
    (time.as_secs_f64() * 1e6).round() / 1e3
}

/// Says what is to be said of a run.
#[must_use]
pub fn report(observed: &Observed, limits: &Limits, profile: &Profile) -> Report {
    let (verdict, evidence) = verdict::judge(observed, limits);
    let done = observed.done.clone().unwrap_or_default();
    let status = observed.end.as_ref().map(|end| end.status);
    Report {
        verdict,
        evidence,
        start: Started::of(observed),
        exit_code: match status {
            Some(Status::Exited(code)) => Some(code),
            _ => None,
        },
        signal: match status {
            Some(Status::Signaled(signal)) => Some(signal),
            Some(Status::Killed) => Some(libc::SIGKILL),
            _ => None,
        },
        result: done.result,
        exception: done.types,
        message: done.message,
        stdout: String::from_utf8_lossy(&observed.stdout.kept).into_owned(),
        stderr: String::from_utf8_lossy(&observed.stderr.kept).into_owned(),
        usage: usage(observed),
        walls: walls::standing(profile, &observed.missing),
    }
}

fn usage(observed: &Observed) -> Usage {
    let mut usage = Usage {
        start_ms: milliseconds(observed.start),
        wall_ms: milliseconds(observed.wall),
        teardown_ms: milliseconds(observed.teardown),
        tool_wait_ms: milliseconds(observed.tool_wait),
        stdout_bytes: observed.stdout.passed,
        stderr_bytes: observed.stderr.passed,
        stdout_cut: observed.stdout.cut,
        stderr_cut: observed.stderr.cut,
        bytes_written: [&observed.stdout, &observed.stderr].map(|s| s.passed + s.cut).iter().sum(),
        tool_calls: observed.tool_calls,
        proxy_refusals: observed.proxy.as_ref().map(|stats| stats.refused()),
        ..Usage::default()
    };
    if let Some(end) = &observed.end {
        let readings = &end.readings;
        let cpu =
            readings.cpu.unwrap_or_default().max(end.user_time.saturating_add(end.system_time));
        usage.cpu_ms = milliseconds(cpu);
        usage.user_ms = milliseconds(end.user_time);
        usage.system_ms = milliseconds(end.system_time);
        usage.memory_peak = readings.memory_peak;
        usage.memory_anon = readings.memory_anon;
        usage.memory_file = readings.memory_file;
        usage.max_rss = end.max_rss;
        // Init is ours.
        usage.processes_peak = readings.processes_peak.map(|peak| peak.saturating_sub(1));
        usage.scratch_bytes = readings.scratch.map(|(free, all)| all.saturating_sub(free));
        usage.bytes_written =
            usage.bytes_written.saturating_add(usage.scratch_bytes.unwrap_or_default());
        usage.exec_refusals = end.exec_refusals;
        usage.outputs = end.outputs.clone();
    }
    usage
}
