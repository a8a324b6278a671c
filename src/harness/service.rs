//! A service of our own: `codemode serve`, or the reference's sidecar.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io;
use std::net::TcpListener;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use ring::rand::{SecureRandom as _, SystemRandom};
use tonic::transport::Endpoint;

use super::HarnessError;
use super::caller::Caller;
use super::guard::GUARD_COMMAND;
use super::processes;
use crate::report::Started;

/// What the services of one bench, or proof, have in common.
pub struct Setup {
    pub python: PathBuf,
    /// `host:port` of the main application.
    pub main_app: String,
    /// A directory to start in, where no configuration file lies, and for logs.
    pub dir: PathBuf,
    /// How long a service may take until it answers.
    pub patience: Duration,
}

/// The setting that has a service start runs so.
#[must_use]
pub fn setting(start: Started) -> (&'static str, &'static str) {
    ("CODEMODE_START", start.name())
}

/// The setting that has every sandbox built when its run comes.
pub const COLD: &[(&str, &str)] = &[("CODEMODE_READY_LEAST", "0"), ("CODEMODE_READY_MOST", "0")];

/// A port that was free may be taken by the time that it is used.
const TRIES: usize = 3;
/// How long a service may take until it answers, as a rule.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// A service that answers; ended when dropped.
pub struct Service {
    guard: Child,
    port: u16,
    key: String,
}

impl Service {
    /// Starts one with its defaults but for `settings`, and waits until it answers.
    pub async fn start(setup: &Setup, settings: &[(&str, &str)]) -> Result<Self, HarnessError> {
        let mut last = String::new();
        for _ in 0..TRIES {
            // The link and not its text: it holds even if the file was replaced meanwhile.
            let mut command = guarded(&["/proc/self/exe".into(), "serve".into()], setup);
            command.env("CODEMODE_PYTHON", &setup.python);
            // Runs that a measurement gave up are not waited for.
            command.env("CODEMODE_SHUTDOWN_GRACE", "1");
            command.envs(settings.iter().copied());
            match Self::spawn(command, setup)?.once_it_answers(setup).await {
                Ok(service) => return Ok(service),
                Err(why) => last = why,
            }
        }
        Err(HarnessError::Service(last))
    }

    /// Starts the sidecar of the reference with a Python in which it is installed.
    ///
    /// # Errors
    /// In a sentence, why there is none.
    pub async fn reference(setup: &Setup, python: &Path) -> Result<Self, String> {
        let module = ["-m", "codemode.executor.service"].map(OsString::from);
        let words: Vec<OsString> = std::iter::once(python.into()).chain(module).collect();
        let service = Self::spawn(guarded(&words, setup), setup).map_err(|e| e.to_string())?;
        service.once_it_answers(setup).await
    }

    fn spawn(mut command: Command, setup: &Setup) -> Result<Self, HarnessError> {
        let failed = |what| move |error| HarnessError::Io(what, error);
        let probe = TcpListener::bind(("127.0.0.1", 0)).map_err(failed("no free port"))?;
        let port = probe.local_addr().map_err(failed("no free port"))?.port();
        drop(probe);
        let key = key().map_err(failed("no randomness for a key"))?;
        let log = File::create(setup.dir.join(format!("log-{port}"))).map_err(failed("no log"))?;
        command.env("CODEMODE_SIDECAR_HOST", "127.0.0.1").env("CODEMODE_API_KEY", &key);
        command.env("CODEMODE_SIDECAR_PORT", port.to_string());
        // A group of its own: Ctrl-C reaches us, and we end this in good order.
        command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(log).process_group(0);
        let guard = command.spawn().map_err(failed("the service cannot be started"))?;
        Ok(Self { guard, port, key })
    }

    /// Itself, or what it said last.
    async fn once_it_answers(self, setup: &Setup) -> Result<Self, String> {
        let Err(why) = self.answers(setup.patience).await else { return Ok(self) };
        let log = setup.dir.join(format!("log-{}", self.port));
        drop(self);
        let log = fs::read_to_string(log).unwrap_or_default();
        Err(match log.lines().last() {
            Some(line) => format!("{why} ({})", line.chars().take(300).collect::<String>()),
            None => why,
        })
    }

    async fn answers(&self, patience: Duration) -> Result<(), String> {
        let begun = Instant::now();
        loop {
            let mut last = match self.caller().await {
                Ok(mut caller) => match caller.health().await {
                    Ok(()) => return Ok(()),
                    Err(why) => why,
                },
                Err(error) => error.to_string(),
            };
            if processes::tree(self.guard.id()).len() < 2 && begun.elapsed().as_secs() > 1 {
                last = "has ended at once".to_owned();
            } else if begun.elapsed() < patience {
                tokio::time::sleep(Duration::from_millis(20)).await;
                continue;
            }
            return Err(last);
        }
    }

    /// A caller with a connection of its own.
    pub async fn caller(&self) -> Result<Caller, HarnessError> {
        let failed = |error: tonic::transport::Error| {
            HarnessError::Service(format!("does not answer ({error})"))
        };
        let endpoint = Endpoint::from_shared(format!("http://127.0.0.1:{}", self.port));
        let endpoint = endpoint.map_err(failed)?.tcp_nodelay(true);
        let channel = endpoint.connect().await.map_err(failed)?;
        Ok(Caller::new(channel, &self.key))
    }

    /// The key that its callers show.
    pub fn key(&self) -> &str {
        &self.key
    }

    /// The guard, below which all of the service's processes are.
    pub fn guard(&self) -> u32 {
        self.guard.id()
    }

    /// The service's processes, runs included, without the guard. The first is the front.
    pub fn processes(&self) -> Vec<u32> {
        processes::tree(self.guard.id()).into_iter().skip(1).collect()
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        // The end of this pipe is the guard's sign.
        drop(self.guard.stdin.take());
        let _ = self.guard.wait();
    }
}

/// A command under a guard, with nothing of our environment but what it needs.
fn guarded(words: &[OsString], setup: &Setup) -> Command {
    let mut command = Command::new("/proc/self/exe");
    command.arg(GUARD_COMMAND).args(words).current_dir(&setup.dir).env_clear();
    command.envs(inherited()).env("MAIN_APP_GRPC_TARGET", &setup.main_app);
    command
}

/// What programs of ours and others' are given of the environment.
pub fn inherited() -> impl Iterator<Item = (&'static str, std::ffi::OsString)> {
    let names = ["PATH", "HOME", "XDG_CACHE_HOME", "XDG_RUNTIME_DIR"];
    names.into_iter().filter_map(|name| Some((name, std::env::var_os(name)?)))
}

fn key() -> io::Result<String> {
    let mut bytes = [0; 16];
    SystemRandom::new().fill(&mut bytes).map_err(|_| io::Error::other("the kernel gives none"))?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}
