//! Flags for the limits of a run.

use std::time::Duration;

use clap::Args;

use crate::config::{parse_seconds, parse_size};
use crate::policy::Limits;

fn size(text: &str) -> Result<u64, String> {
    parse_size(text).ok_or_else(|| "give bytes, or a size such as 64K, 512M, 2G".to_owned())
}

fn seconds(text: &str) -> Result<Duration, String> {
    match parse_seconds(text) {
        Some(time) if !time.is_zero() => Ok(time),
        _ => Err("give seconds above 0, such as 2 or 0.5".to_owned()),
    }
}

/// Limits of the run
#[derive(Args)]
#[command(next_help_heading = "Limits")]
pub(super) struct LimitArgs {
    /// Wall-clock time [default: 30]
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    timeout: Option<Duration>,
    /// CPU time of all processes together [default: 60]
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    cpu_time: Option<Duration>,
    /// Memory of all processes together, scratch files included [default: 512M]
    #[arg(long, value_name = "SIZE", value_parser = size)]
    memory: Option<u64>,
    /// Processes and threads at one time [default: 128]
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u32).range(1..=32768))]
    processes: Option<u32>,
    /// Open descriptors of one process [default: 256]
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u32).range(16..=1_048_576))]
    open_files: Option<u32>,
    /// Size of one file [default: 64M]
    #[arg(long, value_name = "SIZE", value_parser = size)]
    file_size: Option<u64>,
    /// All files in /tmp, /sandbox, /outputs and /dev/shm together [default: 128M]
    #[arg(long, value_name = "SIZE", value_parser = size)]
    scratch_size: Option<u64>,
    /// Files and directories there [default: 16384]
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u64).range(16..=10_000_000))]
    scratch_inodes: Option<u64>,
    /// Bytes of standard output, and as many of standard error [default: 1M]
    #[arg(long, value_name = "SIZE", value_parser = size)]
    output: Option<u64>,
}

impl LimitArgs {
    /// The defaults with what was given in their place.
    pub(super) fn limits(&self) -> Limits {
        let default = Limits::default();
        Limits {
            wall_time: self.timeout.unwrap_or(default.wall_time),
            cpu_time: self.cpu_time.unwrap_or(default.cpu_time),
            memory: self.memory.unwrap_or(default.memory),
            processes: self.processes.unwrap_or(default.processes),
            open_files: self.open_files.unwrap_or(default.open_files),
            file_size: self.file_size.unwrap_or(default.file_size),
            scratch_size: self.scratch_size.unwrap_or(default.scratch_size),
            scratch_inodes: self.scratch_inodes.unwrap_or(default.scratch_inodes),
            output: self.output.unwrap_or(default.output),
            result: default.result,
        }
    }
}
