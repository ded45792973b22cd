//! The hub's durable state as far as sessions need it: intents, ledgers, contents, terms.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use stevedore_hub_core::session::{ClusterOrders, DesiredOrder, History, TermStart};
use stevedore_proto_core::order::order_digest;
use stevedore_proto_core::{
    ClusterUid, DeploymentUid, Digest, Epoch, EpochId, Features, Leadership, Order, OrderBody,
    PackageRef, PackageUid, Settings, Term, TermId, Tuple, content,
};

use super::breaks::Break;

/// What somebody wants of one package on one cluster.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Intent {
    Run {
        settings: Settings,
        content: Arc<[u8]>,
    },
    Remove,
}

impl Intent {
    /// Settings and body of the order that brings it about.
    fn order(&self) -> (Settings, OrderBody) {
        match self {
            Self::Run { settings, content } => {
                let reference = content::reference(content);
                (settings.clone(), OrderBody::Apply(reference))
            }
            Self::Remove => (Settings::default(), OrderBody::Tombstone),
        }
    }
}

#[derive(Debug, Clone)]
struct Row {
    order: Arc<Order>,
    finished: bool,
}

/// One package's ledger.
#[derive(Debug, Clone, Default)]
struct Ledger {
    starts: Vec<TermStart>,
    highest: u64,
    rows: BTreeMap<usize, Row>,
}

impl Ledger {
    /// Gives the next number, and writes down with which one a term began.
    fn next_number(&mut self, term: Term) -> u64 {
        self.highest += 1;
        let first = self.highest;
        if self.starts.last().is_none_or(|start| start.term != term) {
            self.starts.push(TermStart { term, first });
        }
        first
    }
}

/// Everything durable at the hub; a backup is a clone.
#[derive(Debug, Clone)]
pub(crate) struct Durable {
    pub(crate) epoch: Epoch,
    term: u64,
    ledgers: BTreeMap<PackageUid, Ledger>,
    contents: BTreeMap<Digest, Arc<[u8]>>,
    pub(crate) intents: BTreeMap<(usize, PackageUid), Intent>,
}

impl Durable {
    pub(crate) fn new(id: [u8; 16]) -> Self {
        Self {
            epoch: Epoch {
                counter: 1,
                id: EpochId::from_bytes(id),
            },
            term: 0,
            ledgers: BTreeMap::new(),
            contents: BTreeMap::new(),
            intents: BTreeMap::new(),
        }
    }

    /// A hub takes leadership.
    pub(crate) fn lead(&mut self, id: [u8; 16]) -> Leadership {
        self.term += 1;
        let term = Term {
            counter: self.term,
            id: TermId::from_bytes(id),
        };
        Leadership {
            epoch: self.epoch,
            term,
        }
    }

    /// Orders what an intent needs, if anything. Gives the order for the record.
    pub(crate) fn plan(
        &mut self,
        cluster: usize,
        uid: ClusterUid,
        package: PackageUid,
        by: Leadership,
        broken: Option<Break>,
    ) -> Option<Arc<Order>> {
        let intent = self.intents.get(&(cluster, package))?;
        let (settings, body) = intent.order();
        if let (Intent::Run { content, .. }, OrderBody::Apply(reference)) = (intent, &body) {
            self.contents.insert(reference.digest, content.clone());
        }
        let deployment = DeploymentUid::derive(&package, &uid);
        let ledger = self.ledgers.entry(package).or_default();
        let row = ledger.rows.get(&cluster);
        if row.is_none() && body == OrderBody::Tombstone {
            return None;
        }
        let digest = order_digest(&deployment, &package, &settings, &body);
        let unchanged = row.is_some_and(|row| match broken {
            Some(Break::ChecksumOverKeys) => {
                keys_only(&row.order.settings) == keys_only(&settings) && row.order.body == body
            }
            _ => row.order.tuple.digest == digest,
        });
        if unchanged {
            return None;
        }
        let number = ledger.next_number(by.term);
        let order = Arc::new(Order {
            deployment,
            package: PackageRef {
                namespace: None,
                name: format!("p{package}"),
                uid: package,
                revision: number,
            },
            tuple: Tuple {
                epoch: by.epoch,
                term: by.term,
                number,
                digest,
            },
            settings,
            body,
        });
        ledger.rows.insert(
            cluster,
            Row {
                order: order.clone(),
                finished: false,
            },
        );
        Some(order)
    }

