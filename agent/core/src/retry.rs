//! When something that failed is tried again.

use stevedore_proto_core::Millis;

/// How waits grow: doubled from `first` up to `max`, each spread by ±25 %.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Schedule {
    /// The first wait.
    pub first: Millis,
    /// No wait is longer (before it is spread).
    pub max: Millis,
}

/// For what should pass soon: conflicts, overload, an API that is being defined.
pub const SOON: Schedule = Schedule {
    first: 100,
    max: 30_000,
};
/// For what waits for somebody else: another owner, a finalizer, a refused object.
pub const BLOCKED: Schedule = Schedule {
    first: 2_000,
    max: 60_000,
};
/// For what waits for rights.
pub const FORBIDDEN: Schedule = Schedule {
    first: 10_000,
    max: 300_000,
};

/// A source of spread, seeded by the caller so that decisions stay reproducible.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spread(u64);

impl Spread {
    /// Starts from a random seed that the caller drew.
    pub fn new(seed: u64) -> Self {
        Self(seed | 1)
    }

    /// `wait` times something between 0.75 and 1.25.
    pub fn of(&mut self, wait: Millis) -> Millis {
        // xorshift64*: enough to keep retries apart.
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let drawn = self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 32;
        let quarter = wait / 4;
        (wait - quarter).saturating_add(drawn % (2 * quarter + 1))
    }
}

/// How often something failed, and until when it rests.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Retry {
    attempts: u16,
    until: Millis,
}

impl Retry {
    /// Whether the wait is over.
    pub fn ready(&self, now: Millis) -> bool {
        self.until <= now
    }

    /// End of the wait; `None` when there is none to wake up for.
    pub fn wake(&self, now: Millis) -> Option<Millis> {
        (self.until > now && self.until != Millis::MAX).then_some(self.until)
    }

    /// Failures in a row.
    pub fn attempts(&self) -> u16 {
        self.attempts
    }

    /// It failed: rest as the schedule says, at least as long as the server asked.
    pub fn fail(
        &mut self,
        now: Millis,
        schedule: Schedule,
        at_least: Option<Millis>,
        spread: &mut Spread,
    ) {
        let doubled = schedule.first << self.attempts.min(20);
        let wait = doubled.min(schedule.max);
        self.attempts = self.attempts.saturating_add(1);
        let wait = spread.of(wait).max(at_least.unwrap_or(0));
        self.until = now.saturating_add(wait);
    }

    /// It is not tried again by itself.
    pub fn never(&mut self) {
        self.attempts = self.attempts.saturating_add(1);
        self.until = Millis::MAX;
    }

    /// It worked: nothing to wait for, nothing remembered.
    pub fn clear(&mut self) {
        *self = Self::default();
    }

    /// Circumstances changed: try now, but remember how often it failed. What is never tried again stays so.
    pub fn hurry(&mut self) {
        if self.until != Millis::MAX {
            self.until = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_their_cap_and_are_spread() {
        let mut spread = Spread::new(7);
        let mut retry = Retry::default();
        let mut waits = Vec::new();
        for _ in 0..12 {
            retry.fail(1_000, SOON, None, &mut spread);
            waits.push(retry.wake(1_000).unwrap() - 1_000);
        }
        assert!((75..=125).contains(&waits[0]), "{waits:?}");
        assert!((150..=250).contains(&waits[1]), "{waits:?}");
        assert!((22_500..=37_500).contains(&waits[11]), "{waits:?}");
        retry.fail(1_000, SOON, Some(90_000), &mut spread);
        assert!(retry.wake(1_000) >= Some(91_000));
    }

    #[test]
    fn what_is_permanent_wakes_nobody() {
        let mut retry = Retry::default();
        retry.never();
        assert!(!retry.ready(u64::MAX - 1));
        assert_eq!(retry.wake(0), None);
        retry.hurry();
        assert!(!retry.ready(1));
    }
}
