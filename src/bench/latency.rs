//! One caller, one run after the other.

use std::time::Duration;

use serde::Serialize;

use super::service::{COLD, Service, Setup};
use super::stats::{Failed, Times};
use super::{BenchError, Progress};

/// A way in which sandboxes are started, and how often the caller comes.
struct Mode {
    name: &'static str,
    settings: &'static [(&'static str, &'static str)],
    /// The caller's pause after each answer.
    pause: Duration,
}

/// Where sandboxes are made ahead, one that is back to back outruns their making: it shows what
/// building costs all the same. With a pause it meets one that stands.
const MODES: &[Mode] = &[
    Mode { name: "made ahead, 10 a second", settings: &[], pause: Duration::from_millis(100) },
    Mode { name: "made ahead, back to back", settings: &[], pause: Duration::ZERO },
    Mode { name: "cold, back to back", settings: COLD, pause: Duration::ZERO },
];

/// Runs at the start that are not counted.
const WARM_UP: usize = 5;

/// What one caller waits for `result = 2 + 2`.
#[derive(Debug, Serialize)]
#[allow(missing_docs)]
pub struct Latency {
    pub mode: &'static str,
    /// The caller's pause after each answer.
    pub pause_ms: u64,
    /// Runs that warmed up and are not counted.
    pub dropped: usize,
    #[serde(flatten)]
    pub times: Option<Times>,
    #[serde(flatten)]
    pub failed: Failed,
}

pub async fn measure(
    setup: &Setup,
    runs: usize,
    progress: Progress<'_>,
) -> Result<Vec<Latency>, BenchError> {
    let mut rows = Vec::new();
    for mode in MODES {
        progress(&format!("latency: {}", mode.name));
        let service = Service::start(setup, mode.settings).await?;
        rows.push(measure_one(&service, mode, runs).await?);
    }
    Ok(rows)
}

async fn measure_one(service: &Service, mode: &Mode, runs: usize) -> Result<Latency, BenchError> {
    let mut caller = service.caller().await?;
    let mut failed = Failed::default();
    let mut taken = Vec::new();
    for number in 0..WARM_UP + runs {
        let sample = caller.add().await;
        match sample.failure {
            Some(why) => failed.add(why),
            None if number >= WARM_UP => taken.push(sample.took),
            None => {}
        }
        if !mode.pause.is_zero() {
            tokio::time::sleep(mode.pause).await;
        }
    }
    let pause_ms = mode.pause.as_millis() as u64;
    let times = Times::of(taken);
    Ok(Latency { mode: mode.name, pause_ms, dropped: WARM_UP, times, failed })
}
