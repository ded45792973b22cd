//! Rollout of one set: phases in order, each in two parts, every object read, checked, written and
//! probed; and keeping it so.
//!
//! A [`Rollout`] is what is known about the accepted set's objects. Answers and watch events change it;
//! [`Rollout::plan`] only reads it and says what to do next.

mod answer;
mod context;
mod event;
mod incident;
mod item;
mod obstacle;
mod refusal;
mod summary;

use std::collections::{BTreeSet, VecDeque};

use stevedore_proto_core::Millis;

use crate::desired::{Blueprint, Desired, Guard, PhaseHead, PhasePart, PhaseSet, waits_for};
use crate::key::{ObjectKey, WatchKey};
use crate::retry::Jitter;

pub use answer::Answer;
pub use context::{Context, Memory, Progress, Record};
pub use incident::{Author, Incident};
pub use item::Block;
pub(crate) use item::being_deleted;
use item::{Item, Live, Need};
use obstacle::Obstacle;
pub use summary::Summary;

/// One request a rollout asks for. Numbers are indexes of objects.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Job {
    /// List the deployment's objects of a scope.
    List(WatchKey),
    /// Live GET of an object.
    Read(usize),
    /// Let the server check a write.
    DryRun(usize, Guard),
    /// Write an object.
    Apply(usize, Guard),
}

/// The state of a rollout.
#[derive(Debug, Clone)]
pub struct Rollout {
    context: Context,
    items: Vec<Item>,
    phases: Vec<PhaseHead>,
    /// For every phase those that it waits for.
    waits: Vec<PhaseSet>,
    /// Phases that may be worked on: what they wait for was complete once.
    reached: PhaseSet,
    success_delay: Millis,
    available_since: Option<Millis>,
    succeeded: bool,
    paused: bool,
    listing: BTreeSet<WatchKey>,
    /// The latest first, each with the time it happened last.
    incidents: VecDeque<(Incident, Millis)>,
    jitter: Jitter,
}

impl Rollout {
    /// Starts from a checked content and what is remembered of each of its objects.
    pub fn new(
        context: Context,
        blueprint: &Blueprint,
        progress: Progress,
        seed: u64,
        mut memory: impl FnMut(&Desired) -> Memory,
    ) -> Self {
        let items = blueprint
            .objects
            .iter()
            .map(|desired| Item::new(desired.clone(), memory(desired)))
            .collect();
        let mut rollout = Self {
            context,
            items,
            phases: blueprint.phases.clone(),
            waits: waits_for(&blueprint.phases),
            reached: progress.reached,
            success_delay: Millis::from(blueprint.success_delay) * 1_000,
            available_since: None,
            succeeded: progress.succeeded,
            paused: false,
            listing: BTreeSet::new(),
            incidents: VecDeque::new(),
            jitter: Jitter::new(seed),
        };
        rollout.advance(0);
        rollout
    }

    /// While paused nothing is written.
    pub fn set_paused(&mut self, paused: bool) {
        self.paused = paused;
    }

    /// The set's number.
    pub fn order(&self) -> u64 {
        self.context.order
    }

    /// The desired object behind an index.
    pub fn desired(&self, index: usize) -> Option<&Desired> {
        self.items.get(index).map(|item| &item.desired)
    }

    /// What there is to watch by now: the scopes of every object that is in a reached phase, or in place from
    /// before; as far as its kind is served.
    pub fn scopes(&self) -> BTreeSet<WatchKey> {
        self.items
            .iter()
            .filter(|item| item.placed || self.is_reached(item))
            .filter(|item| item.served || item.live.is_present())
            .map(|item| WatchKey::of(&item.desired.key))
            .collect()
    }

    /// What is remembered of an object, for the rollout of the next set, which wants it so.
    pub fn remember(&self, desired: &Desired) -> Memory {
        let Some(item) = self.position(&desired.key).map(|at| &self.items[at]) else {
            return Memory::default();
        };
        Memory {
            record: item.record.clone(),
            placed: item.placed && item.desired.content == desired.content,
            seen: match &item.live {
                Live::Present(seen) => Some((**seen).clone()),
                _ => None,
            },
        }
    }

    /// Every object is in place and passes its probes, seen after the order was accepted.
    pub fn is_available(&self) -> bool {
        (0..self.phases.len()).all(|phase| self.phase_passes(phase))
    }

    /// Every object is in place.
    pub fn is_applied(&self) -> bool {
        self.items.iter().all(|item| item.in_place(&self.context))
            && self.phases.iter().all(|phase| phase.delegated.is_none())
    }

    fn position(&self, key: &ObjectKey) -> Option<usize> {
        self.items
            .iter()
            .position(|item| item.desired.key.same_object(key))
    }

    fn is_reached(&self, item: &Item) -> bool {
        self.reached.contains(usize::from(item.desired.phase))
    }

    fn phase_items(&self, phase: usize) -> impl Iterator<Item = &Item> {
        self.items
            .iter()
            .filter(move |item| usize::from(item.desired.phase) == phase)
    }

    fn phase_passes(&self, phase: usize) -> bool {
        let is_ours = self.phases[phase].delegated.is_none();
        is_ours && self.phase_items(phase).all(|item| self.passes(item))
    }

    fn passes(&self, item: &Item) -> bool {
        item.fresh && self.passed(item)
    }

