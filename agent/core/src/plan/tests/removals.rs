//! Removals: their order, and what holds them up.

use super::*;

#[test]
fn nothing_is_pruned_before_the_new_set_is_available() {
    let mut sim = simple();
    sim.finish();
    sim.world.probe("a", Probed::Failed("down".into()));
    sim.store(2, objects(&[("a", 0, 2)]));
    sim.settle_until(120_000);
    assert!(sim.world.deleted().is_empty());
    assert!(sim.archived().is_empty());
}

#[test]
fn two_older_sets_are_kept_and_the_rest_are_deleted() {
    let mut sim = Sim::new();
    for number in 1..=5 {
        sim.store(number, objects(&[("a", 0, number)]));
        sim.finish();
    }
    let mut numbers: Vec<u64> = sim.sets.iter().map(|set| set.number).collect();
    numbers.sort_unstable();
    assert_eq!(numbers, [3, 4, 5]);
}

#[test]
fn a_tombstone_takes_phases_away_in_reverse_and_each_only_when_the_next_is_gone() {
    let mut sim = simple();
    sim.finish();
    sim.world.finalizer("c", "example.org/hold");
    sim.tombstone(false);
    sim.settle_until(30_000);
    assert_eq!(sim.world.deleted(), ["c"]);
    let summary = sim.summary();
    assert_eq!(summary.available.reason, Reason::TearingDown);
    assert!(
        summary.blockers[0].message.contains("example.org/hold"),
        "{summary:?}"
    );
    assert_ne!(summary.stage, Stage::Deleted);
    sim.world.release("c");
    sim.finish();
    assert_eq!(sim.world.deleted(), ["c", "b", "a"]);
    assert!(sim.recorded && sim.sets.is_empty());
}

#[test]
fn what_has_the_finalizer_of_a_propagation_is_deleted_by_it() {
    let mut sim = simple();
    sim.finish();
    sim.world.finalizer("b", "foregroundDeletion");
    sim.world.finalizer("c", "orphan");
    for (name, deleted) in [("c", &["c"][..]), ("b", &["c", "b"])] {
        sim.tombstone(false);
        sim.settle_until(sim.now + 30_000);
        assert_eq!(sim.world.deleted(), deleted);
        sim.world.release(name);
    }
    sim.finish();
    assert!(sim.recorded && sim.world.names().is_empty());
}

#[test]
fn a_delete_that_is_refused_as_outdated_each_time_is_tried_less_and_less_often_and_named() {
    let mut sim = simple();
    sim.finish();
    sim.world.outdated.insert("c".to_owned());
    sim.tombstone(false);
    let before = sim.world.requests;
    sim.settle_until(sim.now + 120_000);
    let requests = sim.world.requests - before;
    assert!((4..40).contains(&requests), "{requests} in two minutes");
    let blocker = &sim.summary().blockers[0];
    assert_eq!(blocker.reason, Reason::Conflict);
    assert!(sim.world.deleted().is_empty());

    // What was in the way is over: it goes with the next attempt.
    sim.world.outdated.clear();
    sim.world.bump("c");
    sim.touch("c");
    sim.finish();
    assert_eq!(sim.world.deleted(), ["c", "b", "a"]);
}

#[test]
fn a_tombstone_finds_what_older_sets_name_and_touches_no_other_deployment() {
    let mut sim = simple();
    sim.finish();
    sim.world.probe("a", Probed::Failed("down".into()));
    sim.store(2, objects(&[("a", 0, 2)]));
    sim.settle_until(5_000);
    sim.world.delete("b");
    sim.world
        .create_owned("b", DeploymentUid::from_bytes([9; 16]));
    sim.tombstone(false);
    sim.finish();
    assert_eq!(sim.world.deleted(), ["c", "a"]);
    assert!(sim.world.exists("b"));
}

#[test]
fn a_tombstone_without_a_usable_set_searches_for_every_object() {
    let mut sim = simple();
    sim.finish();
    sim.sets.clear();
    sim.store_tombstone_only(2);
    sim.restart();
    sim.finish();
    assert_eq!(sim.world.deleted(), ["c", "b", "a"]);
    assert!(sim.recorded);
}

