//! Wall clocks of two machines, compared.
//!
//! Hub and agent each say once a session what their clock shows. Nothing is decided by the difference; it is
//! shown on both sides, because a wrong clock breaks things that nobody connects with it.

use std::fmt;

/// How far a member's clock is ahead of its hub's, as one of them saw it: the message's way is in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ClockOffset {
    ahead_seconds: i64,
}

/// Seconds up to which clocks count as equal. Kerberos and the tokens of cloud providers break beyond five
/// minutes; a message's way and an idle time service stay far below.
pub const TOLERATED_SECONDS: u64 = 300;

/// The word for an offset beyond [`TOLERATED_SECONDS`] in conditions and events.
pub const CLOCK_SKEW: &str = "ClockSkew";

impl ClockOffset {
    /// The difference between two moments in milliseconds since the Unix epoch; either may be any number.
    #[must_use]
    pub fn between(member_millis: u64, hub_millis: u64) -> Self {
        let difference = i128::from(member_millis) - i128::from(hub_millis);
        let ahead_seconds = i64::try_from(difference / 1000).unwrap_or(i64::MAX);
        Self { ahead_seconds }
    }

    /// Seconds that the member is ahead; negative when it is behind.
    #[must_use]
    pub fn ahead_seconds(self) -> i64 {
        self.ahead_seconds
    }

    /// Whether it is more than [`TOLERATED_SECONDS`] in either direction.
    #[must_use]
    pub fn is_skew(self) -> bool {
        self.ahead_seconds.unsigned_abs() > TOLERATED_SECONDS
    }
}

/// `25 h 0 min ahead of its hub's`: no seconds, so that a clock that merely drifts reads the same.
impl fmt::Display for ClockOffset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let minutes = self.ahead_seconds.unsigned_abs() / 60;
        let (days, hours, minutes) = (minutes / 1440, minutes / 60 % 24, minutes % 60);
        if days > 0 {
            write!(f, "{days} d ")?;
        }
        if days > 0 || hours > 0 {
            write!(f, "{hours} h ")?;
        }
        let direction = if self.ahead_seconds < 0 {
            "behind"
        } else {
            "ahead of"
        };
        write!(f, "{minutes} min {direction} its hub's")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: u64 = 1_800_000_000_000;

    #[test]
    fn more_than_five_minutes_in_either_direction_are_a_skew() {
        let by = |seconds: i64| {
            let member = NOW.saturating_add_signed(seconds * 1000);
            ClockOffset::between(member, NOW)
        };
        for (seconds, skew) in [
            (0, false),
            (300, false),
            (301, true),
            (-300, false),
            (-301, true),
        ] {
            assert_eq!(
                (by(seconds).is_skew(), by(seconds).ahead_seconds()),
                (skew, seconds)
            );
        }
        assert_eq!(by(90_059).to_string(), "1 d 1 h 0 min ahead of its hub's");
        assert_eq!(by(-600).to_string(), "10 min behind its hub's");
    }

    #[test]
    fn no_moment_that_somebody_may_name_overflows() {
        assert!(ClockOffset::between(0, NOW).is_skew());
        assert!(ClockOffset::between(u64::MAX, 0).is_skew());
        assert!(
            ClockOffset::between(0, u64::MAX)
                .to_string()
                .contains("behind")
        );
    }
}
