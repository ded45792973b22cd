//! The status writer: transitions at once, details seldom, one write of a set at a time.

use std::collections::HashMap;

use stevedore_agent_core::retry::{Backoff, Jitter, SOON};
use stevedore_agent_core::set::SetUid;
use stevedore_crds::v1alpha1::ObjectSetStatus;
use stevedore_proto_core::{DeploymentStatus, Millis};

use super::set_status::{Urgency, change};
use crate::ports::Answer;

/// How long a phase that is through may wait: a small package takes all its phases in less, and one write shows
/// them.
const STEP_AFTER: Millis = 1_000;
/// How long an inventory that changed without a transition may wait.
const INVENTORY_AFTER: Millis = 1_000;
/// How long changed words and counts may wait.
const DETAIL_AFTER: Millis = 10_000;

/// What was last written for each set, and to the hub.
#[derive(Default)]
pub(super) struct StatusWriter {
    sets: HashMap<SetUid, Slot>,
    pub(super) reported: Option<DeploymentStatus>,
}

struct Slot {
    stored: ObjectSetStatus,
    busy: bool,
    /// Since when a change that can wait waits.
    waiting: Option<Millis>,
    backoff: Backoff,
}

/// What to do with a status.
pub(super) enum Next {
    /// Write it now.
    Write(Box<ObjectSetStatus>),
    /// Come back then.
    At(Millis),
    /// Nothing to do, or a write is under way.
    Nothing,
}

