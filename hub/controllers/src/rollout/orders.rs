//! Orders: every ledger as it is stored, and the desired state of clusters that is made from them.
//!
//! Both stand under one lock. A session is therefore never given what is not stored, and what is stored reaches
//! sessions in the order in which it was stored.

use std::collections::BTreeMap;
use std::sync::Arc;

use parking_lot::RwLock;
use stevedore_crds::v1alpha1::{PackageLedger, PackageLedgerStatus};
use stevedore_hub_core::desired::{Changes, Desired};
use stevedore_hub_core::session::ClusterOrders;
use stevedore_proto_core::{ClusterUid, DeploymentUid, Leadership, PackageUid};

use crate::rollout::ledger_store::StoredLedger;

/// The owner of ledgers and desired state.
#[derive(Debug, Default)]
pub(crate) struct Orders {
    state: RwLock<State>,
}

#[derive(Debug, Default)]
struct State {
    ledgers: BTreeMap<PackageUid, Arc<StoredLedger>>,
    /// Absent until every ledger was read.
    desired: Option<Desired>,
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

    /// Takes a ledger that was stored, or read again; says whose orders changed.
    #[must_use = "sessions are to be told what changed"]
    pub(crate) fn put(&self, stored: Arc<StoredLedger>) -> Changes {
        let mut state = self.state.write();
        let changes = match &mut state.desired {
            Some(desired) => desired.put(&stored.ledger),
            None => Changes::new(),
        };
        state.ledgers.insert(stored.ledger.package.uid, stored);
        changes
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
    fn restart(&mut self, leadership: Leadership) {
        let mut desired = Desired::new(leadership);
        for stored in self.ledgers.values() {
            desired.put(&stored.ledger);
        }
        desired.set_loaded();
        self.desired = Some(desired);
    }
}
