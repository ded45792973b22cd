//! Verbs on packages: which pin and which verbs on the rollout hold, and what became of every action.

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use stevedore_crds::condition::{self, READY, STALLED, Update};
use stevedore_crds::v1alpha1::{ActionState, ActionVerb, PackageActionSpec, PackageActionStatus};
use stevedore_hub_core::history::{self, ActiveRevision, Pin, Revision};
use stevedore_hub_core::rollout::{Stop, Verbs};
use stevedore_proto_core::Digest;

/// One action as it was found.
#[derive(Debug, Clone)]
pub(crate) struct Found {
    /// Creation time and name: the order in which actions without a sequence are taken.
    pub(crate) order: (Option<Timestamp>, String),
    pub(crate) generation: i64,
    pub(crate) spec: PackageActionSpec,
    pub(crate) status: PackageActionStatus,
}

/// What has to be written, by index into the actions, and what holds then.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Decision {
    pub(crate) writes: Vec<(usize, PackageActionStatus)>,
    pub(crate) pin: Option<Pin>,
    /// Of the rollout of the revision that should run.
    pub(crate) verbs: Verbs,
}

/// Takes new actions in order, ends what no longer holds. `retried` is the sequence of the last `Retry` that was carried
/// out: numbers go on from there although its object may be gone. Deciding again after the writes writes nothing.
pub(crate) fn decide(
    actions: &[Found],
    spec_hash: &Digest,
    revisions: &[Revision],
    retried: u64,
    now: Timestamp,
) -> Decision {
    let mut draft = Draft::new(actions, spec_hash, retried, now);
    let mut order: Vec<usize> = (0..actions.len()).collect();
    order.sort_by_key(|at| {
        let Found { status, order, .. } = &actions[*at];
        (status.sequence.unwrap_or(i64::MAX), order)
    });
    for at in order {
        let Found { spec, status, .. } = &actions[at];
        let is_new = status.sequence.is_none();
        if is_new {
            draft.number(at);
        } else if status.state != Some(ActionState::Active) {
            continue;
        }
        let number = number(spec.revision);
        let mut kept = revisions.iter().map(|revision| revision.number);
        let is_kept = number.is_some_and(|number| kept.any(|it| it == number));
        match spec.verb {
            ActionVerb::Release => draft.release(at, number),
            ActionVerb::Resume => draft.resume(at),
            _ if is_new && !is_kept => {
                draft.end(at, ActionState::Refused, "this revision is not kept");
            }
            ActionVerb::Pin => draft.pin(at, is_new),
            ActionVerb::Approve
            | ActionVerb::Promote
            | ActionVerb::Skip
            | ActionVerb::Retry
            | ActionVerb::Pause
            | ActionVerb::Abort => draft.hold(at),
            ActionVerb::Reject => {
                let mut kept = revisions.iter();
                let rejected = kept.find(|revision| Some(revision.number) == number);
                draft.reject(at, rejected);
            }
        }
    }
    draft.decision(revisions)
}

/// The statuses of all actions while they are decided on.
struct Draft<'a> {
    actions: &'a [Found],
    spec_hash: &'a Digest,
    now: Timestamp,
    statuses: Vec<PackageActionStatus>,
    /// The last sequence that was given.
    sequence: i64,
    /// That of the last `Retry` that was carried out.
    retried: u64,
    /// The pin that holds so far.
    holding: Option<usize>,
    /// Verbs on rollouts that hold so far.
    on_rollouts: Vec<usize>,
}

impl<'a> Draft<'a> {
    fn new(actions: &'a [Found], spec_hash: &'a Digest, retried: u64, now: Timestamp) -> Self {
        let mut statuses: Vec<_> = actions.iter().map(|found| found.status.clone()).collect();
        for status in &mut statuses {
            condition::remove_unreadable(&mut status.conditions);
        }
        let given = actions.iter().filter_map(|found| found.status.sequence);
        Self {
            actions,
            spec_hash,
            now,
            statuses,
            sequence: given.chain(i64::try_from(retried)).max().unwrap_or(0),
            retried,
            holding: None,
            on_rollouts: Vec::new(),
        }
    }

