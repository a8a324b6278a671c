//! A proof in a directory of its own, and what came of it.

#[path = "../python.rs"]
mod python;

use std::fs;
use std::io::Write as _;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;

use python::python;

pub fn binary() -> PathBuf {
    std::env::var_os("CODEMODE_TEST_BINARY")
        .map_or_else(|| PathBuf::from(env!("CARGO_BIN_EXE_codemode")), PathBuf::from)
}

/// Says, past libtest's capture, what this host can't try.
pub fn skipped(what: &str, why: &str) {
    let _ = writeln!(std::io::stderr(), "skipped: prove: {what}: {why}");
}

/// A directory to work in, removed at the end.
pub struct Desk {
    dir: tempfile::TempDir,
    /// By which processes of its proofs are known, in their environment.
    mark: String,
}

/// What a command said and returned.
pub struct Said {
    pub code: Option<i32>,
    pub out: String,
    pub err: String,
}

impl Said {
    /// The results, as JSON.
    pub fn report(&self) -> Value {
        serde_json::from_str(&self.out)
            .unwrap_or_else(|error| panic!("{error}: {}{}", self.out, self.err))
    }
}

impl Desk {
    pub fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let mark = format!("{}", dir.path().display());
        Self { dir, mark }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Puts a case into `corpus`.
    pub fn case(&self, name: &str, text: &str) {
        let path = self.path(&format!("corpus/{name}.py"));
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = self.codemode(&["prove", "--json"]);
        command.args(arguments);
        command
    }

    fn codemode(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(binary());
        command.args(arguments);
        command.env_clear().current_dir(self.dir.path()).stdin(Stdio::null());
        for name in ["PATH", "HOME", "CODEMODE_WALLS_OFF"] {
            if let Some(value) = std::env::var_os(name) {
                command.env(name, value);
            }
        }
        command.env("CODEMODE_PYTHON", python());
        // Handed on to whatever it starts.
        command.env("XDG_CACHE_HOME", &self.mark);
        command
    }

    /// The attacks that come with codemode, or those that `CODEMODE_TEST_CORPUS` holds.
    pub fn prove_all(&self, arguments: &[&str], environment: &[(&str, &str)]) -> Said {
        let corpus = std::env::var("CODEMODE_TEST_CORPUS").ok();
        let corpus = corpus.as_ref().map(|directory| ["--corpus", directory.as_str()]);
        let all: Vec<_> = corpus.iter().flatten().chain(arguments).copied().collect();
        self.prove_with(&all, environment)
    }

    pub fn prove(&self, arguments: &[&str]) -> Said {
        self.prove_with(arguments, &[])
    }

    pub fn prove_with(&self, arguments: &[&str], environment: &[(&str, &str)]) -> Said {
        let output = self.command(arguments).envs(environment.iter().copied()).output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        let said =
            Said { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) };
        assert!(!said.err.contains("panicked"), "{}", said.err);
        said
    }

    /// Starts a proof, and ends it as Ctrl-C does once a run of its is there.
    pub fn interrupted(&self, arguments: &[&str]) {
        let mut child =
            self.command(arguments).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let begun = Instant::now();
        // Not what asks before the proof what this host offers.
        let is_run = |id: &String| {
            fs::read(format!("{id}/cmdline"))
                .is_ok_and(|text| text.split(|byte| *byte == 0).nth(1) == Some(b"run"))
        };
        while !self.processes().iter().any(is_run) {
            assert!(begun.elapsed() < Duration::from_secs(60), "no run has begun");
            std::thread::sleep(Duration::from_millis(20));
        }
        kill(Pid::from_raw(i32::try_from(child.id()).unwrap()), Signal::SIGINT).unwrap();
        assert_eq!(child.wait().unwrap().code(), Some(130));
    }

    /// Ids of the processes that a proof of this desk has started.
    fn processes(&self) -> Vec<String> {
        let marked = |path: &Path| {
            let text = fs::read(path.join("environ")).unwrap_or_default();
            String::from_utf8_lossy(&text).contains(&self.mark)
        };
        let entries = fs::read_dir("/proc").unwrap().flatten().map(|entry| entry.path());
        entries.filter(|path| marked(path)).map(|path| path.display().to_string()).collect()
    }

    /// What is left of its proofs: processes, once those that are ending had time to, and files.
    pub fn left(&self) -> Vec<String> {
        let begun = Instant::now();
        while !self.processes().is_empty() && begun.elapsed() < Duration::from_secs(20) {
            std::thread::sleep(Duration::from_millis(50));
        }
        self.processes()
    }
}

pub const KEY: &str = "prove-test-key";

pub fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// A started `codemode serve`, ended when dropped.
pub struct Service {
    child: Child,
    pub address: String,
}

impl Desk {
    /// Starts one that looks for its application there, and waits until it listens.
    pub fn serve(&self, application: &str) -> Service {
        let port = free_port();
        let mut command = self.codemode(&["serve"]);
        command.stderr(Stdio::null());
        command.env("CODEMODE_SIDECAR_HOST", "127.0.0.1").env("CODEMODE_API_KEY", KEY);
        command.env("CODEMODE_SIDECAR_PORT", port.to_string());
        command.env("MAIN_APP_GRPC_TARGET", application);
        let mut child = command.spawn().unwrap();
        let begun = Instant::now();
        while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(child.try_wait().unwrap().is_none(), "the service has ended");
            assert!(begun.elapsed() < Duration::from_secs(60), "the service does not listen");
            std::thread::sleep(Duration::from_millis(20));
        }
        Service { child, address: format!("127.0.0.1:{port}") }
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Every family of the corpus, as the repository has it.
pub fn families() -> Vec<&'static str> {
    use clap::ValueEnum as _;
    codemode::prove::Family::value_variants().iter().map(|family| family.name()).collect()
}
