//! Traces, as a collector gets them.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use nix::sys::signal::Signal;
use opentelemetry_proto::tonic::collector::trace::v1::trace_service_server::{
    TraceService, TraceServiceServer,
};
use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTraceServiceRequest, ExportTraceServiceResponse,
};
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::trace::v1::Span;
use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
use tonic::{Request, Response, Status};

use super::{Endpoint, log_file, read, with_tools};
use crate::harness::{MainApp, Sidecar, free_port, with_key};

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
const CLIENT_SPAN: &str = "b7ad6b7169203331";

/// Keeps what it is sent.
#[derive(Clone, Default)]
struct Collector(Arc<Mutex<Vec<ExportTraceServiceRequest>>>);

#[tonic::async_trait]
impl TraceService for Collector {
    async fn export(
        &self,
        request: Request<ExportTraceServiceRequest>,
    ) -> Result<Response<ExportTraceServiceResponse>, Status> {
        self.0.lock().unwrap().push(request.into_inner());
        Ok(Response::new(ExportTraceServiceResponse::default()))
    }
}

impl Collector {
    /// Starts serving and returns its address.
    async fn start(&self) -> String {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let incoming = tokio_stream::wrappers::TcpListenerStream::new(listener);
        let service = TraceServiceServer::new(self.clone());
        let server = tonic::transport::Server::builder().add_service(service);
        tokio::spawn(server.serve_with_incoming(incoming));
        format!("http://{address}")
    }

    fn spans(&self) -> Vec<Span> {
        let requests = self.0.lock().unwrap();
        let resources = requests.iter().flat_map(|request| &request.resource_spans);
        let scopes = resources.flat_map(|resource| &resource.scope_spans);
        scopes.flat_map(|scope| scope.spans.clone()).collect()
    }

    fn service_names(&self) -> Vec<String> {
        let requests = self.0.lock().unwrap();
        let resources = requests.iter().flat_map(|request| &request.resource_spans);
        let attributes = resources.flat_map(|r| &r.resource.as_ref().unwrap().attributes);
        let names = attributes.filter(|attribute| attribute.key == "service.name");
        names.map(|name| text(name.value.as_ref().unwrap().value.as_ref())).collect()
    }
}

fn text(value: Option<&Value>) -> String {
    match value {
        Some(Value::StringValue(text)) => text.clone(),
        other => panic!("no text: {other:?}"),
    }
}

