//! A sidecar under test, and the main application it calls.

#[path = "../python.rs"]
pub mod python;

use std::collections::{BTreeSet, HashMap};
use std::fs;
use std::net::{SocketAddr, TcpListener};
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use codemode::grpc::proto::executor_service_client::ExecutorServiceClient;
use codemode::grpc::proto::tool_service_server::{ToolService, ToolServiceServer};
use codemode::grpc::proto::{
    ExecutionRequest, ExecutionResponse, GetToolSchemaRequest, GetToolSchemaResponse,
    ListToolsResponse, ToolCallRequest, ToolCallResponse, ToolInfo,
};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use prost_types::Struct;
use prost_types::value::Kind;
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;
use tonic::metadata::MetadataMap;
use tonic::transport::{Channel, Server};
use tonic::{Request, Response, Status};

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
        kill(Pid::from_raw(self.child.id() as i32), signal).unwrap();
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

pub fn children(pid: u32) -> Vec<u32> {
    let list = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap_or_default();
    list.split_whitespace().map(|pid| pid.parse().unwrap()).collect()
}

pub fn descendants(pid: u32) -> Vec<u32> {
    let mut all = children(pid);
    let mut next = 0;
    while let Some(pid) = all.get(next).copied() {
        all.extend(children(pid));
        next += 1;
    }
    all
}

/// A process's number in each pid namespace it is in, outermost first; none if it is gone. Anyone may read it.
fn numbers(pid: u32) -> Vec<u32> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let numbers = status.lines().find_map(|line| line.strip_prefix("NSpid:")).unwrap_or_default();
    numbers.split_whitespace().filter_map(|number| number.parse().ok()).collect()
}

fn depth(pid: u32) -> usize {
    numbers(pid).len()
}

/// Whether a process is the first of its innermost pid namespace.
pub fn is_init(pid: u32) -> bool {
    numbers(pid).last() == Some(&1)
}

/// Every process of a run, inits too: what is below the launcher and in a pid namespace below its own.
pub fn inside(launcher: u32) -> Vec<u32> {
    let own = depth(launcher);
    descendants(launcher).into_iter().filter(|pid| depth(*pid) > own).collect()
}

/// The interpreter that runs' guests are forked from.
pub fn warm_interpreter(launcher: u32) -> Option<u32> {
    beside(launcher, "python")
}

/// What their inits are forked from.
pub fn cradle(launcher: u32) -> Option<u32> {
    beside(launcher, "cradle")
}

/// The launcher's one child in its own pid namespace that is named so.
fn beside(launcher: u32, name: &str) -> Option<u32> {
    let own = depth(launcher);
    let comm = |pid: u32| fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
    children(launcher).into_iter().find(|pid| depth(*pid) == own && comm(*pid).starts_with(name))
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

/// Everything that a run could leave behind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Traces {
    pub processes: usize,
    pub front_descriptors: usize,
    pub launcher_descriptors: usize,
    pub launcher_mounts: usize,
    pub groups: BTreeSet<PathBuf>,
    pub namespaces: usize,
}

pub fn traces(sidecar: &Sidecar) -> Traces {
    let count = |path: String| fs::read_dir(path).map_or(0, Iterator::count);
    let (_, launcher) = sidecar.launchers();
    let mounts = fs::read_to_string(format!("/proc/{launcher}/mountinfo")).unwrap_or_default();
    Traces {
        processes: descendants(sidecar.pid()).len(),
        front_descriptors: count(format!("/proc/{}/fd", sidecar.pid())),
        launcher_descriptors: launcher_descriptors(launcher),
        launcher_mounts: mounts.lines().count(),
        groups: run_groups(launcher),
        namespaces: namespaces(sidecar.pid()),
    }
}

/// The launcher keeps some network namespaces and control groups for the next runs; what is left in them is
/// their own case.
fn launcher_descriptors(launcher: u32) -> usize {
    let all = fs::read_dir(format!("/proc/{launcher}/fd")).into_iter().flatten().flatten();
    let targets = all.filter_map(|fd| fs::read_link(fd.path()).ok());
    let kept = ["net:", "/net/", "/run-"];
    let is_kept = |target: &PathBuf| {
        let target = target.to_string_lossy();
        kept.iter().any(|part| target.contains(part))
    };
    targets.filter(|target| !is_kept(target)).count()
}

/// So many empty control groups the launcher keeps at most.
const KEPT_GROUPS: usize = 32;

