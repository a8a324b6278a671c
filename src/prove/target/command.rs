//! Runs a case by `codemode run --json`, as a user does.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use nix::sys::stat::Mode;
use nix::unistd::mkfifo;
use tokio::io::{AsyncRead, AsyncReadExt as _};
use tokio::process::{Child, Command};

use super::{Answer, Honest, Job, Ran, hold, watched};
use crate::harness::guard::GUARD_COMMAND;
use crate::harness::service::inherited;
use crate::prove::header::Observer;
use crate::prove::observe::Witness;
use crate::prove::patience::Patience;
use crate::prove::program;
use crate::prove::secrets::Secret;
use crate::report::Started;

/// The largest report that is read.
const LARGEST: u64 = 64 << 20;
/// So long a run may take before any case.
const TRIAL: Duration = Duration::from_secs(100);
/// So long the guard may take to end what it guards.
const GRACE: Duration = Duration::from_secs(12);

/// How `codemode run` is called for all cases.
pub struct Commands {
    /// The interpreter of runs.
    pub python: PathBuf,
    /// Stands in the environment of each, where no program may find it.
    pub key: Secret,
    /// Further variables.
    pub variables: Vec<(&'static str, OsString)>,
    /// How much longer than usual everything may take.
    pub patience: Patience,
}

impl Commands {
    /// Runs a case. `start` is what a command takes that runs next to nothing, of which a warm interpreter's load is
    /// the most: it is no part of what the case is allowed.
    ///
    /// # Errors
    /// If it can't be started, in a sentence.
    pub async fn run(&self, job: &Job<'_>, start: Duration) -> Result<Ran, String> {
        let files = Files::prepare(job)
            .map_err(|error| format!("the files of the run can't be made: {error}"))?;
        let honest = Honest::of(job);
        let patience = start + job.patience();
        let started = self.start(job.start, &files.flags, &files.program, job.directory)?;
        let beside = honest.as_ref().map(|honest| {
            let program = job.directory.join("honest.py");
            fs::write(&program, honest.source()).map_err(|error| error.to_string())?;
            self.start(job.start, &self.longer(), &program, job.directory)
        });
        let neighbour = beside.transpose()?;
        let guard = started.guard.id().unwrap_or_default();
        let witness = Witness::new(guard, &job.names.marker);
        let let_go = |count| files.input.iter().for_each(|input| input.let_go(count));
        let both = async {
            let neighbour = async {
                match neighbour {
                    Some(started) => Some(started.finish(patience).await),
                    None => None,
                }
            };
            tokio::join!(started.finish(patience), neighbour)
        };
        let ((answer, beside), witness, left) = watched(job, witness, false, let_go, both).await;
        let after_start =
            |answer: Answer| Answer { took: answer.took.saturating_sub(start), ..answer };
        Ok(Ran {
            answer: answer.map(after_start),
            witness: Some(witness),
            left: Some(left),
            neighbour: honest.zip(beside).map(|(honest, answer)| honest.judge(&answer)),
            calls: Vec::new(),
            secrets: vec![self.key.clone()],
        })
    }

    /// Runs a program that attacks nothing.
    ///
    /// # Errors
    /// Why there is no answer.
    pub async fn trial(&self, start: Started, directory: &Path) -> Result<Answer, String> {
        let file = directory.join(format!("trial-{}.py", start.name()));
        fs::write(&file, "result = 2 + 2\n").map_err(|error| error.to_string())?;
        let started = self.start(start, &self.longer(), &file, directory)?;
        started.finish(self.patience.times(TRIAL)).await
    }

    /// Flags of runs that are no case's.
    fn longer(&self) -> Vec<OsString> {
        self.patience.flags().into_iter().map(Into::into).collect()
    }

