//! Back-off of failed requests: how often something failed, and until when it is left alone.

use std::time::Duration;

use stevedore_proto_core::Millis;
use stevedore_proto_core::reason::Retry;
use stevedore_retry::{Schedule, millis, spread};

/// For what should pass soon: conflicts, overload, an API that is being defined.
pub const SOON: Schedule = Schedule::new(Duration::from_millis(100), Duration::from_secs(30));
/// For what waits for a namespace: at most ten seconds, also when a wait is spread.
pub const NAMESPACE: Schedule = Schedule::new(Duration::from_secs(1), Duration::from_secs(7));
/// For what waits for somebody else: another owner, a finalizer, a refused object. At most a minute, also when a wait
/// is spread.
pub const BLOCKED: Schedule = Schedule::new(Duration::from_secs(2), Duration::from_secs(48));
/// For what waits for rights.
pub const FORBIDDEN: Schedule = Schedule::new(Duration::from_secs(10), Duration::from_secs(300));

/// The schedule of what is retried like this; absent for what never is.
pub(crate) fn schedule(retry: Retry) -> Option<Schedule> {
    match retry {
        Retry::Soon => Some(SOON),
        Retry::Often => Some(NAMESPACE),
        Retry::Later => Some(BLOCKED),
        Retry::Seldom => Some(FORBIDDEN),
        Retry::Never => None,
    }
}

/// A source of random numbers, seeded by the caller so that decisions stay reproducible.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Jitter(u64);

impl Jitter {
    /// Starts from a random seed that the caller drew.
    pub fn new(seed: u64) -> Self {
        Self(seed | 1)
    }

    /// The next number.
    pub fn draw(&mut self) -> u64 {
        // xorshift64*: enough to keep retries apart.
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D)
    }

    /// A wait moved by at most a quarter up or down.
    pub fn of(&mut self, wait: Duration) -> Millis {
        millis(spread(wait, 25, self.draw()))
    }
}

/// How often something failed in a row, and until when it is left alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Backoff {
    attempts: u16,
    until: Millis,
}

impl Backoff {
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

    /// It failed: wait as the schedule says, at least as long as the server asked.
    pub fn fail(
        &mut self,
        now: Millis,
        schedule: Schedule,
        at_least: Option<Millis>,
        jitter: &mut Jitter,
    ) {
        let wait = schedule.bound(u32::from(self.attempts));
        self.attempts = self.attempts.saturating_add(1);
        let wait = jitter.of(wait).max(at_least.unwrap_or(0));
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
    pub fn retry_now(&mut self) {
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
        let mut jitter = Jitter::new(7);
        let mut backoff = Backoff::default();
        let mut waits = Vec::new();
        for _ in 0..12 {
            backoff.fail(1_000, SOON, None, &mut jitter);
            waits.push(backoff.wake(1_000).unwrap() - 1_000);
        }
        assert!((75..=125).contains(&waits[0]), "{waits:?}");
        assert!((150..=250).contains(&waits[1]), "{waits:?}");
        assert!((22_500..=37_500).contains(&waits[11]), "{waits:?}");
        backoff.fail(1_000, SOON, Some(90_000), &mut jitter);
        assert!(backoff.wake(1_000) >= Some(91_000));
    }

    #[test]
    fn waits_are_no_longer_than_their_class_promises_also_when_they_are_spread() {
        for (retry, at_most) in [(Retry::Often, 10_000), (Retry::Later, 60_000)] {
            let schedule = schedule(retry).unwrap();
            let mut jitter = Jitter::new(3);
            let mut backoff = Backoff::default();
            for _ in 0..200 {
                backoff.fail(1_000, schedule, None, &mut jitter);
                let wait = backoff.wake(1_000).unwrap() - 1_000;
                assert!(wait <= at_most, "{retry:?}: {wait}");
            }
        }
    }

    #[test]
    fn what_is_permanent_wakes_nobody() {
        let mut backoff = Backoff::default();
        backoff.never();
        assert!(!backoff.ready(u64::MAX - 1));
        assert_eq!(backoff.wake(0), None);
        backoff.retry_now();
        assert!(!backoff.ready(1));
    }
}
