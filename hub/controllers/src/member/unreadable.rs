//! Members whose `MemberCluster` cannot be read: they get no session, and are not forgotten.

use std::collections::BTreeSet;
use std::sync::Arc;

use stevedore_crds::v1alpha1::MemberCluster;
use stevedore_proto_core::ClusterUid;

use crate::hub::{Hub, lock};
use crate::watch::entry::Unreadable;
use crate::watch::kinds::Cluster;
use crate::watch::unreadable::Kind;

/// Clusters of which it is only known that they joined.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct UnreadableMembers {
    clusters: BTreeSet<ClusterUid>,
    /// Of one it is not known which cluster it is: it may be any that no other member is.
    unknown: bool,
}

impl UnreadableMembers {
    /// Whether a cluster that no readable member is may be one of these.
    pub(crate) fn may_be(&self, cluster: &ClusterUid) -> bool {
        self.unknown || self.clusters.contains(cluster)
    }
}

impl Hub {
    /// Members that cannot be read.
    pub(crate) fn unreadable_members(&self) -> UnreadableMembers {
        let mut members = UnreadableMembers::default();
        for found in self.members.unreadable() {
            match found.rest {
                Cluster::None => {}
                Cluster::Joined(cluster) => {
                    members.clusters.insert(cluster);
                }
                Cluster::Unknown => members.unknown = true,
            }
        }
        members
    }

    /// Whether a `MemberCluster` is, or may be, this cluster's.
    pub(crate) fn has_member(&self, cluster: &ClusterUid) -> bool {
        self.member_of(cluster).is_some() || self.unreadable_members().may_be(cluster)
    }

    /// A member was found to be unreadable, or is no longer there after it was.
    pub(crate) fn unreadable_member_changed(&self, found: &Arc<Unreadable<MemberCluster>>) {
        let uid = &found.identity.uid;
        // Once it can be read again, it is news, whatever it says.
        lock(&self.facts).remove(uid);
        if !self.members.contains(uid) {
            lock(&self.notes).remove(uid);
            if let Cluster::Joined(cluster) = found.rest
                && !self.has_member(&cluster)
            {
                lock(&self.fleet).forget(&cluster);
            }
        }
        if let Some(sessions) = self.sessions() {
            sessions.members_changed();
        }
        self.to_tell.add((Kind::Member, uid.clone()));
        self.plan_all();
    }
}
