//! How long to wait before the next attempt. The only file that names the `backoff` crate.
//!
//! A delay calculator: it neither sleeps nor reads a clock, and its randomness is an argument, so a schedule
//! behaves the same under paused or simulated time.

use std::time::Duration;

/// How a series of delays grows: `initial`, then `factor` times the one before, never above `cap`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Schedule {
    /// Upper bound of the first delay.
    pub initial: Duration,
    /// Growth from one attempt to the next; at least 1.
    pub factor: f64,
    /// Upper bound of every delay.
    pub cap: Duration,
}

impl Schedule {
    /// For reconnecting to a remote service: 1 s, doubling, at most 60 s.
    pub const CONNECT: Schedule = Schedule {
        initial: Duration::from_secs(1),
        factor: 2.0,
        cap: Duration::from_secs(60),
    };

    /// For an operation that usually succeeds at once: 100 ms, doubling, at most 10 s.
    pub const OPERATION: Schedule = Schedule {
        initial: Duration::from_millis(100),
        factor: 2.0,
        cap: Duration::from_secs(10),
    };
}

impl Schedule {
    /// The bound after so many attempts that failed.
    #[must_use]
    pub fn after(&self, attempts: u32) -> Duration {
        let exponent = i32::try_from(attempts.min(64)).unwrap_or(64);
        let bound = self.initial.as_secs_f64() * self.factor.max(1.0).powi(exponent);
        let bound = Duration::try_from_secs_f64(bound).unwrap_or(self.cap);
        bound.min(self.cap)
    }
}

/// The delays of one series of attempts, with full jitter: each is uniform between zero and the schedule's
/// current bound, so that many that fail together do not return together.
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
        let cap = schedule.cap.max(schedule.initial);
        #[expect(
            clippy::disallowed_types,
            reason = "the one file that may name the backoff crate"
        )]
        let bounds = backoff::ExponentialBackoff {
            current_interval: schedule.initial,
            initial_interval: schedule.initial,
            randomization_factor: 0.0,
            multiplier: schedule.factor.max(1.0),
            max_interval: cap,
            max_elapsed_time: None,
            ..backoff::ExponentialBackoff::default()
        };
        Self {
            bounds,
            cap,
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

/// A duration uniform in `0..=bound`.
#[must_use]
pub fn jitter(bound: Duration, random: u64) -> Duration {
    let nanos = bound.as_nanos().saturating_mul(u128::from(random)) / u128::from(u64::MAX);
    Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
}

/// `middle` moved by at most `percent` per cent (0..=100) up or down.
#[must_use]
pub fn spread(middle: Duration, percent: u32, random: u64) -> Duration {
    let reach = middle.saturating_mul(percent.min(100)) / 100;
    (middle.saturating_sub(reach)).saturating_add(jitter(reach.saturating_mul(2), random))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn bounds_double_up_to_the_cap_and_start_over_after_a_reset() {
        let mut delays = Delays::new(Schedule::CONNECT);
        let bounds: Vec<u64> = (0..8).map(|_| delays.next(u64::MAX).as_secs()).collect();
        assert_eq!(bounds, [1, 2, 4, 8, 16, 32, 60, 60]);
        assert_eq!(delays.attempts(), 8);
        delays.reset();
        assert_eq!(delays.next(u64::MAX), Duration::from_secs(1));
        assert_eq!(delays.attempts(), 1);
    }

    #[test]
    fn the_bound_after_some_attempts_is_the_one_a_series_would_have() {
        let mut delays = Delays::new(Schedule::CONNECT);
        for attempts in 0..10 {
            let bound = Schedule::CONNECT.after(attempts);
            assert_eq!(bound, delays.next(u64::MAX), "{attempts}");
        }
        assert_eq!(Schedule::CONNECT.after(u32::MAX), Duration::from_secs(60));
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

    proptest! {
        #[test]
        fn a_delay_is_never_above_the_cap(initial in 0u64..1000, cap in 0u64..5000, draws in prop::collection::vec(any::<u64>(), 1..40)) {
            let cap = Duration::from_millis(cap.max(initial));
            let mut delays = Delays::new(Schedule { initial: Duration::from_millis(initial), factor: 2.0, cap });
            for random in draws {
                prop_assert!(delays.next(random) <= cap);
            }
        }

        #[test]
        fn spread_stays_within_its_reach(middle in 0u64..10_000_000, percent in 0u32..=100, random in any::<u64>()) {
            let middle = Duration::from_millis(middle);
            let reach = middle * percent / 100;
            let value = spread(middle, percent, random);
            prop_assert!(value >= middle - reach && value <= middle + reach);
        }
    }
}
