//! The results for people.

use std::fmt::Write as _;

use super::stats::{Failed, Times};
use super::{Load, Memory, Peer, Results, ToolCalls, Waiting};

/// Columns that line up: the first to the left, the others to the right.
struct Table {
    rows: Vec<Vec<String>>,
}

impl Table {
    fn new(heads: &[&str]) -> Self {
        Self { rows: vec![heads.iter().map(|&head| head.to_owned()).collect()] }
    }

    fn row(&mut self, first: impl Into<String>, others: impl IntoIterator<Item = String>) {
        let mut row = vec![first.into()];
        row.extend(others);
        self.rows.push(row);
    }

    fn write(&self, text: &mut String) {
        let columns = self.rows.iter().map(Vec::len).max().unwrap_or_default();
        let width = |column: usize| {
            let cells = self.rows.iter().filter_map(|row| row.get(column));
            cells.map(|cell| cell.chars().count()).max().unwrap_or_default()
        };
        let widths: Vec<usize> = (0..columns).map(width).collect();
        for row in &self.rows {
            let mut line = String::new();
            for (index, (cell, width)) in row.iter().zip(&widths).enumerate() {
                let _ = match index {
                    0 => write!(line, "  {cell:<width$}"),
                    _ => write!(line, "  {cell:>width$}"),
                };
            }
            let _ = writeln!(text, "{}", line.trim_end());
        }
    }
}

/// The whole, with a heading for each part.
#[must_use]
pub fn text(results: &Results) -> String {
    let mut text = String::new();
    for line in results.machine.lines() {
        let _ = writeln!(text, "{line}");
    }
    if let Some(rows) = &results.latency {
        heading(&mut text, "Latency: Execute of 2 + 2, one caller");
        let mut table = Table::new(&["", "runs", "p50", "p90", "p99", "max"]);
        for row in rows {
            table.row(row.mode, spread(row.times.as_ref()));
        }
        table.write(&mut text);
        rows.iter().for_each(|row| failures(&mut text, &row.failed));
    }
    if let Some(curve) = &results.callers {
        heading(&mut text, "Callers: each with its next run as soon as the last is answered");
        loads(&mut text, curve.iter());
    }
    if let Some(all) = &results.throughput {
        heading(&mut text, &format!("Throughput: kept up for {} s", all.load.seconds));
        loads(&mut text, std::iter::once(&all.load));
        let (first, last) = (number(all.first_tenth_p50_ms), number(all.last_tenth_p50_ms));
        let _ = writeln!(text, "  p50 in the first tenth {first} ms, in the last {last} ms");
    }
    results.tools.iter().for_each(|all| tools(&mut text, all));
    results.waiting.iter().for_each(|all| waiting(&mut text, all));
    results.memory.iter().for_each(|all| memory(&mut text, all));
    results.peers.iter().for_each(|all| peers(&mut text, all));
    let _ = match results.failures {
        0 => writeln!(text, "\nNothing failed."),
        count => writeln!(text, "\nFailed: {count}."),
    };
    text
}

fn heading(text: &mut String, words: &str) {
    let _ = writeln!(text, "\n{words} (ms)");
}

fn loads<'a>(text: &mut String, loads: impl Iterator<Item = &'a Load> + Clone) {
    let mut table = Table::new(&["callers", "runs/s", "runs", "p50", "p90", "p99", "max"]);
    for load in loads.clone() {
        let rate = format!("{:.1}", load.runs_per_s);
        let cells = std::iter::once(rate).chain(spread(load.times.as_ref()));
        table.row(load.callers.to_string(), cells);
    }
    table.write(text);
    loads.for_each(|load| failures(text, &load.failed));
}

fn tools(text: &mut String, all: &ToolCalls) {
    heading(text, "Tools: round trip of a synchronous call, without the tool's own time");
    let mut table = Table::new(&["", "calls", "p50", "p90", "p99", "max"]);
    table.row("one after the other", spread(all.times.as_ref()));
    table.write(text);
    let _ = writeln!(text, "  the tool itself: p50 {}", number(all.tool_p50_ms));
    failures(text, &all.failed);
}

