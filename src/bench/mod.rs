//! `codemode bench`: what this build costs on this machine, measured as its users meet it.
//!
//! It starts what it measures, `codemode serve` with a key on a free port of the loopback interface
//! and a main application with tools, calls it over gRPC with the client's share included, and stops
//! all of it, however it ends. Times are wall-clock time as the caller sees it. Nothing is estimated:
//! percentiles are samples (nearest rank, see [`stats`]), and what failed is counted and told.

mod application;
mod caller;
pub mod guard;
mod latency;
mod load;
pub mod machine;
mod memory;
mod peers;
mod processes;
mod service;
pub mod stats;
pub mod svg;
pub mod table;
mod tools;
mod waiting;

use std::io;
use std::path::PathBuf;

use clap::ValueEnum;
use serde::Serialize;

pub use latency::Latency;
pub use load::{Load, Throughput};
pub use machine::Machine;
pub use memory::Memory;
pub use peers::Peer;
pub use tools::ToolCalls;
pub use waiting::Waiting;

use crate::plan::Interpreter;
use service::Setup;

/// Something that can be measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, ValueEnum, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// One caller, `result = 2 + 2`, for each way of starting a sandbox
    Latency,
    /// Runs per second and latency with 1, 2, 4, … 64 callers
    Callers,
    /// 8 callers for a while, and whether it slows down
    Throughput,
    /// The round trip of a tool call inside a run
    Tools,
    /// Many runs that all wait for a tool at once
    Waiting,
    /// What the idle service and each sandbox made ahead hold
    Memory,
    /// A cold `codemode run` beside other sandboxes found on this machine
    Peers,
}

/// How much is measured.
#[derive(Clone, Debug, Serialize)]
pub struct Options {
    /// What to measure.
    pub kinds: Vec<Kind>,
    /// For each point of the curve over callers; the sustained load takes five times as long.
    pub seconds: u32,
    /// For each row of latency; five tool calls for each, and one round of peers for five.
    pub runs: usize,
    /// Runs that wait for a tool at once.
    pub waiting: usize,
    /// So many of them are started per second.
    pub starts_per_s: u32,
}

/// Everything that was measured; what wasn't asked for is absent.
#[derive(Debug, Serialize)]
#[allow(missing_docs)]
pub struct Results {
    pub machine: Machine,
    pub options: Options,
    /// Runs and calls that failed, over all measurements. Other sandboxes' failures are theirs.
    pub failures: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub latency: Option<Vec<Latency>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub callers: Option<Vec<Load>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub throughput: Option<Throughput>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tools: Option<ToolCalls>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub waiting: Option<Waiting>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory: Option<Memory>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub peers: Option<Vec<Peer>>,
}

/// Why nothing could be measured.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BenchError {
    /// The service did not come up, or went away.
    #[error("the service that was to be measured {0}; see what `codemode doctor` says")]
    Service(String),
    /// Something of the bench's own: a directory, a port, a process.
    #[error("{0}: {1}; free what is short and try again")]
    Io(&'static str, #[source] io::Error),
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
    let app = application::Application::start().await?;
    let dir = tempfile::Builder::new()
        .prefix("codemode-bench-")
        .tempdir()
        .map_err(|error| BenchError::Io("no temporary directory", error))?;
    let setup = Setup {
        python: PathBuf::from(&interpreter.executable),
        main_app: app.target(),
        dir: dir.path().to_owned(),
    };
    let wanted = |kind| options.kinds.contains(&kind);
    let mut results = Results {
        machine,
        failures: 0,
        latency: None,
        callers: None,
        throughput: None,
        tools: None,
        waiting: None,
        memory: None,
        peers: None,
        options: options.clone(),
    };
    if wanted(Kind::Latency) {
        results.latency = Some(latency::measure(&setup, options.runs, progress).await?);
    }
    if wanted(Kind::Callers) {
        results.callers = Some(load::callers(&setup, options.seconds, progress).await?);
    }
    if wanted(Kind::Throughput) {
        results.throughput = Some(load::throughput(&setup, options.seconds * 5, progress).await?);
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
        results.peers = Some(peers::measure(interpreter, dir.path(), rounds, progress).await?);
    }
    results.failures = results.count_failures();
    Ok(results)
}

impl Results {
    fn count_failures(&self) -> usize {
        let latency = self.latency.iter().flatten().map(|row| row.failed.failures);
        let callers = self.callers.iter().flatten().map(|row| row.failed.failures);
        let throughput = self.throughput.iter().map(|all| all.load.failed.failures);
        let tools = self.tools.iter().map(|all| all.failed.failures);
        let waiting = self.waiting.iter().map(|all| all.failed.failures);
        let peers = self.peers.iter().flatten().filter(|peer| peer.ours && peer.failure.is_some());
        latency.chain(callers).chain(throughput).chain(tools).chain(waiting).sum::<usize>()
            + peers.count()
    }
}
