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
            cluster: None,
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
    let decision = decide(actions, hash, &revisions(), 0, Timestamp::UNIX_EPOCH);
    for (at, status) in decision.writes {
        actions[at].status = status;
    }
    let again = decide(actions, hash, &revisions(), 0, Timestamp::UNIX_EPOCH);
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
    let decision = decide(actions, hash, &revisions(), 0, Timestamp::UNIX_EPOCH);
    decision.verbs.approved.into_iter().collect()
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
fn a_pause_ends_with_a_resume_and_a_rejection_with_a_release_of_its_revision() {
    let verbs = |actions: &mut [Found]| {
        settle(actions, &spec());
        let decision = decide(actions, &spec(), &revisions(), 0, Timestamp::UNIX_EPOCH);
        decision.verbs
    };
    let mut actions = vec![
        action(1, ActionVerb::Pause, Some(2)),
        action(2, ActionVerb::Reject, Some(2)),
        action(3, ActionVerb::Reject, Some(1)),
    ];
    assert_eq!(verbs(&mut actions).stop, Some(Stop::Rejected));
    actions.push(action(4, ActionVerb::Release, Some(2)));
    assert_eq!(verbs(&mut actions).stop, Some(Stop::Paused));
    actions.push(action(5, ActionVerb::Resume, None));
    assert_eq!(verbs(&mut actions).stop, None);
    let (active, ended) = (ActionState::Active, ActionState::Ended);
    assert_eq!(states(&actions), [ended, ended, active, ended, ended]);
    // What was rejected stays so when the package comes back to it.
    actions.push(action(6, ActionVerb::Pin, Some(1)));
    assert_eq!(verbs(&mut actions).stop, Some(Stop::Rejected));
}

#[test]
fn each_retry_counts_for_more_than_the_one_before() {
    let retry = |at| action(at, ActionVerb::Retry, Some(2));
    let mut actions = vec![retry(1)];
    settle(&mut actions, &spec());
    let count = |actions: &[Found]| {
        decide(actions, &spec(), &revisions(), 0, Timestamp::UNIX_EPOCH)
            .verbs
            .retry
    };
    let first = count(&actions);
    actions.push(retry(2));
    settle(&mut actions, &spec());
    assert!(first > 0 && count(&actions) > first);
}

#[test]
fn a_retry_ends_when_it_was_carried_out_and_the_next_one_counts_for_more_although_it_is_gone() {
    let mut actions = vec![action(1, ActionVerb::Retry, Some(2))];
    settle(&mut actions, &spec());
    let decision = decide(&actions, &spec(), &revisions(), 1, Timestamp::UNIX_EPOCH);
    let (_, ended) = &decision.writes[0];
    assert_eq!(
        (ended.state, decision.verbs.retry),
        (Some(ActionState::Ended), 0)
    );
    let next = [action(2, ActionVerb::Retry, Some(2))];
    let decision = decide(&next, &spec(), &revisions(), 1, Timestamp::UNIX_EPOCH);
    assert_eq!(decision.verbs.retry, 2);
}

#[test]
fn what_is_rejected_stays_so_when_the_same_content_comes_back_as_another_revision() {
    let mut actions = [action(1, ActionVerb::Reject, Some(2))];
    settle(&mut actions, &spec());
    let mut kept = revisions().to_vec();
    kept.push(Revision {
        number: 3,
        ..kept[0].clone()
    });
    kept.push(Revision {
        number: 4,
        ..kept[1].clone()
    });
    let decision = decide(&actions, &spec(), &kept, 0, Timestamp::UNIX_EPOCH);
    assert_eq!(decision.verbs.stop, Some(Stop::Rejected));
}

#[test]
fn a_pin_to_a_revision_that_is_not_kept_is_refused() {
    let mut actions = [action(1, ActionVerb::Pin, Some(9))];
    assert!(settle(&mut actions, &Digest::of(b"spec")).is_none());
    assert_eq!(states(&actions), [ActionState::Refused]);
}
