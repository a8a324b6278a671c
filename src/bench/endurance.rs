//! Very many runs of one service, and whether it is the same afterwards.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use serde::Serialize;
use tokio::task::JoinSet;

use super::caller::{ADD, Caller};
use super::census::{Census, Difference};
use super::service::{Service, Setup, Start};
use super::stats::{Failed, Times};
use super::{BenchError, Progress};

/// Who call at once, between the two censuses.
const CALLERS: usize = 8;
/// Runs of one caller before each census; fewer if few are asked for.
const PROBE: usize = 1000;
/// So many sandboxes are made ahead, however many runs come: else the censuses would meet different numbers.
const READY: &str = "4";
/// Between two words to who waits.
const WORD: Duration = Duration::from_secs(5);
/// How long the service may take to come to rest.
const PATIENCE: Duration = Duration::from_secs(60);

/// The service after its first runs and after its last.
#[derive(Debug, Serialize)]
#[allow(missing_docs)]
pub struct Endurance {
    pub start: Start,
    /// All of them, those before the first census included.
    pub runs: usize,
    pub seconds: f64,
    pub before: After,
    pub after: After,
    /// What the service holds more than after its first runs.
    pub difference: Difference,
    /// The later median divided by the earlier.
    pub p50_ratio: Option<f64>,
    #[serde(flatten)]
    pub failed: Failed,
}

/// The service once it has answered so many.
#[derive(Debug, Serialize)]
#[allow(missing_docs)]
pub struct After {
    pub runs: usize,
    /// Of the last of these, by one caller, back to back.
    #[serde(flatten)]
    pub times: Option<Times>,
    pub census: Census,
}

pub async fn measure(
    setup: &Setup,
    runs: usize,
    progress: Progress<'_>,
) -> Result<Endurance, BenchError> {
    let start = Start::Warm;
    let settings =
        [start.setting(), ("CODEMODE_READY_LEAST", READY), ("CODEMODE_READY_MOST", READY)];
    let service = Service::start(setup, &settings).await?;
    let probe = PROBE.min(runs.div_ceil(10));
    let mut failed = Failed::default();
    let begun = Instant::now();
    progress(&format!("endurance: the first {probe} runs, and a census"));
    let mut before = look(&service, probe, probe, &mut failed).await?;
    let between = runs.saturating_sub(2 * probe);
    many(&service, between, progress, &mut failed).await?;
    progress(&format!("endurance: the last {probe} runs, and a census"));
    let mut after = look(&service, probe, probe + between + probe, &mut failed).await?;
    Census::pair(&mut before.census, &mut after.census);
    let medians = before.times.zip(after.times);
    Ok(Endurance {
        start,
        runs: after.runs,
        seconds: begun.elapsed().as_secs_f64(),
        p50_ratio: medians.map(|(before, after)| after.p50_ms / before.p50_ms),
        difference: Difference::between(&before.census, &after.census),
        before,
        after,
        failed,
    })
}

/// Runs of one caller, then a census of the service at rest. The same way both times.
async fn look(
    service: &Service,
    probe: usize,
    runs: usize,
    failed: &mut Failed,
) -> Result<After, BenchError> {
    let mut caller = service.caller().await?;
    let mut taken = Vec::new();
    for _ in 0..probe {
        let sample = caller.run(ADD).await;
        match sample.failure {
            Some(why) => failed.add(why),
            None => taken.push(sample.took),
        }
    }
    drop(caller);
    settle(service).await;
    let times = Times::of(taken);
    Ok(After { runs, times, census: Census::take(service.guard()) })
}

/// Waits until the processes of the service stay the same for a second.
async fn settle(service: &Service) {
    let begun = Instant::now();
    let mut before = service.processes();
    while begun.elapsed() < PATIENCE {
        tokio::time::sleep(Duration::from_secs(1)).await;
        let now = service.processes();
        if now == before {
            return;
        }
        before = now;
    }
}

/// So many runs of several callers, each with its next as soon as the last is answered.
async fn many(
    service: &Service,
    runs: usize,
    progress: Progress<'_>,
    failed: &mut Failed,
) -> Result<(), BenchError> {
    let left = Arc::new(AtomicUsize::new(runs));
    let mut tasks = JoinSet::new();
    for _ in 0..CALLERS {
        tasks.spawn(call(service.caller().await?, Arc::clone(&left)));
    }
    let mut word = tokio::time::interval(WORD);
    loop {
        tokio::select! {
            ended = tasks.join_next() => match ended {
                None => return Ok(()),
                Some(Ok(its)) => failed.join(its),
                Some(Err(error)) => failed.add(error.to_string()),
            },
            _ = word.tick() => {
                let done = runs - left.load(Ordering::Relaxed).min(runs);
                progress(&format!("endurance: {done} of {runs} runs"));
            }
        }
    }
}

async fn call(mut caller: Caller, left: Arc<AtomicUsize>) -> Failed {
    let mut failed = Failed::default();
    let take = |left: usize| left.checked_sub(1);
    while left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, take).is_ok() {
        if let Some(why) = caller.run(ADD).await.failure {
            failed.add(why);
            // As any client would, so that failing is not quicker than succeeding.
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
    failed
}
