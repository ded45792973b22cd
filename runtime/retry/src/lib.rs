//! Back-off schedules: how long to wait before the next attempt.
//!
//! Pure, so that decisions and daemons wait by the same rule: nothing here sleeps, reads a clock or draws a random
//! number. Randomness is an argument, so a schedule behaves the same under paused or simulated time.

use std::time::Duration;

/// How waits grow: doubled from `initial`, never above `cap`. Each is a bound that a caller spreads by [`jitter`] or
/// [`spread`], so that many that fail together do not return together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Schedule {
    /// Bound of the first wait.
    pub initial: Duration,
    /// Bound of every wait.
    pub cap: Duration,
}

impl Schedule {
    /// For reconnecting to a remote service.
    pub const CONNECT: Self = Self::new(Duration::from_secs(1), Duration::from_secs(60));
    /// For an operation that usually succeeds at once.
    pub const OPERATION: Self = Self::new(Duration::from_millis(100), Duration::from_secs(10));

    /// A schedule.
    #[must_use]
    pub const fn new(initial: Duration, cap: Duration) -> Self {
        Self { initial, cap }
    }

    /// The bound after so many attempts that failed before.
    #[must_use]
    pub fn bound(&self, attempts: u32) -> Duration {
        let doubled = 2_u32.saturating_pow(attempts);
        self.initial.saturating_mul(doubled).min(self.cap)
    }
}

/// A duration uniform in `0..=bound`; `random` is any uniformly distributed number.
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

/// Milliseconds of a duration, for callers that count them.
#[must_use]
pub fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn bounds_double_up_to_the_cap() {
        let bounds: Vec<u64> = (0..8)
            .map(|attempts| Schedule::CONNECT.bound(attempts).as_secs())
            .collect();
        assert_eq!(bounds, [1, 2, 4, 8, 16, 32, 60, 60]);
        assert_eq!(Schedule::CONNECT.bound(u32::MAX), Schedule::CONNECT.cap);
    }

    proptest! {
        #[test]
        fn a_wait_is_never_above_the_cap(initial in 0u64..1000, cap in 0u64..5000, attempts in any::<u32>(), random in any::<u64>()) {
            let schedule = Schedule::new(Duration::from_millis(initial), Duration::from_millis(cap));
            prop_assert!(jitter(schedule.bound(attempts), random) <= schedule.cap);
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
