//! Axes that begin and end at round numbers.

/// From a value to its place between 0 and 1.
pub struct Scale {
    logarithmic: bool,
    low: f64,
    pub high: f64,
    /// Between the ticks of a linear one.
    step: f64,
}

impl Scale {
    /// Over all values, with ends at ticks.
    pub fn over(values: impl Iterator<Item = f64>, logarithmic: bool) -> Self {
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

    pub fn place(&self, value: f64) -> f64 {
        let (value, low, high) = if self.logarithmic {
            (value.max(self.low).ln(), self.low.ln(), self.high.ln())
        } else {
            (value, self.low, self.high)
        };
        (value - low) / (high - low)
    }

    pub fn ticks(&self) -> Vec<f64> {
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
}
