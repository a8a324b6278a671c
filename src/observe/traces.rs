//! Traces, sent to a collector over OTLP.
//!
//! A call is a server span whose parent is the caller's; its parts and its tool calls are its
//! children. Spans are sent in batches by a thread of the SDK's: a collector that is slow or gone
//! costs spans, never a run.

use std::collections::HashMap;
use std::time::{Duration, Instant, SystemTime};

use opentelemetry::propagation::TextMapPropagator as _;
use opentelemetry::trace::{
    Span as _, SpanBuilder, SpanKind, Status, TraceContextExt as _, Tracer as _,
    TracerProvider as _,
};
use opentelemetry::{Context, KeyValue};
use opentelemetry_otlp::{SpanExporter as OtlpExporter, WithTonicConfig as _};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sdk::trace::{
    Sampler as SdkSampler, SdkTracer, SdkTracerProvider, SpanData, SpanExporter,
};
use prometheus_client::metrics::counter::Counter;
use tonic::transport::{Channel, ClientTlsConfig, Endpoint};

use super::log::Seldom;
use crate::config::{Sampler, Telemetry};

const CONNECT_PATIENCE: Duration = Duration::from_secs(5);
const TRACEPARENT: &str = "traceparent";

/// Why traces can't be sent at all.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TelemetryError {
    /// The address, or the certificates of the system.
    #[error(
        "telemetry.otlp_endpoint {0:?}: {1}; give the address of a collector for OTLP over gRPC"
    )]
    Endpoint(String, #[source] tonic::transport::Error),
    /// Something in the `OTEL_` variables.
    #[error("telemetry: {0}; correct the OTEL_EXPORTER_OTLP variables")]
    Exporter(#[from] opentelemetry_otlp::ExporterBuildError),
}

pub(super) struct Traces {
    provider: SdkTracerProvider,
    tracer: SdkTracer,
}

fn channel(address: &str) -> Result<Channel, tonic::transport::Error> {
    let mut endpoint = Endpoint::from_shared(address.to_owned())?.connect_timeout(CONNECT_PATIENCE);
    if address.starts_with("https:") {
        endpoint = endpoint.tls_config(ClientTlsConfig::new().with_native_roots())?;
    }
    Ok(endpoint.connect_lazy())
}

fn sampler(sampler: Sampler, ratio: f64) -> SdkSampler {
    let parent_based = |root| SdkSampler::ParentBased(Box::new(root));
    match sampler {
        Sampler::AlwaysOn => SdkSampler::AlwaysOn,
        Sampler::AlwaysOff => SdkSampler::AlwaysOff,
        Sampler::Ratio => SdkSampler::TraceIdRatioBased(ratio),
        Sampler::ParentAlwaysOn => parent_based(SdkSampler::AlwaysOn),
        Sampler::ParentAlwaysOff => parent_based(SdkSampler::AlwaysOff),
        Sampler::ParentRatio => parent_based(SdkSampler::TraceIdRatioBased(ratio)),
    }
}

impl Traces {
    /// Prepares the sending; it connects with the first batch. To be called within the runtime.
    pub fn new(telemetry: &Telemetry, failures: Counter) -> Result<Self, TelemetryError> {
        let address = &telemetry.otlp_endpoint;
        let channel =
            channel(address).map_err(|error| TelemetryError::Endpoint(address.clone(), error))?;
        let otlp = OtlpExporter::builder().with_tonic().with_channel(channel).build()?;
        let exporter = Forgiving { otlp, failures, complaint: Seldom::default() };
        let version = KeyValue::new("service.version", env!("CARGO_PKG_VERSION"));
        let resource = Resource::builder()
            .with_service_name(telemetry.service_name.clone())
            .with_attribute(version)
            .build();
        let provider = SdkTracerProvider::builder()
            .with_sampler(sampler(telemetry.sampler, telemetry.ratio))
            .with_resource(resource)
            .with_batch_exporter(exporter)
            .build();
        let tracer = provider.tracer("codemode");
        Ok(Self { provider, tracer })
    }

    /// Begins the span of a call.
    pub fn call(&self, traceparent: Option<&str>, correlation_id: &str) -> CallSpan {
        let parent = traceparent.map_or_else(Context::new, |header| {
            let headers = HashMap::from([(TRACEPARENT.to_owned(), header.to_owned())]);
            TraceContextPropagator::new().extract_with_context(&Context::new(), &headers)
        });
        let clock = (SystemTime::now(), Instant::now());
        let builder = SpanBuilder::from_name("codemode.ExecutorService/Execute")
            .with_kind(SpanKind::Server)
            .with_start_time(clock.0)
            .with_attributes([
                KeyValue::new("rpc.system", "grpc"),
                KeyValue::new("rpc.service", "codemode.ExecutorService"),
                KeyValue::new("rpc.method", "Execute"),
                KeyValue::new("codemode.correlation_id", correlation_id.to_owned()),
            ]);
        let span = self.tracer.build_with_context(builder, &parent);
        CallSpan { context: parent.with_span(span), tracer: self.tracer.clone(), clock }
    }

    /// Sends what is left, within `patience`. Blocks.
    pub fn finish(&self, patience: Duration) {
        let _ = self.provider.shutdown_with_timeout(patience);
    }
}

/// The span of a call, from which its parts branch off.
#[derive(Clone)]
pub(super) struct CallSpan {
    context: Context,
    tracer: SdkTracer,
    /// The same moment on both clocks.
    clock: (SystemTime, Instant),
}

impl CallSpan {
    fn time(&self, at: Instant) -> SystemTime {
        let (time, instant) = self.clock;
        time + at.saturating_duration_since(instant)
    }

    /// Records a part of the call that is over.
    pub fn part(&self, name: &'static str, begun: Instant, took: Duration) {
        let builder = SpanBuilder::from_name(name)
            .with_kind(SpanKind::Internal)
            .with_start_time(self.time(begun));
        let mut span = self.tracer.build_with_context(builder, &self.context);
        span.end_with_timestamp(self.time(begun + took));
    }

    /// Begins the span of a tool call.
    pub fn tool(&self, tool: String) -> ToolSpan {
        let builder = SpanBuilder::from_name("codemode.ToolService/CallTool")
            .with_kind(SpanKind::Client)
            .with_attributes([
                KeyValue::new("rpc.system", "grpc"),
                KeyValue::new("rpc.service", "codemode.ToolService"),
                KeyValue::new("rpc.method", "CallTool"),
                KeyValue::new("codemode.tool", tool),
            ]);
        let span = self.tracer.build_with_context(builder, &self.context);
        ToolSpan(self.context.with_span(span))
    }

    /// The header that makes a callee's span a child of this one.
    pub fn traceparent(&self) -> Option<String> {
        traceparent(&self.context)
    }

    /// Ends it. `fault` is what went wrong on our side.
    pub fn end(&self, outcome: &'static str, code: &'static str, fault: Option<String>) {
        let span = self.context.span();
        span.set_attribute(KeyValue::new("codemode.outcome", outcome));
        span.set_attribute(KeyValue::new("rpc.grpc.status", code));
        if let Some(fault) = fault {
            span.set_status(Status::error(fault));
        }
        span.end();
    }
}

/// The span of a tool call.
pub(super) struct ToolSpan(Context);

impl ToolSpan {
    /// As [`CallSpan::traceparent`].
    pub fn traceparent(&self) -> Option<String> {
        traceparent(&self.0)
    }

    /// Ends it.
    pub fn end(&self, outcome: &'static str, failed: bool) {
        let span = self.0.span();
        span.set_attribute(KeyValue::new("codemode.outcome", outcome));
        if failed {
            span.set_status(Status::error(outcome));
        }
        span.end();
    }
}

fn traceparent(context: &Context) -> Option<String> {
    let mut headers = HashMap::new();
    TraceContextPropagator::new().inject_context(context, &mut headers);
    headers.remove(TRACEPARENT)
}

/// Passes spans on; failures are counted and told at most once a minute.
#[derive(Debug)]
struct Forgiving {
    otlp: OtlpExporter,
    failures: Counter,
    complaint: Seldom,
}

impl SpanExporter for Forgiving {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let spans = batch.len();
        let sent = self.otlp.export(batch).await;
        if let Err(error) = &sent {
            self.failures.inc();
            let why = super::shown(&error.to_string(), 500);
            self.complaint.say(|| {
                tracing::warn!(spans, why, "traces are lost: the collector did not take them");
            });
        }
        sent
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.otlp.shutdown_with_timeout(timeout)
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.otlp.force_flush()
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.otlp.set_resource(resource);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

    fn traces() -> Traces {
        let provider = SdkTracerProvider::builder().build();
        let tracer = provider.tracer("test");
        Traces { provider, tracer }
    }

    #[test]
    fn a_tool_call_carries_the_callers_trace_and_a_span_of_its_own() {
        let call = traces().call(Some(PARENT), "id");
        let (ours, tool) = (call.traceparent().unwrap(), call.tool("t".to_owned()));
        let theirs = tool.traceparent().unwrap();
        for header in [&ours, &theirs] {
            assert!(header.starts_with("00-0af7651916cd43dd8448eb211c80319c-"), "{header}");
            assert!(!header.contains("b7ad6b7169203331"), "{header}");
        }
        assert_ne!(ours, theirs);
    }

    #[test]
    fn a_parent_that_is_nonsense_is_none() {
        for nonsense in
            ["", "00-zz-yy-01", "x", "00-00000000000000000000000000000000-b7ad6b7169203331-01"]
        {
            let header = traces().call(Some(nonsense), "id").traceparent();
            assert!(header.is_some_and(|header| header.starts_with("00-")), "{nonsense}");
        }
    }
}
