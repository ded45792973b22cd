//! The owners of what is known of members: the index of `MemberCluster`s with its snapshots of who has joined, and notes
//! about each. Each has a lock of its own, so together they are not one moment.

use std::sync::Arc;

use stevedore_crds::v1alpha1::MemberCluster;
use stevedore_hub_core::ports::MemberUid;
use stevedore_hub_core::session::Report;
use stevedore_proto_core::Held;
use tokio::sync::{Mutex, MutexGuard};

use crate::member::members::Members;
use crate::member::note::{MemberNote, Notes, Refusal};
use crate::status_writer::StatusWriter;
use crate::watch::facts::Facts;
use crate::watch::index::Index;

/// Every `MemberCluster`, and what is known of it.
#[derive(Debug, Default)]
pub(crate) struct Membership {
    objects: Arc<Index<MemberCluster>>,
    notes: Notes,
    pub(crate) facts: Facts<MemberUid>,
    pub(crate) statuses: StatusWriter<MemberUid>,
    joining: Mutex<()>,
}

impl Membership {
    /// What the watch fills.
    pub(crate) fn objects(&self) -> &Arc<Index<MemberCluster>> {
        &self.objects
    }

    /// The members as they are now. Taking this copies nothing.
    pub(crate) fn snapshot(&self) -> Arc<Members> {
        self.objects.derived()
    }

    /// Held while a token is used up and its cluster bound: two tokens must not bind one cluster to two names.
    pub(crate) async fn joining(&self) -> MutexGuard<'_, ()> {
        self.joining.lock().await
    }

    /// The `MemberCluster` with this UID, if it can be read.
    pub(crate) fn get(&self, uid: &MemberUid) -> Option<Arc<MemberCluster>> {
        self.objects.get(uid)
    }

    /// Whether there is a `MemberCluster` with this UID, readable or not.
    pub(crate) fn contains(&self, uid: &MemberUid) -> bool {
        self.objects.contains(uid)
    }

    /// What is noted about a member.
    pub(crate) fn note(&self, uid: &MemberUid) -> MemberNote {
        self.notes.get(uid)
    }

    /// Keeps what a report says about an agent and its member; `now_millis` is since the Unix epoch.
    pub(crate) fn take(&self, uid: &MemberUid, report: &Report, now_millis: u64) {
        self.notes.take(uid, report, now_millis);
        self.forget_gone(uid);
    }

    /// Keeps what a member holds that is not ordered.
    pub(crate) fn set_orphaned(&self, uid: &MemberUid, orphaned: Vec<Held>) {
        self.notes.set_orphaned(uid, orphaned);
        self.forget_gone(uid);
    }

    /// A member was refused a certificate.
    pub(crate) fn refuse(&self, uid: &MemberUid, refusal: Refusal) {
        self.notes.refuse(uid, refusal);
        self.forget_gone(uid);
    }

    /// Whether an event says now that the member's clock is wrong.
    pub(crate) fn announce_clock(&self, uid: &MemberUid, is_wrong: bool) {
        self.notes.announce_clock(uid, is_wrong);
    }

    /// Takes a `MemberCluster` as our own write left it.
    pub(crate) fn apply(&self, object: MemberCluster) {
        self.objects.apply(object);
    }

    /// Lets go of what is known of a `MemberCluster`, if it is gone.
    pub(crate) fn forget_gone(&self, uid: &MemberUid) {
        if !self.contains(uid) {
            self.notes.forget(uid);
            self.facts.forget(uid);
            self.statuses.forget(uid);
        }
    }
}

#[cfg(test)]
mod tests {
    use stevedore_hub_core::ports::JoinRefusal;

    use super::*;

    const MEMBER: MemberUid = MemberUid::from_bytes([3; 16]);

    #[test]
    fn what_is_said_of_a_member_that_went_is_kept_nowhere() {
        let members = Membership::default();
        let mut object = MemberCluster::new("east", Default::default());
        object.metadata.uid = Some(MEMBER.to_string());
        let say = || {
            let environment = Report::Environment(Box::default());
            members.take(&MEMBER, &environment, 0);
            members.refuse(&MEMBER, JoinRefusal::TokenUsed.into());
            let note = members.note(&MEMBER);
            (note.environment.is_some(), note.refusal.is_some())
        };
        members.apply(object);
        assert_eq!(say(), (true, true));
        members.objects().delete(&MEMBER);
        assert_eq!(say(), (false, false));
    }
}
