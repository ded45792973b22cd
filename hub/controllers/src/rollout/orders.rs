//! Orders: every ledger as it is stored, and the desired state of clusters that is made from them.
//!
//! Both stand under one lock. A session is therefore never given what is not stored, and what is stored reaches
//! sessions in the order in which it was stored.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::RwLock;
use stevedore_crds::v1alpha1::{PackageLedger, PackageLedgerStatus};
use stevedore_hub_core::desired::{Changes, Desired};
use stevedore_hub_core::ledger::PackageIdentity;
use stevedore_hub_core::session::ClusterOrders;
use stevedore_proto_core::{ClusterUid, DeploymentUid, Leadership, PackageUid};
use tokio::time::Instant;

use crate::rollout::stored_ledger::StoredLedger;
use crate::rollout::unreadable_ledgers::UnreadableLedgers;

/// The owner of ledgers and desired state.
#[derive(Debug, Default)]
pub(crate) struct Orders {
    state: RwLock<State>,
}

#[derive(Debug, Default)]
struct State {
    ledgers: BTreeMap<PackageUid, Arc<StoredLedger>>,
    unreadable: UnreadableLedgers,
    /// Absent until every ledger was read.
    desired: Option<Desired>,
    /// When every ledger was read: from then on members can come.
    loaded: Option<Instant>,
}

impl Orders {
    /// Takes all ledgers, as they were read when this process began to lead. From here on sessions are served.
    pub(crate) fn load(
        &self,
        ledgers: impl IntoIterator<Item = StoredLedger>,
        leadership: Leadership,
    ) {
        let ledgers = ledgers
            .into_iter()
            .map(|stored| (stored.ledger.package.uid, Arc::new(stored)));
        let mut state = self.state.write();
        state.ledgers = ledgers.collect();
        state.restart(leadership);
        state.loaded = Some(Instant::now());
    }

    /// Whether every ledger was read.
    pub(crate) fn is_loaded(&self) -> bool {
        self.state.read().loaded.is_some()
    }

    /// For how long members could have come. Waiting for the Lease does not count.
    pub(crate) fn age(&self) -> Duration {
        let loaded = self.state.read().loaded;
        loaded.map_or(Duration::ZERO, |loaded| loaded.elapsed())
    }

    /// An object of a ledger cannot be read. `package` is whose it is, where that can be read.
    pub(crate) fn note_unreadable(
        &self,
        name: String,
        message: String,
        package: Option<PackageIdentity>,
    ) {
        self.state.write().unreadable.note(name, message, package);
    }

    /// Names of the objects of a package's ledger that could not be read.
    pub(crate) fn unreadable_names_of(&self, package: &PackageIdentity) -> Vec<String> {
        self.state.read().unreadable.names_of(package)
    }

    /// Whether a ledger of this package could not be read.
    pub(crate) fn is_unreadable(&self, package: &PackageIdentity) -> bool {
        !self.unreadable_names_of(package).is_empty()
    }

    /// The ledger of this package has been read.
    pub(crate) fn forget_unreadable(&self, package: &PackageIdentity) {
        self.state.write().unreadable.forget(package);
    }

    /// Names of objects that could not be read, and whose package is not known.
    pub(crate) fn unreadable_strays(&self) -> Vec<String> {
        self.state.read().unreadable.strays()
    }

    /// An object that could not be read is gone.
    pub(crate) fn forget_stray(&self, name: &str) {
        self.state.write().unreadable.forget_stray(name);
    }

    /// For people: what may be ordered by ledgers that cannot be read.
    pub(crate) fn describe_unreadable(&self) -> Vec<String> {
        self.state.read().unreadable.descriptions()
    }

    /// The identity of a package that has a ledger, readable or not.
    pub(crate) fn identity(&self, package: &PackageUid) -> Option<PackageIdentity> {
        let state = self.state.read();
        let stored = state.ledgers.get(package);
        let stored = stored.map(|stored| &stored.ledger.package);
        stored
            .or_else(|| state.unreadable.identity(package))
            .cloned()
    }

    /// UIDs of packages that have a ledger, readable or not.
    pub(crate) fn packages(&self) -> Vec<PackageUid> {
        let state = self.state.read();
        let unreadable = state.unreadable.packages().map(|package| package.uid);
        state.ledgers.keys().copied().chain(unreadable).collect()
    }

    /// Speaks under another leadership from now on: every order is a new one.
    pub(crate) fn restart(&self, leadership: Leadership) {
        self.state.write().restart(leadership);
    }

