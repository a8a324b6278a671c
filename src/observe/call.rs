//! One call of `Execute`, from its request to its answer.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::Observer;
use super::audit::{Code, Event, MOST_ID, MOST_TEXT, Outcome, Record, Tally, now};
use super::caller::Caller;
use super::metrics::{Phase, Refused, code_name};
use super::text::shown;
use super::traces::{CallSpan, ToolSpan};
use crate::report::{Report, Verdict};

pub use super::metrics::ToolOutcome;

/// A call under way. Whatever becomes of it is told once; one that is dropped untold was left by its
/// caller.
pub struct Call {
    observer: Arc<Observer>,
    caller: Caller,
    correlation_id: String,
    code: Code,
    begun: Instant,
    handed: Option<Instant>,
    tally: Arc<Tally>,
    span: Option<CallSpan>,
    log: tracing::Span,
    told: bool,
}

impl Call {
    /// Begins to observe a call. What the caller sent is hostile and shown only made safe.
    #[must_use]
    pub fn begin(
        observer: &Arc<Observer>,
        caller: Caller,
        correlation_id: &str,
        traceparent: Option<&str>,
        code: &str,
    ) -> Self {
        let correlation_id = shown(correlation_id, MOST_ID);
        let include = observer.records.as_ref().is_some_and(|records| records.include_code);
        let traces = observer.traces.as_ref();
        Self {
            // The highest level, so that lines of any level carry it.
            log: tracing::error_span!("execute", correlation_id = correlation_id.as_str()),
            span: traces.map(|traces| traces.call(traceparent, &correlation_id)),
            observer: Arc::clone(observer),
            caller,
            correlation_id,
            code: Code::new(code, include),
            begun: Instant::now(),
            handed: None,
            tally: Arc::default(),
            told: false,
        }
    }

    /// The span that the log's lines of this call belong to.
    #[must_use]
    pub fn log(&self) -> tracing::Span {
        self.log.clone()
    }

    /// The header for calls made on behalf of this one; `None` where traces aren't sent and the
    /// caller's is passed on as it is.
    #[must_use]
    pub fn traceparent(&self) -> Option<String> {
        self.span.as_ref().and_then(CallSpan::traceparent)
    }

    /// It waited for a place since `since`.
    pub fn queued(&self, since: Instant) {
        self.passed(Phase::Queue, since);
    }

    /// It waited for the list of tools since `since`.
    pub fn listed(&self, since: Instant) {
        self.passed(Phase::Tools, since);
    }

    fn passed(&self, phase: Phase, since: Instant) {
        let took = since.elapsed();
        self.observer.metrics.phase(phase, took);
        if let Some(span) = &self.span {
            span.part(phase.name(), since, took);
        }
    }

    /// How long it has lasted.
    #[must_use]
    pub fn took(&self) -> Duration {
        self.begun.elapsed()
    }

    /// It is given to the engine now.
    pub fn handed_over(&mut self) {
        self.handed = Some(Instant::now());
    }

    /// For its tool calls.
    #[must_use]
    pub fn watch(&self) -> ToolWatch {
        ToolWatch {
            observer: Arc::clone(&self.observer),
            tally: Arc::clone(&self.tally),
            span: self.span.clone(),
            log: self.log.clone(),
        }
    }

    /// It was run.
    pub fn ran(mut self, report: &Report, error_type: &str) {
        self.told = true;
        let took = self.begun.elapsed();
        let verdict = report.verdict;
        self.observer.metrics.ran(report, took);
        self.log.in_scope(|| {
            tracing::info!(
                %verdict,
                evidence = shown(&report.evidence, MOST_TEXT),
                peer = self.caller.peer.map(tracing::field::display),
                sha256 = self.code.sha256,
                bytes = self.code.bytes,
                tool_calls = report.usage.tool_calls,
                took_ms = milliseconds(took),
                "run"
            );
        });
        self.spans(report);
        self.record(Event::Run, took, Outcome::of(report, error_type, &self.tally));
    }

    fn spans(&self, report: &Report) {
        let Some(span) = &self.span else { return };
        let usage = &report.usage;
        let duration = |ms: f64| Duration::try_from_secs_f64(ms / 1e3).unwrap_or_default();
        if let Some(begun) = self.handed {
            let start = duration(usage.start_ms);
            span.part(Phase::Sandbox.name(), begun, start);
            span.part(Phase::Run.name(), begun + start, duration(usage.wall_ms));
        }
        let ours = matches!(report.verdict, Verdict::Refused | Verdict::SandboxFault);
        let fault = ours.then(|| shown(&report.evidence, MOST_TEXT));
        span.end(report.verdict.name(), code_name(tonic::Code::Ok), fault);
    }

