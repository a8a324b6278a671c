//! What front and launcher say to each other: one JSON document per datagram. Pure.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::enforced::{Profile, Refusal};
use crate::plan::Plan;
use crate::policy::{Limits, Wall};

/// The largest datagram either side sends, in bytes.
pub use super::order::LARGEST;

/// Names one run between one front and its launcher.
pub type RunId = u64;

/// From the front to the launcher.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Request {
    /// Build a sandbox; standard input, output, error and the control socket come along.
    Launch {
        /// The run.
        run: RunId,
        /// Its limits.
        limits: Limits,
    },
    /// End every process of the run.
    Kill {
        /// The run.
        run: RunId,
    },
    /// Take readings of a run that says it met a limit, while its processes still stand.
    Look {
        /// The run.
        run: RunId,
    },
}

/// The first message from the front: the plan as JSON behind its length (four bytes,
/// little-endian), then the compiled guest as it is.
///
/// # Errors
/// A path that is no text.
pub fn encode_setup(plan: &Plan) -> serde_json::Result<Vec<u8>> {
    let json = serde_json::to_vec(plan)?;
    let length = u32::try_from(json.len()).unwrap_or(u32::MAX);
    let mut message = length.to_le_bytes().to_vec();
    message.extend_from_slice(&json);
    message.extend_from_slice(&plan.guest);
    Ok(message)
}

/// Reads the first message; `None` for anything else.
#[must_use]
pub fn decode_setup(message: &[u8]) -> Option<Plan> {
    let (length, rest) = message.split_first_chunk::<4>()?;
    let (json, guest) = rest.split_at_checked(u32::from_le_bytes(*length) as usize)?;
    let mut plan: Plan = serde_json::from_slice(json).ok()?;
    plan.guest = guest.to_vec();
    Some(plan)
}

/// From the launcher to the front.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Event {
    /// The launcher is set up.
    Ready(Profile),
    /// The launcher can't work on this host; it ends.
    Refused(Refusal),
    /// Every wall of the run stands; its interpreter waits. The proxy's socket comes along in
    /// network mode `restricted`.
    Started {
        /// The run.
        run: RunId,
        /// Walls that the plan allows to be missing, and are, with the errno.
        missing: Vec<(Wall, i32)>,
        /// Whether the interpreter was forked from a warm one.
        #[serde(default)]
        warm: bool,
    },
    /// The run's sandbox could not be built; nothing of it is left.
    Failed {
        /// The run.
        run: RunId,
        /// Why.
        refusal: Refusal,
    },
    /// The readings asked for.
    Looked {
        /// The run.
        run: RunId,
        /// What was read.
        readings: Readings,
    },
    /// Every process of the run is gone.
    Ended {
        /// The run.
        run: RunId,
        /// How, and what it used.
        end: Box<End>,
    },
    /// The warm interpreter is gone; runs start fresh until another has loaded its modules.
    WarmLost {
        /// What became of it.
        why: String,
    },
    /// The cradle is gone; the launcher forks inits itself until there is another.
    CradleLost {
        /// What became of it.
        why: String,
    },
    /// The launcher died and was started again; the runs it had are gone.
    Restarted,
}

/// Counters of a run at one moment. Sizes are bytes; `None` is what this host doesn't tell.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Readings {
    /// Memory in use, by the control group.
    pub memory: Option<u64>,
    /// Most memory in use so far, by the control group or the watchdog.
    pub memory_peak: Option<u64>,
    /// Anonymous memory in use.
    pub memory_anon: Option<u64>,
    /// Page cache and scratch files in use.
    pub memory_file: Option<u64>,
    /// Processes killed for memory.
    pub oom_kills: Option<u64>,
    /// The same in the group that all runs share with the service, since the run began.
    pub shared_oom_kills: Option<u64>,
    /// Most processes and threads at one time, init included.
    pub processes_peak: Option<u64>,
    /// Times the process limit refused a new one.
    pub process_refusals: Option<u64>,
    /// CPU time.
    pub cpu: Option<Duration>,
    /// Scratch bytes free and in all.
    pub scratch: Option<(u64, u64)>,
    /// Scratch inodes free and in all.
    pub scratch_inodes: Option<(u64, u64)>,
    /// Most descriptors open in one process.
    pub open_files: Option<u64>,
    /// Slots of the largest descriptor table of a process; grows in steps, never shrinks.
    pub descriptor_slots: Option<u64>,
    /// Largest address space of one process.
    pub address_space: Option<u64>,
    /// Processes and threads alive.
    pub processes: Option<u64>,
}

/// Why the launcher ended a run by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LauncherKill {
    /// Over its CPU time.
    Cpu,
    /// Over its memory.
    Memory,
    /// Over its processes and threads.
    Processes,
    /// The group that all runs share with the service was full, and it had the most.
    Shared {
        /// Bytes in use in the group.
        in_use: u64,
        /// Bytes that the group may use.
        limit: u64,
    },
}

/// How the interpreter ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// With this exit code.
    Exited(i32),
    /// By this signal.
    Signaled(i32),
    /// With its whole sandbox, before it could end by itself.
    Killed,
}

/// The end of a run, as its launcher saw it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct End {
    /// How the interpreter ended.
    pub status: Status,
    /// Set if the launcher ended it for a limit that it watches.
    pub killed_for: Option<LauncherKill>,
    /// Last readings.
    pub readings: Readings,
    /// CPU time in user mode and in the kernel, of all processes.
    pub user_time: Duration,
    /// CPU time in the kernel.
    pub system_time: Duration,
    /// Largest resident set of any one process.
    pub max_rss: u64,
    /// Attempts to start a program that were refused.
    pub exec_refusals: u64,
    /// What became of the files in `/outputs`.
    pub outputs: Option<Outputs>,
}

/// What became of the files that a run left in `/outputs`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outputs {
    /// Regular files kept.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Links, devices, FIFOs, sockets and over-deep directories left behind.
    pub skipped: u64,
    /// Files that could not be written, with the last reason.
    pub failed: u64,
    /// The last reason.
    pub reason: Option<String>,
    /// The most bytes that were to be copied.
    #[serde(skip)]
    pub most: u64,
}
