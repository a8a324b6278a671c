//! `codemode prove`: hostile programs, run in the sandbox on this machine and judged from outside.
//!
//! Each case is one attack (`integration/corpus`). It gets a scene of its own, with secrets to read, a
//! directory to write to, listeners to reach and a process to harm, and is run as a user would run it. What
//! it says of itself decides as little as can be: whether the walls held is seen on the host, by [`observe`]
//! and [`scene`], and judged by [`judge`].

mod attempt;
pub mod corpus;
mod finding;
mod ground;
mod header;
mod here;
mod judge;
mod limits;
pub mod markdown;
mod observe;
mod patience;
mod program;
mod scene;
mod secrets;
mod target;

pub mod table;

use std::ffi::OsString;
use std::net::SocketAddr;
use std::sync::Arc;

use serde::Serialize;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

pub use attempt::Attempt;
pub use corpus::{Case, Corpus, CorpusError, Family};
pub use finding::Finding;
pub use judge::Outcome;
pub use patience::Patience;
pub use scene::victim;

use crate::grpc::{Probe, ProbeError};
use crate::harness::application::Application;
use crate::harness::caller::Caller;
use crate::harness::{HarnessError, Machine};
use crate::plan::Interpreter;
use crate::report::Started;
use crate::sandbox::enforced::Standing;
use ground::{Ground, There};
use here::Here;
use secrets::Secret;
use target::application::ProveTools;
use target::service::Remote;

