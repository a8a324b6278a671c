//! One case in one start: from its conditions to its outcome.

use std::collections::BTreeSet;
use std::path::Path;

use serde::Serialize;
use serde_json::Map;
use tokio::task::block_in_place;

use super::corpus::{Case, Family};
use super::finding::{Finding, Seen};
use super::ground::Ground;
use super::header::{Header, Need, Observer};
use super::judge::{self, Outcome};
use super::limits;
use super::observe::{Witness, kept};
use super::program::Told;
use super::scene::Scene;
use super::secrets::Search;
use super::target::{Job, Names, Ran};
use crate::policy::Wall;
use crate::report::{Started, Verdict};

/// How one case went in one start.
#[derive(Clone, Debug, Serialize)]
#[allow(missing_docs)]
pub struct Attempt {
    pub case: String,
    pub family: Family,
    pub start: Started,
    /// The attack, in a sentence.
    pub tells: String,
    pub walls: Vec<Wall>,
    /// Whether several walls each hold it alone.
    pub depth: bool,
    pub outcome: Outcome,
    /// Why it was not tried, or what is wrong.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// What each observer saw.
    pub findings: Vec<Finding>,
    /// The steps of the attack, in the program's words.
    pub steps: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub verdict: Option<Verdict>,
    pub took_ms: u64,
    /// The end of what the program printed, if it broke something.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub tail: String,
}

/// So much of a program's output is shown.
const TAIL: usize = 2000;

impl Attempt {
    fn new(case: &Case, start: Started) -> Self {
        Self {
            case: case.name.clone(),
            family: case.family,
            start,
            tells: case.header.tells.clone(),
            walls: case.header.walls.clone(),
            depth: case.header.depth,
            outcome: Outcome::NotTried,
            why: None,
            findings: Vec::new(),
            steps: Vec::new(),
            verdict: None,
            took_ms: 0,
            tail: String::new(),
        }
    }

    fn not_tried(mut self, why: impl Into<String>) -> Self {
        self.outcome = Outcome::NotTried;
        self.why = Some(why.into());
        self
    }

    fn judged(mut self) -> Self {
        let wrong: Vec<_> =
            self.findings.iter().filter(|finding| finding.right == Some(false)).collect();
        self.outcome = if wrong.is_empty() { Outcome::Held } else { Outcome::Broken };
        let told = |finding: &&Finding| format!("{}: {}", finding.observer, finding.saw);
        self.why =
            (!wrong.is_empty()).then(|| wrong.iter().map(told).collect::<Vec<_>>().join("\n"));
        self
    }
}

/// Tries a case.
pub async fn attempt(ground: &Ground, case: &Case, start: Started) -> Attempt {
    let attempt = Attempt::new(case, start);
    if let Some(why) = ground.lacks(case, start) {
        return attempt.not_tried(why);
    }
    let names = match Names::new() {
        Ok(names) => names,
        Err(error) => return attempt.not_tried(format!("no randomness: {error}")),
    };
    let run = Run { case, names: &names, off: ground.off() };
    let patience = ground.patience();
    let Some(place) = ground.place() else {
        let job = Job {
            case,
            names: &names,
            aim: Map::new(),
            directory: Path::new(""),
            start,
            flags: Vec::new(),
            patience,
        };
        return match ground.run(&job).await {
            Ok(ran) => block_in_place(|| run.judge(attempt, None, ran)),
            Err(why) => attempt.not_tried(why),
        };
    };
    let name = format!("{}-{}", case.name.replace('/', "-"), start.name());
    let mut scene = match Scene::set(place, &name) {
        Ok(scene) => scene,
        Err(error) => return attempt.not_tried(format!("its scene can't be set: {error}")),
    };
    if case.header.needs.contains(&Need::Ipv6) && !scene.has_ipv6() {
        return attempt.not_tried("there is no IPv6 on loopback");
    }
    let (aim, flags) = (scene.aim(&names), ground.flags(case));
    let directory = scene.directory.clone();
    let job = Job { case, names: &names, aim, directory: &directory, start, flags, patience };
    match ground.run(&job).await {
        Ok(ran) => block_in_place(|| run.judge(attempt, Some(&mut scene), ran)),
        Err(why) => attempt.not_tried(why),
    }
}

