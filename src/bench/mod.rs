//! `codemode bench`: what this build costs on this machine, measured as its users meet it.
//!
//! It starts what it measures, `codemode serve` with a key on a free port of the loopback interface
//! and a main application with tools, calls it over gRPC with the client's share included, and stops
//! all of it, however it ends. Times are wall-clock time as the caller sees it. Nothing is estimated:
//! percentiles are samples (nearest rank, see [`stats`]), and what failed is counted and told.

mod application;
mod census;
mod endurance;
mod latency;
pub mod limit;
mod load;
mod memory;
mod namespaces;
mod peers;
pub mod stats;
pub mod svg;
pub mod table;
mod tools;
mod waiting;

use std::path::PathBuf;
use std::time::Duration;

use clap::ValueEnum;
use serde::Serialize;

pub use census::{Census, Difference, Held};
pub use endurance::{After, Endurance};
pub use latency::Latency;
pub use limit::{Bare, Limit};
pub use load::{Load, Throughput};
pub use memory::Memory;
pub use namespaces::Namespaces;
pub use peers::Peer;
pub use tools::ToolCalls;
pub use waiting::Waiting;

use crate::harness::service::{self, Setup};
pub use crate::harness::{HarnessError as BenchError, Machine};
use crate::plan::Interpreter;
pub use crate::report::Started;

/// Something that can be measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, ValueEnum, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// One caller, `result = 2 + 2` and `import numpy`, for each way of starting a sandbox
    Latency,
    /// Runs per second and latency with 1, 2, 4, … 64 callers
    Callers,
    /// 8 callers for a while: whether it slows down, and whether runs share a namespace
    Throughput,
    /// The round trip of a tool call inside a run
    Tools,
    /// Many runs that all wait for a tool at once
    Waiting,
    /// What the idle service and each sandbox made ahead hold
    Memory,
    /// `Execute` and a cold `codemode run` beside other sandboxes found on this machine
    Peers,
    /// What the kernel takes for bare processes in new namespaces, without a sandbox
    Limit,
    /// 100,000 runs, and what the service holds after the first 1,000 and at the end (takes minutes)
    Endurance,
}

impl Kind {
    /// What is measured if nothing is named.
    #[must_use]
    pub fn usual() -> Vec<Self> {
        Self::value_variants().iter().copied().filter(|kind| *kind != Self::Endurance).collect()
    }
}

/// How much is measured.
#[derive(Clone, Debug, Serialize)]
pub struct Options {
    /// What to measure.
    pub kinds: Vec<Kind>,
    /// For each point of the curve over callers.
    pub seconds: f64,
    /// For the sustained load.
    pub throughput_seconds: f64,
    /// For each row of latency; five tool calls for each, and one round of peers for five.
    pub runs: usize,
    /// Runs that wait for a tool at once.
    pub waiting: usize,
    /// So many of them are started per second.
    pub starts_per_s: u32,
    /// Runs of the endurance.
    pub endurance_runs: usize,
    /// A Python in which the reference's sidecar is installed, as one more peer.
    pub reference: Option<PathBuf>,
}

/// Something that was asked for, and can't be had here.
#[derive(Clone, Debug, Serialize)]
#[allow(missing_docs)]
pub struct Skipped {
    pub part: &'static str,
    pub why: String,
}

/// Everything that was measured; what wasn't asked for is absent.
#[derive(Debug, Serialize)]
#[allow(missing_docs)]
pub struct Results {
    pub machine: Machine,
    pub options: Options,
    /// Runs and calls that failed, and runs that shared a namespace, over all measurements. Other
    /// sandboxes' failures are theirs, and what the kernel refuses without a sandbox is its own.
    pub failures: usize,
    /// What could not be measured on this machine, and why.
    pub skipped: Vec<Skipped>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub latency: Option<Vec<Latency>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub callers: Option<Vec<Load>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub throughput: Option<Vec<Throughput>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tools: Option<ToolCalls>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub waiting: Option<Vec<Waiting>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory: Option<Memory>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub peers: Option<Vec<Peer>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<Vec<Limit>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub endurance: Option<Endurance>,
}

/// Told of each step before it begins.
pub type Progress<'a> = &'a (dyn Fn(&str) + Sync);

