//! The limits of one run.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::config;

/// The limits of one run. Sizes are bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// Time from the moment the code is handed over to its end.
    pub wall_time: Duration,
    /// CPU time of all processes together.
    pub cpu_time: Duration,
    /// Memory of all processes together, scratch files included.
    pub memory: u64,
    /// Processes and threads at one time.
    pub processes: u32,
    /// Open descriptors of one process.
    pub open_files: u32,
    /// Size of one file.
    pub file_size: u64,
    /// All files under `/tmp`, `/sandbox`, `/outputs` and `/dev/shm` together.
    pub scratch_size: u64,
    /// Files and directories there.
    pub scratch_inodes: u64,
    /// Bytes kept of standard output, and as many of standard error.
    pub output: u64,
    /// The run's result as JSON text.
    pub result: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self::from_config(&config::Limits::default())
    }
}

impl Limits {
    /// The limits of a run under this configuration.
    #[must_use]
    pub fn from_config(limits: &config::Limits) -> Self {
        let count = |number: u64| u32::try_from(number).unwrap_or(u32::MAX);
        Self {
            wall_time: limits.code_timeout,
            cpu_time: limits.cpu_time,
            memory: limits.memory,
            processes: count(limits.processes),
            open_files: count(limits.open_files),
            file_size: limits.file_size,
            scratch_size: limits.scratch_size,
            scratch_inodes: limits.scratch_inodes,
            output: limits.output,
            result: limits.result,
        }
    }
}
