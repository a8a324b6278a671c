//! The published Python client against this crate's binary. `client/suite.py` holds the cases; here a virtual
//! environment is made for it, and each group of its cases is one test, so that a failure has a name.
//!
//! `CODEMODE_TEST_PYTHON` names the interpreter to use. Without Python 3.11 to 3.13, or without a package
//! registry, the tests say so on stderr and pass; `CODEMODE_TEST_REQUIRE_CLIENT=1` makes that a failure.

mod python;
#[path = "client/venv.rs"]
mod venv;

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::{env, io};

use python::python;
use venv::shared_venv;

const CLIENT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/integration/client");
const BINARY: &str = env!("CARGO_BIN_EXE_codemode");

#[test]
fn basic() {
    run_group("basic");
}

#[test]
fn tools() {
    run_group("tools");
}

#[test]
fn main_app() {
    run_group("main_app");
}

#[test]
fn calls() {
    run_group("calls");
}

#[test]
fn errors() {
    run_group("errors");
}

#[test]
fn input() {
    run_group("input");
}

#[test]
fn auth() {
    run_group("auth");
}

#[test]
fn tls() {
    run_group("tls");
}

#[test]
fn lifecycle() {
    run_group("lifecycle");
}

#[test]
fn cli() {
    run_group("cli");
}

fn run_group(group: &str) {
    let venv = match shared_venv() {
        Ok(venv) => venv,
        Err(reason) => return skip(group, &reason),
    };
    // Inherited output streams while the suite runs; the test harness would hold it back until the end.
    let status = Command::new(venv.python())
        .arg("-B")
        .arg(Path::new(CLIENT).join("suite.py"))
        .args(["--group", group, "--sidecar-cmd"])
        .arg(format!("{} serve", shell_quoted(BINARY)))
        .env("CODEMODE_PYTHON", python())
        .stdin(Stdio::null())
        .status()
        .expect("the virtual environment's python starts");
    assert!(
        status.success(),
        "cases of the group `{group}` failed; the lines that start with FAIL say which"
    );
}

fn skip(group: &str, reason: &str) {
    assert!(
        env::var_os("CODEMODE_TEST_REQUIRE_CLIENT").is_none(),
        "CODEMODE_TEST_REQUIRE_CLIENT is set, and the client's tests cannot run: {reason}"
    );
    // `eprintln!` is captured when a test passes; this is not.
    let _ = writeln!(io::stderr(), "skipped: client::{group}: {reason}");
}

/// As the suite's `--sidecar-cmd` is split: like a POSIX shell's words.
fn shell_quoted(path: &str) -> String {
    format!("'{}'", path.replace('\'', r"'\''"))
}
