//! Numbers, as a scraper reads them.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::net::{TcpListener, TcpStream};

use nix::sys::signal::Signal;
use tonic::Code;

use super::{Endpoint, PATIENCE, log_file, read, with_tools};
use crate::harness::processes::signal;
use crate::harness::{MainApp, Sidecar, command, eventually, free_port, request, with_key};

/// Counters that differ between two scrapes, without times and without what else may move.
fn moved(before: &BTreeMap<String, f64>, after: &BTreeMap<String, f64>) -> BTreeMap<String, f64> {
    let counts = |name: &&String| name.contains("_total") || name.contains("_seconds_count");
    after
        .keys()
        .filter(counts)
        .map(|name| (name.clone(), after[name] - before.get(name).copied().unwrap_or_default()))
        .filter(|(_, difference)| *difference != 0.0)
        .collect()
}

fn expected(pairs: &[(&str, f64)]) -> BTreeMap<String, f64> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), *value)).collect()
}

async fn start(endpoint: &Endpoint, more: &[(&str, &str)]) -> Sidecar {
    let port = endpoint.port();
    let mut environment = vec![("CODEMODE_METRICS_PORT", port.as_str())];
    environment.extend(more);
    Sidecar::start(&environment).await
}

#[tokio::test(flavor = "multi_thread")]
async fn counters_move_by_what_was_done_and_by_nothing_else() {
    let (app, endpoint) = (MainApp::start().await, Endpoint::new());
    let target = app.target();
    let settings = [("MAIN_APP_GRPC_TARGET", target.as_str()), ("CODEMODE_START", "fresh")];
    let sidecar = start(&endpoint, &settings).await;
    let mut client = sidecar.client().await;
    let before = endpoint.series();
    assert_eq!(moved(&before, &endpoint.series()), expected(&[]), "scraping counts nothing");

    let mut run = async |request| client.execute(with_key(request)).await;
    assert!(run(request("result = 1")).await.unwrap().into_inner().success);
    run(request("1 / 0")).await.unwrap();
    let mut late = request("while True: pass");
    late.timeout = 1;
    run(late).await.unwrap();
    let code = "for n in range(3): tools['echo'].run(value=n)\n\
                try: tools['fail'].run()\n\
                except RuntimeError: result = 'caught'";
    let answer = run(with_tools(code, &["echo", "fail"])).await.unwrap().into_inner();
    assert_eq!(answer.result, "\"caught\"", "{}", answer.stderr);
    assert!(!run(request(&"#".repeat(20_000))).await.unwrap().into_inner().success);
    let unknown = run(with_tools("", &["no-such-tool"])).await.unwrap().into_inner();
    assert_eq!(unknown.error_type, "ToolError");
    let status = client.execute(request("result = 1")).await.unwrap_err();
    assert_eq!(status.code(), Code::Unauthenticated);
    let status = client.execute(with_key(request(&"#".repeat(5 << 20)))).await.unwrap_err();
    assert_eq!(status.code(), Code::OutOfRange);

    let phase = |name| format!("codemode_phase_seconds_count{{phase=\"{name}\"}}");
    let [queue, tools, sandbox, ran, wait, teardown, total] =
        ["queue", "tools", "sandbox", "run", "tool_wait", "teardown", "total"].map(phase);
    let calls = |code| format!("codemode_grpc_calls_total{{method=\"Execute\",code=\"{code}\"}}");
    let [ok, unauthenticated, out_of_range] = ["OK", "UNAUTHENTICATED", "OUT_OF_RANGE"].map(calls);
    let wanted = expected(&[
        ("codemode_runs_total{verdict=\"ok\"}", 2.0),
        ("codemode_runs_total{verdict=\"exception\"}", 1.0),
        ("codemode_runs_total{verdict=\"timeout\"}", 1.0),
        ("codemode_starts_total{start=\"fresh\"}", 4.0),
        ("codemode_limits_hit_total{limit=\"code_timeout\"}", 1.0),
        ("codemode_tool_calls_total{outcome=\"ok\"}", 3.0),
        ("codemode_tool_calls_total{outcome=\"failed\"}", 1.0),
        ("codemode_tool_call_seconds_count", 4.0),
        ("codemode_refused_requests_total{reason=\"too_long\"}", 1.0),
        ("codemode_refused_requests_total{reason=\"too_large\"}", 1.0),
        ("codemode_refused_requests_total{reason=\"tools\"}", 1.0),
        ("codemode_refused_requests_total{reason=\"unauthenticated\"}", 1.0),
        // The one with the unknown tool waited and asked as well.
        (&queue, 5.0),
        (&tools, 2.0),
        (&sandbox, 4.0),
        (&ran, 4.0),
        (&wait, 1.0),
        (&teardown, 4.0),
        (&total, 4.0),
        (&ok, 6.0),
        (&unauthenticated, 1.0),
        (&out_of_range, 1.0),
    ]);
    assert_eq!(moved(&before, &endpoint.series()), wanted);
    let slow = endpoint.value("codemode_phase_seconds_sum{phase=\"run\"}");
    assert!((1.0..60.0).contains(&slow), "one run took its second: {slow}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_waits_and_runs_is_shown_and_a_full_queue_is_counted() {
    let (app, endpoint) = (MainApp::start().await, Endpoint::new());
    let limits = [("CODEMODE_CONCURRENT_RUNS", "1"), ("CODEMODE_QUEUE", "1")];
    let target = app.target();
    let mut settings = vec![("MAIN_APP_GRPC_TARGET", target.as_str())];
    settings.extend(limits);
    let sidecar = start(&endpoint, &settings).await;
    let client = sidecar.client().await;
    let held = || {
        let mut client = client.clone();
        let request = with_key(with_tools("tools['hold'].run()", &["hold"]));
        tokio::spawn(async move { client.execute(request).await })
    };
    let state = || {
        let series = endpoint.series();
        (series["codemode_runs_in_flight"], series["codemode_queue_length"])
    };
    assert_eq!(state(), (0.0, 0.0));
    let first = held();
    eventually("one runs", PATIENCE, || state() == (1.0, 0.0)).await;
    let second = held();
    eventually("one waits", PATIENCE, || state() == (1.0, 1.0)).await;
    let full = client.clone().execute(with_key(request(""))).await.unwrap_err();
    assert_eq!(full.code(), Code::ResourceExhausted);
    let series = endpoint.series();
    assert_eq!(series["codemode_refused_requests_total{reason=\"queue_full\"}"], 1.0);
    assert_eq!(series["codemode_runs_total{verdict=\"ok\"}"], 0.0);
    app.tools.holding.add_permits(2);
    for run in [first, second] {
        assert!(run.await.unwrap().unwrap().into_inner().success);
    }
    eventually("all is quiet", PATIENCE, || state() == (0.0, 0.0)).await;
    assert_eq!(endpoint.value("codemode_runs_total{verdict=\"ok\"}"), 2.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn walls_standing_sandboxes_and_lost_launchers_are_shown() {
    let endpoint = Endpoint::new();
    let ready = [("CODEMODE_READY_LEAST", "2"), ("CODEMODE_READY_MOST", "2")];
    let sidecar = start(&endpoint, &ready).await;
    let two = || endpoint.value("codemode_sandboxes_ready") == 2.0;
    eventually("two sandboxes stand", PATIENCE, two).await;
    let report = sidecar.run("result = 1").await.report.unwrap();
    let series = endpoint.series();
    for wall in &report.walls {
        let shown = series[&format!("codemode_wall_missing{{wall=\"{}\"}}", wall.name)];
        assert_eq!(shown == 0.0, wall.standing, "{}", wall.name);
    }
    assert_eq!(series["codemode_launcher_restarts_total"], 0.0);
    let (_, launcher) = sidecar.launchers();
    signal(launcher, Signal::SIGKILL);
    let once = || endpoint.value("codemode_launcher_restarts_total") == 1.0;
    eventually("the restart is counted", PATIENCE, once).await;
    assert!(series["process_resident_memory_bytes"] > 1e6);
    assert!(series["process_open_fds"] > 5.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_endpoint_answers_one_path_and_outlasts_clients_that_ask_badly() {
    let endpoint = Endpoint::new();
    let _sidecar = start(&endpoint, &[]).await;
    let ask = |line: &str| {
        let answer = endpoint.ask(&format!("{line}\r\nhost: x\r\nconnection: close\r\n\r\n"));
        answer.lines().next().unwrap().to_owned()
    };
    assert_eq!(ask("GET / HTTP/1.1"), "HTTP/1.1 404 Not Found");
    assert_eq!(ask("GET /metrics/x HTTP/1.1"), "HTTP/1.1 404 Not Found");
    assert_eq!(ask("POST /metrics HTTP/1.1"), "HTTP/1.1 405 Method Not Allowed");
    assert_eq!(ask("nonsense"), "HTTP/1.1 400 Bad Request");
    let many: String = (0..100).map(|number| format!("\r\nx-{number}: y")).collect();
    let refused = ask(&format!("GET /metrics HTTP/1.1{many}"));
    assert_eq!(refused, "HTTP/1.1 431 Request Header Fields Too Large");
    // Fewer than there are places for; each would hold its own for good if it were let.
    let silent: Vec<_> = (0..15)
        .map(|_| {
            let mut stream = TcpStream::connect(("127.0.0.1", endpoint.0)).unwrap();
            stream.write_all(b"GET /metrics HTTP/1.1\r\n").unwrap();
            stream
        })
        .collect();
    assert!(endpoint.scrape().ends_with("# EOF\n"));
    drop(silent);
}

#[tokio::test(flavor = "multi_thread")]
async fn metrics_for_others_are_warned_about_and_those_for_this_machine_are_not() {
    for (host, warned) in [("0.0.0.0", true), ("127.0.0.1", false)] {
        let (dir, endpoint) = (tempfile::tempdir().unwrap(), Endpoint::new());
        let port = endpoint.port();
        let settings = [("CODEMODE_METRICS_PORT", port.as_str()), ("CODEMODE_METRICS_HOST", host)];
        let _sidecar = Sidecar::start_with_log(&settings, log_file(dir.path())).await;
        endpoint.scrape();
        let log = read(&dir.path().join("log"));
        assert_eq!(log.contains("metrics.host to 127.0.0.1"), warned, "{log}");
    }
}

#[test]
fn a_metrics_port_that_is_taken_is_a_mistake() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let mut serve = command(&[("CODEMODE_METRICS_PORT", port.as_str())]);
    let output = serve.args(["--port", &free_port().to_string()]).output().unwrap();
    let text = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{text}");
    assert!(text.contains(&port) && text.contains("CODEMODE_METRICS_PORT"), "{text}");
}
