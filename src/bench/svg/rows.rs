//! What one caller waits, row by row: from the median to the 99th percentile, on one logarithmic axis.

use std::fmt::Write as _;

use super::scale::Scale;
use super::{WIDTH, class, label, rule};
use crate::bench::Results;
use crate::bench::stats::Times;

const ROW: f64 = 24.0;
const HEAD: f64 = 60.0;
const AXIS: f64 = 40.0;
const LEFT: f64 = 300.0;
const RIGHT: f64 = WIDTH - 110.0;

pub struct Row {
    name: String,
    class: &'static str,
    times: Times,
}

/// Those of latency, then the peers.
pub fn of(results: &Results) -> Vec<Row> {
    let latency = results.latency.iter().flatten().filter_map(|row| {
        Some(Row { name: row.mode.clone(), class: class(row.start), times: row.times? })
    });
    let peers = results.peers.iter().flatten().filter_map(|peer| {
        // Execute has its rows already.
        let shown = !peer.name.starts_with("Execute");
        Some(Row { name: peer.name.to_owned(), class: "c", times: peer.times.filter(|_| shown)? })
    });
    latency.chain(peers).collect()
}

/// Nothing is drawn where nothing was measured.
pub fn height(rows: &[Row]) -> f64 {
    if rows.is_empty() { 0.0 } else { HEAD + ROW * rows.len() as f64 + AXIS }
}

pub fn draw(svg: &mut String, rows: &[Row], top: f64) {
    if rows.is_empty() {
        return;
    }
    let title = "One caller: from p50 to p99 in milliseconds";
    label(svg, (24.0, top + 34.0), "start", "title", title);
    let values = rows.iter().flat_map(|row| [row.times.p50_ms, row.times.p99_ms]);
    let scale = Scale::over(values, true);
    let x = |value: f64| LEFT + (RIGHT - LEFT) * scale.place(value);
    let (top, bottom) = (top + HEAD, top + HEAD + ROW * rows.len() as f64);
    for tick in scale.ticks() {
        rule(svg, "grid", (x(tick), top), (x(tick), bottom));
        label(svg, (x(tick), bottom + 18.0), "middle", "", &tick.to_string());
    }
    rule(svg, "axis", (LEFT, bottom), (RIGHT, bottom));
    for (number, row) in rows.iter().enumerate() {
        let y = top + ROW * (number as f64 + 0.5);
        let (from, to) = (x(row.times.p50_ms), x(row.times.p99_ms));
        label(svg, (LEFT - 12.0, y + 4.0), "end", "", &row.name);
        let class = row.class;
        let _ = writeln!(
            svg,
            "<polyline class=\"line {class}\" points=\"{from:.1},{y:.1} {to:.1},{y:.1}\"/>\n\
             <circle class=\"{class}-dot\" cx=\"{from:.1}\" cy=\"{y:.1}\" r=\"5\"/>"
        );
        let text = format!("{:.1} to {:.1}", row.times.p50_ms, row.times.p99_ms);
        label(svg, (RIGHT + 12.0, y + 4.0), "start", "small", &text);
    }
}
