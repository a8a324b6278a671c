//! What the idle service holds.

use std::time::{Duration, Instant};

use serde::Serialize;

use super::{BenchError, Progress};
use crate::harness::processes;
use crate::harness::service::{COLD, Service, Setup};

/// So many sandboxes stand ready where the share of each is looked for.
const READY: usize = 8;
const PATIENCE: Duration = Duration::from_secs(20);

/// Proportional set sizes, which count once what processes share.
#[derive(Debug, Default, Serialize)]
#[allow(missing_docs)]
pub struct Memory {
    /// All processes of the service, without sandboxes made ahead.
    pub idle_mib: Option<f64>,
    pub idle_processes: usize,
    /// So many sandboxes stood ready.
    pub ready: usize,
    /// All processes of the service with these.
    pub ready_mib: Option<f64>,
    /// What each of them adds.
    pub per_ready_mib: Option<f64>,
    /// Why there are no sizes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory_unknown: Option<String>,
}

pub async fn measure(setup: &Setup, progress: Progress<'_>) -> Result<Memory, BenchError> {
    progress("memory: idle");
    let idle = Service::start(setup, COLD).await?;
    let idle_processes = settled(&idle, 0).await;
    let without = processes::pss(&idle_processes);
    drop(idle);
    progress(&format!("memory: {READY} sandboxes made ahead"));
    let ready = READY.to_string();
    let settings = [("CODEMODE_READY_LEAST", &*ready), ("CODEMODE_READY_MOST", &*ready)];
    let service = Service::start(setup, &settings).await?;
    // Each has an init, and the interpreter below it.
    let least = idle_processes.len() + 2 * READY;
    let with = settled(&service, least).await;
    if with.len() < least {
        let why = format!("only {} processes stood, not {least}", with.len());
        return Ok(Memory { memory_unknown: Some(why), ..Memory::default() });
    }
    let mib = |bytes: &u64| *bytes as f64 / f64::from(1 << 20);
    let all = processes::pss(&with);
    let per_ready = without.as_ref().ok().zip(all.as_ref().ok());
    Ok(Memory {
        idle_mib: without.as_ref().ok().map(mib),
        idle_processes: idle_processes.len(),
        ready: READY,
        ready_mib: all.as_ref().ok().map(mib),
        per_ready_mib: per_ready.map(|(without, with)| (mib(with) - mib(without)) / READY as f64),
        memory_unknown: without.err().or(all.err()),
    })
}

/// The service's processes, once there are at least so many and they stay the same for a while: it
/// tries a sandbox at its start.
async fn settled(service: &Service, least: usize) -> Vec<u32> {
    let begun = Instant::now();
    let mut before = service.processes();
    loop {
        tokio::time::sleep(Duration::from_millis(500)).await;
        let now = service.processes();
        if now == before && now.len() >= least || begun.elapsed() > PATIENCE {
            return now;
        }
        before = now;
    }
}
