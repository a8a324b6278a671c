//! One caller, one run after the other.

use std::process::Stdio;
use std::time::Duration;

use serde::Serialize;
use tokio::process::Command;

use super::stats::{Failed, Times};
use super::{BenchError, Progress, Skipped};
use crate::harness::caller::{ADD, Caller, NUMPY, Program};
use crate::harness::service::{COLD, Service, Setup, inherited, setting};
use crate::report::Started;

/// How runs meet a sandbox.
struct Pace {
    name: &'static str,
    settings: &'static [(&'static str, &'static str)],
    ahead: bool,
    /// The caller's pause after each answer.
    pause: Duration,
}

/// Where sandboxes are made ahead, one that is back to back may outrun their making: it shows what
/// building costs all the same. With a pause it meets one that stands.
const PACES: &[Pace] = &[
    Pace {
        name: "made ahead, 10 a second",
        settings: &[],
        ahead: true,
        pause: Duration::from_millis(100),
    },
    Pace { name: "made ahead, back to back", settings: &[], ahead: true, pause: Duration::ZERO },
    Pace { name: "none ahead, back to back", settings: COLD, ahead: false, pause: Duration::ZERO },
];

/// Runs at the start that are not counted.
const WARM_UP: usize = 5;

/// What one caller waits for an answer.
#[derive(Debug, Serialize)]
#[allow(missing_docs)]
pub struct Latency {
    /// All that distinguishes the row, in words.
    pub mode: String,
    /// `add` (`result = 2 + 2`) or `numpy` (imports it, and uses it).
    pub program: &'static str,
    pub start: Started,
    /// Whether sandboxes are made ahead.
    pub ahead: bool,
    /// The caller's pause after each answer.
    pub pause_ms: u64,
    /// Runs that warmed up and are not counted.
    pub dropped: usize,
    #[serde(flatten)]
    pub times: Option<Times>,
    /// So many times this row's median is that of `bwrap` with narrow binds, if both were measured.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bwrap_ratio: Option<f64>,
    /// So many times this row's median is that of the reference sidecar, if both were measured.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reference_ratio: Option<f64>,
    #[serde(flatten)]
    pub failed: Failed,
}

/// Rows for `result = 2 + 2`, and for `import numpy` where the interpreter has it.
pub async fn measure(
    setup: &Setup,
    runs: usize,
    progress: Progress<'_>,
) -> Result<(Vec<Latency>, Option<Skipped>), BenchError> {
    let mut rows = Vec::new();
    for start in Started::ALL {
        for pace in PACES {
            let mode = format!("{}, {}", start.name(), pace.name);
            rows.push(measure_one(setup, "add", start, pace, mode, runs, progress).await?);
        }
    }
    if let Err(why) = has_numpy(setup).await {
        return Ok((rows, Some(Skipped { part: "latency of numpy", why })));
    }
    for start in Started::ALL {
        // Back to back says nothing new, and takes long where each run imports it anew.
        for pace in PACES.iter().filter(|pace| !(pace.ahead && pace.pause.is_zero())) {
            let mode = format!("numpy: {}, {}", start.name(), pace.name);
            let runs = if start == Started::Fresh { runs.div_ceil(4) } else { runs };
            rows.push(measure_one(setup, "numpy", start, pace, mode, runs, progress).await?);
        }
    }
    Ok((rows, None))
}

async fn measure_one(
    setup: &Setup,
    name: &'static str,
    start: Started,
    pace: &Pace,
    mode: String,
    runs: usize,
    progress: Progress<'_>,
) -> Result<Latency, BenchError> {
    progress(&format!("latency: {mode}"));
    let mut settings = vec![setting(start)];
    settings.extend(pace.settings);
    let program = if name == "numpy" { NUMPY } else { ADD };
    if name == "numpy" && start == Started::Warm {
        settings.push(("CODEMODE_PRELOAD", "numpy"));
    }
    let service = Service::start(setup, &settings).await?;
    // Among the runtime's threads, where its connection is: else each answer is handed from thread to thread.
    let calling = tokio::spawn(one_caller(service.caller().await?, program, runs, pace.pause));
    let (taken, failed) = calling.await.unwrap_or_else(|panicked| {
        let mut failed = Failed::default();
        failed.add(panicked.to_string());
        (Vec::new(), failed)
    });
    Ok(Latency {
        mode,
        program: name,
        start,
        ahead: pace.ahead,
        pause_ms: pace.pause.as_millis() as u64,
        dropped: WARM_UP,
        times: Times::of(taken),
        bwrap_ratio: None,
        reference_ratio: None,
        failed,
    })
}

/// So many runs one after the other, and some before them to warm up.
async fn one_caller(
    mut caller: Caller,
    program: Program,
    runs: usize,
    pause: Duration,
) -> (Vec<Duration>, Failed) {
    let mut failed = Failed::default();
    let mut taken = Vec::new();
    for number in 0..WARM_UP + runs {
        let sample = caller.run(program).await;
        match sample.failure {
            Some(why) => failed.add(why),
            None if number >= WARM_UP => taken.push(sample.took),
            None => {}
        }
        if !pause.is_zero() {
            tokio::time::sleep(pause).await;
        }
    }
    (taken, failed)
}

/// Whether runs can import it; else why there is nothing to measure.
async fn has_numpy(setup: &Setup) -> Result<(), String> {
    let look = "import importlib.util, sys; sys.exit(importlib.util.find_spec('numpy') is None)";
    let mut command = Command::new(&setup.python);
    command.args(["-I", "-c", look]).env_clear().envs(inherited()).kill_on_drop(true);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    match command.status().await {
        Ok(status) if status.success() => Ok(()),
        Ok(_) => Err("this interpreter has no numpy".to_owned()),
        Err(error) => Err(format!("this interpreter does not start: {error}")),
    }
}
