//! The numbers. Every label's values come from a fixed set; none is anybody's text.

use std::sync::atomic::Ordering;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::TypedMetric;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::{Metric, Registry};
use tonic::Code;

use super::process;
use crate::policy::Wall;
use crate::report::{Report, Started, Verdict};
use crate::sandbox::enforced::Standing;

type Label = (&'static str, &'static str);
type Counters<const N: usize> = Family<[Label; N], Counter>;

/// From half a millisecond to the longest run that can be configured.
const SECONDS: [f64; 17] = [
    0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0,
    60.0, 300.0,
];

/// Defines an enum whose variants are a label's values.
macro_rules! label {
    ($(#[$meta:meta])* $name:ident { $($(#[$vmeta:meta])* $variant:ident = $text:literal),+ $(,)? }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum $name { $($(#[$vmeta])* $variant),+ }

        impl $name {
            /// Every value.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The name in metrics and records.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self { $(Self::$variant => $text),+ }
            }
        }
    };
}
label! {
    /// Why a request was not run.
    Refused {
        /// No key, or a wrong one.
        Unauthenticated = "unauthenticated",
        /// All places and the queue are taken.
        QueueFull = "queue_full",
        /// The service is ending.
        ShuttingDown = "shutting_down",
        /// The program has too many characters.
        TooLong = "too_long",
        /// The request has too many bytes.
        TooLarge = "too_large",
        /// The program holds a blocked word.
        StaticChecks = "static_checks",
        /// A field is not what it should be.
        Invalid = "invalid",
        /// The main application doesn't have its tools, or can't be asked.
        Tools = "tools",
        /// It is no request at all.
        Malformed = "malformed",
    }
}

label! {
    /// A method that is served.
    Method {
        /// `codemode.ExecutorService/Execute`
        Execute = "Execute",
        /// `codemode.ExecutorService/Health`
        Health = "Health",
        /// `codemode.ExecutorService/Ready`
        Ready = "Ready",
        /// The standard health service.
        Check = "grpc.health",
        /// The standard reflection services.
        Reflection = "grpc.reflection",
        /// Anything else.
        Other = "other",
    }
}

label! {
    /// A part of a call's time.
    Phase {
        /// Waiting for a place.
        Queue = "queue",
        /// Asking the main application for its tools, where that was necessary.
        Tools = "tools",
        /// Taking or building a sandbox.
        Sandbox = "sandbox",
        /// From the hand-over of the program to its end, waits for tools included.
        Run = "run",
        /// While at least one tool call was under way.
        ToolWait = "tool_wait",
        /// From the end of the program to the end of its last process.
        Teardown = "teardown",
        /// From the request to the answer.
        Total = "total",
    }
}

label! {
    /// How a tool call ended.
    ToolOutcome {
        /// With a result.
        Ok = "ok",
        /// The tool says that it failed.
        Failed = "failed",
        /// It took too long.
        Timeout = "timeout",
        /// The main application can't be called.
        Unreachable = "unreachable",
        /// Its run ended first.
        Cancelled = "cancelled",
    }
}

/// What is read off the service when it is asked.
#[derive(Clone, Copy, Debug, Default)]
pub struct State {
    /// Requests that wait for a place.
    pub queued: usize,
    /// Requests that have one.
    pub running: usize,
    /// Sandboxes that stand and wait.
    pub ready: usize,
    /// How often the launcher was started anew.
    pub launcher_restarts: u64,
}

pub(super) struct Metrics {
    registry: Registry,
    runs: Counters<1>,
    starts: Counters<1>,
    phases: Family<[Label; 1], Histogram, fn() -> Histogram>,
    queued: Gauge,
    running: Gauge,
    ready: Gauge,
    tool_calls: Counters<1>,
    tool_seconds: Histogram,
    limits: Counters<1>,
    walls: Family<[Label; 1], Gauge>,
    restarts: Counter,
    refused: Counters<1>,
    calls: Counters<2>,
    lost: Counters<1>,
    export_failures: Counter,
    memory: Gauge,
    files: Gauge,
}

fn histogram() -> Histogram {
    Histogram::new(SECONDS)
}

