mod handover;
mod kinds;

use std::sync::Arc;

use stevedore_proto_core::content::CollisionProtection;
use stevedore_proto_core::status::{PhaseState, Truth};
use stevedore_proto_core::{DeploymentUid, Digest, Reason};

use super::*;
use crate::adopt::tests::seen;
use crate::failure::{Failure, FailureKind};
use crate::key::Kind;
use crate::mark::ShortHash;
use crate::observation::{Observation, Owner};
use crate::probe::Probed;

mod upgrade;

const OURS: DeploymentUid = DeploymentUid::from_bytes([1; 16]);

fn desired(kind: Kind, name: &str, part: PhasePart) -> Desired {
    Desired {
        key: ObjectKey::new(kind, None, name),
        phase: 0,
        index: 0,
        part,
        content: ShortHash::of(&Digest::of(name.as_bytes())),
        policy: CollisionProtection::Prevent,
        ignore: Box::default(),
        mappings: Box::default(),
        defined_here: part == PhasePart::Rest,
        unserved: false,
        otherwise: None,
    }
}

fn definition_and_thing() -> Vec<Desired> {
    let definition = Kind::new("apiextensions.k8s.io", "v1", "CustomResourceDefinition");
    vec![
        desired(definition, "things", PhasePart::Prerequisites),
        desired(
            Kind::new("example.org", "v1", "Thing"),
            "thing",
            PhasePart::Rest,
        ),
    ]
}

fn rollout(objects: Vec<Desired>, memory: impl FnMut(&Desired) -> Memory) -> Rollout {
    let context = Context {
        deployment: OURS,
        order: 2,
        predecessors: Vec::new(),
        successors: Vec::new(),
    };
    let blueprint = Blueprint {
        phases: vec![PhaseHead::named("deploy")],
        objects,
        probes: Arc::default(),
        success_delay: 0,
    };
    Rollout::new(context, &blueprint, Progress::default(), 1, memory)
}

/// The object as it stands after our write.
fn ours(desired: &Desired, version: u64) -> Observation {
    let mut seen = seen(Owner::Deployment {
        uid: OURS,
        order: 1,
        content: desired.content,
    });
    seen.resource_version = version.to_string().into();
    seen.labelled = Some(OURS);
    seen
}

fn answer(rollout: &mut Rollout, job: &Job, answer: Answer) {
    rollout.begin(job);
    rollout.finish(job, answer, 10);
}

fn only(rollout: &Rollout) -> Job {
    let (mut jobs, _) = rollout.plan(10, 16);
    assert_eq!(jobs.len(), 1, "{jobs:?}");
    jobs.remove(0)
}

/// An order that changes nothing about its one object, which is remembered as it stands.
fn unchanged() -> (Rollout, Observation) {
    let object = desired(Kind::new("", "v1", "Node"), "n", PhasePart::Rest);
    let before = ours(&object, 5);
    let memory = Memory {
        record: Some(Record {
            uid: before.uid.clone(),
            fingerprint: before.fingerprint,
        }),
        placed: false,
        seen: Some(before.clone()),
    };
    (rollout(vec![object], move |_| memory.clone()), before)
}

#[test]
fn objects_of_a_phase_wait_for_its_definitions_to_be_established() {
    let objects = definition_and_thing();
    let mut rollout = rollout(objects.clone(), |_| Memory::default());
    let dry = only(&rollout);
    assert_eq!(dry, Job::DryRun(0, Guard::Create));
    answer(&mut rollout, &dry, Answer::Checked);
    let apply = only(&rollout);
    let mut young = ours(&objects[0], 6);
    young.established = false;
    answer(&mut rollout, &apply, Answer::Written(young));
    assert_eq!(rollout.plan(10, 16).0, []);
    rollout.observed(&objects[0].key, ours(&objects[0], 7), 20);
    assert_eq!(only(&rollout), Job::DryRun(1, Guard::Create));
}

#[test]
fn a_kind_that_the_set_defines_itself_is_tried_again_at_once_and_silently() {
    let objects = definition_and_thing();
    let mut rollout = rollout(objects.clone(), |_| Memory::default());
    for next in [Answer::Checked, Answer::Written(ours(&objects[0], 6))] {
        let job = only(&rollout);
        answer(&mut rollout, &job, next);
    }
    let job = only(&rollout);
    let unknown = Failure::new(FailureKind::NoKind, "no such path");
    answer(&mut rollout, &job, Answer::Failed(unknown));
    assert!(rollout.summary().blockers.is_empty());
    let (jobs, wake) = rollout.plan(10, 16);
    assert!(jobs.is_empty() && wake.unwrap() <= 200, "{wake:?}");
}

#[test]
fn an_object_that_needs_no_write_is_judged_on_a_state_read_after_the_order() {
    let (mut rollout, before) = unchanged();
    assert!(!rollout.is_available());
    let job = only(&rollout);
    assert!(matches!(job, Job::List(_)));
    let key = rollout.desired(0).unwrap().key.clone();
    answer(&mut rollout, &job, Answer::Listed(vec![(key, before)]));
    assert!(rollout.is_available());
    assert_eq!(rollout.plan(10, 16).0, []);
}

