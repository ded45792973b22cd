//! The table of members that are known to this process: the one place that uses `dashmap`.
//!
//! Every method returns owned values, so no guard outlives a call.

use dashmap::DashMap;
use dashmap::mapref::entry::Entry;
use stevedore_proto_core::ClusterUid;

use crate::session::MemberHandle;

/// Handles of member tasks by cluster.
#[derive(Debug, Default)]
pub(crate) struct Registry {
    members: DashMap<ClusterUid, MemberHandle>,
}

impl Registry {
    /// The handle of a cluster's member task.
    pub(crate) fn get(&self, cluster: &ClusterUid) -> Option<MemberHandle> {
        self.members.get(cluster).map(|member| member.clone())
    }

    /// The handle of a cluster's member task if it is `fits`, else a new one in its place. The second value
    /// is the handle that was displaced. `make` must not call the registry.
    pub(crate) fn get_or_replace(
        &self,
        cluster: ClusterUid,
        fits: impl Fn(&MemberHandle) -> bool,
        make: impl FnOnce() -> MemberHandle,
    ) -> (MemberHandle, Option<MemberHandle>) {
        match self.members.entry(cluster) {
            Entry::Occupied(member) if fits(member.get()) => (member.get().clone(), None),
            Entry::Occupied(mut member) => {
                let new = make();
                let old = member.insert(new.clone());
                (new, Some(old))
            }
            Entry::Vacant(vacant) => (vacant.insert(make()).clone(), None),
        }
    }

    /// Removes this very handle, not one that replaced it.
    pub(crate) fn remove(&self, cluster: &ClusterUid, handle: &MemberHandle) {
        self.members
            .remove_if(cluster, |_, member| member.same(handle));
    }

    /// Every handle, in no order.
    pub(crate) fn all(&self) -> Vec<(ClusterUid, MemberHandle)> {
        self.members
            .iter()
            .map(|member| (*member.key(), member.value().clone()))
            .collect()
    }
}
