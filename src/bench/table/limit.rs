//! The kernel's own cost, and what was reached beside it.

use std::fmt::Write as _;

use super::{Table, failures, heading, spread};
use crate::bench::{Limit, Results};

pub fn write(text: &mut String, rows: &[Limit], results: &Results) {
    heading(text, "Limit: bare processes without a sandbox, and what was reached");
    let mut table = Table::new(&["", "per s", "runs", "p50", "p90", "p99", "max"]);
    let cell = |rate: Option<f64>| rate.map_or_else(String::new, |rate| format!("{rate:.0}"));
    for row in rows {
        let cells = std::iter::once(cell(row.per_s)).chain(spread(row.times.as_ref()));
        table.row(row.bare.words(), cells);
    }
    for row in results.throughput.iter().flatten() {
        let rate = std::iter::once(cell(Some(row.load.runs_per_s)));
        let name = format!("Execute, {}, {} callers", row.load.start.name(), row.load.callers);
        table.row(name, rate.chain(spread(row.load.times.as_ref())));
    }
    for row in results.latency.iter().flatten().filter(|row| row.program == "add") {
        let cells = std::iter::once(String::new()).chain(spread(row.times.as_ref()));
        table.row(format!("Execute, {}", row.mode), cells);
    }
    table.write(text);
    let processors = rows.first().map_or(0, |row| row.processors);
    let _ =
        writeln!(text, "  times one after the other, rates with {processors} processes at work");
    rows.iter().for_each(|row| failures(text, &row.failed));
}