#[test]
fn an_older_event_than_our_last_writes_answer_is_not_believed() {
    let (mut rollout, before) = unchanged();
    let key = rollout.desired(0).unwrap().key.clone();
    let job = only(&rollout);
    answer(
        &mut rollout,
        &job,
        Answer::Listed(vec![(key.clone(), before.clone())]),
    );
    let mut stale = before.clone();
    stale.resource_version = "4".into();
    stale.probed = Probed::Failed("old news".into());
    rollout.observed(&key, stale, 20);
    assert!(rollout.is_available());
    let mut news = before;
    news.resource_version = "6".into();
    news.probed = Probed::Failed("news".into());
    rollout.observed(&key, news, 20);
    assert_eq!(rollout.summary().available.status, Truth::False);
}

#[test]
fn what_a_list_does_not_name_is_read_before_it_is_believed_gone() {
    let (mut rollout, _) = unchanged();
    let job = only(&rollout);
    answer(&mut rollout, &job, Answer::Listed(Vec::new()));
    let read = only(&rollout);
    assert_eq!(read, Job::Read(0));
    answer(&mut rollout, &read, Answer::Read(None));
    assert_eq!(only(&rollout), Job::DryRun(0, Guard::Create));
}

#[test]
fn a_conflict_leads_to_a_live_read_and_not_to_another_dry_run() {
    let (mut rollout, before) = unchanged();
    let mut changed = before.clone();
    changed.fingerprint = None;
    let key = rollout.desired(0).unwrap().key.clone();
    let job = only(&rollout);
    answer(
        &mut rollout,
        &job,
        Answer::Listed(vec![(key, changed.clone())]),
    );
    let dry = only(&rollout);
    answer(&mut rollout, &dry, Answer::Checked);
    let apply = only(&rollout);
    let conflict = Failure::new(FailureKind::Conflict, "changed");
    answer(&mut rollout, &apply, Answer::Failed(conflict));
    let read = only(&rollout);
    assert_eq!(read, Job::Read(0));
    changed.resource_version = "9".into();
    answer(&mut rollout, &read, Answer::Read(Some(changed.clone())));
    assert_eq!(only(&rollout), Job::Apply(0, Guard::on(&changed)));
}

#[test]
fn an_answer_without_our_mark_is_a_named_blocker_and_no_endless_write() {
    let object = desired(Kind::new("", "v1", "Node"), "n", PhasePart::Rest);
    let mut rollout = rollout(vec![object.clone()], |_| Memory::default());
    let dry = only(&rollout);
    answer(&mut rollout, &dry, Answer::Checked);
    let apply = only(&rollout);
    let mut stripped = ours(&object, 6);
    stripped.labelled = None;
    answer(&mut rollout, &apply, Answer::Written(stripped));
    assert_eq!(rollout.plan(10, 16).0, []);
    let summary = rollout.summary();
    assert_eq!(summary.blockers[0].reason, Reason::Altered);
    assert_eq!(summary.phases[0].state, PhaseState::Blocked);
}

#[test]
fn what_stood_in_the_way_of_the_order_before_is_looked_at_again_and_named() {
    let object = desired(Kind::new("", "v1", "Node"), "n", PhasePart::Rest);
    let foreign = seen(Owner::Nobody);
    let mut dying = ours(&object, 5);
    dying.terminating = Some("example.org/hold".into());
    for (in_the_way, reason) in [
        (foreign, Reason::CollisionDetected),
        (dying, Reason::Terminating),
    ] {
        let memory = Memory {
            seen: Some(in_the_way.clone()),
            ..Memory::default()
        };
        let mut rollout = rollout(vec![object.clone()], move |_| memory.clone());
        let read = only(&rollout);
        assert_eq!(read, Job::Read(0));
        answer(&mut rollout, &read, Answer::Read(Some(in_the_way)));
        assert_eq!(rollout.summary().blockers[0].reason, reason);
        let (jobs, wake) = rollout.plan(10, 16);
        assert!(jobs.is_empty() && wake.is_some());
    }
}

#[test]
fn an_event_that_overtakes_the_answer_of_a_create_is_not_lost() {
    let object = desired(Kind::new("", "v1", "Node"), "n", PhasePart::Rest);
    let mut rollout = rollout(vec![object.clone()], |_| Memory {
        record: Some(Record {
            uid: "former".into(),
            fingerprint: None,
        }),
        ..Memory::default()
    });
    for (next, gives) in [
        (
            Job::List(WatchKey::of(&object.key)),
            Answer::Listed(Vec::new()),
        ),
        (Job::Read(0), Answer::Read(None)),
        (Job::DryRun(0, Guard::Create), Answer::Checked),
    ] {
        let job = only(&rollout);
        assert_eq!(job, next);
        answer(&mut rollout, &job, gives);
    }
    let apply = only(&rollout);
    rollout.begin(&apply);
    rollout.observed(&object.key, ours(&object, 7), 10);
    let mut young = ours(&object, 6);
    young.probed = Probed::Failed("not yet".into());
    rollout.finish(&apply, Answer::Written(young), 10);
    assert!(rollout.is_available(), "{:?}", rollout.summary());
}

