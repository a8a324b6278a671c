//! From what was seen of a run to whether the walls held. Pure.

use std::collections::BTreeSet;

use serde::Serialize;

use super::finding::{Finding, Seen};
use super::header::{Expected, Header, Observer};
use super::program::Told;
use super::secrets::Search;
use super::target::Answer;
use crate::policy::Wall;
use crate::report::Verdict;
use crate::sandbox::enforced::Standing;

/// How a case went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It was tried, and everything that looked saw what it should.
    Held,
    /// Something saw what must not be, or the attack was never carried out.
    Broken,
    /// It can't be tried here.
    NotTried,
}

impl Outcome {
    /// In words.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Held => "held",
            Self::Broken => "broken",
            Self::NotTried => "not tried",
        }
    }
}

/// Why a case whose answer is there was no attempt: none of its walls stands here, or nobody could look.
#[must_use]
pub fn not_tried(
    header: &Header,
    walls: &[Standing],
    off: &BTreeSet<Wall>,
    findings: &[Finding],
) -> Option<String> {
    // Those left down on purpose are to be missed.
    let standing = |wall: &Wall| {
        off.contains(wall) || walls.iter().any(|one| one.wall == *wall && one.standing)
    };
    if !header.walls.iter().any(standing) {
        let names: Vec<_> = header.walls.iter().map(|wall| wall.name()).collect();
        let stand = if names.len() == 1 { "does" } else { "do" };
        return Some(format!("{} {stand} not stand here", names.join(", ")));
    }
    let named = |observer: &Observer| {
        let name = observer.to_string();
        findings.iter().find(|finding| finding.observer == name && finding.right.is_none())
    };
    let blind = header.observers.iter().find_map(named)?;
    Some(format!("{}: {}", blind.observer, blind.saw))
}

/// What the answer itself shows: that it came in time, how the run ended, and that the attack was tried.
#[must_use]
pub fn of_answer(header: &Header, answer: &Answer, told: &Told) -> Vec<Finding> {
    let report = &answer.report;
    let verdict = format!("{}: {}", report.verdict, report.evidence);
    let expected: Vec<_> = header.verdicts.iter().map(ToString::to_string).collect();
    let right = header.verdicts.iter().any(|expected| expected.is(report));
    let ended = if right {
        Seen::Right(verdict)
    } else {
        Seen::Wrong(format!("{verdict}; right is {}", expected.join(" or ")))
    };
    let (took, within) = (answer.took.as_secs_f64(), header.within.as_secs_f64());
    let came = format!("after {took:.2} s");
    let came = if took <= within {
        Seen::Right(came)
    } else {
        Seen::Wrong(format!("{came}, not within {within} s"))
    };
    let only_ok =
        header.verdicts.iter().all(|expected| *expected == Expected::Verdict(Verdict::Ok));
    let steps = told.tried.len();
    let tried = if steps > 0 || !only_ok {
        Seen::Right(format!("{steps} steps"))
    } else {
        Seen::Wrong("the attack was never tried".to_owned())
    };
    let word = match told.gained.first() {
        None => Seen::Right("the program says that nothing worked".to_owned()),
        Some(_) => {
            Seen::Wrong(format!("the program says that it worked: {}", told.gained.join("; ")))
        }
    };
    vec![
        Finding::named("verdict", ended),
        Finding::named("answer", came),
        Finding::named("tried", tried),
        Finding::of(Observer::Word, word),
    ]
}

/// Whether a secret is in anything that came out.
#[must_use]
pub fn unread(
    search: &Search,
    answer: &Answer,
    told: &Told,
    calls: &[(String, String)],
) -> Finding {
    let report = &answer.report;
    let texts = [&report.stdout, &report.stderr, &report.message, &report.evidence, &answer.beside];
    let texts = texts.into_iter().chain(&report.result).chain(&report.exception);
    let texts = texts.chain(calls.iter().flat_map(|(name, arguments)| [name, arguments]));
    let bytes = texts.map(String::as_bytes).chain(told.loot.iter().map(Vec::as_slice));
    let (mut all, mut found) = (0, Vec::new());
    for text in bytes {
        all += text.len();
        found.extend(search.find(text));
    }
    found.sort();
    found.dedup();
    Finding::of(
        Observer::Unread,
        Seen::unless(found, format!("no secret in {all} bytes that came out")),
    )
}

/// Whether tools were called as often as they should.
#[must_use]
pub fn counted(header: &Header, calls: usize) -> Option<Finding> {
    header.observers.iter().find_map(|observer| {
        let Observer::Counted { calls: right, at_most } = observer else { return None };
        let calls = calls as u64;
        let is_right = if *at_most { calls <= *right } else { calls == *right };
        let saw = format!("{calls} tool calls");
        let seen = if is_right { Seen::Right(saw) } else { Seen::Wrong(saw) };
        Some(Finding::of(observer.clone(), seen))
    })
}