    /// The orders of a cluster; `None` until everything is loaded.
    pub(crate) fn of(&self, cluster: &ClusterUid) -> Option<Arc<ClusterOrders>> {
        self.state.read().desired.as_ref()?.of(cluster)
    }

    /// The ledger of a package.
    pub(crate) fn ledger(&self, package: &PackageUid) -> Option<Arc<StoredLedger>> {
        self.state.read().ledgers.get(package).cloned()
    }

    /// All ledgers, as they are now.
    pub(crate) fn ledgers(&self) -> Vec<Arc<StoredLedger>> {
        self.state.read().ledgers.values().cloned().collect()
    }

    /// Takes a ledger of which these shards were stored; says whose orders changed. Of the other shards more may be
    /// known by now: a status that was written meanwhile.
    #[must_use = "sessions are to be told what changed"]
    pub(crate) fn put_stored(&self, stored: &StoredLedger, shards: &[usize]) -> Changes {
        let mut state = self.state.write();
        let mut stored = stored.clone();
        if let Some(now) = state.ledgers.get(&stored.ledger.package.uid) {
            stored.keep_objects(now, shards);
        }
        state.put(Arc::new(stored))
    }

    /// Takes a ledger that was read again; says whose orders changed.
    #[must_use = "sessions are to be told what changed"]
    pub(crate) fn put(&self, stored: Arc<StoredLedger>) -> Changes {
        self.state.write().put(stored)
    }

    /// Lets the ledger of a package go that has no rows any more.
    pub(crate) fn remove(&self, package: &PackageUid) {
        self.state.write().ledgers.remove(package);
    }

    /// Notes that a member has finished a tombstone, until the row is dropped.
    pub(crate) fn finish(&self, cluster: &ClusterUid, deployment: &DeploymentUid, number: u64) {
        if let Some(desired) = &mut self.state.write().desired {
            desired.finish(cluster, deployment, number);
        }
    }

    /// Notes the status of a shard that was written while its ledger was `before`.
    ///
    /// The ledger may have been stored meanwhile. Only an equal one takes the new resource version: a status is
    /// written whatever the spec is by then, and a spec that somebody else changed must refuse our next write.
    pub(crate) fn wrote_status(
        &self,
        before: &StoredLedger,
        shard: usize,
        written: &PackageLedger,
        status: PackageLedgerStatus,
    ) {
        let mut state = self.state.write();
        let Some(now) = state.ledgers.get_mut(&before.ledger.package.uid) else {
            return;
        };
        let generation = now.objects.get(shard).map(|object| object.generation);
        let is_same = (Arc::ptr_eq(&now.ledger, &before.ledger) || now.ledger == before.ledger)
            && written.metadata.generation == generation;
        Arc::make_mut(now).wrote_status(shard, status, is_same.then_some(written));
    }
}

impl State {
    fn put(&mut self, stored: Arc<StoredLedger>) -> Changes {
        let changes = match &mut self.desired {
            Some(desired) => desired.put(&stored.ledger),
            None => Changes::new(),
        };
        self.ledgers.insert(stored.ledger.package.uid, stored);
        changes
    }

    fn restart(&mut self, leadership: Leadership) {
        let mut desired = Desired::new(leadership);
        for stored in self.ledgers.values() {
            desired.put(&stored.ledger);
        }
        desired.set_loaded();
        self.desired = Some(desired);
    }
}

#[cfg(test)]
mod tests {
    use stevedore_hub_core::ledger::Shard;

    use super::*;
    use crate::mock_api::fleet;
    use crate::rollout::stored_ledger;

    #[test]
    fn a_status_that_was_written_while_a_plan_was_carried_out_is_not_taken_back_by_it() {
        let (planned, mut written) = stored_ledger::stored(&fleet(None), &Shard::default());
        let orders = Orders::default();
        let _ = orders.put(Arc::new(planned.clone()));
        let status = PackageLedgerStatus {
            observed: "AQ==".to_owned(),
            ..PackageLedgerStatus::default()
        };
        written.metadata.generation = Some(0);
        orders.wrote_status(&planned, 0, &written, status.clone());
        // No shard of it was stored.
        let _ = orders.put_stored(&planned, &[]);
        let now = orders.ledger(&fleet(None).uid);
        let now = now.map(|now| now.objects[0].status.clone());
        assert_eq!(now, Some(status));
    }
}
