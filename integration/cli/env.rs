//! `codemode docker env`.

use crate::harness::Desk;

#[test]
fn a_sidecars_file_becomes_its_variables() {
    let desk = Desk::new();
    let text = "host: 127.0.0.1\nport: 9001\napi_key: ${KEY}\nmain_app_grpc_target: 127.0.0.1:50052\n\
                limits: {memory: 64M}\nsecurity: {allowed_commands: [grep, cat]}\npython: /usr/bin/python3\n";
    desk.write("my.yaml", text);
    let said = desk
        .run_with(&["docker", "env", "--config", "my.yaml", "--output", "-"], &[("KEY", "s3cret")]);
    assert_eq!(said.code, Some(0), "{}", said.err);
    let mut lines: Vec<_> = said.out.lines().filter(|line| !line.starts_with('#')).collect();
    lines.sort_unstable();
    let want = [
        "CODEMODE_ALLOWED_COMMANDS=grep,cat",
        "CODEMODE_API_KEY=s3cret",
        "CODEMODE_MEMORY_LIMIT=67108864",
        "CODEMODE_SIDECAR_PORT=9001",
        "MAIN_APP_GRPC_TARGET=host.docker.internal:50052",
    ];
    assert_eq!(lines, want);
    // What means nothing inside is left out, and that is said.
    assert!(
        said.err.contains("host (my.yaml line 1") && said.err.contains("python (my.yaml line 7"),
        "{}",
        said.err
    );
    assert!(!said.err.contains("s3cret"));
}

#[test]
fn what_is_written_is_what_serve_reads() {
    let desk = Desk::new();
    desk.run(&["init", "sidecar"]).done();
    let key = "two words $HOME #1";
    let said = desk.run_with(
        &["docker", "env", "--config", "codemode-sidecar.yaml"],
        &[("CODEMODE_API_KEY", key)],
    );
    assert_eq!(said.done(), ".env\n");
    assert_eq!(desk.mode(".env"), 0o600);
    // As a reader of such files sees them: a shell.
    let set = "set -a; . ./.env; exec \"$0\" validate --json --config codemode-sidecar.yaml";
    let output = std::process::Command::new("sh")
        .args(["-c", set])
        .arg(crate::harness::binary())
        .current_dir(desk.path(""))
        .env_clear()
        .output()
        .unwrap();
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["ok"], true, "{report}");
    let target = report["settings"]
        .as_array()
        .unwrap()
        .iter()
        .find(|s| s["key"] == "main_app_grpc_target")
        .unwrap();
    assert_eq!(
        (&target["value"], &target["variable"]),
        (&"host.docker.internal:50051".into(), &"MAIN_APP_GRPC_TARGET".into())
    );
    assert!(desk.read(".env").contains("CODEMODE_API_KEY='two words $HOME #1'\n"));
}

#[test]
fn an_applications_files_give_what_they_share_with_the_sidecar() {
    let desk = Desk::new();
    let print = |text: &str| {
        desk.write("codemode.yaml", text);
        let said = desk.run(&["docker", "env", "--output", "-"]);
        assert_eq!(said.code, Some(0), "{}", said.err);
        said.out
    };
    let client = print(
        "executor_url: https://localhost:9001\nexecutor_api_key: k\ntls: {enabled: true}\nmax_code_length: 200\n",
    );
    for line in [
        "CODEMODE_API_KEY=k",
        "CODEMODE_SIDECAR_PORT=9001",
        "CODEMODE_MAX_CODE_LENGTH=200",
        "CODEMODE_TLS_ENABLED=true",
        "CODEMODE_TLS_MODE=custom",
        "MAIN_APP_GRPC_TARGET=host.docker.internal:50051",
    ] {
        assert!(client.lines().any(|found| found == line), "{line} is not in\n{client}");
    }
    let project = print(
        "project: {name: x}\nframework: {type: crewai}\nexecutor:\n  url: http://localhost:8001\n  api_key: k\n  \
         network: {mode: restricted, allowed_domains: [pypi.org]}\n\
         grpc:\n  tool_service_url: \"[::1]:50051\"\n  tls: {enabled: true, mode: custom, ca_file: certs/ca.crt}\n",
    );
    for line in [
        "EXECUTOR_NETWORK_MODE=restricted",
        "CODEMODE_ALLOWED_DOMAINS=pypi.org",
        "MAIN_APP_GRPC_TARGET=host.docker.internal:50051",
        "CODEMODE_TLS_ENABLED=true",
        "CODEMODE_CALLBACK_TLS_ENABLED=true",
        "CODEMODE_CALLBACK_TLS_CA_FILE=certs/ca.crt",
    ] {
        assert!(project.lines().any(|found| found == line), "{line} is not in\n{project}");
    }
}

#[test]
fn faults_and_files_in_the_way_are_refused() {
    let desk = Desk::new();
    desk.write("codemode.yaml", "executor_url: http://h:1\nexecutor_api_key: ${UNSET_KEY}\n");
    let words =
        ["executor_api_key (codemode.yaml line 2, column 1): variable UNSET_KEY is not set"];
    desk.run(&["docker", "env"]).refused(2, &words);
    assert_eq!(desk.list(""), ["codemode.yaml"]);
    desk.write(".env", "mine");
    let env = [("UNSET_KEY", "it's")];
    let err = desk
        .run_with(&["docker", "env", "--force"], &env)
        .refused(2, &["CODEMODE_API_KEY", "quotes"]);
    assert!(!err.contains("it's"));
    let env = [("UNSET_KEY", "k")];
    desk.run_with(&["docker", "env"], &env).refused(2, &[".env exists already", "--force"]);
    assert_eq!(desk.read(".env"), "mine");
    desk.run_with(&["docker", "env", "--force"], &env).done();
    assert_eq!((desk.mode(".env"), desk.read(".env").contains("mine")), (0o600, false));
}
