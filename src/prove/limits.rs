//! The limits of a case's run, and whether what it used is within them.

use std::str::FromStr;

use super::finding::{Finding, Seen};
use super::header::{Header, Observer};
use crate::config::parse_size;
use crate::policy::{Limits, Wall};
use crate::report::Report;

/// The kernel counts memory in batches of pages per processor.
const MEMORY_SLACK: u64 = 2 << 20;
/// Where no group counts it, a run may be above its limit between two looks of the watchdog, but never by more
/// than each process may take beyond it (RLIMIT_DATA).
const WATCHED_SLACK: u64 = 256 << 20;

impl Header {
    /// The limits that its flags set.
    #[must_use]
    pub fn limits(&self) -> Limits {
        let default = Limits::default();
        let size = |flag, default| self.flag(flag).and_then(parse_size).unwrap_or(default);
        Limits {
            memory: size("--memory", default.memory),
            output: size("--output", default.output),
            scratch_size: size("--scratch-size", default.scratch_size),
            processes: self.number("--processes", default.processes),
            ..default
        }
    }

    /// So many bytes of loot fit into its output, in hexadecimal digits and beside other things.
    #[must_use]
    pub fn budget(&self) -> u64 {
        self.limits().output / 4
    }

    fn flag(&self, name: &str) -> Option<&str> {
        let mut words = self.flags.iter();
        words.find(|word| *word == name)?;
        words.next().map(String::as_str)
    }

    fn number<T: FromStr>(&self, flag: &str, default: T) -> T {
        self.flag(flag).and_then(|text| text.parse().ok()).unwrap_or(default)
    }
}

/// A byte that is no text takes three in its place; and it is said where output was cut.
const TEXT: u64 = 3;
const NOTE: u64 = 100;

/// Output, memory, processes and scratch of the run against its limits.
#[must_use]
pub fn bounded(header: &Header, report: &Report) -> Finding {
    let (limits, usage) = (header.limits(), &report.usage);
    let counted = report.walls.iter().any(|wall| wall.wall == Wall::CgroupMemory && wall.standing);
    let memory_slack = if counted { MEMORY_SLACK } else { WATCHED_SLACK };
    let text = report.stdout.len().max(report.stderr.len()) as u64;
    let all = [
        ("bytes of standard output", Some(usage.stdout_bytes), limits.output, 0),
        ("bytes of standard error", Some(usage.stderr_bytes), limits.output, 0),
        ("bytes of output as text", Some(text), TEXT * limits.output, NOTE),
        ("bytes of memory", usage.memory_peak, limits.memory, memory_slack),
        ("processes", usage.processes_peak, limits.processes.into(), 0),
        ("bytes of scratch", usage.scratch_bytes, limits.scratch_size, 0),
    ];
    let over = all.iter().filter_map(|(what, used, limit, slack)| {
        let used = used.filter(|used| *used > limit + slack)?;
        Some(format!("{used} {what}, limit {limit}"))
    });
    let told = all.iter().filter_map(|(what, used, ..)| Some(format!("{} {what}", (*used)?)));
    let told = told.collect::<Vec<_>>().join(", ");
    Finding::of(Observer::Bounded, Seen::unless(over.collect(), told))
}