#[test]
fn an_orphaning_tombstone_leaves_everything() {
    let mut sim = simple();
    sim.finish();
    sim.tombstone(true);
    sim.finish();
    assert!(sim.world.deleted().is_empty());
    assert!(sim.recorded);
}

#[test]
fn no_teardown_starts_while_a_definition_of_ours_is_being_deleted() {
    let mut sim = simple();
    sim.finish();
    sim.deployment.set_definitions_terminating(true);
    sim.tombstone(false);
    sim.settle_until(60_000);
    assert!(sim.world.deleted().is_empty());
    assert_eq!(
        sim.summary().blockers[0].reason,
        Reason::DefinitionsTerminating
    );
    sim.deployment.set_definitions_terminating(false);
    sim.finish();
    assert_eq!(sim.world.deleted(), ["c", "b", "a"]);
}

#[test]
fn in_a_dying_namespace_what_is_being_deleted_counts_as_gone() {
    let mut sim = simple();
    sim.finish();
    for name in ["a", "b", "c"] {
        sim.world.finalizer(name, "example.org/hold");
    }
    sim.world.namespace_terminating = true;
    sim.tombstone(false);
    sim.finish();
    assert!(sim.recorded);
}

#[test]
fn a_directly_used_set_is_released_only_when_its_objects_are_gone() {
    let mut sim = simple();
    sim.sets[0].order = None;
    sim.deliver();
    sim.finish();
    sim.world.finalizer("b", "example.org/hold");
    sim.sets[0].ending = Ending::Deleting;
    sim.deliver();
    sim.settle_until(10_000);
    assert_eq!(sim.sets.len(), 1);
    sim.world.release("b");
    sim.finish();
    assert_eq!(sim.world.deleted(), ["c", "b", "a"]);
    assert!(sim.sets.is_empty());
}

#[test]
fn a_directly_used_set_that_is_deleted_as_an_orphan_leaves_its_objects() {
    let mut sim = simple();
    sim.sets[0].order = None;
    sim.deliver();
    sim.finish();
    let before = sim.world.requests;
    sim.sets[0].ending = Ending::Orphaning;
    sim.deliver();
    sim.finish();
    assert!(sim.sets.is_empty() && sim.world.deleted().is_empty());
    assert_eq!(sim.world.requests, before);
}

#[test]
fn when_a_hub_set_is_deleted_by_hand_its_objects_stay() {
    let mut sim = simple();
    sim.finish();
    sim.sets.clear();
    sim.deliver();
    sim.finish();
    assert!(sim.deployment.is_idle());
    assert!(sim.world.deleted().is_empty());
}

#[test]
fn what_cannot_be_read_holds_a_teardown_also_where_no_inventory_has_it() {
    for kind in [FailureKind::Forbidden, FailureKind::NoKind] {
        let mut never_written = simple();
        never_written
            .world
            .refuse("b", Failure::new(FailureKind::Forbidden, "no"));
        never_written.settle_until(1_000);
        let mut written = simple();
        written.finish();
        for mut sim in [never_written, written] {
            sim.world.refuse_reading("b", kind);
            sim.tombstone(false);
            sim.settle_until(sim.now + 600_000);
            assert!(!sim.recorded);
            assert_eq!(sim.summary().blockers[0].reason, kind.reason());
            sim.world.allow("b");
            sim.world.allow_reading("b");
            sim.finish();
            assert!(sim.recorded && sim.world.names().is_empty());
        }
    }
}

#[test]
fn a_newer_order_revives_a_deployment_that_is_being_torn_down() {
    let mut sim = simple();
    sim.finish();
    sim.world.finalizer("c", "example.org/hold");
    sim.tombstone(false);
    sim.settle_until(5_000);
    sim.store(3, objects(&[("a", 0, 1), ("b", 1, 1), ("c", 2, 1)]));
    sim.settle_until(20_000);
    assert_eq!(sim.summary().available.reason, Reason::Terminating);
    sim.world.release("c");
    sim.finish();
    assert_eq!(sim.summary().available.status, Truth::True);
    assert_eq!(sim.world.deleted(), ["c"]);
}