    /// It was not run. `code` is the status of its answer.
    pub fn refused(mut self, reason: Refused, error: &str, code: tonic::Code) {
        self.told = true;
        let (took, error) = (self.begun.elapsed(), shown(error, MOST_TEXT));
        self.observer.metrics.refused(reason);
        let (peer, reason) = (self.caller.peer.map(tracing::field::display), reason.name());
        self.log.in_scope(|| tracing::info!(reason, error, peer, "refused"));
        if let Some(span) = &self.span {
            span.end(reason, code_name(code), None);
        }
        self.record(Event::Refused, took, Outcome::Refused { reason, error });
    }

    fn left(&self) {
        let (took, verdict) = (self.begun.elapsed(), Verdict::Cancelled.name());
        let evidence = "the caller went away".to_owned();
        self.observer.metrics.verdict(Verdict::Cancelled);
        self.log
            .in_scope(|| tracing::info!(verdict, evidence, took_ms = milliseconds(took), "run"));
        if let Some(span) = &self.span {
            span.end(verdict, code_name(tonic::Code::Cancelled), None);
        }
        let outcome = Outcome::Run {
            verdict,
            evidence,
            error_type: "Cancelled",
            start: None,
            tools: self.tally.counts(),
            limits: vec![],
            walls_missing: vec![],
            usage: None,
        };
        self.record(Event::Run, took, outcome);
    }

    fn record(&self, event: Event, took: Duration, outcome: Outcome<'_>) {
        let Some(records) = &self.observer.records else { return };
        let record = Record {
            time: now(),
            event,
            correlation_id: &self.correlation_id,
            caller: self.caller.who(),
            code: Some(&self.code),
            duration_ms: milliseconds(took),
            outcome,
        };
        records.lines.send(record.line());
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        if !self.told {
            self.left();
        }
    }
}

impl Observer {
    /// A call of `Execute` that was refused before its program was read.
    pub fn turned_away(
        &self,
        reason: Refused,
        caller: &Caller,
        correlation_id: &str,
        error: &str,
        took: Duration,
    ) {
        let (correlation_id, error) = (shown(correlation_id, MOST_ID), shown(error, MOST_TEXT));
        self.metrics.refused(reason);
        let (peer, reason) = (caller.peer.map(tracing::field::display), reason.name());
        tracing::info!(correlation_id, reason, error, peer, "refused");
        let Some(records) = &self.records else { return };
        let record = Record {
            time: now(),
            event: Event::Refused,
            correlation_id: &correlation_id,
            caller: caller.who(),
            code: None,
            duration_ms: milliseconds(took),
            outcome: Outcome::Refused { reason, error },
        };
        records.lines.send(record.line());
    }
}

fn milliseconds(time: Duration) -> f64 {
    (time.as_secs_f64() * 1e6).round() / 1e3
}

/// Watches the tool calls of one run.
#[derive(Clone)]
pub struct ToolWatch {
    observer: Arc<Observer>,
    tally: Arc<Tally>,
    span: Option<CallSpan>,
    log: tracing::Span,
}

/// A tool call under way. Dropped without an outcome it was cancelled with its run.
pub struct ToolCall {
    watch: ToolWatch,
    tool: String,
    span: Option<ToolSpan>,
    begun: Instant,
    outcome: ToolOutcome,
}

impl ToolWatch {
    /// A call of `tool` begins.
    #[must_use]
    pub fn begin(&self, tool: &str) -> ToolCall {
        ToolCall {
            tool: tool.to_owned(),
            span: self.span.as_ref().map(|span| span.tool(shown(tool, 100))),
            begun: Instant::now(),
            outcome: ToolOutcome::Cancelled,
            watch: self.clone(),
        }
    }
}

impl ToolCall {
    /// As [`Call::traceparent`].
    #[must_use]
    pub fn traceparent(&self) -> Option<String> {
        self.span.as_ref().and_then(ToolSpan::traceparent)
    }

    /// It ended.
    pub fn end(mut self, outcome: ToolOutcome) {
        self.outcome = outcome;
    }
}

impl Drop for ToolCall {
    fn drop(&mut self) {
        let (took, outcome) = (self.begun.elapsed(), self.outcome);
        let failed = outcome != ToolOutcome::Ok;
        self.watch.observer.metrics.tool_called(outcome, took);
        self.watch.tally.count(&self.tool, failed);
        self.watch.log.in_scope(|| {
            tracing::debug!(
                tool = shown(&self.tool, 100),
                outcome = outcome.name(),
                took_ms = milliseconds(took),
                "tool call"
            );
        });
        if let Some(span) = &self.span {
            span.end(outcome.name(), failed);
        }
    }
}