/// A run that is to be judged.
struct Run<'a> {
    case: &'a Case,
    names: &'a Names,
    off: &'a BTreeSet<Wall>,
}

impl Run<'_> {
    fn judge(&self, mut attempt: Attempt, scene: Option<&mut Scene>, ran: Ran) -> Attempt {
        let header = &self.case.header;
        let mut findings: Vec<_> = ran.left.into_iter().collect();
        let own = scene.iter().flat_map(|scene| &scene.secrets);
        let search = match Search::new(own.chain(&ran.secrets)) {
            Ok(search) => search,
            Err(why) => return attempt.not_tried(why),
        };
        if let Some(scene) = scene {
            findings.extend(scene.look());
            if header.observers.contains(&Observer::Kept) {
                let outputs = scene.directory.join("outputs");
                let seen = kept::look(&outputs, header.limits().scratch_size, &search);
                findings.push(Finding::of(Observer::Kept, seen));
            }
        }
        findings.extend(ran.witness.iter().flat_map(|witness| looked(header, witness)));
        findings.extend(ran.neighbour);
        findings.extend(judge::counted(header, ran.calls.len()));
        let answer = match ran.answer {
            Ok(answer) => answer,
            Err(why) => {
                findings.push(Finding::named("answer", Seen::Wrong(why)));
                attempt.findings = findings;
                return attempt.judged();
            }
        };
        let report = &answer.report;
        let told = Told::read(&report.stdout, &self.names.tag);
        attempt.took_ms = u64::try_from(answer.took.as_millis()).unwrap_or(u64::MAX);
        attempt.verdict = Some(report.verdict);
        attempt.steps.clone_from(&told.tried);
        if report.verdict == Verdict::Refused {
            return attempt.not_tried(format!("no run starts: {}", report.evidence));
        }
        findings.extend(judge::of_answer(header, &answer, &told));
        findings.push(judge::unread(&search, &answer, &told, &ran.calls));
        if header.observers.contains(&Observer::Bounded) {
            findings.push(limits::bounded(header, report));
        }
        let not_tried = judge::not_tried(header, &report.walls, self.off, &findings);
        attempt.findings = findings;
        let attempt = match not_tried {
            Some(why) => return attempt.not_tried(why),
            None => attempt.judged(),
        };
        Attempt { tail: tail(attempt.outcome, &told.rest, &report.stderr), ..attempt }
    }
}

/// What was seen of the processes that were marked, one finding for each property.
fn looked(header: &Header, witness: &Witness) -> Vec<Finding> {
    let of = |name: &'static str| {
        let all = witness.looked.iter().flat_map(|(_, looks)| looks);
        let seen: Vec<_> =
            all.filter(|(looked, _)| *looked == name).map(|(_, seen)| seen).collect();
        let worst = seen
            .iter()
            .find(|seen| matches!(seen, Seen::Wrong(_)))
            .or_else(|| seen.iter().find(|seen| matches!(seen, Seen::Nothing(_))))
            .or_else(|| seen.first());
        match worst {
            Some(seen) => Finding::of(Observer::Looked(name), (**seen).clone()),
            None => {
                let why = "no process has waited to be looked at".to_owned();
                Finding::of(Observer::Looked(name), Seen::Wrong(why))
            }
        }
    };
    header.looks().into_iter().map(of).collect()
}

impl Header {
    /// The properties that are looked at in a process.
    #[must_use]
    pub fn looks(&self) -> Vec<&'static str> {
        let looks = self.observers.iter();
        looks
            .filter_map(
                |observer| if let Observer::Looked(name) = observer { Some(*name) } else { None },
            )
            .collect()
    }
}

fn tail(outcome: Outcome, stdout: &str, stderr: &str) -> String {
    if outcome != Outcome::Broken {
        return String::new();
    }
    let last = |text: &str| {
        let skipped = text.chars().count().saturating_sub(TAIL);
        text.chars().skip(skipped).collect::<String>()
    };
    let both = [last(stdout), last(stderr)];
    both.iter()
        .filter(|text| !text.is_empty())
        .map(|text| text.trim_end())
        .collect::<Vec<_>>()
        .join("\n")
}