fn waiting(text: &mut String, all: &Waiting) {
    let words = format!("Waiting: {} runs that wait for a tool at once", all.runs);
    heading(text, &words);
    let mut table = Table::new(&["", "runs", "p50", "p90", "p99", "max"]);
    let first = format!("from request to tool, {} starts/s", all.starts_per_s);
    table.row(first, spread(all.start.as_ref()));
    table.write(text);
    let _ = writeln!(text, "  waited {}, answered {}", all.waited, all.answered);
    match (&all.memory_unknown, all.before_mib, all.during_mib, all.per_run_mib) {
        (None, Some(before), Some(during), Some(each)) => {
            let _ = writeln!(
                text,
                "  memory {before:.1} MiB before, {during:.1} MiB while they wait: {each:.2} MiB each"
            );
        }
        (why, ..) => {
            let why = why.as_deref().unwrap_or("nothing waited");
            let _ = writeln!(text, "  memory unknown: {why}");
        }
    }
    failures(text, &all.failed);
}

fn memory(text: &mut String, all: &Memory) {
    let _ = writeln!(text, "\nMemory: proportional set size (MiB)");
    let Some((idle, each)) = all.idle_mib.zip(all.per_ready_mib) else {
        let why = all.memory_unknown.as_deref().unwrap_or_default();
        let _ = writeln!(text, "  unknown: {why}");
        return;
    };
    let mut table = Table::new(&["", "MiB"]);
    let cell = |mib| [format!("{mib:.2}")];
    table.row(format!("idle service, {} processes", all.idle_processes), cell(idle));
    table.row("each sandbox made ahead", cell(each));
    table.write(text);
}

fn peers(text: &mut String, all: &[Peer]) {
    heading(text, "Peers: an empty program from start to end, in turn");
    let mut table = Table::new(&["", "runs", "p50", "p90", "p99", "max", "to codemode run"]);
    for peer in all {
        match (&peer.times, peer.ratio_to_codemode_run) {
            (Some(_), Some(ratio)) => {
                let ratio = std::iter::once(format!("{ratio:.2}"));
                table.row(peer.name, spread(peer.times.as_ref()).into_iter().chain(ratio));
            }
            (_, _) if peer.command.is_none() => table.row(peer.name, ["absent".to_owned()]),
            (_, _) => table.row(peer.name, ["failed".to_owned()]),
        }
    }
    table.write(text);
    for peer in all {
        if let Some(why) = &peer.failure {
            let _ = writeln!(text, "  {} failed: {why}", peer.name);
        }
    }
}

fn spread(times: Option<&Times>) -> Vec<String> {
    let Some(times) = times else { return vec!["none".to_owned()] };
    let all = [times.p50_ms, times.p90_ms, times.p99_ms, times.max_ms];
    let mut cells = vec![times.samples.to_string()];
    cells.extend(all.map(|time| number(Some(time))));
    cells
}

/// Three digits that say something.
fn number(value: Option<f64>) -> String {
    match value {
        None => "none".to_owned(),
        Some(value) if value < 10.0 => format!("{value:.2}"),
        Some(value) if value < 100.0 => format!("{value:.1}"),
        Some(value) => format!("{value:.0}"),
    }
}

fn failures(text: &mut String, failed: &Failed) {
    if let Some(first) = &failed.first_failure {
        let _ = writeln!(text, "  {} failed, the first with: {first}", failed.failures);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_line_up() {
        let mut table = Table::new(&["", "runs", "p50"]);
        table.row("a long name", ["1".to_owned(), "12.5".to_owned()]);
        table.row("short", ["failed".to_owned()]);
        let mut text = String::new();
        table.write(&mut text);
        let expected = "                 runs   p50\n\
                        \x20 a long name       1  12.5\n\
                        \x20 short        failed\n";
        assert_eq!(text, expected);
    }

    #[test]
    fn numbers_keep_three_digits() {
        let texts = [0.456, 9.999, 45.67, 456.7].map(|value| number(Some(value)));
        assert_eq!(texts, ["0.46", "10.00", "45.7", "457"]);
    }

    #[test]
    fn failures_are_told_with_their_number_and_the_first() {
        let mut text = String::new();
        failures(&mut text, &Failed::default());
        assert_eq!(text, "");
        failures(&mut text, &Failed { failures: 3, first_failure: Some("why".to_owned()) });
        assert_eq!(text, "  3 failed, the first with: why\n");
    }
}