fn count(number: usize) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// Registers a metric and returns it.
fn put<M: Metric + Clone + Default>(registry: &mut Registry, name: &str, help: &str) -> M {
    let metric = M::default();
    registry.register(name, help, metric.clone());
    metric
}

/// A family that shows zero for every value before anything has happened.
fn zeroed<M: Metric + TypedMetric + Clone + Default>(
    registry: &mut Registry,
    (name, help): (&str, &str),
    label: &'static str,
    values: impl IntoIterator<Item = &'static str>,
) -> Family<[Label; 1], M>
where
    [Label; 1]: EncodeLabelSet,
{
    let family = Family::<[Label; 1], M>::default();
    for value in values {
        drop(family.get_or_create(&[(label, value)]));
    }
    registry.register(name, help, family.clone());
    family
}

impl Metrics {
    pub fn new() -> Self {
        let mut registry = Registry::default();
        let r = &mut registry;
        let phases = Family::new_with_constructor(histogram as fn() -> Histogram);
        r.register(
            "codemode_phase_seconds",
            "Time of calls that were run, by phase",
            phases.clone(),
        );
        for phase in Phase::ALL {
            drop(phases.get_or_create(&[("phase", phase.name())]));
        }
        let tool_seconds = histogram();
        let help = "Time of tool calls";
        r.register("codemode_tool_call_seconds", help, tool_seconds.clone());
        let build = Info::new([("version", env!("CARGO_PKG_VERSION"))]);
        r.register("codemode_build", "What is running", build);
        let start: Gauge<f64, std::sync::atomic::AtomicU64> =
            put(r, "process_start_time_seconds", "When the service started, since the epoch");
        start.set(SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64());
        let verdicts = Verdict::ALL.map(Verdict::name);
        let limits = Verdict::ALL.into_iter().filter_map(Verdict::limit);
        let outcomes = ToolOutcome::ALL.iter().map(|outcome| outcome.name());
        let reasons = Refused::ALL.iter().map(|reason| reason.name());
        let walls = Wall::ALL.iter().map(|wall| wall.name());
        Self {
            runs: zeroed(r, ("codemode_runs", "Runs by verdict"), "verdict", verdicts),
            starts: zeroed(
                r,
                (
                    "codemode_starts",
                    "Runs that got a sandbox, by where their interpreter came from",
                ),
                "start",
                Started::ALL.map(Started::name),
            ),
            queued: put(r, "codemode_queue_length", "Requests that wait for a place"),
            running: put(r, "codemode_runs_in_flight", "Requests that have a place"),
            ready: put(r, "codemode_sandboxes_ready", "Sandboxes that stand and wait for a run"),
            tool_calls: zeroed(
                r,
                ("codemode_tool_calls", "Tool calls passed on, by outcome"),
                "outcome",
                outcomes,
            ),
            limits: zeroed(r, ("codemode_limits_hit", "Limits that runs met"), "limit", limits),
            walls: zeroed(
                r,
                ("codemode_wall_missing", "1 where a wall did not stand for the last run"),
                "wall",
                walls,
            ),
            restarts: put(r, "codemode_launcher_restarts", "Launchers started anew"),
            refused: zeroed(
                r,
                ("codemode_refused_requests", "Requests that were not run, by reason"),
                "reason",
                reasons,
            ),
            calls: put(r, "codemode_grpc_calls", "Calls by method and status"),
            lost: zeroed(
                r,
                ("codemode_lines_lost", "Lines of the log and of the audit that were lost"),
                "stream",
                ["log", "audit"],
            ),
            export_failures: put(
                r,
                "codemode_trace_export_failures",
                "Batches of spans that the collector did not take",
            ),
            memory: put(r, "process_resident_memory_bytes", "Resident memory of the front"),
            files: put(r, "process_open_fds", "Open descriptors of the front"),
            phases,
            tool_seconds,
            registry,
        }
    }

    pub fn export_failures(&self) -> Counter {
        self.export_failures.clone()
    }

    pub fn walls(&self, walls: &[Standing]) {
        for standing in walls {
            let gauge = self.walls.get_or_create(&[("wall", standing.wall.name())]);
            gauge.set(i64::from(!standing.standing));
        }
    }

