//! The hub: the shipped session machines over a durable ledger.

use std::collections::{BTreeMap, BTreeSet};

use stevedore_hub_core::fleet::Fleet;
use stevedore_hub_core::session::{ClusterOrders, Member, Pace};
use stevedore_proto_core::{DeploymentStatus, DeploymentUid, Held, Leadership, PackageUid};

use super::breaks::Break;
use super::ledger::Durable;
use super::rng::Rng;
use super::truth::Key;

/// A copy of the hub's data.
#[derive(Debug, Clone)]
pub(crate) struct Backup {
    pub(crate) durable: Durable,
    pub(crate) known: BTreeSet<Key>,
}

/// One change on its way from ledger to session.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Change {
    pub(crate) deployment: DeploymentUid,
    pub(crate) tombstone: bool,
}

/// One hub process, and what it leaves behind.
#[derive(Debug)]
pub(crate) struct Hub {
    pub(crate) durable: Durable,
    pub(crate) backup: Option<Backup>,
    pub(crate) leadership: Leadership,
    pub(crate) up: bool,
    pub(crate) loaded: bool,
    pub(crate) life: u64,
    pub(crate) members: Vec<Member>,
    pub(crate) orders: Vec<ClusterOrders>,
    pub(crate) changes: Vec<Vec<Change>>,
    pub(crate) view: BTreeMap<DeploymentUid, DeploymentStatus>,
    pub(crate) fleet: Fleet,
    pub(crate) listings: BTreeMap<usize, Vec<Held>>,
    pub(crate) fenced_epoch: u64,
}

impl Hub {
    pub(crate) fn new(clusters: usize, rng: &mut Rng) -> Self {
        let mut durable = Durable::new(rng.id());
        let leadership = durable.lead(rng.id());
        let mut hub = Self {
            durable,
            backup: None,
            leadership,
            up: false,
            loaded: false,
            life: 0,
            members: Vec::new(),
            orders: Vec::new(),
            changes: vec![Vec::new(); clusters],
            view: BTreeMap::new(),
            fleet: Fleet::default(),
            listings: BTreeMap::new(),
            fenced_epoch: 0,
        };
        hub.start(clusters, None, rng);
        hub
    }

    pub(crate) fn kill(&mut self) {
        self.up = false;
        self.loaded = false;
        self.life += 1;
    }

    /// A new process takes leadership; it has not loaded anything yet.
    pub(crate) fn start(&mut self, clusters: usize, broken: Option<Break>, rng: &mut Rng) {
        self.leadership = self.durable.lead(rng.id());
        self.up = true;
        self.members = vec![
            Member::new(Pace {
                window: 4,
                ..Pace::default()
            });
            clusters
        ];
        let too_early = broken == Some(Break::EmptyListDeletes);
        let empty = ClusterOrders {
            loaded: too_early,
            ..ClusterOrders::unloaded(self.leadership)
        };
        self.orders = vec![empty; clusters];
        self.changes = vec![Vec::new(); clusters];
        self.view.clear();
        self.fleet = Fleet::default();
        self.listings.clear();
    }

    /// Reads the orders of one cluster from the ledgers.
    pub(crate) fn read(&mut self, cluster: usize, broken: Option<Break>) {
        let names = ["c1", "c10", "c2", "c3"];
        let clusters = match broken {
            Some(Break::NamePrefix) => (0..self.members.len())
                .filter(|other| names[*other].starts_with(names[cluster]))
                .collect(),
            _ => BTreeSet::from([cluster]),
        };
        self.orders[cluster] = self.durable.orders(&clusters, self.leadership, true);
    }

    /// Queues a change for a session; gives whether the queue has to be delivered anew.
    pub(crate) fn changed(&mut self, cluster: usize, change: Change, broken: Option<Break>) {
        let queue = &mut self.changes[cluster];
        queue.push(change);
        if broken == Some(Break::DropOldest) && queue.len() > 1 {
            queue.remove(0);
        }
    }

    /// Takes what is queued for a session.
    pub(crate) fn take_changes(
        &mut self,
        cluster: usize,
        broken: Option<Break>,
    ) -> BTreeSet<DeploymentUid> {
        let changes = std::mem::take(&mut self.changes[cluster]);
        let lost = |change: &Change| {
            broken == Some(Break::CoalesceLosesTombstone)
                && changes.iter().any(|other| {
                    other.deployment == change.deployment && other.tombstone != change.tombstone
                })
        };
        changes
            .iter()
            .filter(|change| !lost(change))
            .map(|change| change.deployment)
            .collect()
    }

    /// The highest number members said they hold, by package.
    pub(crate) fn census(&self) -> BTreeMap<PackageUid, u64> {
        let mut highest = BTreeMap::new();
        for held in self.listings.values().flatten() {
            let entry = highest.entry(held.package.uid).or_insert(0);
            *entry = held.tuple.number.max(*entry);
        }
        highest
    }

    /// The highest epoch this hub has heard of.
    pub(crate) fn epoch_floor(&self) -> u64 {
        let held = self
            .listings
            .values()
            .flatten()
            .map(|held| held.tuple.epoch.counter);
        held.chain([self.durable.epoch.counter, self.fenced_epoch])
            .max()
            .unwrap_or(1)
    }
}
