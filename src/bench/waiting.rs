//! Many runs that wait for a tool at once.

use std::time::{Duration, Instant};

use serde::Serialize;
use tokio::task::JoinSet;
use tokio::time::MissedTickBehavior;

use super::application::{Application, HOLD};
use super::stats::{Failed, Times};
use super::{BenchError, Options, Progress};
use crate::grpc::proto::ExecutionRequest;
use crate::harness::caller::Caller;
use crate::harness::processes;
use crate::harness::service::{COLD, Service, Setup, setting};
use crate::report::Started;

/// The service takes 1,024 over one.
const CALLS_PER_CONNECTION: usize = 500;
/// How long after the last start all must be waiting.
const PATIENCE: Duration = Duration::from_secs(60);

/// Runs that all wait for one tool, each in a sandbox that was built when it came.
#[derive(Debug, Serialize)]
#[allow(missing_docs)]
pub struct Waiting {
    pub start: Started,
    pub runs: usize,
    pub starts_per_s: u32,
    /// So many waited at once.
    pub waited: usize,
    /// So many were answered rightly, once the tool was.
    pub answered: usize,
    /// From the request to the call of the tool, in the main application.
    #[serde(flatten)]
    pub times: Option<Times>,
    /// Proportional set size of all processes of the service before the first, and while all wait.
    pub before_mib: Option<f64>,
    pub during_mib: Option<f64>,
    /// What each that waits adds.
    pub per_run_mib: Option<f64>,
    /// Why there are no sizes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory_unknown: Option<String>,
    #[serde(flatten)]
    pub failed: Failed,
}

pub async fn measure(
    setup: &Setup,
    app: &Application,
    options: &Options,
    progress: Progress<'_>,
) -> Result<Vec<Waiting>, BenchError> {
    let mut rows = Vec::new();
    for start in Started::ALL {
        rows.push(measure_one(setup, app, options, start, progress).await?);
    }
    Ok(rows)
}

async fn measure_one(
    setup: &Setup,
    app: &Application,
    options: &Options,
    way: Started,
    progress: Progress<'_>,
) -> Result<Waiting, BenchError> {
    let (runs, rate) = (options.waiting, options.starts_per_s);
    progress(&format!("waiting: {}, {runs} runs, {rate} starts a second", way.name()));
    let at_once = runs.to_string();
    let mut settings = vec![("CODEMODE_CONCURRENT_RUNS", &*at_once)];
    settings.extend([setting(way), ("CODEMODE_CODE_TIMEOUT", "300")]);
    settings.extend(COLD);
    let service = Service::start(setup, &settings).await?;
    let callers = connections(&service, runs).await?;
    // One to warm up, which also has the service fetch its list of tools.
    let mut failed = Failed::default();
    app.let_go();
    if let Err(why) = hold(service.caller().await?, 0).await.2 {
        failed.add(why);
    }
    app.let_go();
    app.hold();
    let before = processes::pss(&service.processes());
    let mut tasks = start(&callers, runs, rate).await;
    let waited = all_waiting(app, &mut tasks, runs, &mut failed).await;
    let during = processes::pss(&service.processes());
    progress(&format!("waiting: {}, {waited} wait, and are let go", way.name()));
    let arrived = app.let_go();
    let mut answered = 0;
    let mut started = Vec::new();
    while let Some(ended) = tasks.join_next().await {
        match ended {
            Ok((number, begun, done)) => {
                // Whoever came to the tool counts, whatever became of it.
                started.extend(arrived.get(&number).map(|at| at.duration_since(begun)));
                match done {
                    Ok(()) => answered += 1,
                    Err(why) => failed.add(why),
                }
            }
            Err(error) => failed.add(error.to_string()),
        }
    }
    let mib = |bytes: u64| bytes as f64 / f64::from(1 << 20);
    let memory_unknown = before.as_ref().err().or(during.as_ref().err()).cloned();
    let sizes = before.ok().zip(during.ok()).map(|(before, during)| (mib(before), mib(during)));
    Ok(Waiting {
        start: way,
        runs,
        starts_per_s: rate,
        waited,
        answered,
        times: Times::of(started),
        before_mib: sizes.map(|(before, _)| before),
        during_mib: sizes.map(|(_, during)| during),
        per_run_mib: sizes
            .filter(|_| waited > 0)
            .map(|(before, during)| (during - before) / waited as f64),
        memory_unknown,
        failed,
    })
}

/// As many as so many calls at once need; one at least.
async fn connections(service: &Service, runs: usize) -> Result<Vec<Caller>, BenchError> {
    let mut callers = Vec::new();
    for _ in 0..runs.div_ceil(CALLS_PER_CONNECTION).max(1) {
        callers.push(service.caller().await?);
    }
    Ok(callers)
}

/// A run's number, when it was asked for, and what came of it.
type Ended = (u64, Instant, Result<(), String>);

/// Starts runs at the rate, whether or not the last ones have come to their tool.
async fn start(callers: &[Caller], runs: usize, rate: u32) -> JoinSet<Ended> {
    let mut tasks = JoinSet::new();
    let mut tick = tokio::time::interval(Duration::from_secs(1) / rate);
    tick.set_missed_tick_behavior(MissedTickBehavior::Burst);
    for (number, caller) in callers.iter().cycle().take(runs).enumerate() {
        tick.tick().await;
        tasks.spawn(hold(caller.clone(), number as u64));
    }
    tasks
}

async fn hold(mut caller: Caller, number: u64) -> Ended {
    let request = ExecutionRequest {
        code: format!("result = tools['{HOLD}'].run(value={number})"),
        available_tools: vec![HOLD.to_owned()],
        ..ExecutionRequest::default()
    };
    let begun = Instant::now();
    let done = match caller.execute(request).await {
        Ok(answer) if answer.result == number.to_string() => Ok(()),
        Ok(answer) => Err(format!("the tool's {number} came back as {:?}", answer.result)),
        Err(why) => Err(why),
    };
    (number, begun, done)
}

/// Waits until every run that is left has called the tool, and says how many that are. A run that
/// ends before the tool has answered has failed.
async fn all_waiting(
    app: &Application,
    tasks: &mut JoinSet<Ended>,
    runs: usize,
    failed: &mut Failed,
) -> usize {
    let begun = Instant::now();
    loop {
        while let Some(ended) = tasks.try_join_next() {
            failed.add(match ended {
                Ok((_, _, Err(why))) => why,
                Ok((number, _, Ok(()))) => format!("run {number} was answered before its tool"),
                Err(error) => error.to_string(),
            });
        }
        let held = app.held();
        if held >= runs.min(tasks.len()) || begun.elapsed() > PATIENCE {
            return held.min(tasks.len());
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}
