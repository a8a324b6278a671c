//! What is counted, and that it is shown.

use super::*;

fn value(text: &str, series: &str) -> f64 {
    let line = text.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
    line.unwrap_or_else(|| panic!("{series} is missing in:\n{text}")).parse().unwrap()
}

fn report(verdict: Verdict, start: Option<Started>, stdout_cut: u64) -> Report {
    let usage = crate::report::Usage {
        start_ms: 2.0,
        wall_ms: 30.0,
        teardown_ms: 10.0,
        stdout_cut,
        ..crate::report::Usage::default()
    };
    Report {
        verdict,
        evidence: String::new(),
        start,
        exit_code: None,
        signal: None,
        result: None,
        exception: vec![],
        message: String::new(),
        stdout: String::new(),
        stderr: String::new(),
        usage,
        walls: vec![
            Standing::stands(Wall::Seccomp, "filter"),
            Standing::absent(Wall::Proc, "none", None, None),
        ],
    }
}

#[test]
fn every_series_is_there_at_zero_before_anything_happens() {
    let text = Metrics::new().render(&State::default(), 0, 0);
    for series in [
        "codemode_runs_total{verdict=\"sandbox_fault\"}",
        "codemode_starts_total{start=\"warm\"}",
        "codemode_starts_total{start=\"fresh\"}",
        "codemode_phase_seconds_count{phase=\"tool_wait\"}",
        "codemode_tool_calls_total{outcome=\"unreachable\"}",
        "codemode_tool_call_seconds_count",
        "codemode_limits_hit_total{limit=\"memory\"}",
        "codemode_wall_missing{wall=\"landlock\"}",
        "codemode_launcher_restarts_total",
        "codemode_refused_requests_total{reason=\"queue_full\"}",
        "codemode_lines_lost_total{stream=\"audit\"}",
        "codemode_trace_export_failures_total",
        "codemode_queue_length",
    ] {
        assert_eq!(value(&text, series), 0.0, "{series}");
    }
    assert!(value(&text, "process_resident_memory_bytes") > 0.0);
    assert!(text.contains("codemode_build_info{version="), "{text}");
    assert!(text.ends_with("# EOF\n"));
}

#[test]
fn a_run_moves_its_own_series_and_no_other() {
    let metrics = Metrics::new();
    metrics.ran(&report(Verdict::Timeout, Some(Started::Warm), 5), Duration::from_millis(40));
    metrics.ran(&report(Verdict::Ok, Some(Started::Warm), 0), Duration::from_millis(40));
    metrics.ran(&report(Verdict::Refused, None, 0), Duration::from_millis(40));
    metrics.answered(Method::Execute, Code::Ok);
    let text = metrics.render(&State { queued: 3, ..State::default() }, 1, 2);
    assert_eq!(value(&text, "codemode_runs_total{verdict=\"timeout\"}"), 1.0);
    assert_eq!(value(&text, "codemode_runs_total{verdict=\"exception\"}"), 0.0);
    assert_eq!(value(&text, "codemode_starts_total{start=\"warm\"}"), 2.0);
    assert_eq!(value(&text, "codemode_starts_total{start=\"fresh\"}"), 0.0);
    assert_eq!(value(&text, "codemode_limits_hit_total{limit=\"code_timeout\"}"), 1.0);
    assert_eq!(value(&text, "codemode_limits_hit_total{limit=\"output\"}"), 1.0);
    assert_eq!(value(&text, "codemode_limits_hit_total{limit=\"memory\"}"), 0.0);
    assert_eq!(value(&text, "codemode_phase_seconds_count{phase=\"run\"}"), 3.0);
    assert!((value(&text, "codemode_phase_seconds_sum{phase=\"run\"}") - 0.06).abs() < 1e-9);
    assert_eq!(value(&text, "codemode_phase_seconds_count{phase=\"tool_wait\"}"), 0.0);
    assert_eq!(value(&text, "codemode_wall_missing{wall=\"proc\"}"), 1.0);
    assert_eq!(value(&text, "codemode_wall_missing{wall=\"seccomp\"}"), 0.0);
    assert_eq!(value(&text, "codemode_grpc_calls_total{method=\"Execute\",code=\"OK\"}"), 1.0);
    assert_eq!(value(&text, "codemode_queue_length"), 3.0);
    assert_eq!(value(&text, "codemode_lines_lost_total{stream=\"audit\"}"), 2.0);
}
