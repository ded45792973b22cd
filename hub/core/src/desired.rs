//! The desired orders of every cluster, read from the ledgers and from nothing else.
//!
//! A session that asks again gets what the ledger says was ordered; nothing new is ever ordered here. A ledger
//! is put in only after it was stored, so no order is sent that is not durable.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use stevedore_proto_core::{ClusterUid, DeploymentUid, Features, Leadership};

use crate::ledger::Ledger;
use crate::package_key::PackageKey;
use crate::session::{ClusterOrders, DesiredOrder};

/// Which orders changed, by cluster.
pub type Changes = BTreeMap<ClusterUid, BTreeSet<DeploymentUid>>;

/// The orders of all clusters.
#[derive(Debug)]
pub struct Desired {
    leadership: Leadership,
    loaded: bool,
    clusters: BTreeMap<ClusterUid, Arc<ClusterOrders>>,
    packages: BTreeMap<PackageKey, BTreeSet<ClusterUid>>,
}

impl Desired {
    /// Nothing is loaded.
    pub fn new(leadership: Leadership) -> Self {
        Self {
            leadership,
            loaded: false,
            clusters: BTreeMap::new(),
            packages: BTreeMap::new(),
        }
    }

    /// Says that every ledger was put in; sessions may start.
    pub fn set_loaded(&mut self) {
        self.loaded = true;
    }

    /// The leadership that gives these orders.
    pub fn leadership(&self) -> Leadership {
        self.leadership
    }

    /// The orders of a cluster; `None` until everything is loaded.
    pub fn of(&self, cluster: &ClusterUid) -> Option<Arc<ClusterOrders>> {
        let known = self.clusters.get(cluster).cloned();
        self.loaded
            .then(|| known.unwrap_or_else(|| Arc::new(self.empty())))
    }

    /// Takes a stored ledger; one without rows takes the package's orders away. Returns what changed.
    pub fn put(&mut self, ledger: &Ledger) -> Changes {
        let epoch = self.leadership.epoch;
        let key = ledger.package.key();
        let history = Arc::new(ledger.history(epoch));
        let mut changes = Changes::new();
        let mut present = BTreeSet::new();
        for (cluster, order) in ledger.orders(epoch) {
            present.insert(cluster);
            let deployment = order.deployment;
            let row = ledger.row(&cluster);
            let needs = row.map_or(Features::NONE, |row| {
                row.ordered.needs_of_order(row.tombstone)
            });
            let orders = self.entry(cluster);
            let old = orders.orders.get(&deployment);
            let same = old.filter(|old| *old.order == order);
            if same.is_some_and(|same| same.history == history && same.needs == needs) {
                continue;
            }
            let desired = DesiredOrder {
                finished: same.is_some_and(|same| same.finished),
                order: Arc::new(order),
                history: Arc::clone(&history),
                needs,
            };
            orders.orders.insert(deployment, desired);
            changes.entry(cluster).or_default().insert(deployment);
        }
        let before = if present.is_empty() {
            self.packages.remove(&key)
        } else {
            self.packages.insert(key, present.clone())
        };
        for cluster in before.unwrap_or_default().difference(&present) {
            let deployment = key.deployment(cluster);
            self.entry(*cluster).orders.remove(&deployment);
            changes.entry(*cluster).or_default().insert(deployment);
        }
        changes
    }

    /// Notes that a tombstone is done on the member, until its row is dropped.
    pub fn finish(&mut self, cluster: &ClusterUid, deployment: &DeploymentUid, number: u64) {
        let Some(orders) = self.clusters.get_mut(cluster) else {
            return;
        };
        if let Some(desired) = Arc::make_mut(orders).orders.get_mut(deployment)
            && desired.order.is_tombstone()
            && desired.order.tuple.number == number
        {
            desired.finished = true;
        }
    }

    fn entry(&mut self, cluster: ClusterUid) -> &mut ClusterOrders {
        let empty = self.empty();
        Arc::make_mut(
            self.clusters
                .entry(cluster)
                .or_insert_with(|| Arc::new(empty)),
        )
    }

