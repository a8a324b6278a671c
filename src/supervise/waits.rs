//! How long a run waited for its tools.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Adds up the time during which at least one call was under way.
#[derive(Debug, Default)]
pub struct Waits(Mutex<Clock>);

#[derive(Debug, Default)]
struct Clock {
    under_way: usize,
    since: Option<Instant>,
    total: Duration,
}

/// A call under way; it ends when dropped.
pub struct Waiting(Arc<Waits>);

impl Waits {
    fn clock(&self) -> MutexGuard<'_, Clock> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Begins a call.
    pub fn begin(self: &Arc<Self>) -> Waiting {
        let mut clock = self.clock();
        clock.under_way += 1;
        clock.since.get_or_insert_with(Instant::now);
        drop(clock);
        Waiting(Arc::clone(self))
    }

    /// The time so far.
    pub fn total(&self) -> Duration {
        let clock = self.clock();
        clock.total + clock.since.map(|since| since.elapsed()).unwrap_or_default()
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        let mut clock = self.0.clock();
        clock.under_way -= 1;
        if clock.under_way == 0
            && let Some(since) = clock.since.take()
        {
            clock.total += since.elapsed();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_side_by_side_count_once_and_none_counts_nothing() {
        let waits = Arc::new(Waits::default());
        assert_eq!(waits.total(), Duration::ZERO);
        let (one, two) = (waits.begin(), waits.begin());
        let since = waits.clock().since.expect("a call is under way");
        drop(one);
        assert_eq!(waits.clock().since, Some(since), "the clock runs on for the other");
        assert_eq!(waits.clock().total, Duration::ZERO);
        drop(two);
        let total = waits.total();
        assert!(total <= since.elapsed());
        assert_eq!(waits.total(), total, "it stands still between calls");
    }
}
