//! Percentiles and medians, of all samples.

use std::time::Duration;

use serde::Serialize;

/// How samples of a time are spread, in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[allow(missing_docs)]
pub struct Times {
    pub samples: usize,
    pub p50_ms: f64,
    pub p90_ms: f64,
    pub p99_ms: f64,
    pub max_ms: f64,
}

impl Times {
    /// `None` if there is no sample.
    #[must_use]
    pub fn of(samples: impl IntoIterator<Item = Duration>) -> Option<Self> {
        let mut samples: Vec<Duration> = samples.into_iter().collect();
        samples.sort_unstable();
        let at = |percent| percentile(&samples, percent).map(milliseconds);
        Some(Self {
            samples: samples.len(),
            p50_ms: at(50)?,
            p90_ms: at(90)?,
            p99_ms: at(99)?,
            max_ms: at(100)?,
        })
    }
}

/// The smallest sample that `percent` of all don't exceed (nearest rank), so always one that was
/// seen. `sorted` is in ascending order.
#[must_use]
pub fn percentile<T: Copy>(sorted: &[T], percent: usize) -> Option<T> {
    let rank = (sorted.len() * percent).div_ceil(100).max(1);
    sorted.get(rank - 1).copied()
}

/// The middle one, or the mean of the two in the middle.
#[must_use]
pub fn median(mut samples: Vec<f64>) -> Option<f64> {
    samples.sort_by(f64::total_cmp);
    let half = samples.len() / 2;
    let upper = samples.get(half).copied()?;
    if samples.len() % 2 == 1 {
        return Some(upper);
    }
    Some((samples.get(half.checked_sub(1)?)? + upper) / 2.0)
}

/// With microseconds as fractions.
#[must_use]
pub fn milliseconds(time: Duration) -> f64 {
    time.as_micros() as f64 / 1e3
}

/// What failed among what was tried.
#[derive(Clone, Debug, Default, Serialize)]
#[allow(missing_docs)]
pub struct Failed {
    pub failures: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first_failure: Option<String>,
}

impl Failed {
    /// Counts one, and keeps the first one's reason.
    pub fn add(&mut self, why: impl Into<String>) {
        self.failures += 1;
        self.first_failure.get_or_insert_with(|| why.into());
    }

    /// Takes over what another has counted.
    pub fn join(&mut self, other: Self) {
        self.failures += other.failures;
        self.first_failure = self.first_failure.take().or(other.first_failure);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_samples_by_nearest_rank() {
        let hundred: Vec<u32> = (1..=100).collect();
        let at = |percent| percentile(&hundred, percent);
        assert_eq!([at(0), at(1), at(50), at(99), at(100)], [1, 1, 50, 99, 100].map(Some));
        let five = [15, 20, 35, 40, 50];
        let at = |percent| percentile(&five, percent);
        assert_eq!([at(5), at(30), at(40), at(50), at(100)], [15, 20, 20, 35, 50].map(Some));
        assert_eq!(percentile::<u32>(&[], 50), None);
    }

    #[test]
    fn medians_lie_in_the_middle() {
        assert_eq!(median(vec![3.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(median(vec![4.0, 1.0, 3.0, 2.0]), Some(2.5));
        assert_eq!((median(vec![7.0]), median(Vec::new())), (Some(7.0), None));
    }

    #[test]
    fn times_sort_what_they_are_given() {
        let times = Times::of([9, 1, 5].map(Duration::from_millis)).unwrap();
        assert_eq!((times.samples, times.p50_ms, times.p99_ms, times.max_ms), (3, 5.0, 9.0, 9.0));
        assert_eq!(Times::of([]), None);
    }

    #[test]
    fn the_first_failure_is_kept_and_all_are_counted() {
        let mut failed = Failed::default();
        failed.add("one");
        failed.add("two");
        assert_eq!((failed.failures, failed.first_failure.as_deref()), (2, Some("one")));
        let mut all = Failed::default();
        all.join(failed.clone());
        all.join(Failed { failures: 3, first_failure: Some("three".to_owned()) });
        assert_eq!((all.failures, all.first_failure.as_deref()), (5, Some("one")));
    }
}