impl StatusWriter {
    /// The sets are these, with these stored statuses. What is under way stays so.
    pub(super) fn set_stored<'a>(
        &mut self,
        sets: impl Iterator<Item = (&'a SetUid, &'a ObjectSetStatus)>,
    ) {
        let mut former = std::mem::take(&mut self.sets);
        for (uid, status) in sets {
            // Our own record of what we wrote is at least as new as what a cache answered.
            let slot = former.remove(uid).unwrap_or_else(|| Slot {
                stored: status.clone(),
                busy: false,
                waiting: None,
                backoff: Backoff::default(),
            });
            self.sets.insert(SetUid::clone(uid), slot);
        }
    }

    /// A status was written by other ways than [`StatusWriter::want`].
    pub(super) fn store(&mut self, uid: &str, status: ObjectSetStatus) {
        if let Some(slot) = self.sets.get_mut(uid) {
            slot.stored = status;
        }
    }

    /// What a set's status is by now.
    pub(super) fn stored(&self, uid: &str) -> Option<&ObjectSetStatus> {
        self.sets.get(uid).map(|slot| &slot.stored)
    }

    /// The status that a set should have.
    pub(super) fn set_desired(&mut self, uid: &str, desired: ObjectSetStatus, now: Millis) -> Next {
        let Some(slot) = self.sets.get_mut(uid) else {
            return Next::Nothing;
        };
        if slot.busy {
            return Next::Nothing;
        }
        let Some(urgency) = change(&slot.stored, &desired) else {
            slot.waiting = None;
            return Next::Nothing;
        };
        let delay = match urgency {
            Urgency::Transition => 0,
            Urgency::Step => STEP_AFTER,
            Urgency::Inventory => INVENTORY_AFTER,
            Urgency::Detail => DETAIL_AFTER,
        };
        let due = slot
            .waiting
            .get_or_insert(now)
            .saturating_add(delay)
            .max(slot.backoff.wake(now).unwrap_or(0));
        if due > now {
            return Next::At(due);
        }
        slot.busy = true;
        slot.waiting = None;
        Next::Write(Box::new(desired))
    }

    /// A write has its answer.
    pub(super) fn written(
        &mut self,
        uid: &str,
        status: Answer<ObjectSetStatus>,
        now: Millis,
        jitter: &mut Jitter,
    ) {
        let Some(slot) = self.sets.get_mut(uid) else {
            return;
        };
        slot.busy = false;
        match status {
            Ok(status) => {
                slot.stored = status;
                slot.backoff.clear();
            }
            Err(failure) => slot.backoff.fail(now, SOON, failure.retry_after, jitter),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use stevedore_agent_core::failure::{Failure, FailureKind};
    use stevedore_crds::condition::Update;
    use stevedore_crds::v1alpha1::ControlledObject;

    fn with(reason: &str, message: &str) -> ObjectSetStatus {
        let mut status = ObjectSetStatus::default();
        Update::new("Available", false, reason, message).apply(
            &mut status.conditions,
            1,
            jiff::Timestamp::UNIX_EPOCH,
        );
        status
    }

    fn turned(available: bool) -> ObjectSetStatus {
        let mut status = with("A", "x");
        Update::new("Available", available, "A", "x").apply(
            &mut status.conditions,
            1,
            jiff::Timestamp::UNIX_EPOCH,
        );
        status
    }

    fn publisher() -> StatusWriter {
        let mut publisher = StatusWriter::default();
        publisher.set_stored([(&"s".into(), &with("A", "x"))].into_iter());
        publisher
    }

    #[test]
    fn a_transition_is_written_at_once_and_one_write_is_under_way_at_a_time() {
        let mut publisher = publisher();
        assert!(matches!(
            publisher.set_desired("s", with("A", "x"), 5),
            Next::Nothing
        ));
        assert!(matches!(
            publisher.set_desired("s", turned(true), 5),
            Next::Write(_)
        ));
        assert!(matches!(
            publisher.set_desired("s", turned(false), 5),
            Next::Nothing
        ));
        publisher.written("s", Ok(turned(true)), 6, &mut Jitter::new(1));
        assert!(matches!(
            publisher.set_desired("s", turned(false), 6),
            Next::Write(_)
        ));
    }

    #[test]
    fn steps_that_follow_each_other_at_once_are_one_write() {
        let mut publisher = publisher();
        assert!(matches!(
            publisher.set_desired("s", with("B", "x"), 5),
            Next::At(1_005)
        ));
        assert!(matches!(
            publisher.set_desired("s", with("C", "x"), 100),
            Next::At(1_005)
        ));
        assert!(matches!(
            publisher.set_desired("s", with("D", "x"), 1_005),
            Next::Write(_)
        ));
    }

    #[test]
    fn a_new_set_that_is_quickly_available_is_written_once() {
        let mut publisher = StatusWriter::default();
        publisher.set_stored([(&"s".into(), &ObjectSetStatus::default())].into_iter());
        assert!(matches!(
            publisher.set_desired("s", with("Applying", "x"), 5),
            Next::At(1_005)
        ));
        assert!(matches!(
            publisher.set_desired("s", turned(true), 9),
            Next::Write(_)
        ));
    }

    #[test]
    fn words_wait_and_an_inventory_waits_less() {
        let mut publisher = publisher();
        assert!(matches!(
            publisher.set_desired("s", with("A", "y"), 5),
            Next::At(10_005)
        ));
        let mut inventory = with("A", "x");
        inventory.controller_of.push(ControlledObject::default());
        assert!(matches!(
            publisher.set_desired("s", inventory.clone(), 7),
            Next::At(1_005)
        ));
        assert!(matches!(
            publisher.set_desired("s", inventory, 1_005),
            Next::Write(_)
        ));
    }

    #[test]
    fn a_failed_write_is_tried_again_later() {
        let mut publisher = publisher();
        assert!(matches!(
            publisher.set_desired("s", turned(true), 5),
            Next::Write(_)
        ));
        let failure = Failure::new(FailureKind::Unavailable, "try again");
        publisher.written("s", Err(failure.clone()), 6, &mut Jitter::new(1));
        assert!(matches!(
            publisher.set_desired("s", turned(true), 6),
            Next::At(7..200)
        ));
        let patient = Failure {
            retry_after: Some(9_000),
            ..failure
        };
        publisher.written("s", Err(patient), 6, &mut Jitter::new(1));
        assert!(matches!(
            publisher.set_desired("s", turned(true), 6),
            Next::At(9_006)
        ));
    }
}
