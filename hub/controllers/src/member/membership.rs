//! The owner of members: the index of `MemberCluster`s, snapshots of who has joined, and notes about each.

use std::sync::Arc;

use stevedore_crds::v1alpha1::MemberCluster;
use stevedore_hub_core::ports::MemberUid;

use crate::member::members::Members;
use crate::member::note::Notes;
use crate::status_writer::StatusWriter;
use crate::watch::facts::Facts;
use crate::watch::index::Index;

/// Every `MemberCluster`, and what is known of it.
#[derive(Debug, Default)]
pub(crate) struct Membership {
    objects: Arc<Index<MemberCluster>>,
    pub(crate) notes: Notes,
    pub(crate) facts: Facts<MemberUid>,
    pub(crate) statuses: StatusWriter<MemberUid>,
    /// Held while a token is used up and its cluster bound: two tokens must not bind one cluster to two names.
    pub(crate) joining: tokio::sync::Mutex<()>,
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

    /// The `MemberCluster` with this UID, if it can be read.
    pub(crate) fn get(&self, uid: &MemberUid) -> Option<Arc<MemberCluster>> {
        self.objects.get(uid)
    }

    /// Whether there is a `MemberCluster` with this UID, readable or not.
    pub(crate) fn contains(&self, uid: &MemberUid) -> bool {
        self.objects.contains(uid)
    }

    /// Takes a `MemberCluster` as our own write left it.
    pub(crate) fn apply(&self, object: MemberCluster) {
        self.objects.apply(object);
    }

    /// Lets go of what is known of a `MemberCluster` that is gone.
    pub(crate) fn forget(&self, uid: &MemberUid) {
        self.notes.forget(uid);
        self.facts.forget(uid);
        self.statuses.forget(uid);
    }
}
