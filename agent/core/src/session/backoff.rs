//! When to try again.

use stevedore_proto_core::Millis;

/// A fresh random number, given by the caller with every step; all of its range is equally likely.
pub type Jitter = u32;

/// How long an agent waits between attempts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Backoff {
    /// Upper bound of the first wait.
    pub first: Millis,
    /// Upper bound of every wait that the hub did not ask for.
    pub max: Millis,
    /// Longest retry-after that is believed.
    pub longest_retry_after: Millis,
}

impl Default for Backoff {
    fn default() -> Self {
        Self {
            first: 500,
            max: 15_000,
            longest_retry_after: 15 * 60_000,
        }
    }
}

impl Backoff {
    /// Full jitter below a bound that doubles with every failed attempt.
    pub fn wait(&self, attempt: u32, jitter: Jitter) -> Millis {
        let bound = self
            .first
            .saturating_mul(1 << attempt.min(16))
            .min(self.max);
        scale(bound, jitter)
    }

    /// Not before what the hub asked for, and spread over a quarter of it.
    pub fn retry_after(&self, asked: Millis, jitter: Jitter) -> Millis {
        let asked = asked.min(self.longest_retry_after);
        asked + scale(asked / 4 + self.first, jitter)
    }
}

fn scale(bound: Millis, jitter: Jitter) -> Millis {
    bound.saturating_mul(Millis::from(jitter)) >> 32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_are_spread_below_a_bound_that_doubles_up_to_the_maximum() {
        let backoff = Backoff::default();
        for (attempt, bound) in [(0, 500), (1, 1_000), (4, 8_000), (5, 15_000), (200, 15_000)] {
            assert_eq!(backoff.wait(attempt, 0), 0);
            assert_eq!(backoff.wait(attempt, u32::MAX), bound - 1);
        }
    }

    #[test]
    fn retry_after_is_never_shortened_and_never_believed_beyond_its_cap() {
        let backoff = Backoff::default();
        assert_eq!(backoff.retry_after(4_000, 0), 4_000);
        assert_eq!(
            backoff.retry_after(4_000, u32::MAX),
            4_000 + 1_000 + 500 - 1
        );
        assert_eq!(backoff.retry_after(u64::MAX, 0), 15 * 60_000);
    }
}
