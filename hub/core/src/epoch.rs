//! The stored epoch and term of the hub, and the raise of an epoch.
//!
//! Both live in one record that is changed by compare-and-swap only: a leadership takes a new term before it
//! orders anything, and an operator's raise starts a new epoch above everything any member holds.

use std::collections::BTreeMap;

use stevedore_proto_core::id::{EpochId, ParseIdError, TermId};
use stevedore_proto_core::{Epoch, Held, Leadership, PackageUid, Term};

use crate::ledger::Ledger;
use crate::session::{Census, Finding};

/// What is stored about the hub's history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// The epoch, and the newest term that was taken.
    pub leadership: Leadership,
    /// Order numbers that members held at the last raise, by package: new ones are above.
    pub floors: BTreeMap<PackageUid, u64>,
    /// The request that the last raise followed; empty before the first.
    pub raised: String,
}

/// A stored record that cannot be read. The hub must not guess: it stops.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the stored epoch cannot be read: {0}")]
pub struct UnreadableRecord(String);

/// Highest counter that a raise takes from a member: one damaged member could otherwise leave no number for all
/// others.
const MAX_PLAUSIBLE_COUNTER: u64 = 1 << 53;

const EPOCH: &str = "epoch";
const EPOCH_ID: &str = "epochID";
const TERM: &str = "term";
const TERM_ID: &str = "termID";
const FLOORS: &str = "floors";
const RAISED: &str = "raised";

impl Record {
    /// The record of a new leadership: the next term, or the first of the first epoch.
    #[must_use]
    pub fn take_term(before: Option<&Self>, epoch_id: EpochId, term_id: TermId) -> Self {
        let term = |counter| Term {
            counter,
            id: term_id,
        };
        match before {
            Some(before) => {
                let mut record = before.clone();
                record.leadership.term = term(before.leadership.term.counter + 1);
                record
            }
            None => Self {
                leadership: Leadership {
                    epoch: Epoch {
                        counter: 1,
                        id: epoch_id,
                    },
                    term: term(1),
                },
                floors: BTreeMap::new(),
                raised: String::new(),
            },
        }
    }

    /// The record of a raised epoch: above every epoch and every number that a member holds. A request that was
    /// followed before changes nothing: it may be read again after a restart.
    #[must_use]
    pub fn raise(
        &self,
        request: &str,
        census: &CensusSummary,
        epoch_id: EpochId,
        term_id: TermId,
    ) -> Self {
        if self.raised == request {
            return self.clone();
        }
        let own = self.leadership.epoch.counter;
        let mut floors = self.floors.clone();
        for (package, number) in &census.floors {
            let floor = floors.entry(*package).or_default();
            *floor = (*floor).max(*number);
        }
        Self {
            leadership: Leadership {
                epoch: Epoch {
                    counter: census.epoch_floor.max(own) + 1,
                    id: epoch_id,
                },
                term: Term {
                    counter: 1,
                    id: term_id,
                },
            },
            floors,
            raised: request.to_owned(),
        }
    }

    /// Text fields, as they are stored.
    pub fn to_data(&self) -> BTreeMap<String, String> {
        let Leadership { epoch, term } = self.leadership;
        let floors: Vec<_> = self
            .floors
            .iter()
            .map(|(package, number)| format!("{package}={number}"))
            .collect();
        BTreeMap::from([
            (EPOCH.to_owned(), epoch.counter.to_string()),
            (EPOCH_ID.to_owned(), epoch.id.to_string()),
            (TERM.to_owned(), term.counter.to_string()),
            (TERM_ID.to_owned(), term.id.to_string()),
            (FLOORS.to_owned(), floors.join(",")),
            (RAISED.to_owned(), self.raised.clone()),
        ])
    }

