//! A picture: the curve over callers, throughput on the left and latency on the right; and below it what
//! one caller waits, beside the peers.

mod rows;
mod scale;

use std::fmt::Write as _;

use super::{Load, Results, Started};
use scale::Scale;

const WIDTH: f64 = 960.0;
/// Of the curves, with their title.
const CURVES: f64 = 396.0;
/// Of the two lines about the machine.
const FOOT: f64 = 44.0;

/// Its own background, so that it can be read on any page; darker where the reader's is dark.
const STYLE: &str = "text{font-family:system-ui,'DejaVu Sans',sans-serif;font-size:13px;fill:#3b4148}\
.title{font-size:18px;font-weight:600;fill:#16191d}.small{font-size:11px}\
.page{fill:#fff;stroke:#d5dae0}.grid{stroke:#e3e7eb}.axis{stroke:#7d8590}\
.line{fill:none;stroke-width:2.5;stroke-linejoin:round}.dashed{stroke-dasharray:3 4}\
.a{stroke:#0a66c2}.a-dot{fill:#0a66c2}.b{stroke:#c2410c}.b-dot{fill:#c2410c}\
.c{stroke:#6b7280}.c-dot{fill:#6b7280}\
@media(prefers-color-scheme:dark){text{fill:#b7bfc8}.title{fill:#f0f3f6}\
.page{fill:#161a1f;stroke:#333a42}.grid{stroke:#2a3037}\
.a{stroke:#58a6ff}.a-dot{fill:#58a6ff}.b{stroke:#fb923c}.b-dot{fill:#fb923c}.c{stroke:#9aa4af}.c-dot{fill:#9aa4af}}";

/// One measured line.
struct Series {
    name: String,
    class: &'static str,
    dashed: bool,
    points: Vec<(f64, f64)>,
}

/// One pair of axes. Callers double from tick to tick; values start at 0 or go by decades.
struct Panel {
    title: &'static str,
    left: f64,
    logarithmic: bool,
    series: Vec<Series>,
}

const PLOT_WIDTH: f64 = 380.0;
const TOP: f64 = 108.0;
const BOTTOM: f64 = 340.0;

/// The picture as an SVG document.
#[must_use]
pub fn picture(results: &Results) -> String {
    let rows = rows::of(results);
    let height = CURVES + rows::height(&rows) + FOOT;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" role=\"img\">\n\
         <title>codemode: throughput and latency over the number of callers</title>\n\
         <style>{STYLE}</style>\n\
         <rect class=\"page\" x=\"0.5\" y=\"0.5\" width=\"{}\" height=\"{}\" rx=\"8\"/>\n",
        WIDTH - 1.0,
        height - 1.0
    );
    let title = "Execute of 2 + 2, each caller with its next run as soon as the last is answered";
    label(&mut svg, (24.0, 36.0), "start", "title", title);
    for panel in panels(results.callers.as_deref().unwrap_or_default()) {
        panel.draw(&mut svg);
    }
    rows::draw(&mut svg, &rows, CURVES);
    let lines = results.machine.lines();
    for (line, y) in lines.iter().zip([height - 34.0, height - 16.0]) {
        label(&mut svg, (24.0, y), "start", "small", line);
    }
    svg += "</svg>\n";
    svg
}

/// The colour of a start.
fn class(start: Started) -> &'static str {
    match start {
        Started::Warm => "a",
        Started::Fresh => "b",
    }
}

fn panels(curve: &[Load]) -> [Panel; 2] {
    // A name, whether it is dashed, and the value of a point.
    let series = |what: &str, dashed, value: fn(&Load) -> Option<f64>| {
        Started::ALL.map(|start| {
            let loads = curve.iter().filter(|load| load.start == start);
            Series {
                name: format!("{} {what}", start.name()),
                class: class(start),
                dashed,
                points: loads
                    .filter_map(|load| Some((load.callers as f64, value(load)?)))
                    .collect(),
            }
        })
    };
    let p50 = series("p50", false, |load| load.times.map(|times| times.p50_ms));
    let p99 = series("p99", true, |load| load.times.map(|times| times.p99_ms));
    [
        Panel {
            title: "Runs per second",
            left: 70.0,
            logarithmic: false,
            series: series("", false, |load| Some(load.runs_per_s)).into(),
        },
        Panel {
            title: "Latency in milliseconds",
            left: 550.0,
            logarithmic: true,
            series: p50.into_iter().chain(p99).collect(),
        },
    ]
}

