//! Many callers, each with a connection of its own and its next run as soon as the last is answered.

use std::sync::Arc;
use std::time::{Duration, Instant};

use serde::Serialize;
use tokio::sync::Barrier;
use tokio::task::JoinSet;

use super::namespaces::{Namespaces, Watch};
use super::stats::{Failed, Times};
use super::{BenchError, Progress};
use crate::harness::caller::{ADD, Caller, Sample};
use crate::harness::service::{Service, Setup, setting};
use crate::report::Started;

/// How many callers, point by point.
const CURVE: [usize; 7] = [1, 2, 4, 8, 16, 32, 64];
const SUSTAINED: usize = 8;

/// What a number of callers got: a point of the curve.
#[derive(Debug, Serialize)]
#[allow(missing_docs)]
pub struct Load {
    pub start: Started,
    pub callers: usize,
    pub seconds: f64,
    /// Answered rightly within these seconds.
    pub runs_per_s: f64,
    /// One run of each caller at the start, to warm up.
    pub dropped: usize,
    /// Of the runs begun within these seconds.
    #[serde(flatten)]
    pub times: Option<Times>,
    #[serde(flatten)]
    pub failed: Failed,
}

/// A load that is kept up.
#[derive(Debug, Serialize)]
#[allow(missing_docs)]
pub struct Throughput {
    #[serde(flatten)]
    pub load: Load,
    /// Of the runs begun in the first tenth of the time, and in the last.
    pub first_tenth_p50_ms: Option<f64>,
    pub last_tenth_p50_ms: Option<f64>,
    /// What was seen of the runs' namespaces meanwhile.
    pub namespaces: Namespaces,
}

pub async fn callers(
    setup: &Setup,
    seconds: f64,
    progress: Progress<'_>,
) -> Result<Vec<Load>, BenchError> {
    let (mut curve, length) = (Vec::new(), Duration::from_secs_f64(seconds));
    for start in Started::ALL {
        let service = Service::start(setup, &[setting(start)]).await?;
        for callers in CURVE {
            progress(&format!("callers: {}, {callers} for {seconds} s", start.name()));
            let seen = sustain(&service, callers, length).await?;
            curve.push(seen.load(start));
        }
    }
    Ok(curve)
}

pub async fn throughput(
    setup: &Setup,
    seconds: f64,
    progress: Progress<'_>,
) -> Result<Vec<Throughput>, BenchError> {
    let (mut rows, length) = (Vec::new(), Duration::from_secs_f64(seconds));
    for start in Started::ALL {
        progress(&format!("throughput: {}, {SUSTAINED} callers for {seconds} s", start.name()));
        let service = Service::start(setup, &[setting(start)]).await?;
        let watch = Watch::begin(service.guard());
        let seen = sustain(&service, SUSTAINED, length).await?;
        let namespaces = watch.end();
        let [first, last] = seen.tenths();
        rows.push(Throughput {
            load: seen.load(start),
            first_tenth_p50_ms: first,
            last_tenth_p50_ms: last,
            namespaces,
        });
    }
    Ok(rows)
}

struct Seen {
    callers: usize,
    length: Duration,
    begun: Instant,
    /// Failures in warming up.
    failed: Failed,
    samples: Vec<Sample>,
}

async fn sustain(service: &Service, callers: usize, length: Duration) -> Result<Seen, BenchError> {
    let warm = Arc::new(Barrier::new(callers + 1));
    // Ends its tasks when it is dropped.
    let mut tasks = JoinSet::new();
    for _ in 0..callers {
        tasks.spawn(call(service.caller().await?, Arc::clone(&warm), length));
    }
    warm.wait().await;
    let begun = Instant::now();
    let mut seen = Seen { callers, length, begun, failed: Failed::default(), samples: Vec::new() };
    while let Some(ended) = tasks.join_next().await {
        match ended {
            Ok((warm_up, samples)) => {
                if let Some(why) = warm_up.failure {
                    seen.failed.add(why);
                }
                seen.samples.extend(samples);
            }
            Err(error) => seen.failed.add(error.to_string()),
        }
    }
    Ok(seen)
}

/// One run to warm up, then all that fit. A caller that is refused at once waits a moment, as any
/// client would, so that failing is not quicker than succeeding.
async fn call(mut caller: Caller, warm: Arc<Barrier>, length: Duration) -> (Sample, Vec<Sample>) {
    let first = caller.run(ADD).await;
    warm.wait().await;
    let begun = Instant::now();
    let mut samples = Vec::new();
    while begun.elapsed() < length {
        let sample = caller.run(ADD).await;
        if sample.failure.is_some() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        samples.push(sample);
    }
    (first, samples)
}

impl Seen {
    fn load(&self, start: Started) -> Load {
        let mut failed = self.failed.clone();
        for why in self.samples.iter().filter_map(|sample| sample.failure.as_ref()) {
            failed.add(why);
        }
        let in_time = |sample: &&Sample| sample.begun + sample.took <= self.begun + self.length;
        let answered = self.answered().filter(in_time).count();
        Load {
            start,
            callers: self.callers,
            seconds: self.length.as_secs_f64(),
            runs_per_s: answered as f64 / self.length.as_secs_f64(),
            dropped: self.callers,
            times: Times::of(self.answered().map(|sample| sample.took)),
            failed,
        }
    }

    fn answered(&self) -> impl Iterator<Item = &Sample> {
        self.samples.iter().filter(|sample| sample.failure.is_none())
    }

    /// Medians of the first and of the last tenth of the time.
    fn tenths(&self) -> [Option<f64>; 2] {
        let tenth = self.length / 10;
        [0, 9].map(|number| {
            let from = self.begun + tenth * number;
            let within = |sample: &&Sample| {
                let since = sample.begun.saturating_duration_since(from);
                since < tenth && (number == 0 || sample.begun >= from)
            };
            let took = self.answered().filter(within).map(|sample| sample.took);
            Times::of(took).map(|times| times.p50_ms)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_count_what_was_answered_in_time_and_tenths_what_began_there() {
        let begun = Instant::now();
        let at = |begun_ms: u64, took_ms: u64, failure: Option<&str>| Sample {
            begun: begun + Duration::from_millis(begun_ms),
            took: Duration::from_millis(took_ms),
            failure: failure.map(str::to_owned),
        };
        let samples = vec![
            at(0, 10, None),
            at(50, 30, None),
            at(500, 1, Some("no")),
            at(950, 40, None),
            // Ends too late for the rate.
            at(980, 60, None),
        ];
        let seen = Seen {
            callers: 2,
            length: Duration::from_secs(1),
            begun,
            failed: Failed::default(),
            samples,
        };
        let load = seen.load(Started::Fresh);
        assert_eq!((load.runs_per_s, load.dropped, load.failed.failures), (3.0, 2, 1));
        assert_eq!(load.failed.first_failure.as_deref(), Some("no"));
        let times = load.times.unwrap();
        assert_eq!((times.samples, times.p50_ms, times.max_ms), (4, 30.0, 60.0));
        assert_eq!(seen.tenths(), [Some(10.0), Some(40.0)]);
    }
}
