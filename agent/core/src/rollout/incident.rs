//! Incidents: who changed objects of ours, once per drift, and only for a while.

use stevedore_proto_core::Millis;
use stevedore_proto_core::status::{Attribution, Interference};

use super::Rollout;
use super::item::{Item, Repairs};

/// Most incidents that are remembered.
const INCIDENTS: usize = 16;
/// How long one is remembered, in milliseconds.
const MEMORY: Millis = 3_600_000;

/// Who changed an object of ours, as far as the object tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Author {
    /// A field manager.
    Manager(Box<str>),
    /// A field was removed, which leaves no manager's name.
    Untraced,
    /// The object was deleted, which leaves no manager's name either.
    Deleter,
}

/// Somebody changed an object of ours.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Incident {
    /// What happened.
    pub kind: Interference,
    /// `Kind namespace/name`.
    pub object: String,
    /// Who did it.
    pub author: Author,
    /// How often: a higher number is news.
    pub times: u32,
}

impl Incident {
    /// As the hub is told of it.
    pub fn attribution(&self) -> Attribution {
        let manager = match &self.author {
            Author::Manager(manager) => manager,
            Author::Untraced => "(unknown)",
            Author::Deleter => "(deleted)",
        };
        Attribution {
            kind: self.kind,
            object: self.object.clone(),
            manager: manager.to_owned(),
        }
    }
}

impl Rollout {
    /// The object is not as it was left. What stays so is one incident, however often it is read.
    pub(super) fn drifted(&mut self, at: usize, now: Millis) {
        let author = author(&self.items[at]);
        self.attribute(at, author, now);
    }

    /// The object is not there.
    pub(super) fn vanished(&mut self, at: usize, now: Millis) {
        if self.items[at].placed {
            self.attribute(at, Author::Deleter, now);
        }
    }

    fn attribute(&mut self, at: usize, author: Author, now: Millis) {
        let item = &mut self.items[at];
        let goes_on = std::mem::replace(&mut item.drifted, true);
        let object = item.desired.key.to_string();
        let known = self
            .incidents
            .iter()
            .position(|(known, _)| known.object == object && known.author == author);
        let before = known.and_then(|at| self.incidents.remove(at));
        let incident = Incident {
            kind: if item.repairs.count() >= Repairs::CONTENTION {
                Interference::Contention
            } else {
                Interference::Drift
            },
            object,
            author,
            times: match before {
                Some((before, _)) if goes_on => before.times,
                Some((before, _)) => before.times.saturating_add(1),
                None => 1,
            },
        };
        self.incidents.push_front((incident, now));
        self.incidents.truncate(INCIDENTS);
    }

    pub(super) fn forget_incidents(&mut self, now: Millis) {
        self.incidents
            .retain(|(_, at)| now < at.saturating_add(MEMORY));
    }

    /// When the oldest incident is over.
    pub(super) fn next_forgotten(&self) -> Option<Millis> {
        let oldest = self.incidents.iter().map(|(_, at)| *at).min()?;
        Some(oldest.saturating_add(MEMORY))
    }
}

fn author(item: &Item) -> Author {
    item.seen()
        .and_then(|seen| seen.other_manager.clone())
        .map_or(Author::Untraced, Author::Manager)
}