/// What is to be tried, and how.
#[derive(Clone, Debug)]
pub struct Options {
    /// Cases, out of a corpus.
    pub cases: Vec<Case>,
    /// Where interpreters come from.
    pub starts: Vec<Started>,
    /// So many cases are run at once.
    pub jobs: u32,
    /// Variables that `codemode run` is given.
    pub variables: Vec<(&'static str, OsString)>,
    /// How much longer than usual everything may take.
    pub patience: Patience,
}

/// What a run of one start had around it.
#[derive(Clone, Debug, Serialize)]
#[allow(missing_docs)]
pub struct Walls {
    pub start: Started,
    /// Why no run starts so here.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refused: Option<String>,
    pub walls: Vec<Standing>,
}

/// Everything that was tried.
#[derive(Clone, Debug, Serialize)]
#[allow(missing_docs)]
pub struct Results {
    /// Where cases were run: `this machine`, or a service.
    pub target: String,
    /// Known where that is this machine.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub machine: Option<Machine>,
    /// By what every time allowed was multiplied.
    pub patience: Patience,
    pub walls: Vec<Walls>,
    pub held: usize,
    pub broken: usize,
    pub not_tried: usize,
    pub attempts: Vec<Attempt>,
}

impl Results {
    /// How many went so.
    #[must_use]
    pub fn count(&self, outcome: Outcome) -> usize {
        self.attempts.iter().filter(|attempt| attempt.outcome == outcome).count()
    }
}

/// Why nothing could be tried.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ProveError {
    /// What cases stand on can't be had.
    #[error(transparent)]
    Harness(#[from] HarnessError),
    /// The service elsewhere does not answer.
    #[error("the service does not answer: {0}; see that it runs there")]
    Silent(#[from] ProbeError),
    /// A task of our own was lost.
    #[error("a case was lost ({0}); report this")]
    Lost(#[from] tokio::task::JoinError),
}

/// Told of each case as it ends.
pub type Progress<'a> = &'a (dyn Fn(&str) + Sync);

/// Tries what `options` names on this machine. Dropping the future stops what was started.
///
/// # Errors
/// [`ProveError`]. Walls that break are no error: they are counted in the results.
pub async fn prove(
    corpus: Arc<Corpus>,
    mut options: Options,
    interpreter: &Interpreter,
    progress: Progress<'_>,
) -> Result<Results, ProveError> {
    let machine = Machine::look(interpreter);
    progress("what stands here");
    let variables = options.variables.clone();
    let patience = options.patience;
    options.cases = options.cases.into_iter().map(|case| patience.allow(case, true)).collect();
    let here = Here::prepare(corpus, interpreter, &options.starts, variables, patience).await?;
    let ground = Ground::Here(Box::new(here));
    let results = on(ground, "this machine".to_owned(), options, progress).await?;
    Ok(Results { machine: Some(machine), ..results })
}

/// A service that runs already.
pub struct Elsewhere {
    /// Where, and whom to believe.
    pub probe: Probe,
    /// What its callers show, if it wants that.
    pub key: String,
    /// Where it looks for its application, if that is to be us.
    pub application: Option<SocketAddr>,
}

/// The same by a service that runs already, as far as its answers show.
///
/// # Errors
/// [`ProveError`], if it doesn't answer.
pub async fn prove_elsewhere(
    corpus: Arc<Corpus>,
    mut options: Options,
    elsewhere: Elsewhere,
    progress: Progress<'_>,
) -> Result<Results, ProveError> {
    progress("what stands there");
    let application = match elsewhere.application {
        Some(address) => Some(Arc::new(Application::start(address, ProveTools::default()).await?)),
        None => None,
    };
    let channel = elsewhere.probe.connect().await?;
    let key = Secret { place: "of the service's key", value: elsewhere.key };
    let caller = Caller::new(channel, &key.value);
    let patience = options.patience;
    options.cases = options.cases.into_iter().map(|case| patience.allow(case, false)).collect();
    let remote = Remote { caller, application, key, patience };
    let trial = remote.trial().await;
    let started = trial.as_ref().ok().and_then(|answer| answer.report.start);
    options.starts = vec![started.unwrap_or(Started::Fresh)];
    let ground = Ground::There(Box::new(There { remote, corpus, trial }));
    let target = format!("the service at {}:{}", elsewhere.probe.host, elsewhere.probe.port);
    on(ground, target, options, progress).await
}

async fn on(
    ground: Ground,
    target: String,
    options: Options,
    progress: Progress<'_>,
) -> Result<Results, ProveError> {
    let ground = Arc::new(ground);
    let walls = options.starts.iter().map(|start| Walls {
        start: *start,
        refused: ground.refused(*start),
        walls: ground.walls(*start).to_vec(),
    });
    let walls = walls.collect();
    let patience = options.patience;
    let attempts = all(&ground, options.cases, &options.starts, options.jobs, progress).await?;
    let mut results = Results {
        target,
        machine: None,
        patience,
        walls,
        held: 0,
        broken: 0,
        not_tried: 0,
        attempts,
    };
    results.held = results.count(Outcome::Held);
    results.broken = results.count(Outcome::Broken);
    results.not_tried = results.count(Outcome::NotTried);
    Ok(results)
}

/// Every case in every start, a few at a time; those that exhaust something by themselves.
async fn all(
    ground: &Arc<Ground>,
    cases: Vec<Case>,
    starts: &[Started],
    jobs: u32,
    progress: Progress<'_>,
) -> Result<Vec<Attempt>, ProveError> {
    let places = Arc::new(Semaphore::new(jobs as usize));
    let mut tasks = JoinSet::new();
    let pairs =
        cases.into_iter().flat_map(|case| starts.iter().map(move |start| (case.clone(), *start)));
    for (number, (case, start)) in pairs.enumerate() {
        let (ground, places) = (Arc::clone(ground), Arc::clone(&places));
        let needed = if case.family == Family::Exhaustion { jobs } else { 1 };
        tasks.spawn(async move {
            // Closed by nobody.
            let _place = places.acquire_many(needed).await;
            (number, attempt::attempt(&ground, &case, start).await)
        });
    }
    let (count, mut done) = (tasks.len(), Vec::with_capacity(tasks.len()));
    while let Some(joined) = tasks.join_next().await {
        let (number, attempt) = joined?;
        let (name, start, outcome) = (&attempt.case, attempt.start.name(), attempt.outcome.name());
        progress(&format!("{}/{count} {name} ({start}): {outcome}", done.len() + 1));
        done.push((number, attempt));
    }
    done.sort_by_key(|(number, _)| *number);
    Ok(done.into_iter().map(|(_, attempt)| attempt).collect())
}
