//! Starting `codemode run` on a program given as text, and reading what it says of the run.

#[path = "../python.rs"]
mod python;

use std::ffi::{OsStr, OsString};
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

pub use python::{ask_python, python};

pub use super::START;

/// A secret in the environment of every `codemode` started here; no program may ever show it.
pub const SECRET: &str = "k7-canary-of-the-environment";
/// The contents of a file in `$HOME`; no program may ever show them.
pub const CANARY: &str = "canary of the home directory";

/// The binary under test.
pub fn binary() -> PathBuf {
    match std::env::var_os("CODEMODE_TEST_BINARY") {
        Some(binary) => binary.into(),
        None => env!("CARGO_BIN_EXE_codemode").into(),
    }
}

pub fn is_root() -> bool {
    nix::unistd::geteuid().is_root()
}

/// Says, past libtest's capture, that this host can't try a case.
pub fn skip(name: &str, why: &str) {
    let _ = std::io::stderr().write_all(format!("skipped: {name}: {why}\n").as_bytes());
}

/// A home directory of the tests' own: the binary's cache and a canary lie in it.
pub fn home() -> &'static Path {
    static HOME: OnceLock<PathBuf> = OnceLock::new();
    HOME.get_or_init(|| {
        let name = format!("sandbox-home-{START}-{}", nix::unistd::geteuid());
        let wanted = [PathBuf::from(env!("CARGO_TARGET_TMPDIR")), std::env::temp_dir()];
        let place = wanted.iter().map(|base| base.join(&name)).find(|home| {
            fs::create_dir_all(home).is_ok() && fs::write(home.join("canary"), CANARY).is_ok()
        });
        place.expect("no place for a home directory")
    })
}

pub fn canary() -> PathBuf {
    home().join("canary")
}

/// Strips the indentation that all lines share, so that programs can be indented with the test.
pub fn dedent(text: &str) -> String {
    let indent = |line: &str| line.len() - line.trim_start().len();
    let lines = || text.lines().filter(|line| !line.trim().is_empty());
    let shared = lines().map(indent).min().unwrap_or(0);
    text.lines().map(|line| line.get(shared..).unwrap_or("").to_owned() + "\n").collect()
}

/// `codemode` with an environment of our choosing.
pub fn codemode<S: AsRef<OsStr>>(args: impl IntoIterator<Item = S>) -> Command {
    let mut command = Command::new(binary());
    command
        .args(args)
        .env("HOME", home())
        .env_remove("XDG_CACHE_HOME")
        .env("CODEMODE_PYTHON", python())
        .env("CODEMODE_START", START)
        .env("CODEMODE_TEST_SECRET", SECRET)
        .env("CODEMODE_API_KEY", SECRET)
        .stdin(Stdio::null());
    command
}

/// A program in a file of its own, which lasts as long as this does.
pub struct Program {
    directory: TempDir,
}

impl Program {
    pub fn new(text: &str) -> Self {
        let directory = tempfile::tempdir().expect("a temporary directory");
        fs::write(directory.path().join("program.py"), dedent(text)).expect("a program");
        Self { directory }
    }

    pub fn path(&self) -> PathBuf {
        self.directory.path().join("program.py")
    }
}

/// Arguments of `codemode run`: flags in front of the program, the program's own behind it.
pub fn run_args(flags: &[&str], program: &Program, own: &[&str]) -> Vec<OsString> {
    let mut args = vec![OsString::from("run"), OsString::from("--json")];
    args.extend(flags.iter().map(OsString::from));
    args.push(program.path().into());
    args.extend(own.iter().map(OsString::from));
    args
}

/// Runs `text` with `--json` and these flags.
pub fn run(flags: &[&str], text: &str) -> Outcome {
    run_with(flags, text, &[])
}

/// Runs `text` with arguments of its own.
pub fn run_with(flags: &[&str], text: &str, own: &[&str]) -> Outcome {
    let program = Program::new(text);
    outcome(codemode(run_args(flags, &program, own)))
}

/// Waits for a command that prints a report.
pub fn outcome(mut command: Command) -> Outcome {
    let begun = Instant::now();
    let output = command.output().expect("the binary under test starts");
    Outcome::new(output, begun.elapsed())
}

/// Runs `text` with the same interpreter outside of any sandbox and returns its `result`: the positive control of
/// what a sandbox denies.
pub fn outside(text: &str, own: &[&str]) -> Value {
    let program = Program::new(&(dedent(text) + "\nimport json\nprint(json.dumps(result))\n"));
    let output = Command::new(python()).arg("-I").arg(program.path()).args(own).output();
    let output = output.expect("the interpreter starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("the result as JSON")
}

/// What came of one `codemode run --json`.
#[derive(Debug)]
pub struct Outcome {
    /// Exit code of `codemode`.
    pub code: i32,
    /// The report; null if there was none.
    pub report: Value,
    /// What `codemode` itself said.
    pub stderr: String,
    /// From its start to its end.
    pub elapsed: Duration,
}

impl Outcome {
    pub fn new(output: Output, elapsed: Duration) -> Self {
        let stdout = String::from_utf8_lossy(&output.stdout).into_owned();
        let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
        for text in [&stdout, &stderr] {
            assert!(!text.contains(SECRET), "a secret came out: {text}");
            assert!(!text.contains(CANARY), "a file of the host came out: {text}");
        }
        let report = serde_json::from_str(&stdout).unwrap_or(Value::Null);
        let start = &report["start"];
        assert!(start.is_null() || *start == START, "another start than {START}: {report:#}");
        Self { code: output.status.code().unwrap_or(-1), report, stderr, elapsed }
    }

    pub fn verdict(&self) -> &str {
        self.text("verdict")
    }

    /// A text of the report.
    pub fn text(&self, field: &str) -> &str {
        self.report[field].as_str().unwrap_or_default()
    }

    /// A number of the report's usage.
    pub fn usage(&self, field: &str) -> u64 {
        let value = &self.report["usage"][field];
        value.as_u64().unwrap_or_else(|| panic!("no usage.{field}: {self:#?}"))
    }

    /// Insists on verdict and exit code.
    #[track_caller]
    pub fn expect(&self, verdict: &str, code: i32) -> &Self {
        assert_eq!((self.verdict(), self.code), (verdict, code), "{self:#?}");
        self
    }

    /// Insists that the program ran to its end, and returns its result.
    #[track_caller]
    pub fn result(&self) -> Value {
        self.expect("ok", 0);
        serde_json::from_str(self.text("result")).unwrap_or(Value::Null)
    }

    /// Whether the wall stood for this run.
    pub fn stood(&self, wall: &str) -> bool {
        let walls = self.report["walls"].as_array().expect("walls");
        let found = walls.iter().find(|standing| standing["wall"] == wall);
        found.expect("the wall is in the report")["standing"] == true
    }
}

/// Waits for `condition`, at most `patience`.
pub fn eventually(patience: Duration, mut condition: impl FnMut() -> bool) -> bool {
    let deadline = Instant::now() + patience;
    loop {
        if condition() {
            return true;
        }
        if Instant::now() > deadline {
            return false;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
}
