//! What operators see of the service: its log, a record per run, numbers, traces.
//!
//! Nothing here may hold up a run: lines go through bounded queues whose losses are counted, numbers
//! are atomic, spans are sent in batches by a thread of their own.

mod audit;
mod call;
mod caller;
mod endpoint;
mod lines;
mod log;
mod metrics;
mod process;
mod text;
mod traces;

use std::sync::Arc;
use std::time::Duration;

use nix::unistd::{Gid, Uid};

use self::lines::Lines;
use self::metrics::Metrics;
use self::traces::Traces;
use crate::config::{Audit, Config};
use crate::sandbox::enforced::Standing;

pub use self::call::{Call, ToolCall, ToolOutcome, ToolWatch};
pub use self::caller::Caller;
pub use self::endpoint::serve as serve_metrics;
pub use self::log::Log;
pub use self::metrics::{Method, Refused, State};
pub use self::text::{is_obeyed, shown};
pub use self::traces::TelemetryError;

/// How long the last lines and spans may take to leave when the service ends.
const LAST_WORDS: Duration = Duration::from_secs(2);

/// Where records go, opened while the process still has its privileges.
pub struct Records {
    lines: Lines,
    include_code: bool,
    reopens: bool,
}

impl Records {
    /// Opens the file that `audit` names, for the ids that the process will have. Without a file
    /// records go where `log` does.
    ///
    /// # Errors
    /// A sentence with the path and the cure.
    pub fn open(audit: &Audit, owner: Option<(Uid, Gid)>, log: &Log) -> Result<Self, String> {
        let lines = match &audit.file {
            None => log.lines(),
            Some(path) => Lines::file(path.clone(), owner).map_err(|error| {
                format!(
                    "audit.file: {} cannot be opened for appending: {error}; give the path of a \
                     regular file, no link, in a directory that exists",
                    path.display()
                )
            })?,
        };
        Ok(Self { lines, include_code: audit.include_code, reopens: audit.file.is_some() })
    }
}

/// Everything that is told of the service and its runs.
pub struct Observer {
    metrics: Metrics,
    records: Option<Records>,
    traces: Option<Traces>,
    log: Lines,
}

impl Observer {
    /// Begins to observe. To be called within the runtime, after privileges were given up: what
    /// writes and sends are threads of this process.
    ///
    /// # Errors
    /// [`TelemetryError`]: the collector's address.
    pub fn start(
        config: &Config,
        log: &Log,
        records: Option<Records>,
    ) -> Result<Arc<Self>, TelemetryError> {
        let log = log.lines();
        log.start();
        if let Some(records) = &records {
            records.lines.start();
        }
        let metrics = Metrics::new();
        let traces = config
            .telemetry
            .as_ref()
            .map(|telemetry| Traces::new(telemetry, metrics.export_failures()));
        Ok(Arc::new(Self { metrics, records, traces: traces.transpose()?, log }))
    }

    /// Shows which of `walls` are missing, until a run tells of its own.
    pub fn walls(&self, walls: &[Standing]) {
        self.metrics.walls(walls);
    }

    /// Counts a finished call. `code` is a gRPC status.
    pub fn answered(&self, method: Method, code: tonic::Code) {
        self.metrics.answered(method, code);
    }

    /// The numbers as Prometheus reads them.
    #[must_use]
    pub fn render(&self, state: &State) -> String {
        let records = self.records.as_ref().map_or(0, |records| records.lines.dropped());
        self.metrics.render(state, self.log.dropped(), records)
    }

    /// Whether [`Observer::reopen`] has something to open.
    #[must_use]
    pub fn reopens(&self) -> bool {
        self.records.as_ref().is_some_and(|records| records.reopens)
    }

    /// Opens the records' file anew, after it was renamed.
    pub fn reopen(&self) {
        if let Some(records) = &self.records {
            records.lines.reopen();
        }
    }

    /// Sends what is left, within a bounded time. Blocks.
    pub fn finish(&self) {
        if let Some(traces) = &self.traces {
            traces.finish(LAST_WORDS);
        }
        if let Some(records) = &self.records {
            records.lines.flush(LAST_WORDS);
        }
        self.log.flush(LAST_WORDS);
    }
}
