//! Results as text: a table by family, and whatever broke, with the evidence.

use std::fmt::Write as _;

use super::{Attempt, Family, Outcome, Results};
use crate::observe::is_obeyed;
use crate::report::Started;
use clap::ValueEnum as _;

/// One family in one start.
#[derive(Clone, Copy, Default)]
pub struct Counts {
    /// By outcome.
    pub held: usize,
    /// By outcome.
    pub broken: usize,
    /// By outcome.
    pub not_tried: usize,
}

impl Counts {
    /// Every family in every start in which one of its attacks was taken up.
    pub fn all(results: &Results) -> impl Iterator<Item = (Family, Started, Self)> {
        let starts = || results.walls.iter().map(|walls| walls.start);
        let pairs = Family::value_variants()
            .iter()
            .flat_map(move |family| starts().map(move |start| (*family, start)));
        let counted = move |(family, start)| (family, start, Self::of(results, family, start));
        pairs
            .map(counted)
            .filter(|(_, _, counts)| counts.held + counts.broken + counts.not_tried > 0)
    }

    fn of(results: &Results, family: Family, start: Started) -> Self {
        let mut counts = Self::default();
        for attempt in &results.attempts {
            if attempt.family == family && attempt.start == start {
                *match attempt.outcome {
                    Outcome::Held => &mut counts.held,
                    Outcome::Broken => &mut counts.broken,
                    Outcome::NotTried => &mut counts.not_tried,
                } += 1;
            }
        }
        counts
    }
}

/// For a person at a terminal.
#[must_use]
pub fn text(results: &Results) -> String {
    let mut text = String::new();
    for line in about(results) {
        let _ = writeln!(text, "{line}");
    }
    let _ = writeln!(
        text,
        "\n{:<14}{:<8}{:>6}{:>8}{:>11}",
        "family", "start", "held", "broken", "not tried"
    );
    for (family, start, Counts { held, broken, not_tried }) in Counts::all(results) {
        let (family, start) = (family.name(), start.name());
        let _ = writeln!(text, "{family:<14}{start:<8}{held:>6}{broken:>8}{not_tried:>11}");
    }
    let (held, broken, not_tried) = (results.held, results.broken, results.not_tried);
    let _ = writeln!(text, "{:<14}{:<8}{held:>6}{broken:>8}{not_tried:>11}", "all", "");
    missing(&mut text, results);
    untried(&mut text, results);
    for attempt in results.attempts.iter().filter(|attempt| attempt.outcome == Outcome::Broken) {
        evidence(&mut text, attempt);
    }
    let _ = writeln!(text, "\n{}", verdict(results));
    text
}

/// Where it was tried.
#[must_use]
pub fn about(results: &Results) -> Vec<String> {
    let mut lines: Vec<_> = match &results.machine {
        Some(machine) => machine.lines().into(),
        None => vec![format!("By {}, as far as its answers show", results.target)],
    };
    lines.push(match results.patience {
        patience if patience.is_more() => {
            format!("Patience {}: every time allowed is so many times as long", patience.factor())
        }
        _ => "Patience 1: times are those that the cases allow".to_owned(),
    });
    lines
}

/// All of it in a sentence.
#[must_use]
pub fn verdict(results: &Results) -> String {
    match (results.held, results.broken) {
        (0, 0) => "Nothing could be tried.".to_owned(),
        (held, 0) => format!("Every attack that could be tried was held: {held}."),
        (held, broken) => format!("{broken} broke something; {held} were held."),
    }
}

fn missing(text: &mut String, results: &Results) {
    for walls in &results.walls {
        let (start, missing) = (walls.start.name(), absent(walls));
        if let Some(why) = &walls.refused {
            let _ = writeln!(text, "\n{start}: {why}");
        } else if !missing.is_empty() {
            let _ =
                writeln!(text, "\nWalls that do not stand here ({start}): {}", missing.join(", "));
        }
    }
}

/// Names of the walls that do not stand.
#[must_use]
pub fn absent(walls: &super::Walls) -> Vec<&'static str> {
    walls.walls.iter().filter(|one| !one.standing).map(|one| one.wall.name()).collect()
}

/// Reasons, each with the cases that it kept from being tried.
fn untried(text: &mut String, results: &Results) {
    let mut reasons: Vec<(&str, Vec<String>)> = Vec::new();
    for attempt in results.attempts.iter().filter(|attempt| attempt.outcome == Outcome::NotTried) {
        let why = attempt.why.as_deref().unwrap_or_default();
        let name = format!("{} ({})", attempt.case, attempt.start.name());
        match reasons.iter_mut().find(|(known, _)| *known == why) {
            Some((_, names)) => names.push(name),
            None => reasons.push((why, vec![name])),
        }
    }
    if !reasons.is_empty() {
        let _ = writeln!(text, "\nNot tried");
    }
    for (why, names) in reasons {
        let more = names.len().saturating_sub(4);
        let shown = names.into_iter().take(4).collect::<Vec<_>>().join(", ");
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        let _ = writeln!(text, "  {why}: {shown}{more}");
    }
}

fn evidence(text: &mut String, attempt: &Attempt) {
    let _ = writeln!(text, "\nBROKEN {} ({})", attempt.case, attempt.start.name());
    let _ = writeln!(text, "  {}", attempt.tells);
    for line in attempt.why.iter().flat_map(|why| why.lines()) {
        let _ = writeln!(text, "  saw    {}", visible(line));
    }
    for step in attempt.steps.iter().rev().take(5).rev() {
        let _ = writeln!(text, "  tried  {}", visible(step));
    }
    for line in attempt.tail.lines() {
        let _ = writeln!(text, "  output {}", visible(line));
    }
}

/// What comes out of a sandbox may hold what a terminal obeys.
#[must_use]
pub fn visible(text: &str) -> String {
    let shown = |c: char| if is_obeyed(c) { c.escape_default().to_string() } else { c.to_string() };
    text.chars().take(1000).map(shown).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_terminal_obeys_is_shown() {
        assert_eq!(visible("a\x1b[2Jb\t"), "a\\u{1b}[2Jb\\t");
    }
}