/// Groups of runs below the launcher's own, in every hierarchy, but for empty ones that it may keep. The
/// launcher holds a descriptor of each of its own groups.
fn run_groups(launcher: u32) -> BTreeSet<PathBuf> {
    let held = fs::read_dir(format!("/proc/{launcher}/fd")).into_iter().flatten().flatten();
    let own = held.filter_map(|fd| {
        let target = fs::read_link(fd.path()).ok()?;
        let name = target.file_name()?.to_str()?;
        name.starts_with("codemode-").then(|| fd.path())
    });
    let mut left = BTreeSet::new();
    for group in own {
        let runs = fs::read_dir(group).into_iter().flatten().flatten().map(|run| run.path());
        let runs: Vec<_> = runs.filter(|run| run.is_dir()).collect();
        let all = runs.len() > KEPT_GROUPS;
        let is_empty = |run: &PathBuf| {
            fs::read_to_string(run.join("cgroup.procs")).is_ok_and(|processes| processes.is_empty())
        };
        left.extend(runs.into_iter().filter(|run| all || !is_empty(run)));
    }
    left
}

/// Namespaces that only the sidecar's descendants have.
fn namespaces(front: u32) -> usize {
    let of = |pid: u32| -> BTreeSet<PathBuf> {
        let links = fs::read_dir(format!("/proc/{pid}/ns")).into_iter().flatten().flatten();
        links.filter_map(|link| fs::read_link(link.path()).ok()).collect()
    };
    let all: BTreeSet<_> = descendants(front).into_iter().flat_map(of).collect();
    all.len()
}

/// A main application: `echo`, `mark`, whose values are counted, `sleep` (seconds), `fail`, and `hold`,
/// a mark that is answered once let go.
pub struct MainApp {
    pub address: SocketAddr,
    pub tools: Arc<TestTools>,
    task: JoinHandle<()>,
}

impl MainApp {
    pub async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let incoming = tokio_stream::wrappers::TcpListenerStream::new(listener);
        let tools = Arc::new(TestTools::default());
        let service = ToolServiceServer::from_arc(Arc::clone(&tools));
        let task = tokio::spawn(async move {
            Server::builder().add_service(service).serve_with_incoming(incoming).await.unwrap();
        });
        Self { address, tools, task }
    }

    pub fn target(&self) -> String {
        self.address.to_string()
    }
}

impl Drop for MainApp {
    fn drop(&mut self) {
        self.task.abort();
    }
}

pub struct TestTools {
    /// The metadata of every call so far.
    pub seen: Mutex<Vec<MetadataMap>>,
    /// One permit lets one `hold` go.
    pub holding: Semaphore,
    /// How often each value was marked: what a program does once for each time that it runs.
    pub marks: Mutex<HashMap<String, usize>>,
}

impl Default for TestTools {
    fn default() -> Self {
        Self { seen: Mutex::default(), holding: Semaphore::new(0), marks: Mutex::default() }
    }
}

#[tonic::async_trait]
impl ToolService for TestTools {
    async fn call_tool(
        &self,
        request: Request<ToolCallRequest>,
    ) -> Result<Response<ToolCallResponse>, Status> {
        self.seen.lock().unwrap().push(request.metadata().clone());
        let request = request.into_inner();
        if request.tool_name == "fail" {
            let error = "no luck".to_owned();
            return Ok(Response::new(ToolCallResponse { error, ..ToolCallResponse::default() }));
        }
        let arguments = request.arguments.unwrap_or_default();
        let argument = arguments.fields.get("value").cloned().unwrap_or_default();
        if let ("sleep", Some(Kind::NumberValue(seconds))) =
            (request.tool_name.as_str(), &argument.kind)
        {
            tokio::time::sleep(Duration::from_secs_f64(*seconds)).await;
        }
        if let ("mark" | "hold", Some(Kind::StringValue(value))) =
            (request.tool_name.as_str(), &argument.kind)
        {
            *self.marks.lock().unwrap().entry(value.clone()).or_default() += 1;
        }
        if request.tool_name == "hold" {
            self.holding.acquire().await.unwrap().forget();
        }
        let result = Struct { fields: [("__codemode_value__".to_owned(), argument)].into() };
        Ok(Response::new(ToolCallResponse {
            success: true,
            result: Some(result),
            ..ToolCallResponse::default()
        }))
    }

    async fn list_tools(&self, _: Request<()>) -> Result<Response<ListToolsResponse>, Status> {
        let tool = |name: &str| ToolInfo { name: name.to_owned(), ..ToolInfo::default() };
        Ok(Response::new(ListToolsResponse {
            tools: ["echo", "mark", "sleep", "fail", "hold"].map(tool).into(),
        }))
    }

    async fn get_tool_schema(
        &self,
        _: Request<GetToolSchemaRequest>,
    ) -> Result<Response<GetToolSchemaResponse>, Status> {
        Err(Status::unimplemented("not needed"))
    }
}
