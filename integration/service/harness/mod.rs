//! A sidecar under test, and the main application it calls.

pub mod application;
pub mod processes;
#[path = "../../python.rs"]
pub mod python;

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use codemode::grpc::proto::executor_service_client::ExecutorServiceClient;
use codemode::grpc::proto::{ExecutionRequest, ExecutionResponse};
use nix::sys::signal::Signal;
use tokio::task::JoinHandle;
use tonic::transport::Channel;
use tonic::{Request, Response, Status};

pub use application::MainApp;
pub use processes::{Traces, children, cradle, descendants, inside, traces, warm_interpreter};
pub use python::python;

pub const KEY: &str = "service-test-key";

/// The binary under test; a copy may be named where the built one can't be reached.
pub fn binary() -> PathBuf {
    std::env::var_os("CODEMODE_TEST_BINARY")
        .map_or_else(|| PathBuf::from(env!("CARGO_BIN_EXE_codemode")), PathBuf::from)
}

pub fn is_root() -> bool {
    nix::unistd::geteuid().is_root()
}

pub fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// A directory in `parent` with a virtual environment `venv`; `None` if this host can't make one, which is said.
pub fn virtual_environment(test: &str, parent: &str) -> Option<tempfile::TempDir> {
    // The service's account must get there, too.
    let open = fs::Permissions::from_mode(0o755);
    let directory = tempfile::Builder::new().prefix("venv-").permissions(open).tempdir_in(parent);
    let directory = directory.unwrap();
    let venv = directory.path().join("venv");
    let made = Command::new(python()).args(["-m", "venv", "--without-pip"]).arg(&venv).output();
    if !made.is_ok_and(|made| made.status.success()) {
        println!("skipped: {test}: python3 -m venv fails");
        return None;
    }
    Some(directory)
}

/// A started `codemode serve`, ended when dropped.
pub struct Sidecar {
    child: Child,
    pub port: u16,
}

pub fn command(environment: &[(&str, &str)]) -> Command {
    let mut command = Command::new(binary());
    command.arg("serve").env_clear().stdin(Stdio::null());
    for name in ["PATH", "HOME"] {
        if let Some(value) = std::env::var_os(name) {
            command.env(name, value);
        }
    }
    command.env("CODEMODE_PYTHON", python());
    command.env("CODEMODE_SIDECAR_HOST", "127.0.0.1").env("CODEMODE_API_KEY", KEY);
    // What a run leaves behind is seen best where nothing waits for the next one.
    command.env("CODEMODE_READY_LEAST", "0").env("CODEMODE_READY_MOST", "0");
    command.envs(environment.iter().copied());
    command
}

impl Sidecar {
    pub async fn start(environment: &[(&str, &str)]) -> Self {
        Self::start_with_log(environment, Stdio::null()).await
    }

    /// Its standard error goes to `log`.
    pub async fn start_with_log(environment: &[(&str, &str)], log: impl Into<Stdio>) -> Self {
        let mut command = command(environment);
        command.stderr(log);
        Self::spawn(command, free_port()).await
    }

    /// As [`Sidecar::spawn`], without waiting until it answers.
    pub fn begin(mut command: Command, port: u16) -> Self {
        let child = command.env("CODEMODE_SIDECAR_PORT", port.to_string()).spawn().unwrap();
        Self { child, port }
    }

    /// `command` becomes the service in the end; it is told the port by its environment.
    pub async fn spawn(command: Command, port: u16) -> Self {
        let sidecar = Self::begin(command, port);
        let begun = Instant::now();
        while sidecar.connect().await.is_none() {
            assert!(begun.elapsed() < Duration::from_secs(20), "the sidecar does not answer");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        sidecar
    }

    async fn connect(&self) -> Option<ExecutorServiceClient<Channel>> {
        let target = format!("http://127.0.0.1:{}", self.port);
        let mut client = ExecutorServiceClient::connect(target).await.ok()?;
        client.health(()).await.ok()?;
        Some(client.max_decoding_message_size(64 << 20))
    }

    pub async fn client(&self) -> ExecutorServiceClient<Channel> {
        self.connect().await.expect("the sidecar answers")
    }

    /// Makes this call so many times at once, over one connection.
    pub async fn begin_all(
        &self,
        call: &ExecutionRequest,
        count: usize,
    ) -> Vec<JoinHandle<ExecutionResponse>> {
        let client = self.client().await;
        let begin = |_| {
            let (mut client, call) = (client.clone(), call.clone());
            tokio::spawn(async move { client.execute(with_key(call)).await.unwrap().into_inner() })
        };
        (0..count).map(begin).collect()
    }

    pub async fn execute(&self, request: ExecutionRequest) -> Result<ExecutionResponse, Status> {
        self.client().await.execute(with_key(request)).await.map(Response::into_inner)
    }

    pub async fn run(&self, code: &str) -> ExecutionResponse {
        self.execute(request(code)).await.expect("an answer")
    }

    /// The front's process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// The keeper of the launcher, and the launcher at work. The service may answer a moment before
    /// its keeper has forked.
    pub fn launchers(&self) -> (u32, u32) {
        let begun = Instant::now();
        loop {
            let keeper = children(self.pid()).first().copied();
            let launcher = keeper.and_then(|keeper| children(keeper).first().copied());
            if let (Some(keeper), Some(launcher)) = (keeper, launcher) {
                return (keeper, launcher);
            }
            assert!(begun.elapsed() < Duration::from_secs(10), "no launcher of {keeper:?}");
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    pub fn signal(&self, signal: Signal) {
        processes::signal(self.pid(), signal);
    }

    /// Ends it at once.
    pub fn end(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    pub fn wait(&mut self) -> Option<i32> {
        self.child.wait().unwrap().code()
    }
}

impl Drop for Sidecar {
    fn drop(&mut self) {
        self.end();
    }
}

pub fn request(code: &str) -> ExecutionRequest {
    ExecutionRequest { code: code.to_owned(), ..ExecutionRequest::default() }
}

pub fn with_key(message: ExecutionRequest) -> Request<ExecutionRequest> {
    let mut request = Request::new(message);
    request.metadata_mut().insert("authorization", format!("Bearer {KEY}").parse().unwrap());
    request
}

pub async fn eventually(what: &str, patience: Duration, mut holds: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !holds() {
        assert!(begun.elapsed() < patience, "not within {patience:?}: {what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// Waits until no run is left and the last connection is closed.
pub async fn settle(sidecar: &Sidecar) {
    let (_, launcher) = sidecar.launchers();
    eventually("no run is left", Duration::from_secs(10), || inside(launcher).is_empty()).await;
    tokio::time::sleep(Duration::from_millis(300)).await;
}