#[test]
fn a_prune_stops_where_it_is_when_the_new_set_is_no_longer_available() {
    let mut sim = Sim::new();
    sim.store(1, objects(&[("a", 0, 1), ("b", 0, 1), ("c", 0, 1)]));
    sim.finish();
    sim.store(2, objects(&[("a", 0, 2)]));
    let removals = |sim: &Sim| {
        let actions = sim.deployment.plan(sim.now, 16).actions;
        actions
            .into_iter()
            .filter(|action| matches!(action, Action::Remove(_)))
            .collect::<Vec<_>>()
    };
    while removals(&sim).is_empty() {
        let action = sim.deployment.plan(sim.now, 16).actions[0].clone();
        sim.carry_out(&action);
    }
    let under_way = removals(&sim).remove(0);
    sim.deployment.begin(&under_way);
    sim.world.probe("a", Probed::Failed("down".into()));
    sim.touch("a");
    assert_eq!(removals(&sim), []);
    sim.deployment.finish(
        &under_way,
        Outcome::Remove(crate::removal::Answer::Failed(Failure::new(
            FailureKind::Unavailable,
            "later",
        ))),
        sim.now,
    );
    sim.finish();
    assert!(sim.world.deleted().is_empty());
    sim.world.probe("a", Probed::Passed);
    sim.touch("a");
    sim.finish();
    assert_eq!(sim.world.names(), ["a"]);
}

#[test]
fn a_member_that_never_gets_available_does_not_keep_every_order() {
    let mut sim = Sim::new();
    sim.store(1, objects(&[("a", 0, 1), ("b", 0, 1)]));
    sim.finish();
    sim.world.probe("a", Probed::Failed("down".into()));
    sim.store(2, objects(&[("a", 0, 2), ("b", 0, 1), ("only-here", 0, 1)]));
    sim.settle_until(sim.now + 1_000);
    for number in 3..=12 {
        sim.store(number, objects(&[("a", 0, number)]));
        sim.settle_until(sim.now + 1_000);
    }
    let mut left: Vec<u64> = sim.sets.iter().map(|set| set.number).collect();
    left.sort_unstable();
    // 2 alone names objects that newer ones do not; two are kept for their content, two as they were.
    assert_eq!(left, [2, 8, 9, 10, 11, 12]);
    assert_eq!(sim.archived(), [8, 9]);
    assert!(sim.world.deleted().is_empty());
    sim.world.probe("a", Probed::Passed);
    sim.touch("a");
    sim.finish();
    assert_eq!(sim.world.names(), ["a"], "nothing leaks");
}

#[test]
fn orders_of_the_same_objects_do_not_pile_up_on_a_member_that_never_gets_available() {
    let mut sim = Sim::new();
    sim.world.probe("a", Probed::Failed("down".into()));
    for number in 1..=12 {
        sim.store(number, objects(&[("a", 0, number)]));
        sim.settle_until(sim.now + 1_000);
    }
    let mut left: Vec<u64> = sim.sets.iter().map(|set| set.number).collect();
    left.sort_unstable();
    assert_eq!(left, [8, 9, 10, 11, 12]);
    assert_eq!(sim.archived(), [8, 9]);
}

#[test]
fn letting_go_of_older_orders_holds_nothing_up() {
    let mut sim = Sim::new();
    sim.world.probe("a", Probed::Failed("down".into()));
    for number in 1..=3 {
        sim.store(number, objects(&[("a", 0, number)]));
        sim.settle_until(sim.now + 1_000);
    }
    sim.deployment.set_definitions_terminating(true);
    sim.store(4, objects(&[("a", 0, 4)]));
    sim.settle_until(sim.now + 1_000);
    let summary = sim.summary();
    assert_eq!((summary.blockers, summary.removal), (vec![], None));
    sim.deployment.set_definitions_terminating(false);
    let survey = |sim: &Sim| {
        let actions = sim.deployment.plan(sim.now, 16).actions;
        let mut surveys = actions
            .into_iter()
            .filter(|action| matches!(action, Action::ReadInventories(_)));
        surveys.next()
    };
    let survey = survey(&sim).expect("an order too many");
    sim.deployment.begin(&survey);
    let failure = Failure::new(FailureKind::Forbidden, "no");
    let outcome = Outcome::InventoriesRead(Err(failure));
    sim.deployment.finish(&survey, outcome, sim.now);
    assert_eq!(sim.summary().blockers, []);
}
