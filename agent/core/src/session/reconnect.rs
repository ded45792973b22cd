//! Waits between attempts to reach the hub.

use std::time::Duration;

use stevedore_proto_core::Millis;
use stevedore_retry::{Schedule, jitter, millis};

/// How long an agent waits between attempts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reconnect {
    /// Bounds of the waits that the hub did not ask for.
    pub schedule: Schedule,
    /// Longest retry-after that is believed.
    pub longest_retry_after: Duration,
}

impl Default for Reconnect {
    fn default() -> Self {
        Self {
            schedule: Schedule::new(Duration::from_millis(500), Duration::from_secs(15)),
            longest_retry_after: Duration::from_secs(15 * 60),
        }
    }
}

impl Reconnect {
    /// Full jitter below a bound that doubles with every failed attempt; `random` is fresh with every call.
    pub(super) fn wait(&self, attempt: u32, random: u64) -> Millis {
        millis(jitter(self.schedule.bound(attempt), random))
    }

    /// Not before what the hub asked for, and jitter over a quarter of it.
    pub(super) fn retry_after(&self, asked: Millis, random: u64) -> Millis {
        let asked = Duration::from_millis(asked).min(self.longest_retry_after);
        millis(asked + jitter(asked / 4 + self.schedule.initial, random))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_are_spread_below_a_bound_that_doubles_up_to_the_maximum() {
        let reconnect = Reconnect::default();
        for (attempt, bound) in [(0, 500), (1, 1_000), (4, 8_000), (5, 15_000), (200, 15_000)] {
            assert_eq!(reconnect.wait(attempt, 0), 0);
            assert_eq!(reconnect.wait(attempt, u64::MAX), bound);
        }
    }

    #[test]
    fn retry_after_is_never_shortened_and_never_believed_beyond_its_cap() {
        let reconnect = Reconnect::default();
        assert_eq!(reconnect.retry_after(4_000, 0), 4_000);
        assert_eq!(reconnect.retry_after(4_000, u64::MAX), 4_000 + 1_000 + 500);
        assert_eq!(reconnect.retry_after(u64::MAX, 0), 15 * 60_000);
    }
}