    /// Gives an action the next sequence.
    fn number(&mut self, at: usize) {
        self.sequence += 1;
        self.statuses[at].sequence = Some(self.sequence);
    }

    fn end(&mut self, at: usize, state: ActionState, message: &str) {
        end(&mut self.statuses[at], state, message, self.now);
    }

    /// A pin holds in place of the one before.
    fn pin(&mut self, at: usize, is_new: bool) {
        if let Some(before) = self.holding.replace(at) {
            self.end(before, ActionState::Ended, "a later action took its place");
        }
        if is_new {
            self.statuses[at].state = Some(ActionState::Active);
            self.statuses[at].spec_hash = Some(self.spec_hash.to_string());
        }
    }

    /// No pin holds any more; or, with a revision, that is rejected no longer.
    fn release(&mut self, at: usize, revision: Option<u64>) {
        if let Some(revision) = revision {
            let ended = self.end_on_rollouts("released", |spec, _| {
                spec.verb == ActionVerb::Reject && number(spec.revision) == Some(revision)
            });
            let message = match ended {
                0 => "the revision was not rejected",
                _ => "the revision is rejected no longer",
            };
            return self.end(at, ActionState::Ended, message);
        }
        let message = match self.holding.take() {
            Some(before) => {
                self.end(before, ActionState::Ended, "released");
                "the pin was released"
            }
            None => "no pin held",
        };
        self.end(at, ActionState::Ended, message);
    }

    /// Nothing is paused any more.
    fn resume(&mut self, at: usize) {
        let ended = self.end_on_rollouts("resumed", |spec, _| spec.verb == ActionVerb::Pause);
        let message = match ended {
            0 => "nothing was paused",
            _ => "the rollout goes on",
        };
        self.end(at, ActionState::Ended, message);
    }

    /// Ends some of the verbs on rollouts; says how many.
    fn end_on_rollouts(
        &mut self,
        message: &str,
        which: impl Fn(&PackageActionSpec, &PackageActionStatus) -> bool,
    ) -> usize {
        let all = std::mem::take(&mut self.on_rollouts).into_iter();
        let which = |at: &usize| which(&self.actions[*at].spec, &self.statuses[*at]);
        let (ended, kept) = all.partition::<Vec<_>, _>(which);
        self.on_rollouts = kept;
        for at in &ended {
            self.end(*at, ActionState::Ended, message);
        }
        ended.len()
    }

    /// A verb holds for the rollout of its revision.
    fn hold(&mut self, at: usize) {
        self.statuses[at].state = Some(ActionState::Active);
        self.on_rollouts.push(at);
    }

    /// A revision is rejected: also one that has another number and the same content.
    fn reject(&mut self, at: usize, revision: Option<&Revision>) {
        let hash = &mut self.statuses[at].spec_hash;
        if hash.is_none() {
            *hash = revision.map(|revision| revision.content_hash().to_string());
        }
        self.hold(at);
    }

    /// Ends verbs on other rollouts than that of the revision that should run, but for rejections; gives what the
    /// others amount to. While that revision is not known nothing ends.
    fn verbs(&mut self, active: Option<ActiveRevision>, revisions: &[Revision]) -> Verbs {
        let mut verbs = Verbs::default();
        let Some(active) = active.map(ActiveRevision::number) else {
            return verbs;
        };
        let mut kept = revisions.iter();
        let content = kept.find(|revision| revision.number == active);
        let content = content.map(|revision| revision.content_hash().to_string());
        let instead = format!("revision {active} is rolled out instead");
        self.end_on_rollouts(&instead, |spec, _| {
            number(spec.revision) != Some(active) && spec.verb != ActionVerb::Reject
        });
        let retried = self.retried;
        self.end_on_rollouts("what failed was ordered once more", |spec, status| {
            let is_done = number(status.sequence).is_some_and(|it| it <= retried);
            spec.verb == ActionVerb::Retry && is_done
        });
        for at in &self.on_rollouts {
            let (spec, status) = (&self.actions[*at].spec, &self.statuses[*at]);
            let is_same = status.spec_hash.is_some() && status.spec_hash == content;
            let is_rejected = spec.verb == ActionVerb::Reject && is_same;
            if is_rejected || number(spec.revision) == Some(active) {
                add(&mut verbs, spec, status.sequence);
            }
        }
        verbs
    }

