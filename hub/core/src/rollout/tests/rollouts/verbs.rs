//! Verbs on rollouts, and holds of clusters.

use super::*;

#[test]
fn nothing_more_is_ordered_while_somebody_has_stopped_the_rollout() {
    let mut fleet = Fleet::installed(Policy::default(), &[0; 4]);
    fleet.want(2);
    assert_eq!(fleet.round(), [0]);
    fleet.verbs.stop = Some(Stop::Paused);
    assert!(fleet.round().is_empty());
    let halt = fleet.plan().rollout.halt;
    assert_eq!(halt, Some(Halt::Stopped(Stop::Paused)));
    fleet.verbs.stop = None;
    fleet.run();
    assert_eq!(fleet.with(2).len(), 4);

    let mut fleet = Fleet::new(Policy::default(), &[0; 3]);
    fleet.verbs.stop = Some(Stop::Rejected);
    fleet.want(1);
    assert!(
        fleet.step().is_empty(),
        "what is rejected is not installed either"
    );
}

#[test]
fn a_skipped_cluster_is_left_as_it_is_and_nothing_waits_for_it() {
    let mut fleet = Fleet::installed(Policy::default(), &[0; 4]);
    fleet.clusters[0].broken = true;
    fleet.want(2);
    fleet.round();
    assert!(fleet.round().is_empty());
    fleet.verbs.skipped.insert("c0".into());
    fleet.verbs.skipped.insert("c3".into());
    fleet.run();
    assert_eq!(fleet.with(2), [0, 1, 2]);
    assert_eq!(
        fleet.plan().rollout.waits,
        BTreeMap::from([(cluster(3), Wait::Skipped)])
    );
}

#[test]
fn a_promoted_wave_is_not_waited_for_any_longer() {
    let policy = Policy {
        min_ready: std::time::Duration::from_secs(3600),
        ..in_waves(vec![tier("edge", "1")])
    };
    let mut fleet = Fleet::installed(policy, &[1, 0]);
    fleet.want(2);
    assert_eq!(fleet.round(), [0]);
    assert!(fleet.round().is_empty());
    fleet.verbs.promoted.insert("edge".into());
    assert_eq!(fleet.round(), [1]);
}

#[test]
fn what_failed_is_tried_again_once() {
    let mut fleet = Fleet::installed(in_waves(Vec::new()), &[0; 4]);
    fleet.world.policy.max_unavailable = Amount::Count(2);
    fleet.clusters[1].broken = true;
    fleet.want(2);
    assert_eq!(fleet.round(), [0, 1]);
    assert!(fleet.round().is_empty());
    let before = fleet.number(1);
    fleet.verbs.retry = 7;
    assert_eq!(
        fleet.step(),
        [1, 2],
        "the failed one again; the rollout goes on"
    );
    assert!(fleet.number(1) > before && fleet.runs(1) == 2);
    assert_eq!(fleet.plan().orders, BTreeMap::new());
    for at in 1..3 {
        fleet.take(at);
        fleet.work(at);
        fleet.hear(at);
    }
    assert!(
        fleet.round().is_empty(),
        "it failed again, and nobody asked again"
    );
    fleet.clusters[1].broken = false;
    fleet.run();
    assert_eq!(fleet.with(2).len(), 4);
}

#[test]
fn a_held_cluster_keeps_its_order_and_nothing_waits_for_it() {
    let mut fleet = Fleet::installed(Policy::default(), &[0; 4]);
    let hold = |fleet: &mut Fleet, value| {
        let member = fleet.world.members.get_mut(&cluster(0));
        member.unwrap().held = value;
    };
    hold(&mut fleet, true);
    fleet.want(2);
    fleet.run();
    assert_eq!(fleet.with(2), [1, 2, 3]);
    let waits = BTreeMap::from([(cluster(0), Wait::Held)]);
    assert_eq!(fleet.plan().rollout.waits, waits);
    fleet.world.intent = Intent::Removed;
    fleet.step();
    assert!(!fleet.world.row(0).tombstone, "it is not torn down either");
    fleet.want(2);
    hold(&mut fleet, false);
    fleet.run();
    assert_eq!(fleet.with(2).len(), 4);
}
