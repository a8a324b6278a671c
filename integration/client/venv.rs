//! A virtual environment with the published client, for the suites that are written in Python.
//!
//! `CODEMODE_TEST_PYTHON` names the interpreter to make it with.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::{env, fs};

const TARGET_TMP: &str = env!("CARGO_TARGET_TMPDIR");
const REQUIREMENTS: &str = include_str!("requirements.txt");
const REQUIREMENTS_FILE: &str =
    concat!(env!("CARGO_MANIFEST_DIR"), "/integration/client/requirements.txt");

static SHARED: Mutex<Shared> = Mutex::new(Shared::Untried);

/// What the tests of this process know about the virtual environment.
enum Shared {
    Untried,
    Made(Weak<Venv>),
    Unavailable(String),
}

/// A virtual environment with `requirements.txt` installed.
pub struct Venv {
    root: PathBuf,
    /// Set when it could not be kept in the target directory: it goes with the last test that uses it.
    _temporary: Option<tempfile::TempDir>,
}

impl Venv {
    /// Its interpreter.
    pub fn python(&self) -> PathBuf {
        self.root.join("bin/python")
    }
}

/// The environment, made on first use.
///
/// # Errors
/// Why there is none.
pub fn shared_venv() -> Result<Arc<Venv>, String> {
    let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
    match &*shared {
        Shared::Unavailable(reason) => return Err(reason.clone()),
        Shared::Made(venv) => {
            if let Some(venv) = venv.upgrade() {
                return Ok(venv);
            }
        }
        Shared::Untried => {}
    }
    match find_or_make_venv() {
        Ok(venv) => {
            let venv = Arc::new(venv);
            *shared = Shared::Made(Arc::downgrade(&venv));
            Ok(venv)
        }
        Err(reason) => {
            *shared = Shared::Unavailable(reason.clone());
            Err(reason)
        }
    }
}

fn find_or_make_venv() -> Result<Venv, String> {
    let kept = Path::new(TARGET_TMP).join("client-venv");
    if usable(&kept) {
        return Ok(Venv { root: kept, _temporary: None });
    }
    // Built beside its final place and renamed when complete, so nobody ever sees half of one.
    let in_target =
        fs::create_dir_all(TARGET_TMP).and_then(|()| new_directory().tempdir_in(TARGET_TMP)).ok();
    let stays = in_target.is_some();
    let directory = match in_target {
        Some(directory) => directory,
        None => new_directory()
            .tempdir()
            .map_err(|error| format!("no directory for a virtual environment: {error}"))?,
    };
    let built = directory.path().join("venv");
    build_with_any_python(&built)?;
    if !stays {
        return Ok(Venv { root: built, _temporary: Some(directory) });
    }
    // A stale one is in the way of the rename; a good one means another process was faster.
    if !usable(&kept) {
        let _ = fs::remove_dir_all(&kept);
        let _ = fs::rename(&built, &kept);
    }
    if usable(&kept) {
        return Ok(Venv { root: kept, _temporary: None });
    }
    Err(format!("the virtual environment at {} does not work", kept.display()))
}

fn new_directory() -> tempfile::Builder<'static, 'static> {
    let mut builder = tempfile::Builder::new();
    builder.prefix("client-venv-");
    builder
}

/// Whether a complete virtual environment of these requirements is there and runs for this user.
fn usable(venv: &Path) -> bool {
    fs::read_to_string(venv.join("installed.txt")).is_ok_and(|text| text == REQUIREMENTS)
        && succeeds(Command::new(venv.join("bin/python")).args([
            "-B",
            "-c",
            "import codemode.core.codemode, grpc.aio, grpc_reflection, grpc_health",
        ]))
}

fn build_with_any_python(venv: &Path) -> Result<(), String> {
    let mut reasons = Vec::new();
    for python in interpreters() {
        let suitable = "import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))";
        if !succeeds(Command::new(&python).args(["-c", suitable])) {
            continue;
        }
        match build(&python, venv) {
            Ok(()) => return Ok(()),
            Err(Fault::NoVenv(reason)) => {
                reasons.push(format!("{}: {reason}", python.to_string_lossy()));
            }
            Err(Fault::Offline) => return Err("pip cannot reach a package registry".to_owned()),
            Err(Fault::Install(text)) => panic!("pip could not install the client:\n{text}"),
        }
        let _ = fs::remove_dir_all(venv);
    }
    if reasons.is_empty() {
        return Err("no Python 3.11 to 3.13; name one in CODEMODE_TEST_PYTHON".to_owned());
    }
    Err(format!(
        "no virtual environment can be made ({}); install python3-venv",
        reasons.join("; ")
    ))
}

/// Names to try in order; one may be a shim this user can't execute, or one that refuses to choose a version.
fn interpreters() -> Vec<OsString> {
    let named = env::var_os("CODEMODE_TEST_PYTHON");
    let usual = [
        "python3.13",
        "python3.12",
        "python3.11",
        "python3",
        "/usr/bin/python3.13",
        "/usr/bin/python3.12",
        "/usr/bin/python3.11",
        "/usr/bin/python3",
    ];
    named.into_iter().chain(usual.into_iter().map(OsString::from)).collect()
}

/// Why an interpreter gave no virtual environment.
enum Fault {
    NoVenv(String),
    Offline,
    Install(String),
}

fn build(python: &OsString, venv: &Path) -> Result<(), Fault> {
    let inside = venv.join("bin/python");
    let make =
        |more: &[&str]| output(Command::new(python).args(["-m", "venv"]).args(more).arg(venv));
    // A pip outside can install into the environment. One inside takes longer to get than all the rest, and Debian
    // keeps what gives it in a package of its own.
    let pip = if succeeds(Command::new(python).args(["-m", "pip", "--version"])) {
        make(&["--without-pip"]).map_err(Fault::NoVenv)?;
        Command::new(python)
    } else {
        make(&[]).map_err(|reason| Fault::NoVenv(format!("{reason}, and it has no pip")))?;
        Command::new(&inside)
    };
    install(pip, &inside)?;
    fs::write(venv.join("installed.txt"), REQUIREMENTS)
        .map_err(|error| Fault::NoVenv(error.to_string()))
}

/// `pip install` into the environment whose interpreter is `inside`, with the pip of the given interpreter.
fn install(mut pip: Command, inside: &Path) -> Result<(), Fault> {
    pip.args(["-m", "pip", "--python"]).arg(inside);
    pip.args(["--disable-pip-version-check", "--no-input", "--quiet"]);
    pip.args(["--retries", "1", "install", "-r"]);
    pip.arg(REQUIREMENTS_FILE);
    output(&mut pip).map_err(|text| {
        let unreachable = [
            "connection broken by",
            "Failed to establish a new connection",
            "Temporary failure in name resolution",
            "Network is unreachable",
            "ProxyError",
            "Read timed out",
        ];
        if unreachable.iter().any(|sign| text.contains(sign)) {
            Fault::Offline
        } else {
            Fault::Install(text)
        }
    })
}

fn succeeds(command: &mut Command) -> bool {
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

/// Run to the end; on failure, what the command printed.
fn output(command: &mut Command) -> Result<(), String> {
    let Output { status, stdout, stderr } =
        command.stdin(Stdio::null()).output().map_err(|error| error.to_string())?;
    if status.success() {
        return Ok(());
    }
    let text = [stdout, stderr].concat();
    Err(format!("{status}: {}", String::from_utf8_lossy(&text).trim()))
}
