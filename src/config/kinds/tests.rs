//! Files of applications.

use super::*;

const CLIENT_FILE: &str = "executor_url: ${URL:-http://localhost:8001/}\nexecutor_api_key: k\n\
                           tls: {enabled: true, mode: custom}\n";
const PROJECT_FILE: &str = "project: {name: x}\nframework: {type: CrewAI, own: 1}\n\
    executor:\n  url: http://h:1\n  api_key: k\n  network:\n    mode: restricted\n\
    config: {anything: [1]}\nlogging: {level: DEBUG, handlers: []}\n";

fn inspected(name: &str, text: &str) -> Inspected {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join(name);
    std::fs::write(&path, text).unwrap();
    inspect(&path, None, &Environment::new())
}

fn faults(name: &str, text: &str) -> Vec<String> {
    inspected(name, text).faults.iter().map(ToString::to_string).collect()
}

fn value(found: &Inspected, key: &str) -> serde_json::Value {
    found.settings.iter().find(|used| used.key == key).unwrap().value.clone()
}

#[test]
fn the_keys_say_what_a_file_is_for_and_else_its_name() {
    for (name, text, kind) in [
        ("a.yaml", CLIENT_FILE, FileKind::Client),
        ("codemode.yaml", PROJECT_FILE, FileKind::Project),
        ("codemode.yaml", "port: 1", FileKind::Sidecar),
        ("codemode.yaml", "tls: {enabled: false}", FileKind::Client),
        ("codemode-client.yaml", "", FileKind::Client),
        ("sidecar.yaml", "tls: {enabled: false}", FileKind::Sidecar),
    ] {
        assert_eq!(inspected(name, text).kind, kind, "{name} {text}");
    }
}

#[test]
fn files_that_are_right_give_their_values_and_defaults() {
    let client = inspected("a.yaml", CLIENT_FILE);
    assert!(client.faults.is_empty(), "{:?}", client.faults);
    assert_eq!(value(&client, "executor_url"), "http://localhost:8001");
    assert_eq!(value(&client, "executor_api_key"), "(set)");
    assert_eq!(value(&client, "max_code_length"), 50_000);
    let project = inspected("a.yaml", PROJECT_FILE);
    assert!(project.faults.is_empty(), "{:?}", project.faults);
    assert_eq!(value(&project, "executor.network.mode"), "restricted");
    assert_eq!(value(&project, "framework.type"), "crewai");
    assert_eq!(value(&project, "logging.level"), "DEBUG");
}

#[test]
fn every_fault_has_its_line() {
    let text = "executor_url: localhost:8001\nretry:\n  max_attempts: 11\n  backoff_base_ms: 900\n  \
                backoff_max_ms: 200\ntls:\n  client_key_file: x\nexecutr_timeout: 1\n";
    let found = faults("a.yaml", text).join("\n");
    for part in [
        "executr_timeout (a.yaml line 8, column 1): unknown key, did you mean `executor_timeout`?",
        "executor_url (a.yaml line 1, column 1): \"localhost:8001\" is not allowed",
        "retry.max_attempts (a.yaml line 3, column 3): \"11\" is not allowed",
        "retry.backoff_base_ms (a.yaml line 4, column 3): is above",
        "executor_api_key: is missing",
        "tls.client_cert_file: a certificate and its key go together",
    ] {
        assert!(found.contains(part), "{part:?} is missing in\n{found}");
    }
    assert_eq!(found.lines().count(), 6, "{found}");
    let found = faults("a.yaml", "executor: {api_key: ' k', nework: {}}\ngrpc: {tls: {x: 1}}\n");
    let text = found.join("\n");
    assert!(text.contains("executor.nework (a.yaml line 1, column 27): unknown key"), "{text}");
    assert!(text.contains("grpc.tls.x (a.yaml line 2, column 14): unknown key"), "{text}");
    assert!(text.contains("project.name: is missing") && !text.contains("' k'"), "{text}");
}
