//! Mistakes of whoever starts the service: one clear sentence each, exit code 2, no panic.

use std::fs;
use std::net::{TcpListener, ToSocketAddrs as _};
use std::process::Output;

use crate::harness::{Sidecar, command, free_port, virtual_environment};

fn started(arguments: &[&str], environment: &[(&str, &str)]) -> Output {
    // A port of its own, so that only the mistake can stop it.
    let port = free_port().to_string();
    let mut command = command(&[&[("CODEMODE_SIDECAR_PORT", port.as_str())], environment].concat());
    command.args(arguments);
    command.output().unwrap()
}

/// Exit code 2, every word in the message, no panic and no secret in it.
fn refused(output: &Output, words: &[&str]) {
    let text = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{text}");
    for word in words {
        assert!(text.contains(word), "{word:?} is missing in: {text}");
    }
    assert!(!text.contains("panicked") && !text.contains("service-test-key"), "{text}");
}

#[test]
fn a_port_that_is_none_or_taken() {
    let port = [("CODEMODE_SIDECAR_PORT", "abc")];
    refused(&started(&[], &port), &["CODEMODE_SIDECAR_PORT", "abc", "65535"]);
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    refused(&started(&["--port", &port], &[]), &["cannot listen", &port, "--port"]);
}

#[test]
fn without_a_key_only_loopback_is_served() {
    let open = [("CODEMODE_SIDECAR_HOST", "0.0.0.0"), ("CODEMODE_API_KEY", "")];
    let port = free_port().to_string();
    let output = started(&["--port", &port], &open);
    refused(&output, &["CODEMODE_API_KEY", "--host 127.0.0.1", "--allow-unauthenticated"]);
}

#[test]
fn unknown_keys_and_values_out_of_range_in_the_file() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("sidecar.yaml");
    fs::write(&file, "prot: 1\nlimits:\n  code_timeout: 900\n").unwrap();
    let output = started(&["--config", file.to_str().unwrap()], &[]);
    refused(&output, &["prot", "port", "limits.code_timeout", "900", "300"]);
    let output = started(&["--config", "/nowhere.yaml"], &[]);
    refused(&output, &["/nowhere.yaml"]);
}

#[test]
fn walls_domains_and_commands_that_are_none() {
    let port = ["--port", &free_port().to_string()];
    refused(&started(&port, &[("CODEMODE_REQUIRED_WALLS", "moat")]), &["moat", "doctor"]);
    let command = [
        ("CODEMODE_ALLOW_DIRECT_EXECUTION", "yes"),
        ("CODEMODE_ALLOWED_COMMANDS", "no-such-command"),
    ];
    refused(&started(&port, &command), &["no-such-command"]);
    refused(&started(&port, &[("CODEMODE_PYTHON", "/nowhere/python")]), &["/nowhere/python"]);
}

#[test]
fn key_files_missing_unreadable_or_mismatched() {
    let dir = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        let path = dir.path().join(name);
        fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let made = |name: &str| rcgen::generate_simple_self_signed([name.to_owned()]).unwrap();
    let (one, two) = (made("one"), made("two"));
    let cert = write("cert.pem", &one.cert.pem());
    let key = write("key.pem", &one.signing_key.serialize_pem());
    let other = write("other.pem", &two.signing_key.serialize_pem());
    let garbage = write("garbage.pem", "not a key");
    let tls = |cert: &str, key: &str| {
        started(
            &[],
            &[
                ("CODEMODE_TLS_ENABLED", "true"),
                ("CODEMODE_TLS_MODE", "custom"),
                ("CODEMODE_TLS_CERT_FILE", cert),
                ("CODEMODE_TLS_KEY_FILE", key),
            ],
        )
    };
    refused(&tls(&cert, "/nowhere.pem"), &["/nowhere.pem"]);
    refused(&tls(&cert, &garbage), &["garbage.pem"]);
    refused(&tls(&cert, &other), &["other.pem"]);
    refused(&tls(&cert, ""), &["tls.key_file"]);
    let authority = [
        ("CODEMODE_TLS_ENABLED", "true"),
        ("CODEMODE_TLS_MODE", "custom"),
        ("CODEMODE_TLS_CERT_FILE", cert.as_str()),
        ("CODEMODE_TLS_KEY_FILE", key.as_str()),
        ("CODEMODE_TLS_REQUIRE_CLIENT_AUTH", "true"),
    ];
    refused(&started(&[], &authority), &["tls.ca_file"]);
}

#[test]
fn a_certificate_without_its_key_towards_the_main_application() {
    let lone = [
        ("CODEMODE_CALLBACK_TLS_ENABLED", "true"),
        ("CODEMODE_CALLBACK_TLS_CLIENT_CERT", "/nowhere.pem"),
    ];
    let words = ["CODEMODE_CALLBACK_TLS_CLIENT_CERT", "callback_tls.client_key"];
    refused(&started(&[], &lone), &words);
}

#[test]
fn a_key_that_is_none() {
    refused(&started(&[], &[("CODEMODE_API_KEY", " service-test-key")]), &["CODEMODE_API_KEY"]);
}

#[test]
fn a_main_application_whose_name_leads_nowhere() {
    // The domain is reserved: it never exists.
    let target = "no-such-host.invalid:50051";
    let words = [target, "cannot be resolved", "--add-host=host.docker.internal:host-gateway"];
    let output = started(&[], &[("MAIN_APP_GRPC_TARGET", target)]);
    refused(&output, &[&words[..], &["MAIN_APP_GRPC_TARGET (main_app_grpc_target)"]].concat());
    let output = started(&[], &[("CODEMODE_MAIN_APP_TARGET", target)]);
    refused(&output, &[&words[..], &["CODEMODE_MAIN_APP_TARGET"]].concat());
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("sidecar.yaml");
    fs::write(&file, format!("\nmain_app_grpc_target: {target}\n")).unwrap();
    let output = started(&["--config", file.to_str().unwrap()], &[]);
    refused(&output, &[&words[..], &["(sidecar.yaml line 2, column 1)"]].concat());
}

#[tokio::test]
async fn a_main_application_that_does_not_answer_yet_stops_no_start() {
    let port = free_port();
    let named = nix::unistd::gethostname().unwrap().into_string().unwrap();
    let mut hosts = vec!["localhost".to_owned(), "127.0.0.1".to_owned(), "[::1]".to_owned()];
    match (named.as_str(), port).to_socket_addrs() {
        Ok(_) => hosts.push(named),
        Err(error) => eprintln!("skipped: a name that is looked up: {named}: {error}"),
    }
    for host in hosts {
        let target = format!("{host}:{port}");
        // Starting is answering.
        let sidecar = Sidecar::start(&[("MAIN_APP_GRPC_TARGET", &target)]).await;
        assert!(sidecar.run("result = 1").await.success, "{target}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_interpreter_that_is_removed_under_the_service() {
    let Some(directory) = virtual_environment("an_interpreter_that_is_removed…", "/tmp") else {
        return;
    };
    let venv = directory.path().join("venv");
    let interpreter = venv.join("bin/python");
    let settings =
        [("CODEMODE_PYTHON", interpreter.to_str().unwrap()), ("CODEMODE_START", "fresh")];
    let sidecar = Sidecar::start(&settings).await;
    assert!(sidecar.run("result = 1").await.success);
    fs::remove_dir_all(&venv).unwrap();
    let answer = sidecar.run("result = 1").await;
    assert_eq!(answer.error_type, "SandboxRefused", "{answer:?}");
    assert!(answer.error.contains("was removed after codemode started"), "{answer:?}");
}
