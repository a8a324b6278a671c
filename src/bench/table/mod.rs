//! The results for people.

mod endurance;
mod limit;

use std::fmt::Write as _;

use super::stats::{Failed, Times};
use super::{Latency, Load, Memory, Peer, Results, Throughput, ToolCalls, Waiting};

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
    results.latency.iter().for_each(|rows| latency(&mut text, rows));
    if let Some(curve) = &results.callers {
        heading(&mut text, "Callers: each with its next run as soon as the last is answered");
        loads(&mut text, curve.iter());
    }
    results.throughput.iter().for_each(|rows| throughput(&mut text, rows));
    results.tools.iter().for_each(|all| tools(&mut text, all));
    results.waiting.iter().for_each(|rows| waiting(&mut text, rows));
    results.memory.iter().for_each(|all| memory(&mut text, all));
    results.peers.iter().for_each(|all| peers(&mut text, all));
    results.limit.iter().for_each(|rows| limit::write(&mut text, rows, results));
    results.endurance.iter().for_each(|all| endurance::write(&mut text, all));
    if !results.skipped.is_empty() {
        text.push('\n');
    }
    for skipped in &results.skipped {
        let _ = writeln!(text, "skipped: {}: {}", skipped.part, skipped.why);
    }
    let _ = match results.failures {
        0 => writeln!(text, "\nNothing failed."),
        count => writeln!(text, "\nFailed: {count}."),
    };
    text
}

fn heading(text: &mut String, words: &str) {
    let _ = writeln!(text, "\n{words} (ms)");
}

fn latency(text: &mut String, rows: &[Latency]) {
    heading(text, "Latency: Execute of 2 + 2 (and of import numpy), one caller");
    let heads = ["", "runs", "p50", "p90", "p99", "max", "bwrap, narrow, is", "the reference is"];
    let compared = rows.iter().any(|row| row.bwrap_ratio.or(row.reference_ratio).is_some());
    let mut table = Table::new(heads.get(..if compared { 8 } else { 6 }).unwrap_or(&heads));
    for row in rows {
        let mut cells = spread(row.times.as_ref());
        if compared {
            let times = |ratio: Option<f64>| ratio.map_or_else(String::new, |r| format!("{r:.1}x"));
            cells.extend([times(row.bwrap_ratio), times(row.reference_ratio)]);
        }
        table.row(&*row.mode, cells);
    }
    table.write(text);
    rows.iter().for_each(|row| failures(text, &row.failed));
}

fn throughput(text: &mut String, rows: &[Throughput]) {
    let seconds = rows.first().map_or(0.0, |row| row.load.seconds);
    heading(text, &format!("Throughput: kept up for {seconds} s"));
    loads(text, rows.iter().map(|row| &row.load));
    for row in rows {
        let name = row.load.start.name();
        let (first, last) = (number(row.first_tenth_p50_ms), number(row.last_tenth_p50_ms));
        let _ =
            writeln!(text, "  {name}: p50 in the first tenth {first} ms, in the last {last} ms");
        let seen = &row.namespaces;
        let _ = match &seen.unknown {
            Some(why) => writeln!(text, "  {name}: namespaces unknown: {why}"),
            None => writeln!(
                text,
                "  {name}: of {} living runs looked at, up to {} at once, {} pairs shared a namespace, \
                 {} were in one of the host's",
                seen.runs, seen.at_once, seen.shared_pairs, seen.in_the_hosts
            ),
        };
        if let Some(first) = &seen.first_shared {
            let _ = writeln!(text, "  the first: {first}");
        }
    }
}

fn loads<'a>(text: &mut String, loads: impl Iterator<Item = &'a Load> + Clone) {
    let mut table = Table::new(&["", "callers", "runs/s", "runs", "p50", "p90", "p99", "max"]);
    for load in loads.clone() {
        let first = [load.callers.to_string(), format!("{:.1}", load.runs_per_s)];
        table.row(load.start.name(), first.into_iter().chain(spread(load.times.as_ref())));
    }
    table.write(text);
    loads.for_each(|load| failures(text, &load.failed));
}

fn tools(text: &mut String, all: &ToolCalls) {
    heading(text, "Tools: a synchronous call, on top of the main application's own time");
    let mut table = Table::new(&["", "calls", "p50", "p90", "p99", "max"]);
    table.row("one after the other", spread(all.times.as_ref()));
    table.write(text);
    let _ = writeln!(text, "  the main application's own time: p50 {} ms", number(all.tool_p50_ms));
    failures(text, &all.failed);
}

fn waiting(text: &mut String, rows: &[Waiting]) {
    let Some(first) = rows.first() else { return };
    let words = format!(
        "Waiting: {} runs that wait for a tool at once, from request to tool, {} starts/s",
        first.runs, first.starts_per_s
    );
    heading(text, &words);
    let mut table = Table::new(&["", "waited", "answered", "runs", "p50", "p90", "p99", "max"]);
    for row in rows {
        let cells = [row.waited.to_string(), row.answered.to_string()];
        table.row(row.start.name(), cells.into_iter().chain(spread(row.times.as_ref())));
    }
    table.write(text);
    rows.iter().for_each(|row| waiting_memory(text, row));
}

fn waiting_memory(text: &mut String, all: &Waiting) {
    let name = all.start.name();
    match (&all.memory_unknown, all.before_mib, all.during_mib, all.per_run_mib) {
        (None, Some(before), Some(during), Some(each)) => {
            let _ = writeln!(
                text,
                "  {name}: memory {before:.1} MiB before, {during:.1} MiB while they wait: {each:.2} MiB each"
            );
        }
        (why, ..) => {
            let why = why.as_deref().unwrap_or("nothing waited");
            let _ = writeln!(text, "  {name}: memory unknown: {why}");
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
    heading(text, "Peers: an empty program from start to end, and Execute of 2 + 2, in turn");
    let heads = ["", "runs", "p50", "p90", "p99", "max", "to codemode run", "to Execute, warm"];
    let mut table = Table::new(&heads);
    for peer in all {
        match &peer.times {
            Some(times) => {
                let ratio =
                    |ratio: Option<f64>| ratio.map_or_else(String::new, |r| format!("{r:.2}"));
                let ratios = [ratio(peer.ratio_to_codemode_run), ratio(peer.ratio_to_execute)];
                table.row(peer.name, spread(Some(times)).into_iter().chain(ratios));
            }
            None if peer.command.is_none() => table.row(peer.name, ["absent".to_owned()]),
            None => table.row(peer.name, ["failed".to_owned()]),
        }
    }
    table.write(text);
    let _ = writeln!(
        text,
        "  bwrap with narrow binds is the yardstick: it shows and hides of the host what codemode does"
    );
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
