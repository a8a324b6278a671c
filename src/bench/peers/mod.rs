//! `Execute` and a cold `codemode run` beside the other sandboxes of this machine, each of those with
//! an empty program; and beside the reference's sidecar, if there is one.

mod commands;
mod oci;

use std::ffi::OsString;
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use serde::Serialize;
use tokio::process::Command;

use super::stats::{Times, median, milliseconds};
use super::{BenchError, Progress};
use crate::harness::caller::{ADD, Caller};
use crate::harness::service::{Service, Setup, inherited, setting};
use crate::plan::Interpreter;
use crate::report::Started;
use commands::Candidate;
pub use commands::NARROW;

/// Rounds at the start that are not counted.
const WARM_UP: usize = 1;
/// Whoever takes longer has failed.
const PATIENCE: Duration = Duration::from_secs(30);

/// The sidecar that codemode's interface comes from.
pub const REFERENCE: &str = "reference sidecar";

/// After a call of a service, until the next is measured: the service may make a sandbox ahead.
const LULL: Duration = Duration::from_millis(60);

/// Something that runs a program, and what it takes: a command from its start to its end, a service from
/// the call to the answer.
#[derive(Debug, Serialize)]
#[allow(missing_docs)]
pub struct Peer {
    pub name: &'static str,
    /// Its command line, or that of the service; absent if it isn't on this machine.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub command: Option<String>,
    /// Rounds that warmed up and are not counted.
    pub dropped: usize,
    #[serde(flatten)]
    pub times: Option<Times>,
    /// Median over the rounds of its time divided by that of `codemode run` in the same round.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ratio_to_codemode_run: Option<f64>,
    /// The same, divided by that of `Execute, warm`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ratio_to_execute: Option<f64>,
    /// What it said when it failed; it was not asked again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failure: Option<String>,
    /// Whether a failure is one of codemode's, or of the machine's Python.
    #[serde(skip)]
    pub ours: bool,
}

/// One candidate under measurement; a time for each round, until one fails.
struct Runner {
    name: &'static str,
    shown: Option<String>,
    ours: bool,
    what: What,
    taken: Vec<Duration>,
    failure: Option<String>,
}

enum What {
    Command(Candidate),
    Service {
        caller: Caller,
        /// Ends when this is dropped.
        _service: Service,
    },
    Nothing,
}

/// What is compared.
pub struct Compared<'a> {
    pub interpreter: &'a Interpreter,
    /// A Python in which the reference's sidecar is installed.
    pub reference: Option<&'a Path>,
    pub rounds: usize,
}

/// One of each per round, so that a machine whose speed drifts slows all alike; and each round begins
/// with another one, so that none always follows the same.
pub async fn measure(
    setup: &Setup,
    compared: Compared<'_>,
    progress: Progress<'_>,
) -> Result<Vec<Peer>, BenchError> {
    progress("peers: their start");
    let failed = |error| BenchError::Io("no place for the programs to compare", error);
    let candidates = commands::all(compared.interpreter, &setup.dir).map_err(failed)?;
    let mut runners: Vec<Runner> = candidates.into_iter().map(Runner::command).collect();
    for start in Started::ALL {
        runners.push(Runner::execute(setup, start).await?);
    }
    runners.push(Runner::reference(setup, compared.reference).await);
    for round in 0..WARM_UP + compared.rounds {
        progress(&format!("peers: round {round} of {}", compared.rounds));
        for step in 0..runners.len() {
            let index = (step + round) % runners.len();
            if let Some(runner) = runners.get_mut(index) {
                runner.run(round).await;
            }
        }
    }
    let times = |name: &str| {
        let runner = runners.iter().find(|runner| runner.name == name);
        runner.map(Runner::counted).unwrap_or_default()
    };
    let (run, execute) = (times("codemode run"), times(execute_name(Started::Warm)));
    Ok(runners.iter().map(|runner| runner.peer(&run, &execute)).collect())
}

fn execute_name(start: Started) -> &'static str {
    match start {
        Started::Warm => "Execute, warm",
        Started::Fresh => "Execute, fresh",
    }
}

impl Runner {
    fn new(name: &'static str, ours: bool, shown: Option<String>, what: What) -> Self {
        Self { name, shown, ours, what, taken: Vec::new(), failure: None }
    }

    fn command(candidate: Candidate) -> Self {
        let shown = candidate.shown();
        Self::new(candidate.name, candidate.ours, shown, What::Command(candidate))
    }

