//! The service in a real Docker. `docker/suite.py` holds the cases; here it gets a Python with the
//! published client, and the binary to build an image of.
//!
//! `CODEMODE_TEST_BINARY` names the binary (a release build, say), `CODEMODE_TEST_BASE` the image to build on.
//! Uses the Docker Engine that answers; as root it starts one of its own where none does. What can't be tried
//! is said on standard error; `CODEMODE_TEST_REQUIRE_DOCKER=1` makes that a failure.

#[path = "client/venv.rs"]
mod venv;

use std::env;
use std::ffi::OsString;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

const SUITE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/integration/docker/suite.py");
const BINARY: &str = env!("CARGO_BIN_EXE_codemode");
/// What the suite exits with if there is no engine to be had; it has said why.
const NO_ENGINE: i32 = 77;

#[test]
#[ignore = "takes minutes: cargo test --test docker -- --ignored"]
fn in_a_real_docker() {
    let venv = match venv::shared_venv() {
        Ok(venv) => venv,
        Err(reason) => return skip(&reason),
    };
    let binary = env::var_os("CODEMODE_TEST_BINARY").unwrap_or_else(|| OsString::from(BINARY));
    // Inherited output streams: it takes minutes, and says how far it is.
    let status = Command::new(venv.python())
        .args(["-B", SUITE, "--cache"])
        .arg(Path::new(env!("CARGO_TARGET_TMPDIR")).join("docker"))
        .arg("--binary")
        .arg(binary)
        .stdin(Stdio::null())
        .status()
        .expect("the virtual environment's python starts");
    match status.code() {
        Some(NO_ENGINE) => skip("no Docker Engine, as said above"),
        _ => assert!(status.success(), "cases failed; the lines that start with FAIL say which"),
    }
}

fn skip(reason: &str) {
    assert!(
        env::var_os("CODEMODE_TEST_REQUIRE_DOCKER").is_none(),
        "CODEMODE_TEST_REQUIRE_DOCKER is set, and the tests in Docker cannot run: {reason}"
    );
    let _ = writeln!(std::io::stderr(), "skipped: docker: {reason}");
}
