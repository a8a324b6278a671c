//! Results as Markdown, for a security review.

use std::fmt::Write as _;

use super::table::{Counts, visible};
use super::{Attempt, Outcome, Results, table};

/// The whole report.
#[must_use]
pub fn report(results: &Results) -> String {
    let mut text = String::from("# What codemode's walls held\n\n");
    let _ = writeln!(text, "{}\n", table::verdict(results));
    for line in table::about(results) {
        let _ = writeln!(text, "- {line}");
    }
    families(&mut text, results);
    walls(&mut text, results);
    for outcome in [Outcome::Broken, Outcome::Held, Outcome::NotTried] {
        let all: Vec<_> = results.attempts.iter().filter(|one| one.outcome == outcome).collect();
        if all.is_empty() {
            continue;
        }
        let title = match outcome {
            Outcome::Broken => "Broken",
            Outcome::Held => "Held",
            Outcome::NotTried => "Not tried",
        };
        let _ = writeln!(text, "\n## {title}");
        for attempt in all {
            case(&mut text, attempt);
        }
    }
    text
}

fn families(text: &mut String, results: &Results) {
    text.push_str(
        "\n## By family\n\n| family | start | held | broken | not tried |\n|---|---|--:|--:|--:|\n",
    );
    for (family, start, Counts { held, broken, not_tried }) in Counts::all(results) {
        let (family, start) = (family.name(), start.name());
        let _ = writeln!(text, "| {family} | {start} | {held} | {broken} | {not_tried} |");
    }
    let (held, broken, not_tried) = (results.held, results.broken, results.not_tried);
    let _ = writeln!(text, "| all | | {held} | {broken} | {not_tried} |");
}

fn walls(text: &mut String, results: &Results) {
    for walls in &results.walls {
        let _ = writeln!(text, "\n## Walls of a run ({})\n", walls.start.name());
        if let Some(why) = &walls.refused {
            let _ = writeln!(text, "{}\n", escaped(why));
        }
        text.push_str("| wall | stands | how |\n|---|---|---|\n");
        for wall in &walls.walls {
            let stands = if wall.standing { "yes" } else { "no" };
            let _ = writeln!(text, "| {} | {stands} | {} |", wall.wall, escaped(&wall.how));
        }
    }
}

fn case(text: &mut String, attempt: &Attempt) {
    let _ = writeln!(text, "\n### {} ({})\n", attempt.case, attempt.start.name());
    let _ = writeln!(text, "{}\n", escaped(&attempt.tells));
    let names: Vec<_> = attempt.walls.iter().map(|wall| wall.name()).collect();
    let _ = writeln!(text, "Presses on {}.", names.join(", "));
    if let (Outcome::NotTried, Some(why)) = (attempt.outcome, &attempt.why) {
        let _ = writeln!(text, "Not tried: {}.", escaped(why));
        return;
    }
    text.push('\n');
    for finding in &attempt.findings {
        let mark = match finding.right {
            Some(true) => "held",
            Some(false) => "**broken**",
            None => "not seen",
        };
        let _ = writeln!(text, "- {mark}, `{}`: {}", finding.observer, escaped(&finding.saw));
    }
    if !attempt.steps.is_empty() {
        let _ = writeln!(text, "\nSteps, in the program's words:\n");
        for step in &attempt.steps {
            let _ = writeln!(text, "- {}", escaped(step));
        }
    }
    if !attempt.tail.is_empty() {
        text.push_str("\nThe end of its output:\n\n");
        for line in attempt.tail.lines() {
            let _ = writeln!(text, "    {}", visible(line));
        }
    }
}

/// What comes out of a sandbox must not become part of the document.
fn escaped(text: &str) -> String {
    let mut out = String::new();
    for c in visible(text).chars() {
        if c.is_ascii_punctuation() && !".,;:/()-'\"=+".contains(c) {
            out.push('\\');
        }
        out.push(c);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_of_a_run_stays_text() {
        assert_eq!(escaped("<b>|`x`\n# no"), "\\<b\\>\\|\\`x\\`\\\\n\\# no");
    }
}
