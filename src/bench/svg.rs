//! The curve over callers as a picture: throughput on the left, latency on the right.

use std::fmt::Write as _;

use super::{Load, Machine};

const WIDTH: f64 = 960.0;
const HEIGHT: f64 = 440.0;

/// Its own background, so that it can be read on any page; darker where the reader's is dark.
const STYLE: &str = "text{font-family:system-ui,'DejaVu Sans',sans-serif;font-size:13px;fill:#3b4148}\
.title{font-size:18px;font-weight:600;fill:#16191d}.small{font-size:11px}\
.page{fill:#fff;stroke:#d5dae0}.grid{stroke:#e3e7eb}.axis{stroke:#7d8590}\
.line{fill:none;stroke-width:2.5;stroke-linejoin:round}\
.a{stroke:#0a66c2}.a-dot{fill:#0a66c2}.b{stroke:#c2410c}.b-dot{fill:#c2410c}\
@media(prefers-color-scheme:dark){text{fill:#b7bfc8}.title{fill:#f0f3f6}\
.page{fill:#161a1f;stroke:#333a42}.grid{stroke:#2a3037}\
.a{stroke:#58a6ff}.a-dot{fill:#58a6ff}.b{stroke:#fb923c}.b-dot{fill:#fb923c}}";

/// One measured line.
struct Series {
    name: &'static str,
    class: &'static str,
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
pub fn picture(machine: &Machine, curve: &[Load]) -> String {
    let series = |name, class, value: &dyn Fn(&Load) -> Option<f64>| Series {
        name,
        class,
        points: curve.iter().filter_map(|load| Some((load.callers as f64, value(load)?))).collect(),
    };
    let panels = [
        Panel {
            title: "Runs per second",
            left: 70.0,
            logarithmic: false,
            series: vec![series("runs/s", "a", &|load| Some(load.runs_per_s))],
        },
        Panel {
            title: "Latency in milliseconds",
            left: 550.0,
            logarithmic: true,
            series: vec![
                series("p50", "a", &|load| load.times.map(|times| times.p50_ms)),
                series("p99", "b", &|load| load.times.map(|times| times.p99_ms)),
            ],
        },
    ];
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\">\n\
         <title>codemode: throughput and latency over the number of callers</title>\n\
         <style>{STYLE}</style>\n\
         <rect class=\"page\" x=\"0.5\" y=\"0.5\" width=\"{}\" height=\"{}\" rx=\"8\"/>\n",
        WIDTH - 1.0,
        HEIGHT - 1.0
    );
    let title = "Execute of 2 + 2, each caller with its next run as soon as the last is answered";
    label(&mut svg, (24.0, 36.0), "start", "title", title);
    for panel in &panels {
        panel.draw(&mut svg);
    }
    for (line, y) in machine.lines().iter().zip([HEIGHT - 34.0, HEIGHT - 16.0]) {
        label(&mut svg, (24.0, y), "start", "small", line);
    }
    svg += "</svg>\n";
    svg
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
        let at: Vec<(f64, f64)> = series.points.iter().map(|p| (x(p.0), y(p.1))).collect();
        let points: Vec<String> = at.iter().map(|(x, y)| format!("{x:.1},{y:.1}")).collect();
        let _ = writeln!(svg, "<polyline class=\"line {class}\" points=\"{}\"/>", points.join(" "));
        // The legend's entries stand in a row above the plot.
        let left = self.left + 70.0 * number as f64;
        let _ = writeln!(
            svg,
            "<polyline class=\"line {class}\" points=\"{left:.1},{0:.1} {1:.1},{0:.1}\"/>",
            TOP - 18.0,
            left + 20.0,
        );
        label(svg, (left + 26.0, TOP - 14.0), "start", "", series.name);
        for (x, y) in at.iter().copied().chain([(left + 10.0, TOP - 18.0)]) {
            let _ = writeln!(
                svg,
                "<circle class=\"{class}-dot\" cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"3.5\"/>"
            );
        }
    }
}

/// From a value to its place between 0 and 1.
struct Scale {
    logarithmic: bool,
    low: f64,
    high: f64,
    /// Between the ticks of a linear one.
    step: f64,
}

impl Scale {
    /// Over all values, with ends at ticks.
    fn over(values: impl Iterator<Item = f64>, logarithmic: bool) -> Self {
        let (mut least, mut most) = (f64::INFINITY, 0.0_f64);
        for value in values.filter(|value| value.is_finite() && *value > 0.0) {
            (least, most) = (least.min(value), most.max(value));
        }
        if most <= 0.0 {
            (least, most) = (1.0, 10.0);
        }
        if logarithmic {
            let low = steps(least).rfind(|tick| *tick <= least).unwrap_or(least);
            let high = steps(most).find(|tick| *tick >= most).unwrap_or(most);
            return Self { logarithmic, low, high: high.max(low * 2.0), step: 0.0 };
        }
        let step = steps(most / 6.0).find(|tick| *tick >= most / 6.0).unwrap_or(most);
        Self { logarithmic, low: 0.0, high: (most / step).ceil() * step, step }
    }

    fn place(&self, value: f64) -> f64 {
        let (value, low, high) = if self.logarithmic {
            (value.max(self.low).ln(), self.low.ln(), self.high.ln())
        } else {
            (value, self.low, self.high)
        };
        (value - low) / (high - low)
    }

    fn ticks(&self) -> Vec<f64> {
        if self.logarithmic {
            let decades = [steps(self.low), steps(self.low * 1e3), steps(self.low * 1e6)];
            let mut all: Vec<f64> = decades.into_iter().flatten().collect();
            all.dedup();
            all.retain(|tick| (self.low..=self.high).contains(tick));
            return all;
        }
        let count = (self.high / self.step).round() as u32;
        (0..=count).map(|number| self.step * f64::from(number)).collect()
    }
}

/// 1, 2 and 5 times powers of ten, from well below `value` to well above.
fn steps(value: f64) -> impl DoubleEndedIterator<Item = f64> {
    let decade = value.log10().floor() as i32;
    (decade - 1..=decade + 1).flat_map(|power| [1.0, 2.0, 5.0].map(|n| of_ten(n, power)))
}

/// Exact, where a product with 0.1 would not be.
fn of_ten(factor: f64, power: i32) -> f64 {
    if power < 0 { factor / 10_f64.powi(-power) } else { factor * 10_f64.powi(power) }
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
    fn scales_end_at_round_numbers() {
        let linear = Scale::over([3.0, 87.0].into_iter(), false);
        assert_eq!(linear.ticks(), [0.0, 20.0, 40.0, 60.0, 80.0, 100.0]);
        assert_eq!((linear.place(0.0), linear.place(50.0)), (0.0, 0.5));
        let decades = Scale::over([7.0, 430.0].into_iter(), true);
        assert_eq!(decades.ticks(), [5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0]);
        assert_eq!((decades.place(5.0), decades.place(500.0)), (0.0, 1.0));
        let tiny = Scale::over([0.3, 0.31].into_iter(), true);
        assert_eq!(tiny.ticks(), [0.2, 0.5]);
    }

    #[test]
    fn nothing_measured_is_still_a_scale() {
        for logarithmic in [false, true] {
            let scale = Scale::over(std::iter::empty(), logarithmic);
            assert!(scale.ticks().len() > 1 && scale.place(scale.high) == 1.0);
        }
    }

    #[test]
    fn text_is_escaped() {
        assert_eq!(escaped("a<b & \u{1b}c>"), "a&lt;b &amp;  c&gt;");
    }
}