#[test]
fn a_deletion_that_overtakes_the_answer_of_a_create_is_noticed() {
    let (mut rollout, before) = unchanged();
    let key = rollout.desired(0).unwrap().key.clone();
    for gives in [
        Answer::Listed(Vec::new()),
        Answer::Read(None),
        Answer::Checked,
    ] {
        let job = only(&rollout);
        answer(&mut rollout, &job, gives);
    }
    let apply = only(&rollout);
    rollout.begin(&apply);
    let mut created = before;
    created.resource_version = "9".into();
    created.uid = "new".into();
    rollout.removed(&key, Some(&created), 10);
    rollout.finish(&apply, Answer::Written(created), 10);
    assert_eq!(only(&rollout), Job::Read(0));
}

/// An object that was there, and the apply of another content over it, under way.
fn changing() -> (Rollout, Desired, Job) {
    let object = desired(Kind::new("", "v1", "Node"), "n", PhasePart::Rest);
    let mut before = ours(&object, 5);
    before.owner = Owner::Deployment {
        uid: OURS,
        order: 1,
        content: ShortHash::of(&Digest::of(b"before")),
    };
    let memory = Memory {
        record: Some(Record {
            uid: before.uid.clone(),
            fingerprint: Some(ShortHash::of(&Digest::of(b"before"))),
        }),
        placed: false,
        seen: Some(before),
    };
    let mut rollout = rollout(vec![object.clone()], move |_| memory.clone());
    let dry = only(&rollout);
    answer(&mut rollout, &dry, Answer::Checked);
    let apply = only(&rollout);
    assert!(matches!(apply, Job::Apply(..)));
    rollout.begin(&apply);
    (rollout, object, apply)
}

#[test]
fn an_event_that_overtakes_the_answer_of_a_change_is_judged_by_it() {
    let (mut rollout, object, apply) = changing();
    rollout.observed(&object.key, ours(&object, 7), 10);
    rollout.finish(&apply, Answer::Written(ours(&object, 6)), 10);
    assert!(rollout.is_available(), "{:?}", rollout.summary());
    assert_eq!(rollout.plan(10, 16).0, []);
    assert_eq!(rollout.summary().controlled.len(), 1);
}

#[test]
fn what_others_did_after_a_write_is_not_taken_for_what_admission_did_to_it() {
    let (mut rollout, object, apply) = changing();
    let mut edited = ours(&object, 7);
    edited.fingerprint = Some(ShortHash::of(&Digest::of(b"edited")));
    rollout.observed(&object.key, edited.clone(), 10);
    rollout.finish(&apply, Answer::Written(ours(&object, 6)), 10);
    assert_eq!(rollout.summary().blockers, []);
    assert_eq!(only(&rollout), Job::Apply(0, Guard::on(&edited)));
}

#[test]
fn a_check_that_passes_does_not_hide_what_an_event_showed_meanwhile() {
    let mut dying = ours(
        &desired(Kind::new("", "v1", "Node"), "n", PhasePart::Rest),
        7,
    );
    dying.terminating = Some("example.org/hold".into());
    let mut foreign = seen(Owner::Nobody);
    foreign.resource_version = "7".into();
    foreign.fingerprint = None;
    for (meanwhile, reason) in [
        (dying, Reason::Terminating),
        (foreign, Reason::CollisionDetected),
    ] {
        let (mut rollout, before) = unchanged();
        let key = rollout.desired(0).unwrap().key.clone();
        let mut changed = before;
        changed.fingerprint = Some(ShortHash::of(&Digest::of(b"edited")));
        let list = only(&rollout);
        let listed = Answer::Listed(vec![(key.clone(), changed)]);
        answer(&mut rollout, &list, listed);
        let dry = only(&rollout);
        assert!(matches!(dry, Job::DryRun(..)));
        rollout.begin(&dry);
        rollout.observed(&key, meanwhile, 10);
        rollout.finish(&dry, Answer::Checked, 10);
        assert_eq!(rollout.summary().blockers[0].reason, reason);
        assert_eq!(rollout.plan(10, 16).0, []);
    }
}

#[test]
fn an_object_whose_write_is_refused_after_its_check_passed_is_checked_and_written_again() {
    let object = desired(Kind::new("", "v1", "Node"), "n", PhasePart::Rest);
    let mut rollout = rollout(vec![object], |_| Memory::default());
    let check = only(&rollout);
    answer(&mut rollout, &check, Answer::Checked);
    let write = only(&rollout);
    assert!(matches!(write, Job::Apply(..)));
    let going = Failure::new(FailureKind::NamespaceTerminating, "it is going");
    answer(&mut rollout, &write, Answer::Failed(going));
    let wake = rollout.plan(10, 16).1.expect("it is tried again");
    let (jobs, _) = rollout.plan(wake, 16);
    assert_eq!(jobs, [check]);
}
