//! Faults in the middle of rollouts: what fails, is lost, held or superseded, and an epoch that is raised.

use super::*;

#[test]
fn a_canary_that_is_tried_again_opens_no_gate() {
    let mut fleet = Fleet::installed(Policy::default(), &[0; 20]);
    fleet.clusters[0].broken = true;
    fleet.want(2);
    assert_eq!(fleet.round(), [0]);
    assert!(fleet.round().is_empty());
    fleet.verbs.retry = 1;
    assert_eq!(fleet.step(), [0]);
    assert!(fleet.step().is_empty(), "nothing is known of it yet");
    fleet.verbs.retry = 2;
    fleet.verbs.stop = Some(Stop::Rejected);
    fleet.take(0);
    fleet.hear(0);
    assert!(
        fleet.step().is_empty(),
        "what is rejected is not tried again"
    );
}

#[test]
fn a_raised_epoch_in_the_middle_of_a_rollout_keeps_budget_and_waves() {
    let mut fleet = Fleet::installed(Policy::default(), &[0; 30]);
    fleet.want(2);
    fleet.run();
    fleet.want(3);
    assert_eq!(fleet.round(), [0]);
    fleet.world.leadership = leadership(2, 1);
    assert_eq!(fleet.step().len(), 30, "every order is given again");
    assert_eq!(fleet.with(3), [0]);
    for at in 0..30 {
        fleet.take(at);
        fleet.work(at);
        fleet.hear(at);
    }
    assert_eq!(
        fleet.step().len(),
        3,
        "the canary is available, and a tenth follows"
    );
}

#[test]
fn a_held_cluster_takes_no_place_in_the_budget_of_a_later_rollout() {
    let mut fleet = Fleet::installed(Policy::default(), &[0; 5]);
    fleet.want(2);
    fleet.run();
    let member = fleet.world.members.get_mut(&cluster(0));
    member.unwrap().held = true;
    fleet.want(3);
    fleet.run();
    assert_eq!(fleet.with(3), [1, 2, 3, 4]);
    let Intent::Present { targets, .. } = &mut fleet.world.intent else {
        panic!("it is present");
    };
    targets.insert(cluster(1), Rendering::Ineligible);
    fleet.run();
}

#[test]
fn a_package_that_cuts_off_every_member_it_reaches_stops_at_the_budget() {
    let policy = Policy {
        max_unavailable: Amount::Count(2),
        ..in_waves(Vec::new())
    };
    let mut fleet = Fleet::installed(policy, &[0; 10]);
    fleet.want(2);
    for _ in 0..10 {
        for at in fleet.round() {
            fleet.clusters[at].connected = false;
            fleet.hear(at);
        }
    }
    assert_eq!(fleet.with(2), [0, 1]);
}

#[test]
fn a_cluster_that_failed_and_was_lost_has_still_failed() {
    let mut fleet = Fleet::installed(Policy::default(), &[0; 5]);
    fleet.clusters[0].broken = true;
    fleet.want(2);
    assert_eq!(fleet.round(), [0]);
    assert!(fleet.round().is_empty());
    fleet.clusters[0].connected = false;
    fleet.hear(0);
    assert!(fleet.round().is_empty());
    assert!(fleet.plan().rollout.halt.is_some());
}

#[test]
fn a_change_of_the_same_revision_goes_through_the_waves_again_while_somebody_is_offline() {
    let mut fleet = Fleet::installed(Policy::default(), &[0; 30]);
    fleet.clusters[29].connected = false;
    fleet.hear(29);
    fleet.want(2);
    fleet.run();
    assert_eq!(fleet.with(2).len(), 29);
    // A label that all of them read has changed.
    fleet.world.want(0..30, (active(2), content(9, 0)));
    assert_eq!(fleet.round().len(), 1);
    assert_eq!(fleet.round().len(), 3);
}

#[test]
fn what_works_on_a_superseded_order_counts_as_under_way() {
    let policy = Policy {
        max_concurrent: Some(Amount::Count(2)),
        max_unavailable: Amount::Percent(100),
        ..in_waves(Vec::new())
    };
    let mut fleet = Fleet::installed(policy, &[0; 6]);
    fleet.want(2);
    assert_eq!(fleet.step(), [0, 1]);
    for at in 0..2 {
        fleet.take(at);
        fleet.hear(at);
    }
    fleet.want(3);
    assert_eq!(fleet.step(), [0, 1]);
}

#[test]
fn of_the_available_ones_one_always_stays() {
    let policy = Policy {
        max_unavailable: Amount::Percent(100),
        ..in_waves(Vec::new())
    };
    let mut fleet = Fleet::installed(policy, &[0; 3]);
    fleet.clusters[0].available = false;
    fleet.clusters[0].broken = true;
    fleet.hear(0);
    fleet.want(2);
    let ordered = fleet.step();
    assert!(ordered.contains(&0) && ordered.len() == 2, "{ordered:?}");
}

#[test]
fn a_cluster_that_never_had_the_package_and_is_offline_halts_nothing() {
    let mut fleet = Fleet::installed(Policy::default(), &[0; 4]);
    let last = fleet.clusters.len() - 1;
    fleet.world.ledger.shards[0].rows.remove(&cluster(3));
    fleet.clusters[last] = Default::default();
    fleet.want(2);
    fleet.run();
    assert_eq!(fleet.with(2), [0, 1, 2]);
    assert_eq!(fleet.plan().rollout.waits[&cluster(3)], Wait::Offline);
}

#[test]
fn a_cluster_that_works_on_its_order_again_long_after_its_deadline_is_neither_late_nor_looked_at_without_pause()
 {
    let mut fleet = Fleet::installed(Policy::default(), &[0; 5]);
    fleet.want(2);
    assert_eq!(fleet.round(), [0]);
    fleet.now += 2 * 600_000;
    fleet.clusters[0].available = false;
    fleet.hear(0);
    fleet.step();
    let plan = fleet.plan();
    assert_eq!((plan.rollout.halt, plan.wake_at), (None, None));
}
