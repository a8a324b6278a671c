//! One command in a directory of its own, and what came of it.

#[path = "../python.rs"]
mod python;

use std::fs;
use std::io::Write as _;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

pub use python::python;

pub const KEY: &str = "cli-test-key";

pub fn binary() -> PathBuf {
    std::env::var_os("CODEMODE_TEST_BINARY")
        .map_or_else(|| PathBuf::from(env!("CARGO_BIN_EXE_codemode")), PathBuf::from)
}

/// A directory to work in, removed at the end.
pub struct Desk {
    dir: tempfile::TempDir,
}

/// What a command said and returned.
pub struct Said {
    pub code: Option<i32>,
    pub out: String,
    pub err: String,
}

impl Desk {
    pub fn new() -> Self {
        Self { dir: tempfile::tempdir().unwrap() }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub fn write(&self, name: &str, text: &str) -> &Self {
        fs::create_dir_all(self.path(name).parent().unwrap()).unwrap();
        fs::write(self.path(name), text).unwrap();
        self
    }

    pub fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap()
    }

    /// Permission bits.
    pub fn mode(&self, name: &str) -> u32 {
        fs::metadata(self.path(name)).unwrap().permissions().mode() & 0o7777
    }

    /// Names of what is in a directory, sorted.
    pub fn list(&self, name: &str) -> Vec<String> {
        let entries = fs::read_dir(self.path(name)).unwrap().flatten();
        let mut names: Vec<_> =
            entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
        names.sort();
        names
    }

    /// A command here, with nothing of ours in its environment but `environment`.
    pub fn command(&self, arguments: &[&str], environment: &[(&str, &str)]) -> Command {
        let mut command = Command::new(binary());
        command.args(arguments).env_clear().current_dir(self.dir.path()).stdin(Stdio::null());
        for name in ["PATH", "HOME"] {
            if let Some(value) = std::env::var_os(name) {
                command.env(name, value);
            }
        }
        command.env("CODEMODE_PYTHON", python());
        command.envs(environment.iter().copied());
        command
    }

    pub fn run(&self, arguments: &[&str]) -> Said {
        self.run_with(arguments, &[])
    }

    pub fn run_with(&self, arguments: &[&str], environment: &[(&str, &str)]) -> Said {
        let output = self.command(arguments, environment).output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        let said =
            Said { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) };
        assert!(!said.err.contains("panicked"), "{}", said.err);
        said
    }
}

impl Desk {
    /// For refusals in the words of the argument parser.
    pub fn run_code(&self, arguments: &[&str], code: i32) -> String {
        let said = self.run(arguments);
        assert_eq!(said.code, Some(code), "{}{}", said.out, said.err);
        said.err
    }
}

impl Said {
    /// It worked, and said nothing on standard error.
    pub fn done(self) -> String {
        assert_eq!((self.code, self.err.as_str()), (Some(0), ""), "{}", self.out);
        self.out
    }

    /// Refused with a code, all words on standard error, each line ours.
    pub fn refused(self, code: i32, words: &[&str]) -> String {
        assert_eq!(self.code, Some(code), "{}{}", self.out, self.err);
        for word in words {
            assert!(self.err.contains(word), "{word:?} is missing in: {}", self.err);
        }
        assert!(self.err.lines().all(|line| line.starts_with("codemode: ")), "{}", self.err);
        self.err
    }

    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {}", self.out))
    }
}

pub fn skipped(test: &str, why: &str) {
    // `eprintln!` is captured when a test passes; this is not.
    let _ = writeln!(std::io::stderr(), "skipped: cli::{test}: {why}");
}

/// Whether a program is on PATH and starts.
pub fn has(program: &str) -> bool {
    let mut command = Command::new(program);
    command.arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok()
}

pub fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// A started `codemode serve`, ended when dropped.
pub struct Service {
    child: Child,
    pub port: String,
}

impl Service {
    /// Starts one and waits until its port is taken; whether it answers is for the tests to ask.
    pub fn start(desk: &Desk, environment: &[(&str, &str)]) -> Self {
        let port = free_port();
        let mut command = desk.command(&["serve"], &[]);
        command.env("CODEMODE_SIDECAR_HOST", "127.0.0.1").env("CODEMODE_API_KEY", KEY);
        command.env("CODEMODE_READY_LEAST", "0").env("CODEMODE_READY_MOST", "0");
        command.env("CODEMODE_SIDECAR_PORT", port.to_string());
        command.envs(environment.iter().copied());
        let mut child = command.stderr(Stdio::null()).spawn().unwrap();
        let begun = Instant::now();
        while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(child.try_wait().unwrap().is_none(), "the service has ended");
            assert!(begun.elapsed() < Duration::from_secs(30), "the service does not listen");
            std::thread::sleep(Duration::from_millis(20));
        }
        Self { child, port: port.to_string() }
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}
