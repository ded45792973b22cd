//! The wall clock of a process, passed in as a value.
//!
//! Nothing that lasts is timed by it: durations are taken from the monotonic clock. It is read where a moment
//! has to be compared with one that another machine named, as the dates of certificates are.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rustls::time_provider::TimeProvider;
use rustls_pki_types::UnixTime;

/// Tells the time of day. The programs use [`Clock::SYSTEM`]; only tests make another one.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Clock {
    ahead_seconds: i64,
    at_least: i64,
}

impl Clock {
    /// The clock of the operating system.
    pub const SYSTEM: Self = Self {
        ahead_seconds: 0,
        at_least: 0,
    };

    /// For tests only: a clock that is this many seconds ahead of the system's (behind it, when negative). No
    /// flag or variable of a program leads here.
    #[must_use]
    pub const fn shifted(ahead_seconds: i64) -> Self {
        Self {
            ahead_seconds,
            at_least: 0,
        }
    }

    /// The same clock, except that it never shows a moment before `unix_seconds`: one that is known to have
    /// passed.
    #[must_use]
    pub fn at_least(self, unix_seconds: i64) -> Self {
        Self {
            at_least: self.at_least.max(unix_seconds),
            ..self
        }
    }

    /// Seconds since the Unix epoch, at least 0.
    #[must_use]
    pub fn unix(&self) -> i64 {
        i64::try_from(self.unix_millis() / 1000).unwrap_or(i64::MAX)
    }

    /// Milliseconds since the Unix epoch, at least 0.
    #[must_use]
    pub fn unix_millis(&self) -> u64 {
        let now = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        let now = i64::try_from(now.as_millis()).unwrap_or(i64::MAX);
        let shown = now.saturating_add(self.ahead_seconds.saturating_mul(1000));
        let shown = shown.max(self.at_least.saturating_mul(1000));
        u64::try_from(shown).unwrap_or(0)
    }

    /// Time until a moment in seconds since the Unix epoch; zero when it has passed.
    #[must_use]
    pub fn until(&self, unix_seconds: i64) -> Duration {
        let left = unix_seconds.saturating_sub(self.unix());
        Duration::from_secs(u64::try_from(left).unwrap_or(0))
    }
}

impl TimeProvider for Clock {
    fn current_time(&self) -> Option<UnixTime> {
        let since = Duration::from_millis(self.unix_millis());
        Some(UnixTime::since_unix_epoch(since))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_can_be_wrong_in_both_directions_but_never_before_what_is_known() {
        let now = Clock::SYSTEM.unix();
        assert!((Clock::shifted(90_000).unix() - now - 90_000).abs() < 5);
        assert_eq!(Clock::shifted(-now - 100).unix(), 0);
        let known = Clock::shifted(-now).at_least(now - 10);
        assert_eq!(known.unix(), now - 10);
        assert!(Clock::SYSTEM.at_least(now - 10).unix() >= now);
        assert_eq!(Clock::SYSTEM.until(now - 1), Duration::ZERO);
        assert!(Clock::shifted(-60).until(now) >= Duration::from_secs(55));
    }
}