    /// As it was seen last.
    fn passed(&self, item: &Item) -> bool {
        // While paused others may change what was in place once; what never was is not what is wanted.
        let there =
            item.in_place(&self.context) || (self.paused && item.placed && item.live.is_present());
        there && item.probed().passed() && item.established()
    }

    /// Available, or it was and is only being read again: nothing that was seen speaks against it.
    pub fn stays_available(&self) -> bool {
        let as_before = |item: &Item| item.block.is_none() && self.passed(item);
        self.is_available() || (self.available_since.is_some() && self.items.iter().all(as_before))
    }

    /// Lets in further phases and starts or stops the clock of availability.
    fn advance(&mut self, now: Millis) {
        // What waits for a phase comes after it.
        let mut through = PhaseSet::default();
        for phase in 0..self.phases.len() {
            if self.waits[phase].is_within(through) {
                self.reached.insert(phase);
                if self.phase_passes(phase) {
                    through.insert(phase);
                }
            }
        }
        if !self.is_available() {
            if !self.stays_available() {
                self.available_since = None;
            }
            return;
        }
        let since = *self.available_since.get_or_insert(now);
        if now >= since.saturating_add(self.success_delay) {
            self.succeeded = true;
        }
    }

    /// Time has passed.
    pub fn tick(&mut self, now: Millis) {
        self.forget_incidents(now);
        self.advance(now);
    }

    /// What to do now, at most `room` requests, and when to plan again if nothing happens.
    pub fn plan(&self, now: Millis, room: usize) -> (Vec<Job>, Option<Millis>) {
        let mut plan = Planning {
            jobs: Vec::new(),
            wake: None,
            room,
            now,
            asking: BTreeSet::new(),
        };
        let mut through = PhaseSet::default();
        for phase in 0..self.phases.len() {
            let mut open = self.reached.contains(phase) && self.waits[phase].is_within(through);
            for part in [PhasePart::Prerequisites, PhasePart::Rest] {
                self.plan_part(phase, part, open, &mut plan);
                let ready = self
                    .phase_items(phase)
                    .filter(|item| item.desired.part == part)
                    .all(|item| item.in_place(&self.context) && item.established());
                open &= ready;
            }
            if open && self.phase_passes(phase) {
                through.insert(phase);
            }
        }
        if let (Some(since), false) = (self.available_since, self.succeeded) {
            plan.wake_at(since.saturating_add(self.success_delay));
        }
        if let Some(at) = self.next_forgotten() {
            plan.wake_at(at);
        }
        (plan.jobs, plan.wake)
    }

    fn plan_part(&self, phase: usize, part: PhasePart, open: bool, plan: &mut Planning) {
        let range = || {
            self.items.iter().enumerate().filter(move |(_, item)| {
                usize::from(item.desired.phase) == phase && item.desired.part == part
            })
        };
        let checked = range().all(|(_, item)| item.may_go_on(&self.context));
        for (at, item) in range() {
            // What is in place is kept so, whatever its phase waits for.
            let looked_at = open || (self.paused && self.is_reached(item));
            if !(looked_at || item.placed) || plan.is_asked_for(item) || item.busy {
                continue;
            }
            if !item.backoff.ready(plan.now) {
                plan.wake = earlier(plan.wake, item.backoff.wake(plan.now));
                continue;
            }
            match item.need(&self.context, self.paused) {
                Need::Nothing => {}
                Need::List => {
                    let scope = WatchKey::of(&item.desired.key);
                    let job = Job::List(scope.clone());
                    if !self.listing.contains(&scope) && !plan.jobs.contains(&job) {
                        plan.push(job);
                    }
                }
                Need::Read => plan.push(Job::Read(at)),
                Need::Write(_) if self.paused => {}
                Need::Write(guard) if item.placed => {
                    if item.repairs.may_repair(plan.now) {
                        plan.push(Job::Apply(at, guard));
                    } else {
                        plan.wake_at(item.repairs.paused_until());
                    }
                }
                Need::Write(guard) if !item.checked => plan.push(Job::DryRun(at, guard)),
                Need::Write(guard) if checked => plan.push(Job::Apply(at, guard)),
                Need::Write(_) => {}
            }
        }
    }
}

struct Planning {
    jobs: Vec<Job>,
    wake: Option<Millis>,
    room: usize,
    now: Millis,
    /// What some object asks for already.
    asking: BTreeSet<Obstacle>,
}

impl Planning {
    /// It waits for what another object asks for; or it is the one that does.
    fn is_asked_for(&mut self, item: &Item) -> bool {
        // What is left alone for a while would keep the others waiting.
        let asks = !item.placed || item.repairs.may_repair(self.now);
        asks && (item.obstacle()).is_some_and(|obstacle| !self.asking.insert(obstacle))
    }

    fn push(&mut self, job: Job) {
        if self.jobs.len() < self.room {
            self.jobs.push(job);
        }
    }

    fn wake_at(&mut self, at: Millis) {
        self.wake = earlier(self.wake, Some(at));
    }
}

/// The earlier of two wake-up times.
pub fn earlier(a: Option<Millis>, b: Option<Millis>) -> Option<Millis> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (a, b) => a.or(b),
    }
}

#[cfg(test)]
mod tests;
