//! `version`, `completions`, `man`, and the help.

use std::process::{Command, Stdio};

use crate::harness::{Desk, has, skipped};

const COMMANDS: [&str; 13] = [
    "run",
    "serve",
    "doctor",
    "prove",
    "bench",
    "init",
    "validate",
    "health",
    "docker",
    "tls",
    "completions",
    "man",
    "version",
];

#[test]
fn the_version_is_said_in_three_ways() {
    let desk = Desk::new();
    let version = env!("CARGO_PKG_VERSION");
    assert_eq!(desk.run(&["--version"]).done(), format!("codemode {version}\n"));
    assert!(desk.run(&["version"]).done().starts_with(&format!("codemode {version}\n")));
    let said = desk.run(&["version", "--json"]).json();
    assert_eq!(
        (&said["version"], &said["interface"][0]),
        (&version.into(), &"codemode.ExecutorService".into())
    );
    let kernel = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap();
    assert_eq!(said["kernel"], kernel.trim());
}

#[test]
fn help_names_every_command_and_each_has_its_own() {
    let desk = Desk::new();
    let help = desk.run(&["--help"]).done();
    for name in COMMANDS {
        assert!(
            help.lines().any(|line| line.trim_start().starts_with(&format!("{name} "))),
            "{name}: {help}"
        );
        assert!(desk.run(&[name, "--help"]).done().contains("Usage:"), "{name}");
    }
}

#[test]
fn shells_take_their_completions() {
    let desk = Desk::new();
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = desk.run(&["completions", shell]).done();
        assert!(COMMANDS.iter().all(|name| script.contains(name)), "{shell}");
        let checks = matches!(shell, "bash" | "zsh" | "fish");
        if !checks || !has(shell) {
            skipped("describe", &format!("{shell} can't be asked to check its script"));
            continue;
        }
        desk.write("script", &script);
        let status = Command::new(shell).args(["-n", "script"]).current_dir(desk.path("")).status();
        assert!(status.unwrap().success(), "{shell}");
    }
    if has("bash") {
        desk.write("script", &desk.run(&["completions", "bash"]).done());
        let typed = "source ./script; COMP_WORDS=(codemode docker st); COMP_CWORD=2; \
                     _codemode codemode st docker; echo \"${COMPREPLY[@]}\"";
        let output = Command::new("bash").args(["-c", typed]).current_dir(desk.path("")).output();
        assert_eq!(String::from_utf8_lossy(&output.unwrap().stdout), "start stop status\n");
    }
    desk.run_code(&["completions", "tcsh"], 2);
}

#[test]
fn every_command_has_its_page() {
    let desk = Desk::new();
    let page = desk.run(&["man"]).done();
    assert!(page.contains(".TH codemode 1") && page.contains("codemode\\-docker(1)"), "{page}");
    let written = desk.run(&["man", "--output", "pages"]).done();
    let pages = desk.list("pages");
    assert_eq!(written.lines().count(), pages.len());
    for name in [
        "codemode.1",
        "codemode-docker-env.1",
        "codemode-tls-generate-certs.1",
        "codemode-init-client.1",
    ] {
        assert!(pages.iter().any(|page| page == name), "{name}: {pages:?}");
    }
    assert!(desk.read("pages/codemode-docker-env.1").contains("codemode docker env"));
    desk.run(&["man", "--output", "pages"]).refused(2, &["codemode.1", "--force"]);
    desk.run(&["man", "--output", "pages", "--force"]).done();
}

#[test]
fn a_reader_that_has_seen_enough_is_no_fault() {
    let desk = Desk::new();
    for arguments in
        [&["completions", "zsh"][..], &["version"], &["version", "--json"], &["doctor"]]
    {
        let mut child = desk
            .command(arguments, &[])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // Closed before the first byte.
        drop(child.stdout.take());
        let output = child.wait_with_output().unwrap();
        let err = String::from_utf8_lossy(&output.stderr);
        assert!(!err.contains("panicked"), "{arguments:?}: {err}");
    }
}
