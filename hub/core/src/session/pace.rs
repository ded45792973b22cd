//! Timeouts and intervals of a session, and the rate limit for new ones.

use stevedore_proto_core::Millis;

/// Times of a session, in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace {
    /// Asked of the agent.
    pub heartbeat: Millis,
    /// A session without a frame for this long is ended and the member lost.
    pub lost_after: Millis,
    /// A member whose session ended is lost after this, unless it comes back.
    pub return_within: Millis,
    /// Time for the first frame of a stream.
    pub hello_within: Millis,
    /// Time for the pages of a listing.
    pub listing_within: Millis,
    /// An order without an ack is sent again after this; doubled with every repetition.
    pub resend_after: Millis,
    /// An order whose content could not be read is tried again after this; doubled with every repetition.
    pub content_after: Millis,
    /// Longest time between repetitions.
    pub resend_at_most_after: Millis,
    /// Orders on their way at once; those already repeated do not count.
    pub window: usize,
    /// Asked of agents that are refused for a passing reason.
    pub retry_after: Millis,
    /// Three mutual supersessions within this are a duplicate identity.
    pub duplicate_within: Millis,
    /// How long the duplicate is refused.
    pub duplicate_banned: Millis,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            heartbeat: 12_000,
            lost_after: 28_000,
            return_within: 8_000,
            hello_within: 10_000,
            listing_within: 15_000,
            resend_after: 20_000,
            content_after: 2_000,
            resend_at_most_after: 300_000,
            window: 32,
            retry_after: 2_000,
            duplicate_within: 300_000,
            duplicate_banned: 600_000,
        }
    }
}

/// Sessions of the whole fleet that may start per second.
const STARTS_PER_SECOND: u64 = 1_000;
/// Worth of starts that are admitted at once.
const START_BURST: Millis = 2_000;
/// Latest time at which a refused agent is asked back. Beyond it slots are given a second time: a few agents come too
/// early then, but those that never come back cannot make the others wait.
const LATEST_SLOT: Millis = 30_000;

/// Admits session starts of the whole fleet at a fixed rate, and asks those it refuses back one after the other.
///
/// Only admitted starts are counted against the rate. A slot is advice and reserves nothing: an agent that comes at
/// another time is admitted if there is room.
#[derive(Debug, Clone)]
pub struct Pacer {
    bucket: Bucket,
    /// Thousandths of a millisecond, so that rates above 1,000 per second are exact.
    next_slot: u64,
}

impl Default for Pacer {
    fn default() -> Self {
        Self::new(STARTS_PER_SECOND, START_BURST)
    }
}

impl Pacer {
    /// Admits `per_second` (at least 1), and up to `burst` milliseconds' worth of them at once.
    pub fn new(per_second: u64, burst: Millis) -> Self {
        Self {
            bucket: Bucket::new(per_second, burst),
            next_slot: 0,
        }
    }

    /// Admits a session now.
    ///
    /// # Errors
    /// With the retry-after of this one: every refused session gets a later slot, so that they do not come
    /// back together.
    pub fn admit(&mut self, now: Millis) -> Result<(), Millis> {
        let Err(soonest) = self.bucket.take(now) else {
            return Ok(());
        };
        let now = now.saturating_mul(1_000);
        let slot = self.next_slot.max(now) + self.bucket.interval;
        let slot = if slot > now + LATEST_SLOT * 1_000 {
            now + soonest * 1_000
        } else {
            slot
        };
        self.next_slot = slot;
        Err((slot - now).div_ceil(1_000))
    }
}

/// A token bucket. A refused attempt takes nothing, so however many there are, they cost later ones nothing.
#[derive(Debug, Clone)]
pub struct Bucket {
    /// Thousandths of a millisecond between two, once the burst is used up.
    interval: u64,
    burst: Millis,
    /// Thousandths of a millisecond at which the bucket is full again.
    full_at: u64,
}

impl Bucket {
    /// Admits `per_second` (at least 1), and up to `burst` milliseconds' worth of them at once.
    #[must_use]
    pub fn new(per_second: u64, burst: Millis) -> Self {
        Self {
            interval: 1_000_000 / per_second.max(1),
            burst,
            full_at: 0,
        }
    }

    /// Admits one every `interval` milliseconds, and up to `burst` milliseconds' worth of them at once.
    #[must_use]
    pub fn every(interval: Millis, burst: Millis) -> Self {
        Self {
            interval: interval.saturating_mul(1_000),
            burst,
            full_at: 0,
        }
    }

    /// Whether nothing is missing: it behaves as a new one.
    #[must_use]
    pub fn is_full(&self, now: Millis) -> bool {
        self.full_at <= now.saturating_mul(1_000)
    }

    /// Takes one now.
    ///
    /// # Errors
    /// With the milliseconds, at least one, after which there is one to take.
    pub fn take(&mut self, now: Millis) -> Result<(), Millis> {
        let now = now.saturating_mul(1_000);
        let full_at = self.full_at.max(now) + self.interval;
        let beyond = (full_at - now).saturating_sub(self.burst.saturating_mul(1_000));
        if beyond > 0 {
            return Err(beyond.div_ceil(1_000));
        }
        self.full_at = full_at;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_refused_takes_nothing_from_those_who_come_later() {
        let mut bucket = Bucket::new(20, 1_000);
        let admitted = (0..10_000).filter(|_| bucket.take(0).is_ok()).count();
        assert_eq!((admitted, bucket.take(0)), (20, Err(50)));
        assert_eq!((bucket.take(50), bucket.take(50)), (Ok(()), Err(50)));
        assert_eq!(bucket.take(5_000), Ok(()));
    }

    #[test]
    fn a_slow_rate_has_its_burst_and_is_full_again_after_it() {
        let mut bucket = Bucket::every(60_000, 300_000);
        let admitted = (0..100).filter(|_| bucket.take(0).is_ok()).count();
        assert_eq!((admitted, bucket.take(0)), (5, Err(60_000)));
        assert!(!bucket.is_full(299_999) && bucket.is_full(300_000));
    }

    #[test]
    fn ten_thousand_agents_are_admitted_at_the_rate_and_told_when_to_come_back() {
        let mut pacer = Pacer::new(2_000, 500);
        let waits: Vec<_> = (0..10_000).filter_map(|_| pacer.admit(0).err()).collect();
        assert_eq!(waits.len(), 9_000);
        assert!(
            waits.is_sorted() && waits.last() <= Some(&4_500),
            "{:?}",
            waits.last()
        );
        assert_eq!(pacer.admit(10_000), Ok(()));
    }

    #[test]
    fn agents_that_never_come_back_make_nobody_wait_longer_than_the_latest_slot() {
        let mut pacer = Pacer::default();
        let longest = (0..1_000_000).filter_map(|_| pacer.admit(0).err()).max();
        assert_eq!(longest, Some(LATEST_SLOT));
        assert_eq!(pacer.admit(1_000), Ok(()));
    }
}
