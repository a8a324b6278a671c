//! When what was lost is started anew.

use std::time::Duration;

/// What lived no longer than this is not replaced at once.
const SHORT_LIFE: Duration = Duration::from_secs(10);
/// The first and the longest wait then.
const WAITS: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(60));

/// At once if it had lived for a while; if not, after a wait that doubles each time.
pub struct Backoff {
    wait: Duration,
}

impl Backoff {
    /// Nothing was lost yet.
    #[must_use]
    pub fn new() -> Self {
        Self { wait: WAITS.0 }
    }

    /// How long to wait with the next start after a life of `lived`.
    pub fn after(&mut self, lived: Duration) -> Duration {
        if lived >= SHORT_LIFE {
            self.wait = WAITS.0;
            return Duration::ZERO;
        }
        let wait = self.wait;
        self.wait = WAITS.1.min(wait * 2);
        wait
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_dies_at_once_is_started_ever_more_rarely_until_it_lives() {
        let mut backoff = Backoff::new();
        let waits: Vec<_> = (0..8).map(|_| backoff.after(Duration::ZERO).as_secs()).collect();
        assert_eq!(waits, [1, 2, 4, 8, 16, 32, 60, 60]);
        assert_eq!(backoff.after(SHORT_LIFE), Duration::ZERO);
        assert_eq!(backoff.after(Duration::ZERO), WAITS.0);
    }
}
