//! Detection of duplicate agents: two processes with one identity keep taking the session from each other.

use std::collections::{BTreeMap, VecDeque};

use stevedore_proto_core::{InstanceId, Millis};

use super::pace::Pace;

/// From this many mutual supersessions on, two instances are duplicates.
const MAX_MUTUAL_SUPERSESSIONS: usize = 3;
/// How many instances are remembered: a member that restarts a thousand times is not a thousand duplicates.
const MAX_REMEMBERED: usize = 16;

#[derive(Debug, Clone, Copy)]
struct Supersession {
    at: Millis,
    old: InstanceId,
    new: InstanceId,
}

/// What to do with an instance that wants a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Claim {
    /// It gets it; an older session of it or of another instance ends.
    Admit,
    /// It is the duplicate, and is refused for this long.
    Refuse { retry_after: Millis },
    /// It gets it, and the one that has it is the duplicate.
    Evict { refused: InstanceId },
}

/// The processes that had this member's session.
#[derive(Debug, Clone, Default)]
pub(super) struct Instances {
    first_seen: BTreeMap<InstanceId, Millis>,
    recent: VecDeque<Supersession>,
    banned: BTreeMap<InstanceId, Millis>,
}

impl Instances {
    /// Decides about `new`, while `current` has a live session.
    pub(super) fn claim(
        &mut self,
        new: InstanceId,
        current: Option<InstanceId>,
        now: Millis,
        pace: &Pace,
    ) -> Claim {
        self.forget(now, pace);
        if let Some(until) = self.banned.get(&new) {
            return Claim::Refuse {
                retry_after: until - now,
            };
        }
        let since = *self.first_seen.entry(new).or_insert(now);
        let Some(old) = current.filter(|current| *current != new) else {
            return Claim::Admit;
        };
        self.recent.push_back(Supersession { at: now, old, new });
        let mutual = self
            .recent
            .iter()
            .filter(|past| (past.old, past.new) == (old, new) || (past.old, past.new) == (new, old))
            .count();
        if mutual < MAX_MUTUAL_SUPERSESSIONS {
            return Claim::Admit;
        }
        let old_since = self.first_seen.get(&old).copied().unwrap_or(now);
        let refused = if since < old_since { old } else { new };
        self.banned.insert(refused, now + pace.duplicate_banned);
        self.recent.clear();
        if refused == new {
            Claim::Refuse {
                retry_after: pace.duplicate_banned,
            }
        } else {
            Claim::Evict { refused }
        }
    }

    fn forget(&mut self, now: Millis, pace: &Pace) {
        self.banned.retain(|_, until| *until > now);
        while self
            .recent
            .front()
            .is_some_and(|past| past.at + pace.duplicate_within <= now)
        {
            self.recent.pop_front();
        }
        while self.recent.len() > MAX_REMEMBERED {
            self.recent.pop_front();
        }
        if self.first_seen.len() > MAX_REMEMBERED {
            let recent = &self.recent;
            self.first_seen.retain(|instance, _| {
                recent
                    .iter()
                    .any(|past| past.old == *instance || past.new == *instance)
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn instance(id: u8) -> InstanceId {
        InstanceId::from_bytes([id; 16])
    }

    #[test]
    fn the_longer_running_duplicate_keeps_the_session_and_the_other_waits_ten_minutes() {
        let (pace, mut instances) = (Pace::default(), Instances::default());
        let (a, b) = (instance(1), instance(2));
        assert_eq!(instances.claim(a, None, 0, &pace), Claim::Admit);
        assert_eq!(instances.claim(b, Some(a), 1_000, &pace), Claim::Admit);
        assert_eq!(instances.claim(a, Some(b), 2_000, &pace), Claim::Admit);
        assert_eq!(
            instances.claim(b, Some(a), 3_000, &pace),
            Claim::Refuse {
                retry_after: 600_000
            }
        );
        assert_eq!(
            instances.claim(b, Some(a), 303_000, &pace),
            Claim::Refuse {
                retry_after: 300_000
            }
        );
        assert_eq!(instances.claim(a, Some(a), 303_000, &pace), Claim::Admit);
        assert_eq!(instances.claim(b, None, 603_000, &pace), Claim::Admit);
    }

    #[test]
    fn the_longer_running_duplicate_gets_the_session_back() {
        let (pace, mut instances) = (Pace::default(), Instances::default());
        let (a, b) = (instance(1), instance(2));
        assert_eq!(instances.claim(a, None, 0, &pace), Claim::Admit);
        assert_eq!(instances.claim(b, None, 10, &pace), Claim::Admit);
        assert_eq!(instances.claim(a, Some(b), 20, &pace), Claim::Admit);
        assert_eq!(instances.claim(b, Some(a), 30, &pace), Claim::Admit);
        assert_eq!(
            instances.claim(a, Some(b), 40, &pace),
            Claim::Evict { refused: b }
        );
    }

    #[test]
    fn restarts_and_slow_takeovers_are_no_duplicates() {
        let (pace, mut instances) = (Pace::default(), Instances::default());
        let mut current = instance(0);
        for id in 1..200_u8 {
            assert_eq!(
                instances.claim(instance(id), Some(current), u64::from(id), &pace),
                Claim::Admit
            );
            current = instance(id);
        }
        assert!(instances.first_seen.len() <= 2 * MAX_REMEMBERED + 2);
        let (a, b) = (instance(201), instance(202));
        for round in 0..20 {
            let (new, old) = if round % 2 == 0 { (a, b) } else { (b, a) };
            let now = 1_000_000 + round * 200_000;
            assert_eq!(instances.claim(new, Some(old), now, &pace), Claim::Admit);
        }
    }
}