    fn decision(mut self, revisions: &[Revision]) -> Decision {
        let pin = self.holding.and_then(|at| {
            let (found, status) = (&self.actions[at], &mut self.statuses[at]);
            holding_pin(found, status, self.spec_hash, self.now)
        });
        let active = history::active(revisions, self.spec_hash, pin.as_ref());
        let verbs = self.verbs(active, revisions);
        let statuses = self.statuses.into_iter().enumerate();
        let changed = statuses.filter(|(at, status)| *status != self.actions[*at].status);
        let write = |(at, status): (usize, _)| {
            let generation = self.actions[at].generation;
            (at, finish(status, generation, self.now))
        };
        Decision {
            writes: changed.map(write).collect(),
            pin,
            verbs,
        }
    }
}

fn number(revision: Option<i64>) -> Option<u64> {
    u64::try_from(revision?).ok()
}

/// Adds one verb that holds to the others.
fn add(verbs: &mut Verbs, spec: &PackageActionSpec, sequence: Option<i64>) {
    match spec.verb {
        ActionVerb::Approve => verbs.approved.extend(spec.wave.clone()),
        ActionVerb::Promote => verbs.promoted.extend(spec.wave.clone()),
        ActionVerb::Skip => verbs.skipped.extend(spec.cluster.clone()),
        ActionVerb::Retry => verbs.retry = verbs.retry.max(number(sequence).unwrap_or(0)),
        ActionVerb::Pause => verbs.stop = verbs.stop.max(Some(Stop::Paused)),
        ActionVerb::Abort => verbs.stop = verbs.stop.max(Some(Stop::Aborted)),
        ActionVerb::Reject => verbs.stop = verbs.stop.max(Some(Stop::Rejected)),
        ActionVerb::Pin | ActionVerb::Release | ActionVerb::Resume => {}
    }
}

/// The pin of the action that holds, unless what it was taken for has changed: then it ends.
fn holding_pin(
    found: &Found,
    status: &mut PackageActionStatus,
    spec_hash: &Digest,
    now: Timestamp,
) -> Option<Pin> {
    let pin = Pin {
        revision: u64::try_from(found.spec.revision?).ok()?,
        spec_hash: status.spec_hash.as_deref()?.parse().ok()?,
    };
    if history::holds(&pin, spec_hash) {
        return Some(pin);
    }
    let message = "the package's image, config or component changed";
    end(status, ActionState::Ended, message, now);
    None
}

fn end(status: &mut PackageActionStatus, state: ActionState, message: &str, now: Timestamp) {
    status.state = Some(state);
    status.ended_at = Some(Time(now));
    status.message = Some(message.to_owned());
}

fn finish(mut status: PackageActionStatus, generation: i64, now: Timestamp) -> PackageActionStatus {
    status.observed_generation = Some(generation);
    let refused = status.state == Some(ActionState::Refused);
    let reason = match status.state {
        Some(ActionState::Refused) => "Refused",
        Some(ActionState::Ended) => "Ended",
        _ => "Active",
    };
    let message = status.message.clone().unwrap_or_default();
    for update in [
        Update::new(READY, !refused, reason, &message),
        Update::new(STALLED, refused, reason, &message),
    ] {
        update.apply(&mut status.conditions, generation, now);
    }
    status
}

#[cfg(test)]
mod tests;
