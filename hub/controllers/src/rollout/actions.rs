//! Verbs on packages: which pin holds, and what became of every action.

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use stevedore_crds::condition::{self, READY, STALLED, Update};
use stevedore_crds::v1alpha1::{ActionState, ActionVerb, PackageActionSpec, PackageActionStatus};
use stevedore_hub_core::history::{self, Pin};
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

/// What has to be written, by index into the actions, and the pin that holds then.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Decision {
    pub(crate) writes: Vec<(usize, PackageActionStatus)>,
    pub(crate) pin: Option<Pin>,
}

/// Takes new actions in order, ends what no longer holds. Deciding again after the writes writes nothing.
pub(crate) fn decide(
    actions: &[Found],
    spec_hash: &Digest,
    revisions: &[u64],
    now: Timestamp,
) -> Decision {
    let mut order: Vec<usize> = (0..actions.len()).collect();
    order.sort_by_key(|at| {
        let found = &actions[*at];
        (
            found.status.sequence.unwrap_or(i64::MAX),
            found.order.clone(),
        )
    });
    let mut sequence = actions
        .iter()
        .filter_map(|found| found.status.sequence)
        .max()
        .unwrap_or(0);
    let mut draft: Vec<_> = actions.iter().map(|found| found.status.clone()).collect();
    for status in &mut draft {
        condition::remove_unreadable(&mut status.conditions);
    }
    let mut holding: Option<usize> = None;
    for at in order {
        let Found { spec, status, .. } = &actions[at];
        let is_new = status.sequence.is_none();
        if !is_new && status.state != Some(ActionState::Active) {
            continue;
        }
        if is_new {
            sequence += 1;
            draft[at].sequence = Some(sequence);
        }
        let known = spec
            .revision
            .and_then(|number| u64::try_from(number).ok())
            .is_some_and(|number| revisions.contains(&number));
        match spec.verb {
            ActionVerb::Pin if is_new && !known => {
                end(
                    &mut draft[at],
                    ActionState::Refused,
                    "this revision is not kept",
                    now,
                );
            }
            ActionVerb::Pin => {
                if let Some(before) = holding.replace(at) {
                    end(
                        &mut draft[before],
                        ActionState::Ended,
                        "a later action took its place",
                        now,
                    );
                }
                if is_new {
                    draft[at].state = Some(ActionState::Active);
                    draft[at].spec_hash = Some(spec_hash.to_string());
                }
            }
            ActionVerb::Release => {
                let message = match holding.take() {
                    Some(before) => {
                        end(&mut draft[before], ActionState::Ended, "released", now);
                        "the pin was released"
                    }
                    None => "no pin held",
                };
                end(&mut draft[at], ActionState::Ended, message, now);
            }
        }
    }
    let pin = holding.and_then(|at| holding_pin(&actions[at], &mut draft[at], spec_hash, now));
    let writes = draft
        .into_iter()
        .enumerate()
        .filter(|(at, status)| *status != actions[*at].status)
        .map(|(at, status)| (at, finish(status, actions[at].generation, now)))
        .collect();
    Decision { writes, pin }
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
    let message = "the package's image or config changed";
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
                reason: None,
                requested_by: "someone".into(),
            },
            status: PackageActionStatus::default(),
        }
    }

    fn settle(actions: &mut [Found], hash: &Digest) -> Option<Pin> {
        let decision = decide(actions, hash, &[1, 2], Timestamp::UNIX_EPOCH);
        for (at, status) in decision.writes {
            actions[at].status = status;
        }
        let again = decide(actions, hash, &[1, 2], Timestamp::UNIX_EPOCH);
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

    #[test]
    fn a_pin_to_a_revision_that_is_not_kept_is_refused() {
        let mut actions = [action(1, ActionVerb::Pin, Some(9))];
        assert!(settle(&mut actions, &Digest::of(b"spec")).is_none());
        assert_eq!(states(&actions), [ActionState::Refused]);
    }
}
