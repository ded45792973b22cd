//! The summary of a rollout.

use stevedore_proto_core::Reason;
use stevedore_proto_core::status::{
    Blocker, MappedCondition, PhaseState, PhaseStatus, Truth, Verdict,
};

use super::context::Record;
use super::event::is_in_the_way;
use super::item::{Block, Item, Need};
use super::{Incident, Rollout};
use crate::desired::{Delegated, PhaseHead};
use crate::key::ObjectKey;

/// Most objects named in one message.
const NAMED: usize = 5;
/// Said of an object whose probes could not be evaluated.
const UNPROBED: &str = "cannot be probed yet, CEL expressions of other packages take too long";

/// The status of a rollout, in words that both the stored set and the report to the hub use.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Summary {
    /// Whether every object is in place and passes its probes at this order.
    pub available: Verdict,
    /// Some object is not controlled yet, or no longer.
    pub in_transition: bool,
    /// Available long enough, once.
    pub succeeded: bool,
    /// Nothing is written.
    pub paused: bool,
    /// Every object is in place.
    pub applied: bool,
    /// Enough has been read to say so: what is being read says nothing yet.
    pub known: bool,
    /// One per phase.
    pub phases: Vec<PhaseStatus>,
    /// What is waited for.
    pub blockers: Vec<Blocker>,
    /// Who changed objects of ours, the latest first.
    pub incidents: Vec<Incident>,
    /// Copied conditions.
    pub mapped: Vec<MappedCondition>,
    /// Objects that are controlled now, with what the next start has to know of them.
    pub controlled: Vec<(ObjectKey, Record)>,
}

impl Rollout {
    /// The status as of now.
    pub fn summary(&self) -> Summary {
        let controlled: Vec<_> = self
            .items
            .iter()
            .filter(|item| item.placed && !is_lost(item))
            .filter_map(|item| Some((item.desired.key.clone(), item.record.clone()?)))
            .collect();
        let available = self.verdict();
        Summary {
            in_transition: controlled.len() < self.items.len()
                || self.phases.iter().any(|phase| phase.delegated.is_some()),
            succeeded: self.succeeded,
            paused: self.paused,
            applied: self.is_applied(),
            known: self.is_known(),
            phases: (0..self.phases.len()).map(|at| self.phase(at)).collect(),
            blockers: self.blockers(),
            incidents: self
                .incidents
                .iter()
                .map(|(incident, _)| incident.clone())
                .collect(),
            mapped: self.mapped(),
            controlled,
            available,
        }
    }

    /// Nothing that was reached waits to be read for the first time or again, or for a repair that is made at once,
    /// unless something stops it.
    fn is_known(&self) -> bool {
        self.items
            .iter()
            .filter(|item| self.is_reached(item))
            .filter(|item| item.block.is_none())
            .all(|item| match item.need(&self.context, self.paused) {
                Need::Read => item.waits_for_probe(),
                Need::List => false,
                Need::Write(_) => !item.placed || self.paused || item.repairs.count() >= 2,
                Need::Nothing => true,
            })
    }

    fn blocked(&self) -> impl Iterator<Item = (&Item, &Block)> {
        self.items
            .iter()
            .filter_map(|item| Some((item, item.block.as_deref()?)))
    }

    fn blockers(&self) -> Vec<Blocker> {
        let objects = self
            .blocked()
            .map(|(item, block)| block.blocker(item.desired.key.to_string()));
        let phases = self.delegated().map(|(phase, class)| {
            let block = Block::new(Reason::NoSuchPhaseClass, runs_no_class(class));
            block.blocker(format!("phase {:?}", phase.name))
        });
        objects.chain(phases).collect()
    }

    /// Phases that are next and that somebody else would have to run, with their classes.
    fn delegated(&self) -> impl Iterator<Item = (&PhaseHead, &Delegated)> {
        let reached = self.phases.iter().enumerate();
        let reached = reached.filter(|(at, _)| self.reached.contains(*at));
        reached.filter_map(|(_, phase)| Some((phase, phase.delegated.as_ref()?)))
    }

    fn mapped(&self) -> Vec<MappedCondition> {
        let mut mapped: Vec<MappedCondition> = Vec::new();
        for condition in self
            .items
            .iter()
            .filter(|item| item.fresh)
            .filter_map(Item::seen)
            .flat_map(|seen| seen.mapped.iter())
        {
            if !mapped.iter().any(|known| known.r#type == condition.r#type) {
                mapped.push(condition.clone());
            }
        }
        mapped
    }

    fn verdict(&self) -> Verdict {
        if self.is_available() {
            let message = "every object is in place and passes its probes";
            return Verdict::new(Truth::True, Reason::Available, message);
        }
        if let Some((_, first)) = self.blocked().next() {
            let reason = if first.preflight && !is_in_the_way(first) {
                Reason::PreflightError
            } else {
                first.reason.clone()
            };
            let objects = self
                .blocked()
                .map(|(item, block)| format!("{} {}", item.desired.key, block.message));
            return Verdict::new(Truth::False, reason, listed(objects));
        }
        let mut handed_over = self.handed_over().peekable();
        if handed_over.peek().is_some() {
            let objects = handed_over.map(|item| item.desired.key.to_string());
            let message = format!("taken over by a set that follows: {}", listed(objects));
            return Verdict::new(Truth::False, Reason::InTransition, message);
        }
        self.verdict_of_waiting()
    }

