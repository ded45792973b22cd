//! The time of a certificate's renewal: after a third of its life, by the hub's clock or the monotonic one.
//!
//! The member's own wall clock has no part in it. Times are counted from the moment of the call.

use std::time::Duration;

use stevedore_runtime::retry;

use super::super::credentials::Validity;

/// Shortest time from one certificate to the next, unless the certificate itself lives for less than twice as
/// long. Whatever clocks do and hubs say, an agent asks no more often.
const MIN_INTERVAL: Duration = Duration::from_secs(3600);
/// The same for a certificate that lives for seconds.
const MIN_INTERVAL_OF_SHORT_LIVES: Duration = Duration::from_secs(1);

/// When the next certificate is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Times {
    /// Time until the renewal.
    pub(super) due: Duration,
    /// Time in which no other one is asked for, whatever happens.
    pub(super) earliest: Duration,
}

/// For a certificate that was just received, of a hub whose clock shows `hub_now` (seconds since the Unix
/// epoch) where it said so: a third of the life that is left, jitter by 10 %.
pub(super) fn after_receipt(validity: &Validity, hub_now: Option<i64>, random: u64) -> Times {
    let life = seconds(validity.not_after - hub_now.unwrap_or(validity.not_before));
    let earliest = match life {
        Duration::ZERO => MIN_INTERVAL,
        life => MIN_INTERVAL.min(life / 2).max(MIN_INTERVAL_OF_SHORT_LIVES),
    };
    let due = retry::spread(life / 3, 10, random).max(earliest);
    Times { due, earliest }
}

/// Time until the renewal of one that was received by an earlier process: a third of its whole life after its
/// beginning, jitter by 10 %.
pub(super) fn of_stored(validity: &Validity, hub_now: i64, random: u64) -> Duration {
    let third = seconds(validity.not_after - validity.not_before) / 3;
    let age = seconds(hub_now - validity.not_before);
    retry::spread(third, 10, random).saturating_sub(age)
}

fn seconds(seconds: i64) -> Duration {
    Duration::from_secs(u64::try_from(seconds).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_800_000_000;
    const DAY: i64 = 86_400;
    /// As a hub makes them: an hour back-dated, for 90 days.
    const VALIDITY: Validity = Validity {
        not_before: NOW - 3_600,
        not_after: NOW + 90 * DAY,
    };

    fn days(duration: Duration) -> f64 {
        (duration.as_secs_f64() / 86_400.0 * 10.0).round() / 10.0
    }

    #[test]
    fn a_certificate_is_renewed_after_a_third_of_its_life_give_or_take_a_tenth() {
        for (random, due) in [(0, 27.0), (u64::MAX / 2, 30.0), (u64::MAX, 33.0)] {
            let times = after_receipt(&VALIDITY, Some(NOW), random);
            assert_eq!((days(times.due), times.earliest), (due, MIN_INTERVAL));
            assert_eq!(days(of_stored(&VALIDITY, NOW, random)), due);
            assert_eq!(
                days(of_stored(&VALIDITY, NOW + 20 * DAY, random)),
                due - 20.0
            );
        }
        assert!(of_stored(&VALIDITY, NOW + 40 * DAY, 0).is_zero());
        // A hub that does not say what its clock shows.
        assert_eq!(days(after_receipt(&VALIDITY, None, u64::MAX / 2).due), 30.0);
    }

    #[test]
    fn no_certificate_and_no_clock_of_a_hub_lead_to_renewing_without_pause() {
        let ended = Validity {
            not_before: NOW - 2 * DAY,
            not_after: NOW - DAY,
        };
        let (broken, short) = (
            Validity {
                not_before: NOW,
                not_after: NOW - 1,
            },
            Validity {
                not_before: NOW - 3_600,
                not_after: NOW + 6,
            },
        );
        for hub_now in [None, Some(NOW), Some(NOW + 1000 * DAY), Some(0)] {
            for validity in [VALIDITY, ended, broken] {
                let times = after_receipt(&validity, hub_now, 0);
                assert!(
                    times.due >= MIN_INTERVAL && times.earliest == MIN_INTERVAL,
                    "{times:?}"
                );
            }
        }
        let times = after_receipt(&short, Some(NOW), 0);
        assert_eq!(times.earliest, Duration::from_secs(3));
    }
}