fn attribute(span: &Span, key: &str) -> String {
    let found = span.attributes.iter().find(|attribute| attribute.key == key);
    text(found.and_then(|found| found.value.as_ref()?.value.as_ref()))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Runs a program with a tool call, under the client's trace if there is one.
async fn run(sidecar: &Sidecar, traceparent: Option<&str>) {
    let mut call = with_key(with_tools("result = tools['echo'].run(value=1)", &["echo"]));
    call.metadata_mut().insert("x-correlation-id", "traced".parse().unwrap());
    if let Some(traceparent) = traceparent {
        call.metadata_mut().insert("traceparent", traceparent.parse().unwrap());
    }
    let answer = sidecar.client().await.execute(call).await.unwrap().into_inner();
    assert!(answer.success, "{} {}", answer.error, answer.stderr);
}

fn stop(sidecar: &mut Sidecar) {
    sidecar.signal(Signal::SIGTERM);
    assert_eq!(sidecar.wait(), Some(0));
}

fn tool_parents(app: &MainApp) -> Vec<String> {
    let seen = app.tools.seen.lock().unwrap();
    let header = |metadata: &tonic::metadata::MetadataMap| {
        metadata.get("traceparent").map(|value| value.to_str().unwrap().to_owned())
    };
    seen.iter().filter_map(header).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn spans_continue_the_clients_trace_down_to_the_tool() {
    let (app, collector) = (MainApp::start().await, Collector::default());
    let (target, address) = (app.target(), collector.start().await);
    let mut sidecar = Sidecar::start(&[
        ("MAIN_APP_GRPC_TARGET", target.as_str()),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", &address),
        ("OTEL_SERVICE_NAME", "my-sidecar"),
    ])
    .await;
    run(&sidecar, Some(&format!("00-{TRACE}-{CLIENT_SPAN}-01"))).await;
    // The last spans are sent before it ends.
    stop(&mut sidecar);
    let spans = collector.spans();
    assert!(spans.iter().all(|span| hex(&span.trace_id) == TRACE), "{spans:#?}");
    let named = |name: &str| {
        let found: Vec<_> = spans.iter().filter(|span| span.name == name).collect();
        assert_eq!(found.len(), 1, "{name}: {spans:#?}");
        found[0].clone()
    };
    let server = named("codemode.ExecutorService/Execute");
    assert_eq!(hex(&server.parent_span_id), CLIENT_SPAN);
    assert_eq!(server.kind, SpanKind::Server as i32);
    assert_eq!(attribute(&server, "codemode.correlation_id"), "traced");
    assert_eq!(attribute(&server, "codemode.outcome"), "ok");
    let mut order = vec![];
    for name in ["queue", "tools", "sandbox", "run"] {
        let part = named(name);
        assert_eq!(part.parent_span_id, server.span_id, "{name}");
        assert!(part.start_time_unix_nano <= part.end_time_unix_nano, "{name}");
        assert!(part.end_time_unix_nano <= server.end_time_unix_nano, "{name}");
        order.push(part.start_time_unix_nano);
    }
    assert!(order.is_sorted() && server.start_time_unix_nano <= order[0], "{spans:#?}");
    let tool = named("codemode.ToolService/CallTool");
    assert_eq!(tool.parent_span_id, server.span_id);
    assert_eq!(tool.kind, SpanKind::Client as i32);
    assert_eq!(attribute(&tool, "codemode.tool"), "echo");
    // What the main application got makes its span a child of the tool call's.
    assert_eq!(tool_parents(&app), [format!("00-{TRACE}-{}-01", hex(&tool.span_id))]);
    assert!(collector.service_names().iter().all(|name| name == "my-sidecar"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trace_begins_here_where_the_client_has_none_and_is_not_sent_where_it_is_not_sampled() {
    let (app, collector) = (MainApp::start().await, Collector::default());
    let (target, address) = (app.target(), collector.start().await);
    let mut sidecar = Sidecar::start(&[
        ("MAIN_APP_GRPC_TARGET", target.as_str()),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", &address),
    ])
    .await;
    run(&sidecar, Some(&format!("00-{TRACE}-{CLIENT_SPAN}-00"))).await;
    run(&sidecar, None).await;
    stop(&mut sidecar);
    let spans = collector.spans();
    assert!(spans.iter().any(|span| span.parent_span_id.is_empty()), "{spans:#?}");
    assert!(spans.iter().all(|span| hex(&span.trace_id) != TRACE), "{spans:#?}");
    let parents = tool_parents(&app);
    assert!(parents[0].contains(TRACE) && parents[0].ends_with("-00"), "{parents:?}");
    assert!(parents[1].ends_with("-01"), "{parents:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_collector_the_clients_header_is_passed_on_as_it_is() {
    let app = MainApp::start().await;
    let target = app.target();
    let sidecar = Sidecar::start(&[("MAIN_APP_GRPC_TARGET", target.as_str())]).await;
    let header = format!("00-{TRACE}-{CLIENT_SPAN}-01");
    run(&sidecar, Some(&header)).await;
    run(&sidecar, None).await;
    assert_eq!(tool_parents(&app), [header]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_collector_that_is_gone_costs_spans_and_nothing_else() {
    let (app, dir, endpoint) =
        (MainApp::start().await, tempfile::tempdir().unwrap(), Endpoint::new());
    let (target, port) = (app.target(), endpoint.port());
    let nobody = format!("http://127.0.0.1:{}", free_port());
    let settings = [
        ("MAIN_APP_GRPC_TARGET", target.as_str()),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", &nobody),
        // Batches leave often, so that several fail.
        ("OTEL_BSP_SCHEDULE_DELAY", "20"),
        ("CODEMODE_METRICS_PORT", &port),
    ];
    let mut sidecar = Sidecar::start_with_log(&settings, log_file(dir.path())).await;
    let failures = || endpoint.value("codemode_trace_export_failures_total");
    let begun = std::time::Instant::now();
    while failures() < 3.0 {
        assert!(begun.elapsed() < Duration::from_secs(30), "{} failures", failures());
        run(&sidecar, None).await;
    }
    stop(&mut sidecar);
    let log = read(&dir.path().join("log"));
    let told = log.lines().filter(|line| line.contains("traces are lost")).count();
    assert_eq!(told, 1, "{log}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_collector_that_never_answers_does_not_keep_the_service_from_ending() {
    let app = MainApp::start().await;
    // Connections are made by the kernel, and nobody reads.
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let (target, address) = (app.target(), format!("http://{}", silent.local_addr().unwrap()));
    let mut sidecar = Sidecar::start(&[
        ("MAIN_APP_GRPC_TARGET", target.as_str()),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", &address),
        // Longer than anybody would wait for this test.
        ("OTEL_EXPORTER_OTLP_TIMEOUT", "600000"),
        ("OTEL_BSP_EXPORT_TIMEOUT", "600000"),
    ])
    .await;
    run(&sidecar, None).await;
    stop(&mut sidecar);
}

#[test]
fn an_endpoint_that_is_none_is_a_mistake_and_a_password_in_it_is_not_shown() {
    for (endpoint, words) in [
        ("localhost:4317", "localhost:4317"),
        ("ftp://collector", "ftp://collector"),
        ("http://user:hunter2@collector:4317", "not shown"),
    ] {
        let output = crate::harness::command(&[("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint)]);
        let output = { output }.output().unwrap();
        let text = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{text}");
        assert!(text.contains("telemetry.otlp_endpoint") && text.contains(words), "{text}");
        assert!(!text.contains("hunter2"), "{text}");
    }
}
