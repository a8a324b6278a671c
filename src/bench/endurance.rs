//! Very many runs of one service, and whether it is the same afterwards.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use serde::Serialize;
use tokio::task::JoinSet;

use super::census::{Census, Difference};
use super::stats::{Failed, Times};
use super::{BenchError, Progress};
use crate::harness::caller::{ADD, Caller};
use crate::harness::service::{Service, Setup, setting};
use crate::report::Started;

/// Who call at once, but for the runs that are timed.
const CALLERS: usize = 8;
/// Runs before the first census, and of one caller after each; fewer if few are asked for.
const FIRST: usize = 1000;
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
    pub start: Started,
    /// Until the last census. Those that are timed after it come on top.
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

/// The service once it has answered so many, and what the next ones take.
#[derive(Debug, Serialize)]
#[allow(missing_docs)]
pub struct After {
    pub runs: usize,
    pub census: Census,
    /// So many came next.
    pub measured: usize,
    /// Of these, by one caller, back to back.
    #[serde(flatten)]
    pub times: Option<Times>,
}

pub async fn measure(
    setup: &Setup,
    runs: usize,
    progress: Progress<'_>,
) -> Result<Endurance, BenchError> {
    let start = Started::Warm;
    let settings =
        [setting(start), ("CODEMODE_READY_LEAST", READY), ("CODEMODE_READY_MOST", READY)];
    let service = Service::start(setup, &settings).await?;
    let first = FIRST.min(runs.div_ceil(10));
    let mut failed = Failed::default();
    let begun = Instant::now();
    let mut before = stage(&service, (0, first), first, progress, &mut failed).await?;
    let done = first + before.measured;
    let mut after = stage(&service, (done, runs), first, progress, &mut failed).await?;
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

/// Runs of several callers until there have been so many, a census of the service at rest, and then runs of
/// one caller: the same way both times.
async fn stage(
    service: &Service,
    (done, runs): (usize, usize),
    measured: usize,
    progress: Progress<'_>,
    failed: &mut Failed,
) -> Result<After, BenchError> {
    many(service, (done, runs), progress, failed).await?;
    progress(&format!("endurance: {runs} runs, and a census"));
    settle(service).await;
    let census = Census::take(service.guard());
    progress(&format!("endurance: the next {measured} by one caller"));
    let mut caller = service.caller().await?;
    let mut taken = Vec::new();
    for _ in 0..measured {
        let sample = caller.run(ADD).await;
        match sample.failure {
            Some(why) => failed.add(why),
            None => taken.push(sample.took),
        }
    }
    Ok(After { runs: runs.max(done), census, measured, times: Times::of(taken) })
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

/// Runs of several callers until so many are done, each with its next as soon as the last is answered.
async fn many(
    service: &Service,
    (done, runs): (usize, usize),
    progress: Progress<'_>,
    failed: &mut Failed,
) -> Result<(), BenchError> {
    let left = Arc::new(AtomicUsize::new(runs.saturating_sub(done)));
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
                let done = runs.saturating_sub(left.load(Ordering::Relaxed));
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
