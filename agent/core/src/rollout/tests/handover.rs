//! Objects that a following set takes over.

use super::*;

/// A rollout whose one object is in place, and that object.
fn in_place() -> (Rollout, Observation, ObjectKey) {
    let (mut rollout, before) = unchanged();
    let key = rollout.desired(0).unwrap().key.clone();
    let job = only(&rollout);
    let listed = Answer::Listed(vec![(key.clone(), before.clone())]);
    answer(&mut rollout, &job, listed);
    assert!(rollout.is_available());
    (rollout, before, key)
}

const NEXT: DeploymentUid = DeploymentUid::from_bytes([2; 16]);

fn of_the_next(mut seen: Observation, version: u64) -> Observation {
    let Owner::Deployment { content, .. } = seen.owner else {
        panic!("{seen:?}");
    };
    seen.owner = Owner::Deployment {
        uid: NEXT,
        order: 1,
        content,
    };
    seen.labelled = Some(NEXT);
    seen.resource_version = version.to_string().into();
    seen
}

#[test]
fn a_set_whose_object_went_to_the_one_that_follows_is_in_transition_and_writes_nothing() {
    let (mut rollout, before, key) = in_place();
    rollout.set_successors(&[NEXT]);
    rollout.taken_over(&key, 20);
    let job = only(&rollout);
    assert_eq!(job, Job::Read(0));
    let taken = of_the_next(before.clone(), 9);
    answer(&mut rollout, &job, Answer::Read(Some(taken.clone())));
    let summary = rollout.summary();
    assert_eq!(
        (summary.available.status, summary.available.reason),
        (Truth::False, Reason::InTransition)
    );
    assert!(summary.in_transition && summary.controlled.is_empty());
    assert!(summary.blockers.is_empty() && summary.incidents.is_empty());
    // What it is told of the object from now on costs no request.
    rollout.taken_over(&key, 30);
    assert_eq!(rollout.plan(30, 16), (vec![], None));
    // A watch that lists anew sees it under the other's label.
    rollout.restarted(&WatchKey::of(&key));
    rollout.synced(&WatchKey::of(&key), 40);
    let job = only(&rollout);
    answer(&mut rollout, &job, Answer::Read(Some(taken)));
    assert_eq!(rollout.summary().available.reason, Reason::InTransition);
    assert_eq!(rollout.plan(50, 16).0, []);
}

#[test]
fn an_object_is_taken_back_when_no_set_follows_any_more() {
    let (mut rollout, before, key) = in_place();
    rollout.set_successors(&[NEXT]);
    rollout.taken_over(&key, 20);
    let job = only(&rollout);
    answer(
        &mut rollout,
        &job,
        Answer::Read(Some(of_the_next(before, 9))),
    );
    rollout.set_successors(&[]);
    let job = only(&rollout);
    assert_eq!(job, Job::Read(0));
    answer(&mut rollout, &job, Answer::Read(None));
    assert_eq!(only(&rollout), Job::DryRun(0, Guard::Create));
}

#[test]
fn what_belongs_to_a_deployment_that_does_not_follow_is_a_collision_until_it_does() {
    let (mut rollout, before, key) = in_place();
    rollout.removed(&key, None, 20);
    let job = only(&rollout);
    let taken = of_the_next(before, 9);
    answer(&mut rollout, &job, Answer::Read(Some(taken.clone())));
    let summary = rollout.summary();
    assert_eq!(summary.available.reason, Reason::CollisionDetected);
    rollout.set_successors(&[NEXT]);
    let job = only(&rollout);
    answer(&mut rollout, &job, Answer::Read(Some(taken)));
    assert_eq!(rollout.summary().available.reason, Reason::InTransition);
}
