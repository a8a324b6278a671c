//! Where cases are run: on this machine, or by a service that runs elsewhere.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use super::corpus::{Case, Corpus};
use super::header::{Need, Observer};
use super::here::Here;
use super::patience::Patience;
use super::target::service::{Remote, Settings};
use super::target::{Answer, Job, Ran};
use crate::policy::Wall;
use crate::report::{Started, Verdict};
use crate::sandbox::enforced::Standing;

/// See the module.
pub enum Ground {
    /// This machine.
    Here(Box<Here>),
    /// A service.
    There(Box<There>),
}

/// A service that runs elsewhere, and what a run of it was given.
pub struct There {
    /// The service.
    pub remote: Remote,
    /// Programs that are run before others.
    pub corpus: Arc<Corpus>,
    /// The first run there.
    pub trial: Result<Answer, String>,
}

/// The walls of nobody that are left down.
const NONE: &BTreeSet<Wall> = &BTreeSet::new();
const ELSEWHERE: &str = "prove does not stand on the service's machine";

impl Ground {
    /// Where scenes are set, if there can be any.
    pub fn place(&self) -> Option<&Path> {
        match self {
            Self::Here(here) => Some(here.place()),
            Self::There(_) => None,
        }
    }

    /// How much longer than usual everything may take.
    pub fn patience(&self) -> Patience {
        match self {
            Self::Here(here) => here.patience(),
            Self::There(there) => there.remote.patience,
        }
    }

    /// Walls that a build for tests leaves down.
    pub fn off(&self) -> &BTreeSet<Wall> {
        match self {
            Self::Here(here) => here.off(),
            Self::There(_) => NONE,
        }
    }

    /// Flags that a case gets beside its own.
    pub fn flags(&self, case: &Case) -> Vec<String> {
        match self {
            Self::Here(here) => here.flags(case),
            Self::There(_) => Vec::new(),
        }
    }

    /// The walls of a run with this start.
    pub fn walls(&self, start: Started) -> &[Standing] {
        match self {
            Self::Here(here) => here.walls(start),
            Self::There(there) => there.trial.as_ref().map_or(&[], |answer| &answer.report.walls),
        }
    }

    /// Why no run starts so, if none does.
    pub fn refused(&self, start: Started) -> Option<String> {
        match self {
            Self::Here(here) => here.refused(start),
            Self::There(there) => match &there.trial {
                Ok(answer) if answer.report.verdict == Verdict::Ok => None,
                Ok(answer) => Some(format!("no run starts there: {}", answer.report.evidence)),
                Err(why) => Some(format!("no run starts there: {why}")),
            },
        }
    }

    /// Why a case can't be tried, as far as is known before.
    pub fn lacks(&self, case: &Case, start: Started) -> Option<String> {
        match self {
            Self::Here(here) => here.lacks(case, start),
            Self::There(there) => self.refused(start).or_else(|| there.lacks(case, start)),
        }
    }

    /// Runs a case where it belongs.
    ///
    /// # Errors
    /// Why it can't be run.
    pub async fn run(&self, job: &Job<'_>) -> Result<Ran, String> {
        match self {
            Self::Here(here) => here.run(job).await,
            Self::There(there) => {
                let header = &job.case.header;
                let timeout = Settings::of(&header.flags)?.timeout;
                let first = header.first.as_ref().and_then(|name| there.corpus.plant(name));
                there.remote.run(job, timeout, first).await
            }
        }
    }
}

impl There {
    fn lacks(&self, case: &Case, start: Started) -> Option<String> {
        let header = &case.header;
        let from_outside = |observer: &Observer| {
            !matches!(
                observer,
                Observer::Counted { .. } | Observer::Word | Observer::Bounded | Observer::Neighbour
            )
        };
        let needs_host = header.needs.iter().any(|need| {
            matches!(need, Need::Host | Need::Root | Need::Ordinary | Need::Proxy | Need::Ipv6)
        });
        if case.aims() || needs_host || header.observers.iter().any(from_outside) {
            return Some(ELSEWHERE.to_owned());
        }
        if header.needs.contains(&Need::Tools) && self.remote.application.is_none() {
            return Some(
                "the service's application is its own; be it with --application".to_owned(),
            );
        }
        if header.needs.contains(&Need::Warm) && start != Started::Warm {
            return Some("it is for warm starts".to_owned());
        }
        match Settings::of(&header.flags) {
            Ok(settings) if settings.variables.is_empty() => None,
            _ => Some("it takes limits of its own, and the service has others".to_owned()),
        }
    }
}
