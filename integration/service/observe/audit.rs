//! The record of every call.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use codemode::grpc::proto::executor_service_client::ExecutorServiceClient;
use nix::sys::signal::Signal;
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use serde_json::{Value, json};
use tonic::transport::{Certificate, Channel, ClientTlsConfig, Endpoint, Identity};

use super::{PATIENCE, json_lines, log_file, read, with_tools};
use crate::harness::{
    KEY, MainApp, Sidecar, command, eventually, free_port, is_root, request, with_key,
};

/// A directory that the account of the front may write to.
fn directory() -> (tempfile::TempDir, PathBuf, String) {
    let dir = tempfile::tempdir().unwrap();
    fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o777)).unwrap();
    let file = dir.path().join("audit.jsonl");
    let text = file.to_str().unwrap().to_owned();
    (dir, file, text)
}

async fn records(file: &Path, number: usize) -> Vec<Value> {
    eventually("the records are written", PATIENCE, || read(file).lines().count() >= number).await;
    let records = json_lines(&read(file));
    assert_eq!(records.len(), number, "{records:#?}");
    records
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_says_who_ran_what_and_what_came_of_it() {
    let (app, (_dir, file, path)) = (MainApp::start().await, directory());
    let target = app.target();
    let settings = [
        ("CODEMODE_AUDIT_FILE", path.as_str()),
        ("MAIN_APP_GRPC_TARGET", &target),
        ("CODEMODE_START", "fresh"),
    ];
    let sidecar = Sidecar::start(&settings).await;
    let code = "tools['echo'].run(value='argument')\n\
                for _ in range(2):\n\
                \x20   try: tools['fail'].run()\n\
                \x20   except RuntimeError: pass";
    let mut run = with_tools(code, &["echo", "fail"]);
    run.correlation_id = "run-1".to_owned();
    let answer = sidecar.execute(run).await.unwrap();
    assert!(answer.success, "{}", answer.stderr);
    let record = &records(&file, 1).await[0];
    assert_eq!(record["event"], "run");
    assert_eq!(record["correlation_id"], "run-1");
    assert_eq!(record["caller"]["auth"], "key");
    assert!(record["caller"]["peer"].as_str().unwrap().starts_with("127.0.0.1:"));
    assert_eq!(record["code"]["bytes"], code.len());
    assert_eq!(record["verdict"], "ok");
    assert_eq!(record["start"], "fresh");
    assert_eq!(answer.report.as_ref().unwrap().start, "fresh");
    let tools = json!({"echo": {"calls": 1, "failed": 0}, "fail": {"calls": 2, "failed": 2}});
    assert_eq!(record["tools"], tools);
    assert_eq!(record["limits"], json!([]));
    assert!(record["usage"]["cpu_ms"].as_f64().unwrap() > 0.0);
    assert!(record["usage"]["tool_wait_ms"].as_f64().unwrap() > 0.0);
    assert!(record["duration_ms"].as_f64().unwrap() > 0.0);
    let report = answer.report.unwrap();
    let missing: Vec<_> = report.walls.iter().filter(|wall| !wall.standing).collect();
    let names: Vec<_> = missing.iter().map(|wall| wall.name.as_str()).collect();
    assert_eq!(record["walls_missing"], json!(names));
    assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600);
}

