//! Series of delays between attempts. The only file that names the `backoff` crate.
//!
//! A delay calculator over the schedules of `stevedore-retry`: it neither sleeps nor reads a clock.

use std::time::Duration;

pub use stevedore_retry::{Schedule, jitter, millis, spread};

/// The delays of one series of attempts, with full jitter: each is uniform between zero and the schedule's
/// current bound.
#[derive(Debug)]
pub struct Delays {
    #[expect(
        clippy::disallowed_types,
        reason = "the one file that may name the backoff crate"
    )]
    bounds: backoff::ExponentialBackoff,
    cap: Duration,
    attempts: u32,
}

impl Delays {
    /// Starts a series.
    #[must_use]
    pub fn new(schedule: Schedule) -> Self {
        #[expect(
            clippy::disallowed_types,
            reason = "the one file that may name the backoff crate"
        )]
        let bounds = backoff::ExponentialBackoff {
            current_interval: schedule.initial,
            initial_interval: schedule.initial,
            randomization_factor: 0.0,
            multiplier: 2.0,
            max_interval: schedule.cap,
            max_elapsed_time: None,
            ..backoff::ExponentialBackoff::default()
        };
        Self {
            bounds,
            cap: schedule.cap,
            attempts: 0,
        }
    }

    /// The next delay; `random` is any uniformly distributed number.
    pub fn next(&mut self, random: u64) -> Duration {
        use backoff::backoff::Backoff as _;
        self.attempts = self.attempts.saturating_add(1);
        let bound = self.bounds.next_backoff().unwrap_or(self.cap).min(self.cap);
        jitter(bound, random)
    }

    /// The next delay when the other side has asked for at least `floor`: that, plus the jitter of this attempt.
    pub fn next_after(&mut self, floor: Duration, random: u64) -> Duration {
        floor.saturating_add(self.next(random))
    }

    /// Attempts since the series started or was reset.
    #[must_use]
    pub fn attempts(&self) -> u32 {
        self.attempts
    }

    /// Starts over after a success.
    pub fn reset(&mut self) {
        use backoff::backoff::Backoff as _;
        self.bounds.reset();
        self.attempts = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_series_has_the_bounds_of_its_schedule_and_starts_over_after_a_reset() {
        let mut delays = Delays::new(Schedule::CONNECT);
        for attempts in 0..10 {
            let bound = Schedule::CONNECT.bound(attempts);
            assert_eq!(bound, delays.next(u64::MAX), "{attempts}");
        }
        assert_eq!(delays.attempts(), 10);
        delays.reset();
        assert_eq!(delays.next(u64::MAX), Duration::from_secs(1));
        assert_eq!(delays.attempts(), 1);
    }

    #[test]
    fn a_floor_is_added_to_not_replaced() {
        let mut delays = Delays::new(Schedule::CONNECT);
        assert_eq!(
            delays.next_after(Duration::from_secs(5), 0),
            Duration::from_secs(5)
        );
        assert_eq!(
            delays.next_after(Duration::from_secs(5), u64::MAX),
            Duration::from_secs(7)
        );
    }
}