impl Panel {
    fn draw(&self, svg: &mut String) {
        let values = self.series.iter().flat_map(|series| series.points.iter());
        let counts: Vec<f64> =
            self.series.iter().flat_map(|s| s.points.iter().map(|p| p.0)).collect();
        let scale = Scale::over(values.map(|point| point.1), self.logarithmic);
        let most = counts.iter().copied().fold(2.0, f64::max);
        let x = |callers: f64| self.left + PLOT_WIDTH * callers.log2() / most.log2();
        let y = |value: f64| BOTTOM - (BOTTOM - TOP) * scale.place(value);
        label(svg, (self.left, TOP - 34.0), "start", "", self.title);
        for tick in scale.ticks() {
            let (at, right) = (y(tick), self.left + PLOT_WIDTH);
            rule(svg, "grid", (self.left, at), (right, at));
            label(svg, (self.left - 8.0, at + 4.0), "end", "", &tick.to_string());
        }
        rule(svg, "axis", (self.left, BOTTOM), (self.left + PLOT_WIDTH, BOTTOM));
        rule(svg, "axis", (self.left, TOP), (self.left, BOTTOM));
        for callers in self.series.first().iter().flat_map(|series| series.points.iter()) {
            let at = x(callers.0);
            rule(svg, "axis", (at, BOTTOM), (at, BOTTOM + 5.0));
            label(svg, (at, BOTTOM + 20.0), "middle", "", &callers.0.to_string());
        }
        label(svg, (self.left + PLOT_WIDTH / 2.0, BOTTOM + 40.0), "middle", "", "callers");
        for (number, series) in self.series.iter().enumerate() {
            self.draw_series(svg, number, series, &x, &y);
        }
    }

    fn draw_series(
        &self,
        svg: &mut String,
        number: usize,
        series: &Series,
        x: &dyn Fn(f64) -> f64,
        y: &dyn Fn(f64) -> f64,
    ) {
        let class = series.class;
        let dashed = if series.dashed { " dashed" } else { "" };
        let at: Vec<(f64, f64)> = series.points.iter().map(|p| (x(p.0), y(p.1))).collect();
        let points: Vec<String> = at.iter().map(|(x, y)| format!("{x:.1},{y:.1}")).collect();
        let _ = writeln!(
            svg,
            "<polyline class=\"line {class}{dashed}\" points=\"{}\"/>",
            points.join(" ")
        );
        // The legend's entries stand in a row above the plot.
        let left = self.left + 100.0 * number as f64;
        let _ = writeln!(
            svg,
            "<polyline class=\"line {class}{dashed}\" points=\"{left:.1},{0:.1} {1:.1},{0:.1}\"/>",
            TOP - 18.0,
            left + 20.0,
        );
        label(svg, (left + 26.0, TOP - 14.0), "start", "", series.name.trim());
        for (x, y) in at.iter().copied().chain([(left + 10.0, TOP - 18.0)]) {
            let _ = writeln!(
                svg,
                "<circle class=\"{class}-dot\" cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"3.5\"/>"
            );
        }
    }
}

fn rule(svg: &mut String, class: &str, from: (f64, f64), to: (f64, f64)) {
    let ((x1, y1), (x2, y2)) = (from, to);
    let _ = writeln!(
        svg,
        "<line class=\"{class}\" x1=\"{x1:.1}\" y1=\"{y1:.1}\" x2=\"{x2:.1}\" y2=\"{y2:.1}\"/>"
    );
}

fn label(svg: &mut String, (x, y): (f64, f64), anchor: &str, class: &str, text: &str) {
    let text = escaped(text);
    let _ = writeln!(
        svg,
        "<text class=\"{class}\" x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"{anchor}\">{text}</text>"
    );
}

/// Text as XML takes it.
fn escaped(text: &str) -> String {
    let mut escaped = String::new();
    for c in text.chars() {
        match c {
            '&' => escaped += "&amp;",
            '<' => escaped += "&lt;",
            '>' => escaped += "&gt;",
            c if c.is_control() => escaped.push(' '),
            c => escaped.push(c),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_escaped() {
        assert_eq!(escaped("a<b & \u{1b}c>"), "a&lt;b &amp;  c&gt;");
    }
}