    fn empty(&self) -> ClusterOrders {
        ClusterOrders {
            loaded: true,
            ..ClusterOrders::unloaded(self.leadership)
        }
    }
}

#[cfg(test)]
mod tests {
    use stevedore_proto_core::{Digest, PackageUid};

    use super::*;
    use crate::fixtures::{cluster, leadership};
    use crate::ledger::{Ordered, PackageIdentity, Row, Shard};
    use crate::moment::UnixMillis;

    fn ledger(rows: &[(u8, u64, bool)]) -> Ledger {
        let mut shard = Shard::default();
        for (seed, number, tombstone) in rows {
            shard.give(*number, leadership(1, 1), UnixMillis(0));
            let ordered = Ordered {
                revision: 1,
                input: Digest::of(b"in"),
                content: Digest::of(b"out"),
                size: 3,
                needs: Features::NONE,
                account: None,
                paused: false,
            };
            let row = Row {
                number: *number,
                ordered: Arc::new(ordered),
                previous: None,
                tombstone: *tombstone,
                disruptive: false,
            };
            shard.rows.insert(cluster(*seed), row);
        }
        Ledger {
            package: PackageIdentity {
                uid: PackageUid::from_bytes([9; 16]),
                namespace: None,
                name: "demo".into(),
            },
            shards: vec![shard],
        }
    }

    #[test]
    fn nothing_is_known_before_everything_is_loaded() {
        let mut desired = Desired::new(leadership(1, 1));
        desired.put(&ledger(&[(1, 1, false)]));
        assert!(desired.of(&cluster(1)).is_none());
        desired.set_loaded();
        assert!(desired.of(&cluster(1)).unwrap().loaded);
        let other = desired.of(&cluster(2)).unwrap();
        assert!(other.loaded && other.orders.is_empty());
    }

    #[test]
    fn only_what_changed_is_named_and_a_dropped_row_takes_its_order_away() {
        let mut desired = Desired::new(leadership(1, 1));
        desired.set_loaded();
        assert_eq!(
            desired.put(&ledger(&[(1, 1, false), (2, 1, false)])).len(),
            2
        );
        assert!(
            desired
                .put(&ledger(&[(1, 1, false), (2, 1, false)]))
                .is_empty()
        );
        let changed = desired.put(&ledger(&[(1, 1, false), (2, 2, true)]));
        assert_eq!(changed.keys().copied().collect::<Vec<_>>(), [cluster(2)]);
        let changed = desired.put(&ledger(&[(1, 1, false)]));
        assert_eq!(changed.keys().copied().collect::<Vec<_>>(), [cluster(2)]);
        assert!(desired.of(&cluster(2)).unwrap().orders.is_empty());
    }

    #[test]
    fn what_an_order_needs_is_known_and_a_tombstone_needs_nothing() {
        let mut desired = Desired::new(leadership(1, 1));
        desired.set_loaded();
        let mut ledger = ledger(&[(1, 1, false), (2, 1, true)]);
        let classes = Features::PHASE_CLASSES;
        for row in ledger.shards[0].rows.values_mut() {
            Arc::make_mut(&mut row.ordered).needs = classes;
        }
        desired.put(&ledger);
        let needs = |seed| {
            let orders = desired.of(&cluster(seed)).unwrap();
            orders.orders.values().next().unwrap().needs
        };
        assert_eq!((needs(1), needs(2)), (classes, Features::NONE));
    }

    #[test]
    fn a_finished_tombstone_no_longer_counts_for_the_root() {
        let mut desired = Desired::new(leadership(1, 1));
        desired.set_loaded();
        let ledger = ledger(&[(1, 4, true)]);
        desired.put(&ledger);
        let deployment = ledger.package.key().deployment(&cluster(1));
        let before = desired.of(&cluster(1)).unwrap().root();
        desired.finish(&cluster(1), &deployment, 3);
        assert_eq!(desired.of(&cluster(1)).unwrap().root(), before);
        desired.finish(&cluster(1), &deployment, 4);
        assert_ne!(desired.of(&cluster(1)).unwrap().root(), before);
        assert!(desired.put(&ledger).is_empty());
    }
}
