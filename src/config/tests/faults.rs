//! What is refused, and how it is said.

use std::path::PathBuf;

use super::{Bench, assert_contains};

#[test]
fn all_faults_are_reported_together() {
    let yaml = "prot: 8001\nlimits:\n  # a comment\n  memory: 1M\n  code_timout: 3\ncode_timeout: 3\n\
                host: ${NO_SUCH}\npython: 3.11\ntls: yes\n";
    let bench = Bench::new()
        .with_file(yaml)
        .with_env("CODEMODE_QUEUE", "many")
        .with_env("CODEMODE_ALLOW_DIRECT_EXECUTION", "enabled")
        .with_env("CODEMODE_ALLOWED_DOMAINS", "a.org,https://b.org");
    let (report, count) = bench.report();
    assert_eq!(count, 10, "{report}");
    assert_contains(
        &report,
        &[
            "prot (codemode-sidecar.yaml line 1, column 1): unknown key, did you mean `port`?; allowed here: port, host,",
            "limits.code_timout (codemode-sidecar.yaml line 5, column 3): unknown key, did you mean `limits.code_timeout`?",
            "code_timeout (codemode-sidecar.yaml line 6, column 1): unknown key, did you mean `limits.code_timeout`?",
            "limits.memory (codemode-sidecar.yaml line 4, column 3): \"1M\" is not allowed; give a size from 32M to 1T",
            "host (codemode-sidecar.yaml line 7, column 1): variable NO_SUCH is not set",
            "python (codemode-sidecar.yaml line 8, column 1): \"3.11\" without quotes is not allowed",
            "tls (codemode-sidecar.yaml line 9, column 1): a single value or list is not allowed",
            "CODEMODE_QUEUE (limits.queue): \"many\" is not allowed; give a whole number from 0 to 100000",
            "CODEMODE_ALLOW_DIRECT_EXECUTION (security.allow_direct_execution): \"enabled\"",
            "CODEMODE_ALLOWED_DOMAINS (network.allowed_domains): \"https://b.org\"",
        ],
    );
}

#[test]
fn a_file_that_is_no_configuration() {
    let report = |text: &str| Bench::new().with_file(text).report().0;
    assert_contains(&report("port 8001"), &["codemode-sidecar.yaml", "key: value"]);
    assert_contains(&report("port: [1"), &["not valid YAML", "line"]);
    assert_contains(&report("port: 1\nport: 2"), &["not valid YAML", "duplicate"]);
    assert_contains(&report(&"# long\n".repeat(200_000)), &["larger than 1M"]);
    for text in ["", "# nothing\n", "limits:\n", "port:\n", "port: ''\n"] {
        assert_eq!(Bench::new().with_file(text).load().unwrap().port, 8001, "{text:?}");
    }
}

#[test]
fn shapes_that_do_not_fit() {
    for text in [
        "port: [1]",
        "port: {a: 1}",
        "port: !x 1",
        "security: {allowed_commands: [[a]]}",
        "api_key: 12345",
    ] {
        assert_eq!(Bench::new().with_file(text).report().1, 1, "{text}");
    }
}

#[test]
fn a_secret_is_never_shown() {
    for value in ["hunter2 ", "hun\tter2", "hunter2\n"] {
        let (report, count) = Bench::new().with_env("CODEMODE_API_KEY", value).report();
        assert_eq!(count, 1);
        assert!(report.contains("CODEMODE_API_KEY") && !report.contains("ter2"), "{report}");
    }
    let yaml = "api_key: hunter2-${MISSING}";
    assert!(!Bench::new().with_file(yaml).report().0.contains("hunter2"));
    let config =
        Bench::new().with_file("api_key: ''").with_env("CODEMODE_API_KEY", "").load().unwrap();
    assert!(config.api_key.is_none());
}

#[test]
fn strangers_need_a_key_or_an_explicit_permission() {
    let mut bench = Bench::new();
    bench.host = Some("0.0.0.0");
    let (report, count) = bench.report();
    assert_eq!(count, 1);
    assert_contains(&report, &["CODEMODE_API_KEY", "--host 127.0.0.1", "--allow-unauthenticated"]);
    for host in ["127.0.0.1", "127.8.8.8", "::1", "[::1]", "localhost"] {
        bench.host = Some(host);
        assert!(bench.load().is_ok(), "{host}");
    }
    bench.host = Some("0.0.0.0");
    assert!(bench.with_env("CODEMODE_ALLOW_UNAUTHENTICATED", "1").load().is_ok());
    let mut bench = Bench::new().with_env("CODEMODE_API_KEY", "k");
    bench.host = None;
    assert!(bench.load().is_ok());
}

#[test]
fn a_refused_value_causes_no_second_fault() {
    let mut bench = Bench::new().with_env("CODEMODE_API_KEY", " k");
    bench.host = None;
    assert_eq!(bench.report().1, 1);
    let mut bench = Bench::new().with_file("{");
    bench.host = None;
    assert_eq!(bench.report().1, 1);
}

#[test]
fn the_environment_excuses_an_incomplete_value_but_not_a_wrong_one() {
    let bench = Bench::new().with_file("port: ${PORT}").with_env("CODEMODE_SIDECAR_PORT", "5");
    assert_eq!(bench.load().unwrap().port, 5);
    let bench = Bench::new().with_file("port: 70000").with_env("CODEMODE_SIDECAR_PORT", "5");
    assert_eq!(bench.report().1, 1);
}

#[test]
fn mounts_are_existing_directories() {
    let bench = Bench::new();
    let path = bench.dir.path().to_str().unwrap().to_owned();
    let config = bench.with_env("CODEMODE_WORKSPACE", &path).load().unwrap();
    assert_eq!(config.mounts.workspace, Some(PathBuf::from(path)));
    let bench = Bench::new()
        .with_env("CODEMODE_WORKSPACE", "/no/such/directory")
        .with_env("CODEMODE_OUTPUTS", "relative");
    let (report, count) = bench.report();
    assert_eq!(count, 2);
    assert_contains(
        &report,
        &["CODEMODE_WORKSPACE (mounts.workspace): /no/such/directory", "absolute path"],
    );
}

#[test]
fn a_key_of_a_file_commands_no_terminal_and_fills_none() {
    let (report, _) = Bench::new().with_file("\"\\e[2J\": 1\n").report();
    assert!(report.contains("\\u{1b}[2J") && !report.contains('\u{1b}'), "{report:?}");
    let many: String = (0..5000).map(|number| format!("key{number}: 1\n")).collect();
    let (_, count) = Bench::new().with_file(&many).report();
    assert!((100..105).contains(&count), "{count}");
}
