//! `codemode validate`, and that `serve` names the same places.

use crate::harness::{Desk, KEY};

const WRONG: &str = "port: 8001\nprot: 1\nlimits:\n  code_timeout: 900\n  memory: [1]\ntls: {enabled: true, \
                     cert_fil: x}\napi_key: ' hunter2'\n";

#[test]
fn every_fault_names_its_line() {
    let desk = Desk::new();
    desk.write("sidecar.yaml", WRONG);
    let words = [
        "prot (sidecar.yaml line 2, column 1): unknown key, did you mean `port`?",
        "limits.code_timeout (sidecar.yaml line 4, column 3): \"900\" is not allowed; give whole seconds from 1 to 300",
        "limits.memory (sidecar.yaml line 5, column 3): a list",
        "tls.cert_fil (sidecar.yaml line 6, column 22): unknown key, did you mean `tls.cert_file`?",
        "api_key (sidecar.yaml line 7, column 1): the value (not shown)",
    ];
    let err = desk.run(&["validate", "--config", "sidecar.yaml"]).refused(2, &words);
    assert!(!err.contains("hunter2"), "{err}");
    let err = desk.run(&["serve", "--config", "sidecar.yaml"]).refused(2, &words);
    assert!(!err.contains("hunter2"), "{err}");
}

#[test]
fn a_syntax_error_names_its_line() {
    let desk = Desk::new();
    desk.write("sidecar.yaml", "port: 8001\nlimits:\n  memory: 1M\n bad: 1\n");
    let words = ["sidecar.yaml line 4, column ", "not valid YAML"];
    desk.run(&["validate", "--config", "sidecar.yaml"]).refused(2, &words);
    desk.run(&["serve", "--config", "sidecar.yaml"]).refused(2, &words);
    desk.write("sidecar.yaml", "port: 8001\nport: 8002\n");
    let words = ["sidecar.yaml line 2, column 1", "duplicate key \"port\""];
    desk.run(&["validate", "--config", "sidecar.yaml"]).refused(2, &words);
}

#[test]
fn json_has_the_places_apart() {
    let desk = Desk::new();
    desk.write("sidecar.yaml", WRONG);
    let said = desk.run(&["validate", "--config", "sidecar.yaml", "--json"]);
    assert_eq!((said.code, said.err.as_str()), (Some(2), ""));
    let report = said.json();
    assert_eq!(report["ok"], false);
    let first = &report["faults"][0];
    assert_eq!(
        (&first["key"], &first["line"], &first["column"]),
        (&"prot".into(), &2.into(), &1.into())
    );
    assert!(!said.out.contains("hunter2"));
}

#[test]
fn what_would_be_used_is_shown_with_what_gave_it() {
    let desk = Desk::new();
    desk.write("sidecar.yaml", "api_key: ${CODEMODE_API_KEY}\nlimits:\n  memory: 1G\n  queue: 7\n");
    let env = [("CODEMODE_API_KEY", KEY), ("CODEMODE_QUEUE", "9")];
    let said = desk.run_with(&["validate", "--json"], &env);
    assert_eq!(said.code, Some(0), "{}", said.err);
    let report = said.json();
    assert_eq!((&report["kind"], &report["file"]), (&"sidecar".into(), &"sidecar.yaml".into()));
    let setting = |key: &str| {
        let all = report["settings"].as_array().unwrap();
        all.iter().find(|setting| setting["key"] == key).unwrap().clone()
    };
    let memory = setting("limits.memory");
    assert_eq!((&memory["value"], &memory["line"]), (&(1u64 << 30).into(), &3.into()));
    let queue = setting("limits.queue");
    assert_eq!((&queue["value"], &queue["variable"]), (&9.into(), &"CODEMODE_QUEUE".into()));
    assert_eq!(setting("port")["value"], 8001);
    assert_eq!(setting("api_key")["value"], "(set)");
    assert!(!said.out.contains(KEY));
    let said = desk.run_with(&["validate"], &env);
    let out = said.done();
    assert!(out.contains("a valid sidecar configuration") && !out.contains(KEY), "{out}");
}

#[test]
fn a_clients_file_is_told_apart_and_checked() {
    let desk = Desk::new();
    desk.write("codemode.yaml", "executor_url: localhost:8001\nretry: {max_attempts: 99}\n");
    let words = [
        "executor_url (codemode.yaml line 1, column 1): \"localhost:8001\" is not allowed",
        "retry.max_attempts (codemode.yaml line 2, column 9): \"99\" is not allowed; give a whole number from 1 to 10",
        "executor_api_key: is missing",
    ];
    desk.run(&["validate", "--config", "codemode.yaml"]).refused(2, &words);
    // As a sidecar's its keys are unknown.
    let words = ["executor_url (codemode.yaml line 1, column 1): unknown key"];
    desk.run(&["validate", "--config", "codemode.yaml", "--kind", "sidecar"]).refused(2, &words);
    desk.write("codemode.yaml", "executor_url: grpc://localhost:8001\nexecutor_api_key: k\n");
    desk.run(&["validate"]).done();
}

#[test]
fn a_projects_file_is_told_apart_and_checked() {
    let desk = Desk::new();
    let text = "project: {name: x}\nframework: {type: crewai}\nexecutor:\n  url: http://h:1\n  api_key: k\n";
    desk.write("codemode.yaml", text);
    assert!(desk.run(&["validate"]).done().contains("a valid project configuration"));
    desk.write("codemode.yaml", &format!("{text}  network: {{mode: some}}\n"));
    let words =
        ["executor.network.mode (codemode.yaml line 6, column 13): \"some\" is not allowed"];
    desk.run(&["validate"]).refused(2, &words);
}

#[test]
fn a_file_that_is_not_there() {
    let desk = Desk::new();
    desk.run(&["validate", "--config", "gone.yaml"]).refused(2, &["gone.yaml", "cannot be read"]);
    desk.run(&["validate"]).refused(2, &["no configuration file here", "codemode init"]);
}