    /// A tombstone was acknowledged; later its row goes.
    pub(crate) fn finish(&mut self, cluster: usize, package: PackageUid, tuple: &Tuple) {
        if let Some(row) = self
            .ledgers
            .get_mut(&package)
            .and_then(|ledger| ledger.rows.get_mut(&cluster))
            && row.order.tuple == *tuple
        {
            row.finished = true;
        }
    }

    pub(crate) fn drop_finished(&mut self) {
        for ledger in self.ledgers.values_mut() {
            ledger.rows.retain(|_, row| !row.finished);
        }
    }

    /// An operator raises the epoch above everything seen. Where the census named numbers, rows continue above
    /// them; members it did not reach may hold higher ones.
    pub(crate) fn raise(&mut self, floor: u64, id: [u8; 16], census: &BTreeMap<PackageUid, u64>) {
        self.epoch = Epoch {
            counter: floor + 1,
            id: EpochId::from_bytes(id),
        };
        self.term = 0;
        self.drop_finished();
        for (package, ledger) in &mut self.ledgers {
            ledger.starts.clear();
            ledger.highest = census
                .get(package)
                .map_or(0, |held| ledger.highest.max(*held));
        }
    }

    /// After a raise: every row is written anew under the new epoch.
    pub(crate) fn rewrite(&mut self, by: Leadership) -> Vec<(usize, Arc<Order>)> {
        let mut written = Vec::new();
        for ledger in self.ledgers.values_mut() {
            if ledger.rows.is_empty() {
                continue;
            }
            ledger.starts.push(TermStart {
                term: by.term,
                first: ledger.highest + 1,
            });
            for (cluster, row) in &mut ledger.rows {
                ledger.highest += 1;
                let mut order = (*row.order).clone();
                order.tuple = Tuple {
                    epoch: by.epoch,
                    term: by.term,
                    number: ledger.highest,
                    ..order.tuple
                };
                row.order = Arc::new(order);
                written.push((*cluster, row.order.clone()));
            }
        }
        written
    }

    /// The order of a row, and whether it is a tombstone known to be done.
    pub(crate) fn row(&self, cluster: usize, package: PackageUid) -> Option<(&Arc<Order>, bool)> {
        self.ledgers
            .get(&package)?
            .rows
            .get(&cluster)
            .map(|row| (&row.order, row.finished))
    }

    pub(crate) fn content(&self, digest: &Digest) -> Option<Arc<[u8]>> {
        self.contents.get(digest).cloned()
    }

    /// The orders of all clusters in `clusters`: one, unless a break looks them up wrongly.
    pub(crate) fn orders(
        &self,
        clusters: &BTreeSet<usize>,
        by: Leadership,
        loaded: bool,
    ) -> ClusterOrders {
        let mut orders = ClusterOrders {
            loaded,
            ..ClusterOrders::unloaded(by)
        };
        for ledger in self.ledgers.values() {
            let history = Arc::new(History::new(self.epoch, ledger.starts.clone()));
            for (_, row) in ledger
                .rows
                .iter()
                .filter(|(cluster, _)| clusters.contains(cluster))
            {
                let wanted = DesiredOrder {
                    order: row.order.clone(),
                    history: history.clone(),
                    needs: Features::NONE,
                    finished: row.finished,
                };
                orders.orders.insert(row.order.deployment, wanted);
            }
        }
        orders
    }
}

fn keys_only(settings: &Settings) -> Vec<String> {
    match serde_json::to_value(settings) {
        Ok(serde_json::Value::Object(map)) => map.keys().cloned().collect(),
        _ => Vec::new(),
    }
}
