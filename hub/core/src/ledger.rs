//! The durable table of what each cluster was ordered to run of one package.
//!
//! A package has one [`Ledger`] of several [`Shard`]s, each stored as one object. Numbers are given over the
//! whole ledger: a new one is above the highest that any shard ever gave, so a row that moves between shards,
//! or is dropped and made again, never repeats a number.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::sync::Arc;

use stevedore_proto_core::ledger::{self as packed, MAX_CONTENTS, MAX_ROWS};
use stevedore_proto_core::{
    ClusterUid, Epoch, Leadership, Order, OrderBody, PackageRef, PackageUid, Settings, Term, Tuple,
};

use crate::moment::UnixMillis;
use crate::package_key::PackageKey;
use crate::session::{History, TermStart};

mod ordered;
mod record;

pub use ordered::Ordered;
pub use record::{OrderTime, RolloutRecord, WaveRecord};

/// Most terms that a shard remembers; older ones without a row are let go first.
pub const MAX_TERMS: usize = 256;

/// The package a ledger is about.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PackageIdentity {
    /// Object UID on the hub.
    pub uid: PackageUid,
    /// Namespace of a `Package`; absent for a `ClusterPackage`.
    pub namespace: Option<String>,
    /// Object name on the hub.
    pub name: String,
}

impl PackageIdentity {
    /// The key of the package's rows.
    pub fn key(&self) -> PackageKey {
        self.uid.into()
    }
}

/// What one cluster was ordered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// The order number.
    pub number: u64,
    /// What was ordered; of a tombstone, what it tears down.
    pub ordered: Arc<Ordered>,
    /// What was ordered before.
    pub previous: Option<Arc<Ordered>>,
    /// Whether the order is a tombstone.
    pub tombstone: bool,
    /// Whether the deployment was available when it was ordered something else, and no order since found it
    /// available again: it is part of what [`crate::rollout`] keeps below a budget.
    pub disruptive: bool,
}

/// The first number that one hub leadership gave in this shard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TermRecord {
    /// Who gave it.
    pub leadership: Leadership,
    /// It gave this number and everything up to the next record's.
    pub first: u64,
}

/// At most 250 clusters of one package: what one stored object holds.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Shard {
    /// The highest number that was ever given in this shard; outlives rows.
    pub highest: u64,
    /// Oldest first.
    pub terms: Vec<TermRecord>,
    /// When the numbers of rows were given, oldest first.
    pub times: Vec<OrderTime>,
    /// How far the rollout is; of the ledger's first shard only.
    pub rollout: Option<RolloutRecord>,
    /// One row per cluster.
    pub rows: BTreeMap<ClusterUid, Row>,
}

/// A shard in the form that is stored.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Stored {
    /// As in [`Shard`].
    pub highest: u64,
    /// As in [`Shard`].
    pub terms: Vec<TermRecord>,
    /// As in [`Shard`].
    pub times: Vec<OrderTime>,
    /// As in [`Shard`].
    pub rollout: Option<RolloutRecord>,
    /// Distinct contents that rows name by index.
    pub contents: Vec<Ordered>,
    /// Packed rows.
    pub rows: Vec<u8>,
}

/// A stored shard that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The packed rows are damaged or newer than this release.
    #[error(transparent)]
    Rows(#[from] packed::Error),
    /// More than one shard may hold.
    #[error("a ledger shard has {0} rows, the limit is {MAX_ROWS}")]
    TooManyRows(usize),
    /// A cluster occurs twice.
    #[error("a ledger shard has two rows for cluster {0}")]
    Twice(ClusterUid),
    /// A row has a number that was never given.
    #[error("a row for cluster {0} has a number above the highest of its ledger shard")]
    Number(ClusterUid),
}

impl Stored {
    /// Reads a stored shard.
    ///
    /// # Errors
    /// When the rows cannot be read, or contradict the rest; never panics, whatever the bytes.
    pub fn decode(self) -> Result<Shard, Error> {
        let rows = packed::decode(&self.rows, self.contents.len())?;
        if rows.len() > MAX_ROWS {
            return Err(Error::TooManyRows(rows.len()));
        }
        let contents: Vec<_> = self.contents.into_iter().map(Arc::new).collect();
        let content = |index: u16| Arc::clone(&contents[usize::from(index)]);
        let mut shard = Shard {
            highest: self.highest,
            terms: self.terms,
            times: self.times,
            rollout: self.rollout,
            rows: BTreeMap::new(),
        };
        for packed in rows {
            if packed.number > shard.highest {
                return Err(Error::Number(packed.cluster));
            }
            let row = Row {
                number: packed.number,
                ordered: content(packed.content),
                previous: packed.previous.map(content),
                tombstone: packed.tombstone,
                disruptive: packed.disruptive,
            };
            if shard.rows.insert(packed.cluster, row).is_some() {
                return Err(Error::Twice(packed.cluster));
            }
        }
        Ok(shard)
    }
}

impl Shard {
    /// The form that is stored; contents that no row names any more are left out.
    pub fn encode(&self) -> Stored {
        let mut contents = Contents::default();
        let rows: Vec<_> = self
            .rows
            .iter()
            .map(|(cluster, row)| packed::Row {
                cluster: *cluster,
                number: row.number,
                content: contents.index(&row.ordered),
                previous: row
                    .previous
                    .as_ref()
                    .map(|previous| contents.index(previous)),
                tombstone: row.tombstone,
                disruptive: row.disruptive,
            })
            .collect();
        Stored {
            highest: self.highest,
            terms: self.terms.clone(),
            times: self.times.clone(),
            rollout: self.rollout.clone(),
            contents: contents.list,
            rows: packed::encode(&rows),
        }
    }

