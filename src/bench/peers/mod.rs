//! A cold `codemode run` beside the other sandboxes of this machine, each with an empty program.

mod commands;
mod oci;

use std::ffi::OsString;
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use serde::Serialize;
use tokio::process::Command;

use super::service::inherited;
use super::stats::{Times, median, milliseconds};
use super::{BenchError, Progress};
use crate::plan::Interpreter;
use commands::Candidate;

/// Rounds at the start that are not counted.
const WARM_UP: usize = 1;
/// Whoever takes longer has failed.
const PATIENCE: Duration = Duration::from_secs(30);

/// A program that starts the interpreter, and what it takes from its start to its end.
#[derive(Debug, Serialize)]
#[allow(missing_docs)]
pub struct Peer {
    pub name: &'static str,
    /// Its command line; absent if it isn't on this machine.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub command: Option<String>,
    /// Rounds that warmed up and are not counted.
    pub dropped: usize,
    #[serde(flatten)]
    pub times: Option<Times>,
    /// Median over the rounds of its time divided by that of `codemode run` in the same round.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ratio_to_codemode_run: Option<f64>,
    /// What it said when it failed; it was not asked again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failure: Option<String>,
    /// Whether a failure is one of codemode's, or of the machine's Python.
    #[serde(skip)]
    pub ours: bool,
}

/// One candidate under measurement; a time for each round that went well.
struct Runner {
    candidate: Candidate,
    taken: Vec<Option<Duration>>,
    failure: Option<String>,
}

/// One of each per round, so that a machine whose speed drifts slows all alike; and each round begins
/// with another one, so that none always follows the same.
pub async fn measure(
    interpreter: &Interpreter,
    dir: &Path,
    rounds: usize,
    progress: Progress<'_>,
) -> Result<Vec<Peer>, BenchError> {
    let failed = |error| BenchError::Io("no place for the programs to compare", error);
    let candidates = commands::all(interpreter, dir).map_err(failed)?;
    let new = |candidate| Runner { candidate, taken: Vec::new(), failure: None };
    let mut runners: Vec<Runner> = candidates.into_iter().map(new).collect();
    for round in 0..WARM_UP + rounds {
        progress(&format!("peers: round {round} of {rounds}"));
        for step in 0..runners.len() {
            let index = (step + round) % runners.len();
            if let Some(runner) = runners.get_mut(index) {
                runner.run(round).await;
            }
        }
    }
    let counted = |runner: &Runner| runner.taken.iter().skip(WARM_UP).copied().collect::<Vec<_>>();
    let ours = runners.first().map(counted).unwrap_or_default();
    Ok(runners.iter().map(|runner| runner.peer(&counted(runner), &ours)).collect())
}

impl Runner {
    async fn run(&mut self, round: usize) {
        if self.failure.is_some() {
            return;
        }
        let Some(command) = self.candidate.command(round) else { return };
        match timed(&command).await {
            Ok(took) => self.taken.push(Some(took)),
            Err(why) => self.failure = Some(why),
        }
    }

    fn peer(&self, taken: &[Option<Duration>], ours: &[Option<Duration>]) -> Peer {
        let pairs = taken.iter().zip(ours).filter_map(|(its, our)| Some((((*its)?), (*our)?)));
        let ratios = pairs.map(|(its, our)| milliseconds(its) / milliseconds(our)).collect();
        Peer {
            name: self.candidate.name,
            command: self.candidate.shown(),
            dropped: WARM_UP,
            times: Times::of(taken.iter().copied().flatten()),
            ratio_to_codemode_run: median(ratios),
            failure: self.failure.clone(),
            ours: self.candidate.ours,
        }
    }
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
