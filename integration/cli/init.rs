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
    // What is commented out is right as well, where the files that it names are there.
    let text = desk.read("codemode-sidecar.yaml");
    let uncommented: Vec<_> = text
        .lines()
        .map(|line| {
            if line.starts_with("  # ") && line.contains(": ") {
                line.replacen("# ", "", 1)
            } else {
                line.to_owned()
            }
        })
        .filter(|line| !line.starts_with("  Refuse runs") && !line.starts_with("  Whether"))
        .map(|line| line.replace("mounts: {}", "mounts:").replace("/srv/", "/"))
        .collect();
    desk.write("all.yaml", &uncommented.join("\n"));
    let said = desk
        .run_with(&["validate", "--config", "all.yaml", "--json"], &[("CODEMODE_API_KEY", "k")]);
    let report = said.json();
    let keys: Vec<_> = report["faults"]
        .as_array()
        .unwrap()
        .iter()
        .map(|fault| fault["key"].as_str().unwrap().to_owned())
        .collect();
    assert!(keys.iter().all(|key| key.starts_with("mounts.")), "{}", said.out);
    let set: Vec<_> = report["settings"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|s| s["line"].is_number())
        .map(|s| s["key"].as_str().unwrap().to_owned())
        .collect();
    for key in
        ["tls.cert_file", "callback_tls.client_key", "security.required_walls", "mounts.outputs"]
    {
        assert!(set.iter().any(|found| found == key), "{key} is not among {set:?}");
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