    /// Reads text fields; `None` when nothing was ever stored.
    ///
    /// # Errors
    /// When there are fields, but not those of a record.
    pub fn from_data(data: &BTreeMap<String, String>) -> Result<Option<Self>, UnreadableRecord> {
        if data.is_empty() {
            return Ok(None);
        }
        let field = |key: &str| {
            data.get(key)
                .map(String::as_str)
                .ok_or_else(|| UnreadableRecord(format!("{key} is missing")))
        };
        let number = |key: &str, text: &str| {
            text.parse::<u64>()
                .map_err(|_| UnreadableRecord(format!("{key} is not a number")))
        };
        let id = |key: &'static str| {
            move |_: ParseIdError| UnreadableRecord(format!("{key} is not a UUID"))
        };
        let mut floors = BTreeMap::new();
        let text = data.get(FLOORS).map_or("", String::as_str);
        for entry in text.split(',').filter(|entry| !entry.is_empty()) {
            let (package, floor) = entry
                .split_once('=')
                .ok_or_else(|| UnreadableRecord(format!("{FLOORS} has an entry without =")))?;
            floors.insert(package.parse().map_err(id(FLOORS))?, number(FLOORS, floor)?);
        }
        let epoch = Epoch {
            counter: number(EPOCH, field(EPOCH)?)?,
            id: field(EPOCH_ID)?.parse().map_err(id(EPOCH_ID))?,
        };
        let term = Term {
            counter: number(TERM, field(TERM)?)?,
            id: field(TERM_ID)?.parse().map_err(id(TERM_ID))?,
        };
        Ok(Some(Self {
            leadership: Leadership { epoch, term },
            floors,
            raised: data.get(RAISED).cloned().unwrap_or_default(),
        }))
    }
}

/// What all members that could be asked hold, beside what the hub knows.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CensusSummary {
    /// The highest epoch counter that any member holds.
    pub epoch_floor: u64,
    /// The highest order number that members hold, by package.
    pub floors: BTreeMap<PackageUid, u64>,
    /// One line per cluster and deployment that is not exactly as ordered, for people.
    pub lines: Vec<CensusLine>,
    /// Deployments that are as ordered.
    pub as_ordered: usize,
    /// Names of members that said nothing: without a session, or too slow. What they hold is not counted.
    pub missing: Vec<String>,
}

/// One deployment that is not as ordered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CensusLine {
    /// Name of the `MemberCluster`.
    pub cluster: String,
    /// As the member said.
    pub held: Held,
    /// How it stands to the ledgers.
    pub finding: Finding,
}

impl CensusSummary {
    /// Also counts the epochs that stored ledgers name: the record itself may have been lost.
    pub fn count<'a>(&mut self, ledgers: impl IntoIterator<Item = &'a Ledger>) {
        let shards = ledgers.into_iter().flat_map(|ledger| &ledger.shards);
        let epochs = shards
            .flat_map(|shard| &shard.terms)
            .map(|term| term.leadership.epoch.counter);
        self.epoch_floor = epochs.fold(self.epoch_floor, u64::max);
    }

    /// Adds what one cluster holds, or that it did not say.
    pub fn add(&mut self, cluster: &str, census: Option<&Census>) {
        let Some(census) = census else {
            self.missing.push(cluster.to_owned());
            return;
        };
        let floor = census.epoch_floor(self.epoch_floor);
        if floor <= MAX_PLAUSIBLE_COUNTER {
            self.epoch_floor = floor;
        }
        for entry in &census.entries {
            let number = entry.held.tuple.number;
            // What the hub does not know gets no orders, and a member must not fill the record with it.
            if number <= MAX_PLAUSIBLE_COUNTER && entry.finding != Finding::Unknown {
                let floor = self.floors.entry(entry.held.package.uid).or_default();
                *floor = (*floor).max(number);
            }
            if entry.finding == Finding::AsOrdered {
                self.as_ordered += 1;
            } else {
                self.lines.push(CensusLine {
                    cluster: cluster.to_owned(),
                    held: entry.held.clone(),
                    finding: entry.finding,
                });
            }
        }
    }
}

impl CensusLine {
    /// One CamelCase word for the finding.
    pub fn word(&self) -> &'static str {
        match self.finding {
            Finding::AsOrdered => "AsOrdered",
            Finding::Behind => "Behind",
            Finding::Foreign(reason) => reason.reason().as_str(),
            Finding::Unknown => "UnknownToHub",
        }
    }
}

#[cfg(test)]
mod tests;
