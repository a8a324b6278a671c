//! `codemode doctor`: what it says of this host, and of one that can't do it.

use std::process::Command;

use super::harness::{START, binary, codemode, home, is_root, outcome, python, run, skip};

#[test]
fn a_host_that_can_is_told_so() {
    let output = codemode(["doctor"]).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(0), "{text}");
    assert!(text.contains("A run would start"), "{text}");
    run(&[], "").expect("ok", 0);
}

#[test]
fn json_says_it_too() {
    let doctor = outcome(codemode(["doctor", "--json"]));
    assert_eq!(doctor.code, 0, "{doctor:#?}");
    assert_eq!(doctor.report["ok"], true);
    for wall in doctor.report["walls"].as_array().unwrap() {
        assert!(wall["purpose"].is_string() && wall["how"].is_string(), "{wall}");
        let (required, standing) = (&wall["required"], &wall["standing"]);
        assert!(*required == false || *standing == true, "{wall}");
        assert!(*standing == true || wall["fix"].is_string(), "{wall}");
    }
    for fact in ["kernel", "landlock ABI", "user.max_user_namespaces"] {
        let facts = doctor.report["host"].as_array().unwrap();
        assert!(facts.iter().any(|known| known["name"] == fact), "{fact}");
    }
    assert_eq!(doctor.stood("distinct_uid"), is_root());
}

#[test]
fn what_it_says_of_walls_is_what_a_run_gets() {
    let doctor = outcome(codemode(["doctor", "--json"]));
    let run = run(&[], "");
    for wall in run.report["walls"].as_array().unwrap() {
        let name = wall["wall"].as_str().unwrap();
        assert_eq!(run.stood(name), doctor.stood(name), "{name}");
    }
}

#[test]
fn a_missing_interpreter_is_named() {
    let doctor = outcome(codemode(["doctor", "--json", "--python", "/nowhere/python"]));
    assert_eq!(doctor.code, 1, "{doctor:#?}");
    assert_eq!(doctor.report["ok"], false);
    assert!(doctor.text("refused").contains("/nowhere/python"), "{doctor:#?}");
}

/// Runs a shell line as root of a throw-away user namespace; `None` if this host has none.
fn in_user_namespace(line: &str) -> Option<std::process::Output> {
    let works = Command::new("unshare").args(["-U", "-r", "true"]).output();
    if !works.is_ok_and(|output| output.status.success()) {
        return None;
    }
    let mut command = Command::new("unshare");
    command
        .args(["-U", "-r", "sh", "-c", line, "sh"])
        .arg(binary())
        .env("HOME", home())
        .env("CODEMODE_START", START)
        .env("CODEMODE_PYTHON", python());
    command.output().ok()
}

#[test]
fn a_host_without_user_namespaces_is_told_the_cure() {
    // The limit belongs to the throw-away namespace; the host's own stays as it is.
    let line = "echo 0 > /proc/sys/user/max_user_namespaces && \"$1\" doctor; echo code $?";
    let Some(output) = in_user_namespace(line) else {
        return skip("a_host_without_user_namespaces_is_told_the_cure", "unshare -U -r fails");
    };
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(text.contains("code 1"), "{text}{}", String::from_utf8_lossy(&output.stderr));
    assert!(text.contains("No run would start"), "{text}");
    assert!(text.contains("sysctl -w user.max_user_namespaces"), "{text}");
}

#[test]
fn root_of_a_user_namespace_only_can_run_too() {
    let line = "\"$1\" doctor; echo code $?";
    let Some(output) = in_user_namespace(line) else {
        return skip("root_of_a_user_namespace_only_can_run_too", "unshare -U -r fails");
    };
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(text.contains("code 0"), "{text}");
}
