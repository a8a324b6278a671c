//! Looks at a run while it lives: what its groups count, and what nobody else counts.

use std::time::{Duration, Instant};

use nix::sys::statvfs::fstatvfs;

use super::processes::{self, Sum};
use super::run::Run;
use crate::sandbox::messages::{LauncherKill, Readings};

/// The shortest time between two looks at one run.
const LOOK_FLOOR: Duration = Duration::from_millis(20);
/// How often memory is looked at where no cgroup counts it.
pub const WATCHDOG: Duration = Duration::from_millis(50);

impl Run {
    fn sum(&self) -> Sum {
        processes::sum(self.init.pid, self.guest.as_ref().map(|guest| guest.pid), self.warm)
    }

    /// Memory in use now, counted by nobody but us, and what it may hold in the kernel besides.
    pub fn size(&mut self) -> u64 {
        let sum = self.sum();
        let memory = sum.memory + self.scratch_used().unwrap_or(0);
        self.memory_peak = self.memory_peak.max(memory);
        memory + sum.kernel
    }

    /// Looks at CPU time and memory, kills the run if it is over, and says when to look again.
    pub fn look(&mut self, now: Instant, processors: u32) {
        let counted = self.groups.cpu();
        let uncounted_memory = self.groups.oom_kills().is_none();
        let sum = (counted.is_none() || uncounted_memory).then(|| self.sum());
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
            if self.stray.is_some() && sum.threads > self.limits.processes.into() {
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

    pub(super) fn counters(&self) -> Readings {
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
        let sum = self.sum();
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
}
