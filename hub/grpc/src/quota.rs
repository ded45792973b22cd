//! Quotas of the enrolment service: how often certificates may be asked for, altogether and by one member.

use std::collections::HashMap;
use std::time::Instant;

use parking_lot::Mutex;
use stevedore_hub_core::ports::MemberUid;
use stevedore_hub_core::session::Bucket;
use stevedore_proto_core::Millis;

/// Attempts to join that are handled per second: each costs reads of the hub's API server.
const JOINS_PER_SECOND: u64 = 20;
/// Milliseconds' worth of attempts to join that are handled at once.
const JOIN_BURST: Millis = 5_000;
/// Renewals and exchanges of the whole fleet per second: each costs two or three signatures and no request. A
/// fleet of 10,000 that was away until all its certificates expired is back in less than two minutes.
const RENEWALS_PER_SECOND: u64 = 100;
/// Milliseconds' worth of renewals and exchanges that are handled at once.
const RENEWAL_BURST: Millis = 2_000;
/// Milliseconds between the certificates of one member: it needs one in a month.
const MEMBER_INTERVAL: Millis = 60_000;
/// Milliseconds' worth of certificates that one member may ask for at once: an answer may be lost, an agent may
/// be started anew a few times.
const MEMBER_BURST: Millis = 5 * MEMBER_INTERVAL;
/// Members whose quotas are kept before full buckets are dropped.
const KEPT: usize = 1024;

/// All quotas of the enrolment service.
#[derive(Debug)]
pub(crate) struct Quotas {
    started: Instant,
    joins: Mutex<Bucket>,
    renewals: Mutex<Bucket>,
    /// Of members that have proven who they are: as many as there are members, at most.
    members: Mutex<HashMap<MemberUid, Bucket>>,
}

impl Quotas {
    pub(crate) fn new() -> Self {
        Self {
            started: Instant::now(),
            joins: Mutex::new(Bucket::new(JOINS_PER_SECOND, JOIN_BURST)),
            renewals: Mutex::new(Bucket::new(RENEWALS_PER_SECOND, RENEWAL_BURST)),
            members: Mutex::default(),
        }
    }

    /// Takes one attempt to join.
    ///
    /// # Errors
    /// With the milliseconds until there is one.
    pub(crate) fn join(&self) -> Result<(), Millis> {
        self.joins.lock().take(self.now())
    }

    /// Takes one renewal or exchange of the fleet's.
    ///
    /// # Errors
    /// With the milliseconds until there is one.
    pub(crate) fn renewal(&self) -> Result<(), Millis> {
        self.renewals.lock().take(self.now())
    }

    /// Takes one renewal or exchange of this member's own. Only for one that has proven its key.
    ///
    /// # Errors
    /// With the milliseconds until there is one.
    pub(crate) fn member(&self, member: MemberUid) -> Result<(), Millis> {
        let now = self.now();
        let mut members = self.members.lock();
        if members.len() >= KEPT && !members.contains_key(&member) {
            members.retain(|_, bucket| !bucket.is_full(now));
        }
        members
            .entry(member)
            .or_insert_with(|| Bucket::every(MEMBER_INTERVAL, MEMBER_BURST))
            .take(now)
    }

    fn now(&self) -> Millis {
        Millis::try_from(self.started.elapsed().as_millis()).unwrap_or(Millis::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_member_that_asks_without_pause_takes_nothing_from_another() {
        let (quotas, one) = (Quotas::new(), MemberUid::from_bytes([1; 16]));
        let given = (0..1_000).filter(|_| quotas.member(one).is_ok()).count();
        assert_eq!(given, 5);
        assert!(quotas.member(one).unwrap_err() <= MEMBER_INTERVAL);
        assert_eq!(quotas.member(MemberUid::from_bytes([2; 16])), Ok(()));
    }
}
