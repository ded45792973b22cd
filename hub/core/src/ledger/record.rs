//! Records of a rollout: when orders were given, and which waves are done. They are stored with the rows, so that
//! neither deadlines nor soak times begin anew with the next hub process.

use super::Shard;
use crate::moment::UnixMillis;

/// When one order number was given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OrderTime {
    /// The number.
    pub number: u64,
    /// When it was first given in this shard.
    pub at: UnixMillis,
}

/// How far the rollout of one revision is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RolloutRecord {
    /// What is rolled out.
    pub revision: u64,
    /// Orders with this number and above are part of the rollout; what was ordered before it began is not.
    pub first: u64,
    /// Its waves, in their order.
    pub waves: Vec<WaveRecord>,
    /// Nothing was left to be ordered. The next change begins another rollout, also one of the same revision.
    pub finished: bool,
    /// Up to which count what failed was tried again.
    pub retried: u64,
}

/// How far one wave is.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct WaveRecord {
    /// What people call it: a wave of another name is another one.
    pub name: String,
    /// Since when all of it has been available.
    pub complete_since: Option<UnixMillis>,
    /// It stayed so for as long as it has to: the next wave may begin, whatever happens to this one later.
    pub passed: bool,
}

impl Shard {
    /// Notes when a number was given, and lets those times go that no row needs.
    pub(super) fn note_time(&mut self, number: u64, at: UnixMillis) {
        if self.times.last().map(|last| last.number) == Some(number) {
            return;
        }
        let rows = &self.rows;
        let is_used = |time: &OrderTime| rows.values().any(|row| row.number == time.number);
        self.times.retain(is_used);
        self.times.push(OrderTime { number, at });
    }

    /// When a number was given; nothing is known of those that an earlier release gave.
    pub fn given_at(&self, number: u64) -> Option<UnixMillis> {
        let place = self.times.binary_search_by_key(&number, |time| time.number);
        Some(self.times[place.ok()?].at)
    }
}