/// Measures what `options` names, one after the other. Dropping the future stops what was started.
///
/// # Errors
/// [`BenchError`]. Runs that fail are no error: they are counted in the results.
pub async fn measure(
    options: Options,
    interpreter: &Interpreter,
    progress: Progress<'_>,
) -> Result<Results, BenchError> {
    let machine = Machine::look(interpreter);
    let app = application::start().await?;
    let dir = tempfile::Builder::new()
        .prefix("codemode-bench-")
        .tempdir()
        .map_err(|error| BenchError::Io("no temporary directory", error))?;
    let setup = Setup {
        python: PathBuf::from(&interpreter.executable),
        main_app: app.target(),
        dir: dir.path().to_owned(),
        patience: service::PATIENCE,
    };
    let wanted = |kind| options.kinds.contains(&kind);
    let mut results = Results {
        machine,
        failures: 0,
        skipped: Vec::new(),
        latency: None,
        callers: None,
        throughput: None,
        tools: None,
        waiting: None,
        memory: None,
        peers: None,
        limit: None,
        endurance: None,
        options: options.clone(),
    };
    if wanted(Kind::Latency) {
        let (rows, skipped) = latency::measure(&setup, options.runs, progress).await?;
        results.latency = Some(rows);
        results.skipped.extend(skipped);
    }
    if wanted(Kind::Callers) {
        results.callers = Some(load::callers(&setup, options.seconds, progress).await?);
    }
    if wanted(Kind::Throughput) {
        results.throughput =
            Some(load::throughput(&setup, options.throughput_seconds, progress).await?);
    }
    if wanted(Kind::Tools) {
        results.tools = Some(tools::measure(&setup, &app, options.runs * 5, progress).await?);
    }
    if wanted(Kind::Waiting) {
        results.waiting = Some(waiting::measure(&setup, &app, &options, progress).await?);
    }
    if wanted(Kind::Memory) {
        results.memory = Some(memory::measure(&setup, progress).await?);
    }
    if wanted(Kind::Peers) {
        let rounds = (options.runs / 5).max(5);
        let reference = options.reference.as_deref();
        let compared = peers::Compared { interpreter, reference, rounds };
        results.peers = Some(peers::measure(&setup, compared, progress).await?);
    }
    if wanted(Kind::Limit) {
        results.limit = Some(limit::measure(options.limit_length(), progress).await?);
    }
    if wanted(Kind::Endurance) {
        let runs = options.endurance_runs;
        results.endurance = Some(endurance::measure(&setup, runs, progress).await?);
    }
    results.compare();
    results.failures = results.count_failures();
    Ok(results)
}

impl Options {
    /// Half a second is enough for hundreds; longer where everything is.
    fn limit_length(&self) -> Duration {
        Duration::from_millis(500).mul_f64(self.seconds.clamp(1.0, 4.0))
    }
}

impl Results {
    /// How many times each row of latency the peers' medians are.
    fn compare(&mut self) {
        let median = |name: &str| {
            let peer = self.peers.iter().flatten().find(|peer| peer.name == name)?;
            peer.times.map(|times| times.p50_ms)
        };
        let (bwrap, reference) = (median(peers::NARROW), median(peers::REFERENCE));
        for row in self.latency.iter_mut().flatten().filter(|row| row.program == "add") {
            let own = row.times.map(|times| times.p50_ms);
            row.bwrap_ratio = bwrap.zip(own).map(|(its, own)| its / own);
            row.reference_ratio = reference.zip(own).map(|(its, own)| its / own);
        }
    }

    fn count_failures(&self) -> usize {
        let latency = self.latency.iter().flatten().map(|row| row.failed.failures);
        let callers = self.callers.iter().flatten().map(|row| row.failed.failures);
        let throughput = self.throughput.iter().flatten();
        let throughput = throughput.map(|row| row.load.failed.failures + row.namespaces.faults());
        let tools = self.tools.iter().map(|all| all.failed.failures);
        let waiting = self.waiting.iter().flatten().map(|row| row.failed.failures);
        let endurance = self.endurance.iter().map(|all| all.failed.failures);
        let peers = self.peers.iter().flatten().filter(|peer| peer.ours && peer.failure.is_some());
        latency
            .chain(callers)
            .chain(throughput)
            .chain(tools)
            .chain(waiting)
            .chain(endurance)
            .sum::<usize>()
            + peers.count()
    }
}
