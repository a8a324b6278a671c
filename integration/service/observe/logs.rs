//! The log's lines.

use std::path::Path;
use std::time::Duration;

use nix::sys::signal::Signal;
use serde_json::Value;

use super::{json_lines, log_file, read, with_tools};
use crate::harness::processes::signal;
use crate::harness::{KEY, Sidecar, cradle, eventually, free_port, request, warm_interpreter};

/// Runs one program under `id` and returns the whole log.
async fn logged(settings: &[(&str, &str)], id: &str) -> String {
    let dir = tempfile::tempdir().unwrap();
    let mut sidecar = Sidecar::start_with_log(settings, log_file(dir.path())).await;
    let mut run = request("print('program text')");
    run.correlation_id = id.to_owned();
    assert!(sidecar.execute(run).await.unwrap().success);
    ended(&mut sidecar, dir.path())
}

/// What is logged is whole once the service has ended.
fn ended(sidecar: &mut Sidecar, dir: &Path) -> String {
    sidecar.signal(Signal::SIGTERM);
    assert_eq!(sidecar.wait(), Some(0));
    read(&dir.join("log"))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_correlation_id_cannot_forge_a_line_or_reach_the_terminal() {
    let hostile = "id-1\n2026-01-01T00:00:00Z INFO forged\r\u{1b}[31mred\u{9b}2J\u{202e}rtl";
    let log = logged(&[], hostile).await;
    let harmless = |c: char| c == '\n' || !(c.is_control() || c == '\u{202e}');
    assert!(log.chars().all(harmless), "{log:?}");
    let runs: Vec<_> = log.lines().filter(|line| line.contains("run verdict=ok")).collect();
    assert_eq!(runs.len(), 1, "{log}");
    assert!(runs[0].contains("id-1") && runs[0].contains("forged"), "escaped, not lost: {log}");
    assert!(!log.lines().any(|line| line.starts_with("2026-01-01")), "{log}");
    let long = logged(&[], &"x".repeat(100_000)).await;
    assert!(long.lines().all(|line| line.len() < 2000), "an id is cut");
    assert!(long.contains(&"x".repeat(200)));
}

#[tokio::test(flavor = "multi_thread")]
async fn json_logs_are_json_line_by_line_and_name_the_run() {
    let log = logged(&[("CODEMODE_LOG_FORMAT", "json")], "a\"b\\\n\u{1b}c").await;
    let lines = json_lines(&log);
    let runs: Vec<&Value> = lines.iter().filter(|line| line["message"] == "run").collect();
    assert_eq!(runs.len(), 1, "{log}");
    assert_eq!(runs[0]["verdict"], "ok");
    assert_eq!(runs[0]["level"], "INFO");
    assert_eq!(runs[0]["span"]["correlation_id"], "a\"b\\\\u{a}\\u{1b}c");
    assert_eq!(runs[0]["sha256"].as_str().unwrap().len(), 64);
    assert!(lines.iter().all(|line| line["timestamp"].is_string()), "{log}");
    assert!(!log.contains(KEY) && !log.contains("program text"), "{log}");
}

#[tokio::test(flavor = "multi_thread")]
async fn lines_of_every_level_that_belong_to_a_run_carry_its_id() {
    let dir = tempfile::tempdir().unwrap();
    let nobody = format!("127.0.0.1:{}", free_port());
    let settings = [
        ("CODEMODE_LOG_FORMAT", "json"),
        ("CODEMODE_LOG_LEVEL", "WARNING"),
        ("MAIN_APP_GRPC_TARGET", nobody.as_str()),
    ];
    let mut sidecar = Sidecar::start_with_log(&settings, log_file(dir.path())).await;
    let mut run = with_tools("", &["echo"]);
    run.correlation_id = "the-id".to_owned();
    assert_eq!(sidecar.execute(run).await.unwrap().error_type, "ToolError");
    let log = ended(&mut sidecar, dir.path());
    let lines = json_lines(&log);
    let warnings: Vec<_> = lines.iter().filter(|line| line["message"] == "no tool list").collect();
    assert_eq!(warnings.len(), 3, "{log}");
    assert!(warnings.iter().all(|line| line["span"]["correlation_id"] == "the-id"), "{log}");
    assert!(lines.iter().all(|line| line["level"] != "INFO"), "{log}");
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_runs_are_forked_from_is_missed_in_the_log_once_it_is_lost() {
    let dir = tempfile::tempdir().unwrap();
    let settings = [("CODEMODE_START", "warm")];
    let sidecar = Sidecar::start_with_log(&settings, log_file(dir.path())).await;
    let (_, launcher) = sidecar.launchers();
    let patience = Duration::from_secs(10);
    for (what, find) in [
        ("the cradle", cradle as fn(u32) -> Option<u32>),
        ("the warm interpreter", warm_interpreter),
    ] {
        eventually(what, patience, || find(launcher).is_some()).await;
        let told = || {
            let log = read(&dir.path().join("log"));
            let says = |line: &&str| line.contains(&format!("{what} is gone"));
            log.lines().find(says).map(str::to_owned)
        };
        assert_eq!(told(), None);
        signal(find(launcher).unwrap(), Signal::SIGKILL);
        assert!(sidecar.run("result = 1").await.success);
        eventually("the log says so", patience, || told().is_some()).await;
        assert!(told().unwrap().contains("it was ended by SIGKILL"), "{:?}", told());
    }
}