    fn handed_over(&self) -> impl Iterator<Item = &Item> {
        let context = &self.context;
        self.items
            .iter()
            .filter(move |item| item.is_handed_over(context))
    }

    /// No object is blocked, and what is not through waits for whoever runs its class.
    fn verdict_of_class(&self, phase: &PhaseHead, class: &Delegated) -> Verdict {
        let message = format!("phase {:?}: {}", phase.name, runs_no_class(class));
        Verdict::new(Truth::False, Reason::NoSuchPhaseClass, message)
    }

    /// Nothing is blocked, but a phase is not through.
    fn verdict_of_waiting(&self) -> Verdict {
        let mut reached = (0..self.phases.len()).filter(|phase| self.reached.contains(*phase));
        let is_through = |phase: &usize| self.phase_passes(*phase);
        // What makes progress is told before what does not.
        let mut unfinished = reached.clone().filter(|phase| !is_through(phase));
        let own = |phase: &usize| self.phases[*phase].delegated.is_none();
        let phase = unfinished.find(own);
        if let (None, Some((phase, class))) = (phase, self.delegated().next()) {
            return self.verdict_of_class(phase, class);
        }
        let phase = phase.or_else(|| reached.next_back()).unwrap_or_default();
        let name = self.phases.get(phase).map_or("", |phase| &phase.name);
        let waiting: Vec<_> = self
            .phase_items(phase)
            .filter(|item| !self.passes(item))
            .collect();
        let in_place = |item: &&Item| item.fresh && (self.paused || item.in_place(&self.context));
        let only_unprobed = waiting
            .iter()
            .all(|item| in_place(item) && item.waits_for_probe());
        if only_unprobed && !waiting.is_empty() {
            let objects = waiting.iter().map(|item| item.desired.key.to_string());
            let message = format!("phase {name:?}: {UNPROBED}: {}", listed(objects));
            return Verdict::new(Truth::Unknown, Reason::ProbeWaits, message);
        }
        if waiting.iter().all(in_place) {
            let objects = waiting
                .iter()
                .map(|item| format!("{}: {}", item.desired.key, self.shortfall(item)));
            let message = format!("phase {name:?} failed: {}", listed(objects));
            return Verdict::new(Truth::False, Reason::ProbeFailure, message);
        }
        let objects = waiting
            .iter()
            .filter(|item| !in_place(item))
            .map(|item| item.desired.key.to_string());
        let message = format!("phase {name:?} is being applied: {}", listed(objects));
        Verdict::new(Truth::False, Reason::Applying, message)
    }

    fn shortfall(&self, item: &Item) -> String {
        let Some(seen) = item.seen() else {
            return if item.placed {
                "not found"
            } else {
                "not applied yet"
            }
            .to_owned();
        };
        if item.is_handed_over(&self.context) {
            "taken over by a set that follows".to_owned()
        } else if !item.fresh {
            "not read since the order was accepted".to_owned()
        } else if !seen.established {
            "not established yet".to_owned()
        } else if self.paused && !item.placed && !item.in_place(&self.context) {
            "is not as wanted, and nothing is written while paused".to_owned()
        } else if item.waits_for_probe() {
            UNPROBED.to_owned()
        } else if seen.probed.passed() {
            "being applied".to_owned()
        } else {
            seen.probed.message().to_owned()
        }
    }

    fn phase(&self, at: usize) -> PhaseStatus {
        let head = &self.phases[at];
        if let Some(class) = &head.delegated {
            let (state, message) = match self.reached.contains(at) {
                true => (PhaseState::Blocked, runs_no_class(class)),
                false => (PhaseState::Pending, String::new()),
            };
            return PhaseStatus {
                name: head.name.clone(),
                state,
                objects: class.objects,
                ready: 0,
                message,
            };
        }
        let objects = self.phase_items(at).count();
        let ready = self
            .phase_items(at)
            .filter(|item| self.passes(item))
            .count();
        let blocked = self.phase_items(at).find_map(|item| {
            let block = item.block.as_deref()?;
            Some(format!("{} {}", item.desired.key, block.message))
        });
        let passes = ready == objects;
        let (state, message) = if !self.reached.contains(at) {
            (PhaseState::Pending, String::new())
        } else if passes {
            (PhaseState::Available, String::new())
        } else if let Some(blocked) = blocked {
            (PhaseState::Blocked, blocked)
        } else {
            let waiting = self
                .phase_items(at)
                .filter(|item| !self.passes(item))
                .map(|item| format!("{}: {}", item.desired.key, self.shortfall(item)));
            (PhaseState::Progressing, listed(waiting))
        };
        PhaseStatus {
            name: head.name.clone(),
            state,
            objects: u32::try_from(objects).unwrap_or(u32::MAX),
            ready: u32::try_from(ready).unwrap_or(u32::MAX),
            message,
        }
    }
}

fn runs_no_class(class: &Delegated) -> String {
    format!(
        "this member runs no phases of class {:?}, and later phases wait for it",
        class.class
    )
}

/// It became somebody else's.
fn is_lost(item: &Item) -> bool {
    item.block
        .as_ref()
        .is_some_and(|block| matches!(block.reason, Reason::CollisionDetected | Reason::NewerOrder))
}

/// The first few, and how many more there are.
fn listed(all: impl Iterator<Item = String>) -> String {
    let mut all: Vec<String> = all.collect();
    let more = all.len().saturating_sub(NAMED);
    all.truncate(NAMED);
    let mut text = all.join("; ");
    if more > 0 {
        text.push_str(&format!("; and {more} more"));
    }
    text
}