    async fn execute(setup: &Setup, start: Started) -> Result<Self, BenchError> {
        let (variable, value) = setting(start);
        let service = Service::start(setup, &[(variable, value)]).await?;
        let shown = format!("{variable}={value} codemode serve");
        let what = What::Service { caller: service.caller().await?, _service: service };
        Ok(Self::new(execute_name(start), true, Some(shown), what))
    }

    async fn reference(setup: &Setup, python: Option<&Path>) -> Self {
        let Some(python) = python else {
            return Self::new(REFERENCE, false, None, What::Nothing);
        };
        let shown = Some(format!("{} -m codemode.executor.service", python.display()));
        let started = async {
            let service = Service::reference(setup, python).await?;
            let caller = service.caller().await.map_err(|error| error.to_string())?;
            Ok(What::Service { caller, _service: service })
        };
        match started.await {
            Ok(what) => Self::new(REFERENCE, false, shown, what),
            Err(why) => {
                let failure = Some(why);
                Self { failure, ..Self::new(REFERENCE, false, shown, What::Nothing) }
            }
        }
    }

    async fn run(&mut self, round: usize) {
        if self.failure.is_some() {
            return;
        }
        let timed = match &mut self.what {
            What::Command(candidate) => match candidate.command(round) {
                Some(words) => timed(&words).await,
                None => return,
            },
            What::Service { caller, .. } => called(caller).await,
            What::Nothing => return,
        };
        match timed {
            Ok(took) => self.taken.push(took),
            Err(why) => self.failure = Some(why),
        }
    }

    fn counted(&self) -> Vec<Duration> {
        self.taken.iter().skip(WARM_UP).copied().collect()
    }

    fn peer(&self, run: &[Duration], execute: &[Duration]) -> Peer {
        let taken = self.counted();
        let ratio = |ours: &[Duration]| {
            let pairs = taken.iter().zip(ours);
            median(pairs.map(|(its, our)| milliseconds(*its) / milliseconds(*our)).collect())
        };
        Peer {
            name: self.name,
            command: self.shown.clone(),
            dropped: WARM_UP,
            times: Times::of(taken.iter().copied()),
            ratio_to_codemode_run: ratio(run),
            ratio_to_execute: ratio(execute),
            failure: self.failure.clone(),
            ours: self.ours,
        }
    }
}

/// From the call of `Execute` to its answer.
async fn called(caller: &mut Caller) -> Result<Duration, String> {
    let sample = caller.run(ADD).await;
    tokio::time::sleep(LULL).await;
    sample.failure.map_or(Ok(sample.took), Err)
}

/// From the start of a program to its end. What it wrote on standard error is why it failed.
async fn timed(words: &[OsString]) -> Result<Duration, String> {
    let (program, arguments) = words.split_first().ok_or("no program")?;
    let mut command = Command::new(program);
    command.args(arguments).env_clear().envs(inherited()).kill_on_drop(true);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
    let begun = Instant::now();
    let child = command.spawn().map_err(|error| format!("cannot be started: {error}"))?;
    let ended = tokio::time::timeout(PATIENCE, child.wait_with_output()).await;
    let took = begun.elapsed();
    let output = ended
        .map_err(|_| format!("had not ended after {} s", PATIENCE.as_secs()))?
        .map_err(|error| error.to_string())?;
    if output.status.success() {
        return Ok(took);
    }
    let said = String::from_utf8_lossy(&output.stderr);
    let words: String = said.split_whitespace().collect::<Vec<_>>().join(" ");
    let words: String = words.chars().filter(|c| !c.is_control()).take(300).collect();
    Err(format!("{}: {}", output.status, if words.is_empty() { "said nothing" } else { &words }))
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn run(script: &str) -> Result<Duration, String> {
        timed(&["/bin/sh", "-c", script].map(OsString::from)).await
    }

    #[tokio::test]
    async fn a_program_that_fails_is_quoted_on_one_line() {
        assert!(run("exit 0").await.is_ok());
        let why = run("printf 'not\\n  \\033[1mhere\\n' >&2; exit 3").await.unwrap_err();
        assert_eq!(why, "exit status: 3: not [1mhere");
        assert!(run("exit 4").await.unwrap_err().ends_with("said nothing"));
        let why = timed(&["/nonexistent".into()]).await.unwrap_err();
        assert!(why.starts_with("cannot be started"), "{why}");
    }
}