    /// Whether the shard takes another row.
    pub fn has_room(&self) -> bool {
        self.rows.len() < MAX_ROWS
    }

    /// Notes that `number` was given under `leadership`, now. To be stored together with the rows that have it.
    pub fn give(&mut self, number: u64, leadership: Leadership, now: UnixMillis) {
        self.highest = self.highest.max(number);
        self.note_time(number, now);
        if self.terms.last().map(|last| last.leadership) == Some(leadership) {
            return;
        }
        self.terms.push(TermRecord {
            leadership,
            first: number,
        });
        self.forget_terms();
    }

    /// Lets the oldest terms go that no row's number belongs to, until the rest may be stored.
    fn forget_terms(&mut self) {
        let mut at = 0;
        while self.terms.len() > MAX_TERMS && at + 1 < self.terms.len() {
            let range = self.terms[at].first..self.terms[at + 1].first;
            if self.rows.values().any(|row| range.contains(&row.number)) {
                at += 1;
            } else {
                self.terms.remove(at);
            }
        }
    }
}

/// Gives every distinct content one index.
#[derive(Default)]
struct Contents<'a> {
    indexes: BTreeMap<&'a Ordered, u16>,
    list: Vec<Ordered>,
}

impl<'a> Contents<'a> {
    fn index(&mut self, ordered: &'a Ordered) -> u16 {
        *self.indexes.entry(ordered).or_insert_with(|| {
            self.list.push(ordered.clone());
            u16::try_from(self.list.len() - 1).expect("two contents a row stay below 65,536")
        })
    }
}

/// All shards of one package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ledger {
    /// The package.
    pub package: PackageIdentity,
    /// In order of their number; a shard that does not exist yet is absent.
    pub shards: Vec<Shard>,
}

impl Ledger {
    /// The ledger of a package nothing was ordered of.
    pub fn new(package: PackageIdentity) -> Self {
        Self {
            package,
            shards: Vec::new(),
        }
    }

    /// The highest number that was ever given.
    pub fn highest(&self) -> u64 {
        self.shards
            .iter()
            .map(|shard| shard.highest)
            .max()
            .unwrap_or(0)
    }

    /// All rows.
    pub fn rows(&self) -> impl Iterator<Item = (ClusterUid, &Row)> {
        self.shards
            .iter()
            .flat_map(|shard| shard.rows.iter().map(|(cluster, row)| (*cluster, row)))
    }

    /// The oldest and the newest revision that is ordered anywhere and not torn down.
    pub fn revisions(&self) -> Option<RangeInclusive<u64>> {
        let live = || self.rows().filter(|(_, row)| !row.tombstone);
        let numbers = || live().map(|(_, row)| row.ordered.revision);
        Some(numbers().min()?..=numbers().max()?)
    }

    /// How far the rollout is.
    pub fn rollout(&self) -> Option<&RolloutRecord> {
        self.shards.first()?.rollout.as_ref()
    }

    /// What this cluster was ordered.
    pub fn row(&self, cluster: &ClusterUid) -> Option<&Row> {
        self.shards.iter().find_map(|shard| shard.rows.get(cluster))
    }

    /// Which term of an epoch gave which numbers.
    ///
    /// Shards are joined: numbers rise over the whole ledger, so the first number of a term is the lowest of
    /// its first numbers.
    pub fn history(&self, epoch: Epoch) -> History {
        let mut starts: Vec<TermStart> = Vec::new();
        for record in self.shards.iter().flat_map(|shard| &shard.terms) {
            let (Leadership { epoch: of, term }, first) = (record.leadership, record.first);
            if of != epoch {
                continue;
            }
            match starts.iter_mut().find(|start| start.term == term) {
                Some(start) => start.first = start.first.min(first),
                None => starts.push(TermStart { term, first }),
            }
        }
        History::new(epoch, starts)
    }

    /// The orders of all rows that were given in this epoch, as they are sent.
    pub fn orders(&self, epoch: Epoch) -> Vec<(ClusterUid, Order)> {
        let history = self.history(epoch);
        self.rows()
            .filter_map(|(cluster, row)| {
                let term = history.term_of(row.number)?;
                Some((cluster, self.order(cluster, row, epoch, term)))
            })
            .collect()
    }

    fn order(&self, cluster: ClusterUid, row: &Row, epoch: Epoch, term: Term) -> Order {
        let package = PackageRef {
            namespace: self.package.namespace.clone(),
            name: self.package.name.clone(),
            uid: self.package.uid,
            revision: row.ordered.revision,
        };
        let settings = Settings {
            account: row.ordered.account.clone(),
            target_namespace: self.package.namespace.clone(),
            // A tombstone is carried out whether or not the package was paused.
            paused: row.ordered.paused && !row.tombstone,
            ..Settings::default()
        };
        let body = if row.tombstone {
            OrderBody::Tombstone
        } else {
            OrderBody::Apply(row.ordered.reference())
        };
        let mut order = Order {
            deployment: self.package.key().deployment(&cluster),
            package,
            tuple: Tuple {
                epoch,
                term,
                number: row.number,
                digest: row.ordered.content,
            },
            settings,
            body,
        };
        order.tuple.digest = order.digest();
        order
    }
}

const _: () = assert!(packed::ROW <= 32 && MAX_CONTENTS < u16::MAX as usize);

#[cfg(test)]
mod tests;
