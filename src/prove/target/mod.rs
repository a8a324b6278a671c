//! Where a case is run, and what comes back.

pub mod application;
pub mod command;
pub mod service;
mod translate;

use std::io;
use std::path::Path;
use std::time::Duration;

use serde_json::{Map, Value};

use super::corpus::Case;
use super::finding::{Finding, Seen};
use super::header::Observer;
use super::observe::{Left, Witness};
use super::patience::Patience;
use super::program::Hold;
use super::secrets::{Secret, random};
use crate::report::{Report, Started, Verdict};

pub use translate::report_of;

/// By what a run is known.
#[derive(Clone, Debug)]
pub struct Names {
    /// The name that it gives its processes.
    pub marker: String,
    /// How lines of the prelude are known.
    pub tag: String,
}

impl Names {
    /// New ones.
    ///
    /// # Errors
    /// If the kernel gives no randomness.
    pub fn new() -> io::Result<Self> {
        Ok(Self { marker: format!("cm{}", random(12)?), tag: random(12)? })
    }
}

/// One case in one start, ready to be run.
pub struct Job<'a> {
    /// The case.
    pub case: &'a Case,
    /// By what its run is known.
    pub names: &'a Names,
    /// What it aims at.
    pub aim: Map<String, Value>,
    /// Where files of the run may lie.
    pub directory: &'a Path,
    /// Where its interpreter is to come from.
    pub start: Started,
    /// Flags beside the case's own.
    pub flags: Vec<String>,
    /// How much longer than usual everything may take; the case has it already.
    pub patience: Patience,
}

impl Job<'_> {
    /// How long an answer is waited for: longer than the case allows, to tell how late it was.
    fn patience(&self) -> Duration {
        const LATE: Duration = Duration::from_secs(5);
        self.case.header.within + self.patience.times(LATE)
    }
}

/// What came back of a run.
#[derive(Debug)]
pub struct Answer {
    /// What is said of it.
    pub report: Report,
    /// Everything else that came with it.
    pub beside: String,
    /// From the call to the answer; of a case run by command, without what a command takes that runs next to nothing.
    pub took: Duration,
}

/// A run that is over.
pub struct Ran {
    /// The answer, or why there is none.
    pub answer: Result<Answer, String>,
    /// What was seen meanwhile; `None` if it was not on this machine.
    pub witness: Option<Witness>,
    /// What is left of it.
    pub left: Option<Finding>,
    /// How an honest run at the same time went.
    pub neighbour: Option<Finding>,
    /// Tool calls: name and arguments as JSON.
    pub calls: Vec<(String, String)>,
    /// Secrets of whoever ran it.
    pub secrets: Vec<Secret>,
}

/// Looks at the run's processes until it is dropped; `let_go` has one that waits go on.
async fn watch(witness: &mut Witness, names: &[&'static str], mut let_go: impl FnMut(usize)) {
    let mut pause = Duration::from_millis(4);
    loop {
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(Duration::from_millis(25));
        match witness.look(names) {
            0 => {}
            waiting => let_go(waiting),
        }
    }
}

/// Remembers, runs, watches, and looks at what is left; `run` has a limit of its own.
async fn watched<T>(
    job: &Job<'_>,
    mut witness: Witness,
    keeps_groups: bool,
    let_go: impl FnMut(usize),
    run: impl Future<Output = T>,
) -> (T, Witness, Finding) {
    let left = Left::before(job.directory, keeps_groups, job.patience);
    let names = job.case.header.looks();
    let ran = tokio::select! {
        ran = run => ran,
        () = watch(&mut witness, &names, let_go) => unreachable!("it watches until it is dropped"),
    };
    let left = left.look(&mut witness).await;
    (ran, witness, left)
}

/// What an honest program prints and returns.
pub struct Honest {
    token: String,
}

impl Honest {
    /// The neighbour that a case wants.
    fn of(job: &Job<'_>) -> Option<Self> {
        let wanted = job.case.header.observers.contains(&Observer::Neighbour);
        wanted.then(|| Self { token: job.names.marker.clone() })
    }

    /// Works for about as long as most attacks take.
    fn source(&self) -> String {
        let token = &self.token;
        format!(
            "import time\nprint({token:?})\nfor step in range(10):\n    time.sleep(0.05)\nresult = {token:?}\n"
        )
    }

    /// Whether it was let be.
    fn judge(&self, answer: &Result<Answer, String>) -> Finding {
        let seen = match answer {
            Err(why) => Seen::Wrong(format!("the honest run got no answer: {why}")),
            Ok(Answer { report, .. }) => {
                let out = format!("{}\n", self.token);
                let result = format!("{:?}", self.token);
                let mut wrong = Vec::new();
                if report.verdict != Verdict::Ok {
                    wrong.push(format!(
                        "the honest run ended {}: {}",
                        report.verdict, report.evidence
                    ));
                }
                if report.stdout != out || !report.stderr.is_empty() {
                    wrong.push(format!(
                        "the honest run printed {:.300?}{:.300?}",
                        report.stdout, report.stderr
                    ));
                }
                if report.result.as_ref() != Some(&result) {
                    wrong.push(format!("the honest run's result was {:.300?}", report.result));
                }
                Seen::unless(wrong, "the honest run had its own output and result")
            }
        };
        Finding::named("neighbour", seen)
    }
}

/// How a program that waits goes on, where its standard input is ours or not.
fn hold(case: &Case, input: bool, tools: bool) -> Hold {
    match (case.holds(), input, tools) {
        (true, true, _) => Hold::Input,
        (true, false, true) => Hold::Tool,
        _ => Hold::Time,
    }
}