    pub fn phase(&self, phase: Phase, took: Duration) {
        self.phases.get_or_create(&[("phase", phase.name())]).observe(took.as_secs_f64());
    }

    /// A run that has a report.
    pub fn ran(&self, report: &Report, took: Duration) {
        self.verdict(report.verdict);
        if let Some(start) = report.start {
            self.starts.get_or_create(&[("start", start.name())]).inc();
        }
        for limit in limits(report) {
            self.limits.get_or_create(&[("limit", limit)]).inc();
        }
        let usage = &report.usage;
        let milliseconds = |ms: f64| Duration::try_from_secs_f64(ms / 1e3).unwrap_or_default();
        self.phase(Phase::Sandbox, milliseconds(usage.start_ms));
        self.phase(Phase::Run, milliseconds(usage.wall_ms - usage.teardown_ms));
        if usage.tool_calls > 0 {
            self.phase(Phase::ToolWait, milliseconds(usage.tool_wait_ms));
        }
        self.phase(Phase::Teardown, milliseconds(usage.teardown_ms));
        self.phase(Phase::Total, took);
        self.walls(&report.walls);
    }

    pub fn verdict(&self, verdict: Verdict) {
        self.runs.get_or_create(&[("verdict", verdict.name())]).inc();
    }

    pub fn refused(&self, reason: Refused) {
        self.refused.get_or_create(&[("reason", reason.name())]).inc();
    }

    pub fn tool_called(&self, outcome: ToolOutcome, took: Duration) {
        self.tool_calls.get_or_create(&[("outcome", outcome.name())]).inc();
        self.tool_seconds.observe(took.as_secs_f64());
    }

    pub fn answered(&self, method: Method, code: Code) {
        self.calls.get_or_create(&[("method", method.name()), ("code", code_name(code))]).inc();
    }

    /// All of it as OpenMetrics text.
    pub fn render(&self, state: &State, lost_log: u64, lost_audit: u64) -> String {
        self.queued.set(count(state.queued));
        self.running.set(count(state.running));
        self.ready.set(count(state.ready));
        self.restarts.inner().store(state.launcher_restarts, Ordering::Relaxed);
        for (stream, lost) in [("log", lost_log), ("audit", lost_audit)] {
            let counter = self.lost.get_or_create(&[("stream", stream)]);
            counter.inner().store(lost, Ordering::Relaxed);
        }
        self.memory.set(process::resident_bytes().unwrap_or_default());
        self.files.set(process::open_files().unwrap_or_default());
        let mut text = String::with_capacity(16 << 10);
        // Writing to a string can't fail.
        let _ = encode(&mut text, &self.registry);
        text
    }
}

/// The limits that a run met: its verdict's, and output that was cut whatever the verdict.
pub(super) fn limits(report: &Report) -> impl Iterator<Item = &'static str> {
    let of_verdict = report.verdict.limit();
    let cut = report.usage.stdout_cut + report.usage.stderr_cut > 0;
    let output = (cut && report.verdict != Verdict::OutputLimit).then_some("output");
    of_verdict.into_iter().chain(output)
}

pub(super) fn code_name(code: Code) -> &'static str {
    match code {
        Code::Ok => "OK",
        Code::Cancelled => "CANCELLED",
        Code::Unknown => "UNKNOWN",
        Code::InvalidArgument => "INVALID_ARGUMENT",
        Code::DeadlineExceeded => "DEADLINE_EXCEEDED",
        Code::NotFound => "NOT_FOUND",
        Code::AlreadyExists => "ALREADY_EXISTS",
        Code::PermissionDenied => "PERMISSION_DENIED",
        Code::ResourceExhausted => "RESOURCE_EXHAUSTED",
        Code::FailedPrecondition => "FAILED_PRECONDITION",
        Code::Aborted => "ABORTED",
        Code::OutOfRange => "OUT_OF_RANGE",
        Code::Unimplemented => "UNIMPLEMENTED",
        Code::Internal => "INTERNAL",
        Code::Unavailable => "UNAVAILABLE",
        Code::DataLoss => "DATA_LOSS",
        Code::Unauthenticated => "UNAUTHENTICATED",
    }
}

#[cfg(test)]
mod tests;
