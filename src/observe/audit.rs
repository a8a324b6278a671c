//! One JSON line per call: who asked for what, and what came of it.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use ring::digest::{SHA256, digest};
use serde::Serialize;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::time::{FormatTime as _, SystemTime};

use super::caller::{Who, hex};
use super::text::{shown, shown_json};
use crate::report::{Report, Started, Usage};

/// Characters of a sentence that are recorded.
pub(super) const MOST_TEXT: usize = 500;
/// Characters of a correlation id that are shown; the whole is passed on to tools.
pub(super) const MOST_ID: usize = 256;
/// Characters of a tool's name.
const MOST_NAME: usize = 100;
/// Names that are counted one by one.
const MOST_NAMES: usize = 64;
/// Where the others are counted.
const OTHERS: &str = "(others)";

/// A line.
#[derive(Serialize)]
pub(super) struct Record<'a> {
    /// When it was written, at the end of the call.
    pub time: String,
    pub event: Event,
    pub correlation_id: &'a str,
    pub caller: Who,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<&'a Code>,
    pub duration_ms: f64,
    #[serde(flatten)]
    pub outcome: Outcome<'a>,
}

/// What a line is about.
#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Event {
    /// A program was run.
    Run,
    /// A request was not.
    Refused,
}

/// What came of a call.
#[derive(Serialize)]
#[serde(untagged)]
pub(super) enum Outcome<'a> {
    Run {
        verdict: &'static str,
        evidence: String,
        error_type: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        start: Option<&'static str>,
        tools: BTreeMap<String, Count>,
        limits: Vec<&'static str>,
        walls_missing: Vec<&'static str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        usage: Option<&'a Usage>,
    },
    Refused {
        reason: &'static str,
        error: String,
    },
}

impl<'a> Outcome<'a> {
    pub fn of(report: &'a Report, error_type: &'a str, tally: &Tally) -> Self {
        let missing = report.walls.iter().filter(|standing| !standing.standing);
        Self::Run {
            verdict: report.verdict.name(),
            evidence: shown(&report.evidence, MOST_TEXT),
            error_type,
            start: report.start.map(Started::name),
            tools: tally.counts(),
            limits: super::metrics::limits(report).collect(),
            walls_missing: missing.map(|standing| standing.wall.name()).collect(),
            usage: Some(&report.usage),
        }
    }
}

/// A program as it is recorded.
#[derive(Serialize)]
pub(super) struct Code {
    /// Of its UTF-8, in lower-case hexadecimal.
    pub sha256: String,
    pub bytes: usize,
    /// Itself, where that was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
}

impl Code {
    pub fn new(code: &str, include: bool) -> Self {
        Self {
            sha256: hex(digest(&SHA256, code.as_bytes()).as_ref()),
            bytes: code.len(),
            text: include.then(|| code.to_owned()),
        }
    }
}

/// How often a tool was called.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub(super) struct Count {
    pub calls: u64,
    pub failed: u64,
}

/// The tools that one run called.
#[derive(Debug, Default)]
pub(super) struct Tally(Mutex<BTreeMap<String, Count>>);

impl Tally {
    /// Counts a call. Beyond a number of names the rest are counted together.
    pub fn count(&self, tool: &str, failed: bool) {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let name = shown(tool, MOST_NAME);
        let room = counts.len() < MOST_NAMES || counts.contains_key(&name);
        let count = counts.entry(if room { name } else { OTHERS.to_owned() }).or_default();
        count.calls += 1;
        count.failed += u64::from(failed);
    }

    pub fn counts(&self) -> BTreeMap<String, Count> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Now, as RFC 3339 has it.
pub(super) fn now() -> String {
    let mut text = String::with_capacity(32);
    // Writing to a string can't fail.
    let _ = SystemTime.format_time(&mut Writer::new(&mut text));
    text
}

impl Record<'_> {
    /// One line, with its line break.
    pub fn line(&self) -> Vec<u8> {
        let mut line = shown_json(serde_json::to_string(self).unwrap_or_default());
        line.push('\n');
        line.into_bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::Caller;

    fn record<'a>(id: &'a str, code: &'a Code) -> Record<'a> {
        Record {
            time: now(),
            event: Event::Refused,
            correlation_id: id,
            caller: Caller::default().who(),
            code: Some(code),
            duration_ms: 1.5,
            outcome: Outcome::Refused { reason: "too_long", error: "why".to_owned() },
        }
    }

    #[test]
    fn a_record_is_one_line_with_a_digest_and_the_program_only_if_asked_for() {
        let program = "print('a secret')\n";
        for include in [false, true] {
            let code = Code::new(program, include);
            let line = String::from_utf8(record("id", &code).line()).unwrap();
            assert_eq!(line.matches('\n').count(), 1, "{line}");
            assert_eq!(line.contains("a secret"), include, "{line}");
            let json: serde_json::Value = serde_json::from_str(&line).unwrap();
            assert_eq!(json["code"]["sha256"].as_str().unwrap().len(), 64);
            assert_eq!(json["code"]["bytes"], 18);
            assert_eq!(json["event"], "refused");
            assert_eq!(json["reason"], "too_long");
        }
    }

    #[test]
    fn the_digest_is_that_of_sha256sum() {
        let code = Code::new("abc", false);
        let known = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(code.sha256, known);
    }

    #[test]
    fn time_is_rfc_3339_in_utc() {
        let now = now();
        let shape: String = now.chars().map(|c| if c.is_ascii_digit() { '0' } else { c }).collect();
        assert_eq!(shape, "0000-00-00T00:00:00.000000Z", "{now}");
    }

    #[test]
    fn tools_are_counted_by_name_and_beyond_a_bound_together() {
        let tally = Tally::default();
        for number in 0..100 {
            tally.count(&format!("tool-{number:03}"), number % 2 == 0);
        }
        tally.count("tool-000", false);
        let counts = tally.counts();
        assert_eq!(counts.len(), MOST_NAMES + 1);
        assert_eq!(counts["tool-000"], Count { calls: 2, failed: 1 });
        assert_eq!(counts[OTHERS], Count { calls: 36, failed: 18 });
    }
}
