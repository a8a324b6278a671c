//! Settings of what operators see.

use super::*;

#[test]
fn nothing_is_recorded_served_or_sent_unless_asked_for() {
    let config = Bench::new().load().unwrap();
    assert_eq!((config.audit, config.metrics, config.telemetry), (None, None, None));
    assert_eq!(config.log_format, LogFormat::Text);
    let host = Bench::new().with_env("CODEMODE_METRICS_HOST", "127.0.0.1").load().unwrap();
    assert_eq!(host.metrics, None);
    assert!(Bench::new().with_env("OTEL_SERVICE_NAME", "x").load().unwrap().telemetry.is_none());
}

#[test]
fn a_file_is_reason_enough_for_records_and_a_no_is_heard() {
    let named = Bench::new().with_env("CODEMODE_AUDIT_FILE", "audit.jsonl");
    let audit = named.load().unwrap().audit.unwrap();
    assert_eq!(audit.file, Some(named.dir.path().join("audit.jsonl")));
    assert!(!audit.include_code);
    let asked = Bench::new().with_file("audit: {enabled: true, include_code: true}");
    let audit = asked.load().unwrap().audit.unwrap();
    assert_eq!((audit.file, audit.include_code), (None, true));
    let refused = named.with_env("CODEMODE_AUDIT", "no").load().unwrap();
    assert_eq!(refused.audit, None);
    assert_contains(&refused.warnings.join("\n"), &["audit.enabled"]);
}

#[test]
fn metrics_are_for_this_machine_unless_said_otherwise() {
    let bench = Bench::new().with_file("metrics:\n  port: 9464\nlog_format: JSON\n");
    let config = bench.load().unwrap();
    let metrics = config.metrics.unwrap();
    assert_eq!((metrics.host.as_str(), metrics.port), ("127.0.0.1", 9464));
    assert_eq!((config.log_format, config.warnings.len()), (LogFormat::Json, 0));
    let open = bench.with_env("CODEMODE_METRICS_HOST", "::").load().unwrap();
    assert_contains(&open.warnings.join("\n"), &["metrics", "::", "without a key"]);
}

#[test]
fn traces_follow_the_usual_variables() {
    let bench = Bench::new()
        .with_env("OTEL_EXPORTER_OTLP_ENDPOINT", "http://collector:4317")
        .with_env("OTEL_TRACES_SAMPLER", "traceidratio")
        .with_env("OTEL_TRACES_SAMPLER_ARG", "0.25");
    let telemetry = bench.load().unwrap().telemetry.unwrap();
    assert_eq!(telemetry.otlp_endpoint, "http://collector:4317");
    assert_eq!((telemetry.sampler, telemetry.ratio), (Sampler::Ratio, 0.25));
    assert_eq!(telemetry.service_name, "codemode");
    let http = bench.with_env("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf").load().unwrap();
    assert_contains(&http.warnings.join("\n"), &["OTEL_EXPORTER_OTLP_PROTOCOL", "gRPC"]);
    let file = "telemetry:\n  otlp_endpoint: https://c:4317\n  sampler_arg: 1\n";
    assert_eq!(Bench::new().with_file(file).load().unwrap().telemetry.unwrap().ratio, 1.0);
}

#[test]
fn what_is_out_of_range_is_refused_with_what_is_allowed() {
    for (name, value, allowed) in [
        ("CODEMODE_LOG_FORMAT", "xml", "text, json"),
        ("CODEMODE_METRICS_PORT", "65536", "65535"),
        ("OTEL_TRACES_SAMPLER_ARG", "1.5", "from 0 to 1"),
        ("OTEL_TRACES_SAMPLER_ARG", "-0.5", "from 0 to 1"),
        ("OTEL_TRACES_SAMPLER", "jaeger_remote", "parentbased_always_on"),
        ("CODEMODE_OTLP_ENDPOINT", "http://", "http://localhost:4317"),
    ] {
        let report = Bench::new().with_env(name, value).report().0;
        assert_contains(&report, &[name, value, allowed]);
    }
    let report = Bench::new().with_file("metrics:\n  prot: 1\n").report().0;
    assert_contains(&report, &["metrics.prot", "metrics.port"]);
}
