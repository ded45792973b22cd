//! Verbs on packages: which pin and which approvals hold, and what became of every action.

use std::collections::BTreeSet;

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use stevedore_crds::condition::{self, READY, STALLED, Update};
use stevedore_crds::v1alpha1::{ActionState, ActionVerb, PackageActionSpec, PackageActionStatus};
use stevedore_hub_core::history::{self, ActiveRevision, Pin, Revision};
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
    /// Names of waves of the revision that should run.
    pub(crate) approved: BTreeSet<String>,
}

/// Takes new actions in order, ends what no longer holds. Deciding again after the writes writes nothing.
pub(crate) fn decide(
    actions: &[Found],
    spec_hash: &Digest,
    revisions: &[Revision],
    now: Timestamp,
) -> Decision {
    let mut draft = Draft::new(actions, spec_hash, now);
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
        let number = spec.revision.and_then(|number| u64::try_from(number).ok());
        let mut kept = revisions.iter().map(|revision| revision.number);
        let is_kept = number.is_some_and(|number| kept.any(|it| it == number));
        match spec.verb {
            ActionVerb::Pin | ActionVerb::Approve if is_new && !is_kept => {
                draft.end(at, ActionState::Refused, "this revision is not kept");
            }
            ActionVerb::Pin => draft.pin(at, is_new),
            ActionVerb::Release => draft.release(at),
            ActionVerb::Approve => draft.approve(at),
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
    /// The pin that holds so far.
    holding: Option<usize>,
    approvals: Vec<usize>,
}

impl<'a> Draft<'a> {
    fn new(actions: &'a [Found], spec_hash: &'a Digest, now: Timestamp) -> Self {
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
            sequence: given.max().unwrap_or(0),
            holding: None,
            approvals: Vec::new(),
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

    /// No pin holds any more.
    fn release(&mut self, at: usize) {
        let message = match self.holding.take() {
            Some(before) => {
                self.end(before, ActionState::Ended, "released");
                "the pin was released"
            }
            None => "no pin held",
        };
        self.end(at, ActionState::Ended, message);
    }

    /// A wave is approved, as long as its revision is the one that should run.
    fn approve(&mut self, at: usize) {
        self.statuses[at].state = Some(ActionState::Active);
        self.approvals.push(at);
    }

    /// Ends approvals of other revisions than the one that should run; gives the waves of the others. While that
    /// one is not known, nothing ends.
    fn approved(&mut self, active: Option<ActiveRevision>) -> BTreeSet<String> {
        let Some(active) = active.map(ActiveRevision::number) else {
            return BTreeSet::new();
        };
        let mut approved = BTreeSet::new();
        for at in std::mem::take(&mut self.approvals) {
            let spec = &self.actions[at].spec;
            let number = spec.revision.and_then(|number| u64::try_from(number).ok());
            if number == Some(active) {
                approved.extend(spec.wave.clone());
            } else {
                let message = format!("revision {active} is rolled out instead");
                self.end(at, ActionState::Ended, &message);
            }
        }
        approved
    }

    fn decision(mut self, revisions: &[Revision]) -> Decision {
        let pin = self.holding.and_then(|at| {
            let (found, status) = (&self.actions[at], &mut self.statuses[at]);
            holding_pin(found, status, self.spec_hash, self.now)
        });
        let active = history::active(revisions, self.spec_hash, pin.as_ref());
        let approved = self.approved(active);
        let statuses = self.statuses.into_iter().enumerate();
        let changed = statuses.filter(|(at, status)| *status != self.actions[*at].status);
        let write = |(at, status): (usize, _)| {
            let generation = self.actions[at].generation;
            (at, finish(status, generation, self.now))
        };
        Decision {
            writes: changed.map(write).collect(),
            pin,
            approved,
        }
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
mod tests {
    use stevedore_crds::v1alpha1::{ActionTarget, PackageKind};

    use super::*;

    fn action(at: i64, verb: ActionVerb, revision: Option<i64>) -> Found {
        Found {
            order: (Some(Timestamp::from_second(at).unwrap()), format!("a{at}")),
            generation: 1,
            spec: PackageActionSpec {
                package: ActionTarget {
                    kind: PackageKind::ClusterPackage,
                    name: "demo".into(),
                },
                verb,
                revision,
                wave: None,
                reason: None,
                requested_by: "someone".into(),
            },
            status: PackageActionStatus::default(),
        }
    }

    /// Two revisions, the newest of which is what [`spec`] asks for.
    fn revisions() -> [Revision; 2] {
        [1, 2].map(|number| Revision {
            number,
            image: format!("registry.example/demo:{number}"),
            config: None,
            component: None,
        })
    }

    fn spec() -> Digest {
        revisions()[1].content_hash()
    }

    fn settle(actions: &mut [Found], hash: &Digest) -> Option<Pin> {
        let decision = decide(actions, hash, &revisions(), Timestamp::UNIX_EPOCH);
        for (at, status) in decision.writes {
            actions[at].status = status;
        }
        let again = decide(actions, hash, &revisions(), Timestamp::UNIX_EPOCH);
        assert!(again.writes.is_empty(), "{again:?}");
        assert_eq!(again.pin, decision.pin);
        decision.pin
    }

    fn states(actions: &[Found]) -> Vec<ActionState> {
        actions
            .iter()
            .map(|found| found.status.state.unwrap())
            .collect()
    }

    #[test]
    fn the_latest_pin_holds_and_the_earlier_one_ends() {
        let hash = Digest::of(b"spec");
        let mut actions = [
            action(2, ActionVerb::Pin, Some(2)),
            action(1, ActionVerb::Pin, Some(1)),
        ];
        assert_eq!(settle(&mut actions, &hash).unwrap().revision, 2);
        assert_eq!(states(&actions), [ActionState::Active, ActionState::Ended]);
        assert_eq!(actions[0].status.sequence, Some(2));
    }

    #[test]
    fn a_release_ends_the_pin_and_a_changed_spec_does_too() {
        let hash = Digest::of(b"spec");
        let mut actions = vec![action(1, ActionVerb::Pin, Some(1))];
        assert!(settle(&mut actions, &hash).is_some());
        assert!(settle(&mut actions, &Digest::of(b"other")).is_none());
        assert_eq!(states(&actions), [ActionState::Ended]);
        actions.push(action(2, ActionVerb::Pin, Some(2)));
        assert!(settle(&mut actions, &hash).is_some());
        actions.push(action(3, ActionVerb::Release, None));
        assert!(settle(&mut actions, &hash).is_none());
        assert_eq!(states(&actions), [ActionState::Ended; 3]);
    }

    #[test]
    fn an_action_that_can_be_read_again_no_longer_says_that_it_cannot() {
        let hash = Digest::of(b"spec");
        let mut actions = [action(1, ActionVerb::Pin, Some(1))];
        settle(&mut actions, &hash);
        let said = actions[0].status.clone();
        let conditions = &mut actions[0].status.conditions;
        for (type_, status) in [(READY, false), (STALLED, true)] {
            let update = Update::new(type_, status, condition::UNREADABLE, "");
            update.apply(conditions, 1, Timestamp::UNIX_EPOCH);
        }
        settle(&mut actions, &hash);
        assert_eq!(actions[0].status, said);
    }

    fn approve(at: i64, revision: i64, wave: &str) -> Found {
        let mut found = action(at, ActionVerb::Approve, Some(revision));
        found.spec.wave = Some(wave.into());
        found
    }

    fn approved(actions: &mut [Found], hash: &Digest) -> Vec<String> {
        settle(actions, hash);
        let decision = decide(actions, hash, &revisions(), Timestamp::UNIX_EPOCH);
        decision.approved.into_iter().collect()
    }

    #[test]
    fn an_approval_holds_for_its_revision_and_ends_with_it() {
        let mut actions = vec![approve(1, 2, "canary"), approve(2, 1, "canary")];
        assert_eq!(approved(&mut actions, &spec()), ["canary"]);
        assert_eq!(states(&actions), [ActionState::Active, ActionState::Ended]);
        // While the image that the spec names now is not unpacked, nothing is known of it.
        assert!(approved(&mut actions, &Digest::of(b"next")).is_empty());
        assert_eq!(states(&actions)[0], ActionState::Active);
        actions.push(action(3, ActionVerb::Pin, Some(1)));
        assert!(approved(&mut actions, &spec()).is_empty());
        assert_eq!(states(&actions)[0], ActionState::Ended);
        assert!(approved(&mut [approve(1, 9, "canary")], &spec()).is_empty());
    }

    #[test]
    fn a_pin_to_a_revision_that_is_not_kept_is_refused() {
        let mut actions = [action(1, ActionVerb::Pin, Some(9))];
        assert!(settle(&mut actions, &Digest::of(b"spec")).is_none());
        assert_eq!(states(&actions), [ActionState::Refused]);
    }
}
