//! Who changed objects of ours: once per disturbance, and only for a while.

use stevedore_proto_core::Millis;
use stevedore_proto_core::status::{Attribution, Interference};

use super::Rollout;
use super::item::{Fights, Item};

/// In an [`Attribution`], for a manager: the object was deleted, which leaves no manager's name.
pub const DELETED: &str = "(deleted)";
/// In an [`Attribution`], for a manager: a field was removed, which leaves no manager's name.
pub const UNKNOWN: &str = "(unknown)";
/// Most incidents that are remembered.
const INCIDENTS: usize = 16;
/// How long one is remembered, in milliseconds.
const MEMORY: Millis = 3_600_000;

/// Somebody changed an object of ours.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Incident {
    /// Who, and which object.
    pub attribution: Attribution,
    /// How often: a higher number is news.
    pub times: u32,
}

impl Rollout {
    /// The object is not as it was left. What stays so is one incident, however often it is looked at.
    pub(super) fn disturbed(&mut self, at: usize, now: Millis) {
        let manager = seen_manager(&self.items[at]);
        self.attribute(at, manager, now);
    }

    /// The object is not there.
    pub(super) fn vanished(&mut self, at: usize, now: Millis) {
        if self.items[at].placed {
            self.attribute(at, DELETED.into(), now);
        }
    }

    fn attribute(&mut self, at: usize, manager: String, now: Millis) {
        let item = &mut self.items[at];
        let goes_on = std::mem::replace(&mut item.disturbed, true);
        let attribution = Attribution {
            kind: if item.fights.count() >= Fights::CONTENTION {
                Interference::Contention
            } else {
                Interference::Drift
            },
            object: item.desired.key.to_string(),
            manager,
        };
        let known = self.incidents.iter().position(|(known, _)| {
            known.attribution.object == attribution.object
                && known.attribution.manager == attribution.manager
        });
        let before = known.and_then(|at| self.incidents.remove(at));
        let times = match before {
            Some((before, _)) if goes_on => before.times,
            Some((before, _)) => before.times.saturating_add(1),
            None => 1,
        };
        self.incidents
            .push_front((Incident { attribution, times }, now));
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

fn seen_manager(item: &Item) -> String {
    item.seen()
        .and_then(|seen| seen.other_manager.as_deref())
        .unwrap_or(UNKNOWN)
        .to_owned()
}