#[tokio::test(flavor = "multi_thread")]
async fn refusals_limits_and_callers_that_leave_are_on_record() {
    let (app, (_dir, file, path)) = (MainApp::start().await, directory());
    let target = app.target();
    let settings = [("CODEMODE_AUDIT_FILE", path.as_str()), ("MAIN_APP_GRPC_TARGET", &target)];
    let sidecar = Sidecar::start(&settings).await;
    let mut late = request("while True: pass");
    late.timeout = 1;
    assert_eq!(sidecar.execute(late).await.unwrap().error_type, "Timeout");
    sidecar.execute(request(&"#".repeat(20_000))).await.unwrap();
    let mut stranger = tonic::Request::new(request("result = 1"));
    stranger.metadata_mut().insert("authorization", "Bearer a-wrong-key".parse().unwrap());
    stranger.metadata_mut().insert("x-correlation-id", "stranger".parse().unwrap());
    sidecar.client().await.execute(stranger).await.unwrap_err();
    let huge = with_key(request(&"#".repeat(5 << 20)));
    sidecar.client().await.execute(huge).await.unwrap_err();
    let mut client = sidecar.client().await;
    let held = with_tools("tools['hold'].run()", &["hold"]);
    let left = tokio::spawn(async move { client.execute(with_key(held)).await });
    let called = || !app.tools.seen.lock().unwrap().is_empty();
    eventually("the tool is called", PATIENCE, called).await;
    left.abort();

    let records = records(&file, 5).await;
    let events: Vec<_> = records.iter().map(|record| record["event"].as_str().unwrap()).collect();
    assert_eq!(events, ["run", "refused", "refused", "refused", "run"]);
    assert_eq!(records[0]["verdict"], "timeout");
    assert_eq!(records[0]["limits"], json!(["code_timeout"]));
    assert_eq!(records[0]["error_type"], "Timeout");
    assert!(records[0]["evidence"].as_str().unwrap().contains("wall clock"));
    assert_eq!(records[1]["reason"], "too_long");
    assert_eq!(records[1]["code"]["bytes"], 20_000);
    assert_eq!(records[2]["reason"], "unauthenticated");
    assert_eq!(records[2]["caller"]["auth"], "none");
    assert_eq!(records[2]["correlation_id"], "stranger");
    assert_eq!(records[3]["reason"], "too_large");
    assert_eq!(records[4]["verdict"], "cancelled");
    let text = read(&file);
    assert!(!text.contains(KEY) && !text.contains("a-wrong-key"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_program_is_on_record_only_if_asked_for_and_the_key_never() {
    let program = format!("print('a secret of the program', {:?})", KEY.len());
    for include in ["false", "true"] {
        let (_dir, file, path) = directory();
        let settings =
            [("CODEMODE_AUDIT_FILE", path.as_str()), ("CODEMODE_AUDIT_INCLUDE_CODE", include)];
        let sidecar = Sidecar::start(&settings).await;
        assert!(sidecar.run(&program).await.success);
        let record = &records(&file, 1).await[0];
        let text = read(&file);
        assert_eq!(text.contains("a secret of the program"), include == "true", "{text}");
        assert_eq!(record["code"]["text"].as_str() == Some(&program), include == "true");
        assert!(!text.contains(KEY), "{text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_file_records_go_to_standard_error_if_asked_for() {
    for (enabled, number) in [("true", 1), ("", 0)] {
        let dir = tempfile::tempdir().unwrap();
        let settings = [("CODEMODE_AUDIT", enabled), ("CODEMODE_LOG_LEVEL", "ERROR")];
        let mut sidecar = Sidecar::start_with_log(&settings, log_file(dir.path())).await;
        assert!(sidecar.run("result = 1").await.success);
        sidecar.signal(Signal::SIGTERM);
        assert_eq!(sidecar.wait(), Some(0));
        let log = read(&dir.path().join("log"));
        assert_eq!(log.lines().filter(|line| line.starts_with('{')).count(), number, "{log}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_renamed_file_is_left_for_a_new_one_at_sighup() {
    let (dir, file, path) = directory();
    let sidecar = Sidecar::start(&[("CODEMODE_AUDIT_FILE", path.as_str())]).await;
    let old = dir.path().join("audit.jsonl.1");
    assert!(sidecar.run("result = 1").await.success);
    records(&file, 1).await;
    fs::rename(&file, &old).unwrap();
    assert!(sidecar.run("result = 2").await.success);
    records(&old, 2).await;
    sidecar.signal(Signal::SIGHUP);
    eventually("there is a new file", PATIENCE, || file.exists()).await;
    assert!(sidecar.run("result = 3").await.success);
    records(&file, 1).await;
    records(&old, 2).await;
}

#[test]
fn a_file_that_cannot_be_opened_is_a_mistake() {
    let mut serve = command(&[("CODEMODE_AUDIT_FILE", "/nowhere/audit.jsonl")]);
    let output = serve.args(["--port", &free_port().to_string()]).output().unwrap();
    let text = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{text}");
    assert!(
        text.contains("audit.file: /nowhere/audit.jsonl") && text.contains("no link"),
        "{text}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_launcher_holds_neither_the_file_nor_the_port() {
    if !is_root() {
        println!("skipped: descriptors of the launcher: reading them takes root");
        return;
    }
    let (_dir, file, path) = directory();
    let endpoint = super::Endpoint::new();
    let port = endpoint.port();
    let settings = [("CODEMODE_AUDIT_FILE", path.as_str()), ("CODEMODE_METRICS_PORT", &port)];
    let sidecar = Sidecar::start(&settings).await;
    assert!(sidecar.run("result = 1").await.success);
    let socket = listening(endpoint.0);
    let holds = |pid: u32, wanted: &Path| {
        let held = fs::read_dir(format!("/proc/{pid}/fd")).unwrap().flatten();
        held.filter_map(|fd| fs::read_link(fd.path()).ok()).any(|link| link == wanted)
    };
    let (keeper, launcher) = sidecar.launchers();
    for wanted in [file.as_path(), &socket] {
        assert!(holds(sidecar.pid(), wanted), "the front holds {}", wanted.display());
        assert!(!holds(keeper, wanted) && !holds(launcher, wanted), "{}", wanted.display());
    }
}

/// The socket that listens on `port`, as links in `/proc` name it.
fn listening(port: u16) -> PathBuf {
    let table = fs::read_to_string("/proc/net/tcp").unwrap();
    let local = format!("0100007F:{port:04X}");
    let row = table.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
    let row = row.into_iter().find(|row| row[1] == local && row[3] == "0A").unwrap();
    PathBuf::from(format!("socket:[{}]", row[9]))
}

struct Pki {
    ca: String,
    server: (String, String),
    client: (String, String),
}

fn pki() -> Pki {
    let mut authority = CertificateParams::default();
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = KeyPair::generate().unwrap();
    let ca = authority.self_signed(&key).unwrap().pem();
    let issuer = Issuer::new(authority, key);
    let issue = |name: &str| {
        let mut leaf = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
        leaf.distinguished_name.push(DnType::CommonName, name);
        let key = KeyPair::generate().unwrap();
        (leaf.signed_by(&key, &issuer).unwrap().pem(), key.serialize_pem())
    };
    Pki { ca, server: issue("server"), client: issue("the-main-app") }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_certificate_is_named_by_its_subject() {
    let (dir, file, path) = directory();
    let pki = pki();
    let write = |name: &str, text: &str| {
        let path = dir.path().join(name);
        fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let (cert, key) = (write("s.pem", &pki.server.0), write("s.key", &pki.server.1));
    let ca = write("ca.pem", &pki.ca);
    let port = free_port().to_string();
    let mut serve = command(&[
        ("CODEMODE_AUDIT_FILE", path.as_str()),
        ("CODEMODE_TLS_ENABLED", "true"),
        ("CODEMODE_TLS_MODE", "custom"),
        ("CODEMODE_TLS_CERT_FILE", &cert),
        ("CODEMODE_TLS_KEY_FILE", &key),
        ("CODEMODE_TLS_CA_FILE", &ca),
        ("CODEMODE_TLS_REQUIRE_CLIENT_AUTH", "true"),
    ]);
    let serve = serve.args(["--port", &port]).stderr(Stdio::null());
    let mut child = serve.spawn().unwrap();
    let tls = ClientTlsConfig::new()
        .domain_name("localhost")
        .ca_certificate(Certificate::from_pem(&pki.ca))
        .identity(Identity::from_pem(&pki.client.0, &pki.client.1));
    let endpoint = Endpoint::from_shared(format!("https://127.0.0.1:{port}")).unwrap();
    let endpoint = endpoint.tls_config(tls).unwrap();
    let answer = executed(&endpoint).await;
    // Before its end: the record is written after the answer.
    let records = records(&file, 1).await;
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(answer, "the run succeeds");
    let record = &records[0];
    let certificate = &record["caller"]["certificate"];
    assert!(certificate["subject"].as_str().unwrap().contains("CN=the-main-app"), "{record}");
    assert_eq!(certificate["sha256"].as_str().unwrap().len(), 64);
}

/// Runs a program as soon as the service answers.
async fn executed(endpoint: &Endpoint) -> bool {
    let begun = std::time::Instant::now();
    let channel: Channel = loop {
        match endpoint.connect().await {
            Ok(channel) => break channel,
            Err(error) => assert!(begun.elapsed() < PATIENCE * 2, "{error:?}"),
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    };
    let answer = ExecutorServiceClient::new(channel).execute(with_key(request("result = 1"))).await;
    answer.unwrap().into_inner().success
}