    fn start(
        &self,
        start: Started,
        flags: &[OsString],
        file: &Path,
        directory: &Path,
    ) -> Result<Running, String> {
        // The link and not its text: it holds even if the file was replaced meanwhile.
        let mut command = Command::new("/proc/self/exe");
        command.arg(GUARD_COMMAND).arg("/proc/self/exe").args(["run", "--json"]);
        command.args(["--start", start.name()]).arg("--python").arg(&self.python);
        command.args(flags).arg(file).current_dir(directory).env_clear().envs(inherited());
        command.env("CODEMODE_API_KEY", &self.key.value);
        command.envs(self.variables.iter().map(|(name, value)| (name, value)));
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        // A group of its own: Ctrl-C reaches us, and we end this in good order.
        command.process_group(0);
        let guard =
            command.spawn().map_err(|error| format!("the run can't be started: {error}"))?;
        Ok(Running { guard, begun: Instant::now(), grace: self.patience.times(GRACE) })
    }
}

/// What a run is given.
struct Files {
    program: PathBuf,
    flags: Vec<OsString>,
    input: Option<Input>,
}

impl Files {
    fn prepare(job: &Job<'_>) -> std::io::Result<Self> {
        let (header, directory) = (&job.case.header, job.directory);
        let input = job.case.holds().then(|| Input::make(directory)).transpose()?;
        let way = hold(job.case, input.is_some(), false);
        let (tag, budget) = (&job.names.tag, header.budget());
        let program = directory.join("program.py");
        fs::write(
            &program,
            program::compose(&job.case.source, &job.aim, tag, way, budget, job.patience),
        )?;
        let mut flags: Vec<OsString> =
            job.flags.iter().chain(&header.flags).map(Into::into).collect();
        if header.observers.contains(&Observer::Kept) {
            let outputs = directory.join("outputs");
            fs::create_dir(&outputs)?;
            flags.extend(["--outputs".into(), outputs.into_os_string()]);
        }
        if let Some(input) = &input {
            flags.extend(["--stdin".into(), input.path.clone().into_os_string()]);
        }
        Ok(Self { program, flags, input })
    }
}

/// A `codemode run` under its guard. Dropped, its pipe closes, and the guard ends it.
struct Running {
    guard: Child,
    begun: Instant,
    grace: Duration,
}

impl Running {
    async fn finish(mut self, patience: Duration) -> Result<Answer, String> {
        let (out, err) = (self.guard.stdout.take(), self.guard.stderr.take());
        let read = async { tokio::join!(all(out), all(err)) };
        let finished = tokio::time::timeout(patience, async {
            let (out, err) = read.await;
            (out, err, self.begun.elapsed())
        })
        .await;
        // The guard's sign, should it wait for one.
        drop(self.guard.stdin.take());
        let ended = tokio::time::timeout(self.grace, self.guard.wait()).await;
        let Ok((out, err, took)) = finished else {
            return Err(format!("no answer within {} s", patience.as_secs()));
        };
        if ended.is_err() {
            return Err("the answer came, but its processes don't end".to_owned());
        }
        let beside = String::from_utf8_lossy(&err).into_owned();
        match serde_json::from_slice(&out) {
            Ok(report) => Ok(Answer { report, beside, took }),
            Err(_) => Err(said(&beside)),
        }
    }
}

/// What a command that gave no report said last.
fn said(beside: &str) -> String {
    let last = beside.lines().rfind(|line| !line.trim().is_empty());
    last.map_or("it says nothing", |line| line.strip_prefix("codemode: ").unwrap_or(line))
        .to_owned()
}

async fn all(pipe: Option<impl AsyncRead + Unpin>) -> Vec<u8> {
    let mut bytes = Vec::new();
    if let Some(pipe) = pipe {
        let _ = pipe.take(LARGEST).read_to_end(&mut bytes).await;
    }
    bytes
}

/// Standard input of a program that waits to be looked at: each byte lets one process go on.
struct Input {
    path: PathBuf,
    file: File,
}

impl Input {
    fn make(directory: &Path) -> std::io::Result<Self> {
        let path = directory.join("input");
        mkfifo(&path, Mode::from_bits_truncate(0o600))?;
        // For both, so that neither end waits for the other.
        let file = File::options().read(true).write(true).open(&path)?;
        Ok(Self { path, file })
    }

    fn let_go(&self, count: usize) {
        let _ = (&self.file).write_all(&vec![b'\n'; count]);
    }
}
