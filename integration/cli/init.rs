//! `codemode init`.

use std::io::Write as _;
use std::process::{Command, Stdio};

use codemode::config::{Environment, Sources, load};

use crate::harness::{Desk, binary, has, skipped};

#[test]
fn a_sidecar_file_loads_with_every_key_as_it_stands() {
    let desk = Desk::new();
    let out = desk.run(&["init", "sidecar"]).done();
    assert!(
        out.starts_with("codemode-sidecar.yaml\n") && out.contains("CODEMODE_API_KEY"),
        "{out}"
    );
    let env: Environment = [("CODEMODE_API_KEY".to_owned(), "secret".into())].into();
    let file = desk.path("codemode-sidecar.yaml");
    let sources = Sources {
        file: Some(&file),
        env: &env,
        cwd: &desk.path(""),
        host: None,
        port: None,
        allow_unauthenticated: false,
    };
    let config = load(&sources).unwrap();
    assert_eq!((config.host.as_str(), config.port), ("0.0.0.0", 8001));
    assert_eq!(config.main_app_grpc_target, "localhost:50051");
    assert_eq!(config.warnings, Vec::<String>::new());
    assert_eq!(config.limits, codemode::config::Limits::default());
}

/// The same file with every `# key: value` in it made a setting.
fn uncommented(text: &str) -> String {
    let is_setting = |line: &str| {
        let rest = line.strip_prefix("  # ").unwrap_or_default();
        rest.split_once(": ").is_some_and(|(key, _)| !key.contains(' '))
    };
    let line = |line: &str| match is_setting(line) {
        true => line.replacen("# ", "", 1),
        false => line.replace("mounts: {}", "mounts:"),
    };
    text.lines().map(line).collect::<Vec<_>>().join("\n")
}

#[test]
fn what_a_sidecar_file_has_commented_out_is_right_too() {
    let desk = Desk::new();
    desk.run(&["init", "sidecar"]).done();
    desk.write("all.yaml", &uncommented(&desk.read("codemode-sidecar.yaml")));
    let env = [("CODEMODE_API_KEY", "k")];
    let said = desk.run_with(&["validate", "--config", "all.yaml", "--json"], &env);
    let report = said.json();
    // Only the directories are not there.
    let faults = report["faults"].as_array().unwrap();
    let keys: Vec<_> = faults.iter().map(|fault| fault["key"].as_str().unwrap()).collect();
    assert_eq!(keys, ["mounts.workspace", "mounts.outputs"], "{}", said.out);
    let settings = report["settings"].as_array().unwrap();
    let given = |key: &str| settings.iter().any(|one| one["key"] == key && one["line"].is_number());
    for key in
        ["tls.cert_file", "tls.ca_file", "callback_tls.client_key", "security.required_walls"]
    {
        assert!(given(key), "{key}: {}", said.out);
    }
}

#[test]
fn a_client_file_is_one() {
    let desk = Desk::new();
    desk.run(&["init", "client", "--output", "app/my.yaml"]).done();
    let said = desk.run_with(
        &["validate", "--config", "app/my.yaml", "--json"],
        &[("CODEMODE_EXECUTOR_API_KEY", "secret")],
    );
    let report = said.json();
    assert_eq!((&report["ok"], &report["kind"]), (&true.into(), &"client".into()), "{}", said.out);
    assert!(!said.out.contains("secret"));
}

#[test]
fn a_file_that_exists_is_kept_unless_forced() {
    let desk = Desk::new();
    desk.write("codemode-sidecar.yaml", "mine");
    let words = ["codemode-sidecar.yaml exists already", "--force"];
    desk.run(&["init", "sidecar"]).refused(2, &words);
    assert_eq!(desk.read("codemode-sidecar.yaml"), "mine");
    desk.run(&["init", "sidecar", "--force"]).done();
    assert!(desk.read("codemode-sidecar.yaml").contains("api_key: ${CODEMODE_API_KEY}"));
    assert_eq!(desk.list(""), ["codemode-sidecar.yaml"]);
}

#[test]
fn without_a_terminal_it_says_what_to_type() {
    let desk = Desk::new();
    desk.run(&["init"]).refused(2, &["codemode init sidecar", "codemode init client"]);
    assert!(desk.list("").is_empty());
}

#[test]
fn on_a_terminal_it_asks() {
    if !has("script") {
        return skipped("init", "no script(1) to make a terminal");
    }
    for (typed, file) in [("2\n", "codemode.yaml"), ("what?\nsidecar\n", "codemode-sidecar.yaml")] {
        let desk = Desk::new();
        let command = format!("'{}' init", binary().display());
        let mut child = Command::new("script")
            .args(["--quiet", "--return", "--command", &command, "/dev/null"])
            .current_dir(desk.path(""))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        child.stdin.as_mut().unwrap().write_all(typed.as_bytes()).unwrap();
        let output = child.wait_with_output().unwrap();
        let out = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success() && out.contains("Which configuration?"), "{out}");
        assert_eq!(desk.list(""), [file], "{out}");
    }
}
