//! Deployments against a tiny pure model of an API server.

mod account;
mod drift;
mod missing;
mod orders;
mod phases;
mod polls;
mod properties;
mod removals;
mod sim;
mod world;

use stevedore_proto_core::content::CollisionProtection;
use stevedore_proto_core::status::{Interference, PhaseState, Truth};
use stevedore_proto_core::{Reason, Stage};

use super::*;
use crate::failure::{Failure, FailureKind};
use crate::observation::Owner;
use crate::probe::Probed;
use crate::set::Ending;
use sim::Sim;
use world::{Write, key, objects};

fn simple() -> Sim {
    let mut sim = Sim::new();
    sim.store(1, objects(&[("a", 0, 1), ("b", 1, 1), ("c", 2, 1)]));
    sim
}

#[test]
fn a_fresh_install_is_one_dry_run_and_one_write_per_object_and_nothing_else() {
    let mut sim = simple();
    sim.finish();
    assert_eq!(sim.summary().available.status, Truth::True);
    assert_eq!(sim.summary().stage, Stage::Available);
    assert_eq!(sim.written(), ["a", "b", "c"]);
    assert_eq!(sim.world.requests, 6);
    assert!(sim.deployment.plan(sim.now, 16).actions.is_empty());
    assert_eq!(sim.deployment.plan(sim.now, 16).wake_at, None);
}

#[test]
fn a_later_phase_is_not_written_before_the_earlier_one_passes_its_probes() {
    let mut sim = simple();
    sim.world.probe("a", Probed::Failed("not yet".into()));
    sim.finish();
    assert_eq!(sim.written(), ["a"]);
    let summary = sim.summary();
    assert_eq!(summary.available.reason, Reason::ProbeFailure);
    assert!(summary.available.message.contains("not yet"), "{summary:?}");
    let phases = summary.rollout.unwrap().phases;
    assert_eq!(
        [phases[0].state, phases[1].state],
        [PhaseState::Progressing, PhaseState::Pending]
    );
    sim.world.probe("a", Probed::Passed);
    sim.touch("a");
    sim.finish();
    assert_eq!(sim.written(), ["a", "b", "c"]);
}

#[test]
fn a_reached_phase_keeps_being_repaired_while_an_earlier_probe_fails() {
    let mut sim = simple();
    sim.finish();
    sim.world.probe("a", Probed::Failed("down".into()));
    sim.touch("a");
    sim.edit("c", "kubectl-edit");
    sim.finish();
    assert_eq!(sim.written(), ["a", "b", "c", "c"]);
    assert_eq!(sim.summary().available.reason, Reason::ProbeFailure);
}

#[test]
fn nothing_of_a_step_is_written_when_one_dry_run_is_refused() {
    let mut sim = Sim::new();
    sim.store(1, objects(&[("a", 0, 1), ("bad", 0, 1)]));
    sim.world
        .refuse("bad", Failure::new(FailureKind::Invalid, "spec: wrong"));
    sim.settle_until(60_000);
    assert!(sim.written().is_empty());
    let summary = sim.summary();
    assert_eq!(summary.available.reason, Reason::PreflightError);
    assert!(
        summary.available.message.contains("ConfigMap ns/bad"),
        "{summary:?}"
    );
    assert_eq!(summary.blockers[0].reason, Reason::Invalid);
    assert!(sim.deployment.plan(sim.now, 16).wake_at.is_some());
    sim.world.allow("bad");
    sim.finish();
    assert_eq!(sim.summary().available.status, Truth::True);
}

#[test]
fn a_refusal_for_lack_of_rights_is_a_condition_and_not_a_storm() {
    let mut sim = Sim::new();
    sim.store(1, objects(&[("a", 0, 1)]));
    sim.world
        .refuse("a", Failure::new(FailureKind::Forbidden, "no"));
    sim.settle_until(600_000);
    assert!(sim.world.requests <= 8, "{} requests", sim.world.requests);
    assert_eq!(sim.summary().blockers[0].reason, Reason::Forbidden);
}

#[test]
fn what_is_too_large_is_never_tried_again() {
    let mut sim = Sim::new();
    sim.store(1, objects(&[("a", 0, 1)]));
    sim.world.refuse(
        "a",
        Failure::new(FailureKind::TooLarge, "request is too large"),
    );
    sim.finish();
    assert_eq!(sim.world.requests, 1);
    assert_eq!(sim.deployment.plan(sim.now, 16).wake_at, None);
    assert_eq!(sim.summary().blockers[0].reason, Reason::TooLarge);
}

#[test]
fn a_foreign_object_in_the_way_is_named_left_alone_and_taken_up_once_it_is_gone() {
    let mut sim = simple();
    sim.world.create_foreign("b", "helm");
    sim.settle_until(20_000);
    assert_eq!(sim.written(), ["a"]);
    let summary = sim.summary();
    assert_eq!(summary.available.reason, Reason::CollisionDetected);
    assert!(
        summary.available.message.contains("ConfigMap ns/b"),
        "{summary:?}"
    );
    assert!(summary.available.message.contains("helm"), "{summary:?}");
    sim.world.delete("b");
    sim.finish();
    assert_eq!(sim.summary().available.status, Truth::True);
}

#[test]
fn an_adopted_object_is_checked_and_then_written_over_what_was_read() {
    let mut sim = Sim::new();
    let mut desired = objects(&[("a", 0, 1)]);
    desired[0].policy = CollisionProtection::IfNoController;
    sim.world.create_foreign("a", "helm");
    let uid = sim.world.uid("a");
    sim.store(1, desired);
    sim.finish();
    assert_eq!(sim.summary().available.status, Truth::True);
    assert_eq!(sim.world.uid("a"), uid);
}

#[test]
fn an_upgrade_writes_what_changed_prunes_what_is_gone_and_recreates_nothing() {
    let mut sim = simple();
    sim.finish();
    let before = ["a", "b"].map(|name| sim.world.uid(name));
    sim.world.log.clear();
    sim.store(2, objects(&[("a", 0, 1), ("b", 1, 2), ("d", 1, 1)]));
    sim.finish();
    assert_eq!(sim.written(), ["b", "d"]);
    assert_eq!(sim.world.deleted(), ["c"]);
    assert_eq!(["a", "b"].map(|name| sim.world.uid(name)), before);
    assert_eq!(sim.archived(), [1]);
}

#[test]
fn after_a_restart_a_converged_deployment_is_listed_once_and_not_written() {
    let mut sim = simple();
    sim.finish();
    let requests = sim.world.requests;
    sim.restart();
    sim.finish();
    assert_eq!(sim.written(), ["a", "b", "c"]);
    assert_eq!(sim.world.requests, requests + 1);
    assert_eq!(sim.summary().available.status, Truth::True);
}

#[test]
fn after_a_crash_before_the_inventory_was_stored_nothing_is_recreated() {
    let mut sim = simple();
    sim.finish();
    let uids = ["a", "b", "c"].map(|name| sim.world.uid(name));
    sim.forget_statuses();
    sim.restart();
    sim.finish();
    assert_eq!(["a", "b", "c"].map(|name| sim.world.uid(name)), uids);
    assert_eq!(sim.summary().available.status, Truth::True);
}

#[test]
fn an_object_of_a_newer_order_is_never_touched() {
    let mut sim = simple();
    sim.finish();
    sim.world.set_order("b", 9);
    sim.touch("b");
    sim.settle_until(60_000);
    assert_eq!(sim.written(), ["a", "b", "c"]);
    assert_eq!(sim.summary().available.reason, Reason::NewerOrder);
    sim.tombstone(false);
    sim.finish();
    assert_eq!(sim.world.deleted(), ["c", "a"]);
    assert!(sim.world.exists("b"));
}

#[test]
fn a_paused_set_is_watched_and_nothing_is_written() {
    let mut sim = simple();
    sim.finish();
    sim.sets[0].lifecycle = Lifecycle::Paused;
    sim.restart();
    sim.edit("b", "kubectl-edit");
    sim.world.delete("c");
    sim.deployment.removed(&key("c"), None, sim.now);
    sim.settle_until(60_000);
    assert_eq!(sim.written(), ["a", "b", "c"]);
    let summary = sim.summary();
    assert!(summary.rollout.as_ref().unwrap().paused);
    assert_eq!(summary.available.status, Truth::False);
    sim.sets[0].lifecycle = Lifecycle::Active;
    sim.deliver();
    sim.finish();
    assert_eq!(sim.summary().available.status, Truth::True);
}

#[test]
fn a_set_succeeds_once_and_only_after_its_delay() {
    let mut sim = simple();
    sim.success_delay = 30;
    sim.settle_until(1_000);
    assert!(!sim.summary().rollout.unwrap().succeeded);
    assert!(sim.deployment.plan(sim.now, 16).wake_at.is_some());
    sim.finish();
    assert!(sim.summary().rollout.unwrap().succeeded);
    sim.world.probe("a", Probed::Failed("down".into()));
    sim.touch("a");
    sim.finish();
    assert!(sim.summary().rollout.unwrap().succeeded);
}

#[test]
fn another_object_under_the_same_name_and_mark_is_an_ownership_question() {
    let mut sim = simple();
    sim.finish();
    sim.world.delete("b");
    sim.world.create_foreign("b", "kubectl-create");
    sim.deployment.removed(&key("b"), None, sim.now);
    sim.settle_until(10_000);
    assert_eq!(sim.summary().available.reason, Reason::CollisionDetected);
    assert!(matches!(sim.world.seen("b").unwrap().owner, Owner::Nobody));
}

#[test]
fn writes_are_bounded_by_the_room_that_is_given() {
    let mut sim = Sim::new();
    let names: Vec<String> = (0..40).map(|n| format!("n{n}")).collect();
    let all: Vec<(&str, u16, u64)> = names.iter().map(|name| (name.as_str(), 0, 1)).collect();
    sim.store(1, objects(&all));
    sim.prepare();
    assert_eq!(sim.deployment.plan(sim.now, 16).actions.len(), 16);
    sim.finish();
    let dry_first = sim
        .world
        .log
        .iter()
        .position(|write| matches!(write, Write::Applied(_)))
        .unwrap();
    assert_eq!(dry_first, 0, "dry-runs are not in the log of writes");
    assert_eq!(sim.written().len(), 40);
}

#[test]
fn what_is_only_looked_at_again_does_not_stop_being_available() {
    let mut sim = simple();
    sim.success_delay = 100;
    sim.settle_until(1_000);
    let scope = WatchKey::of(&key("a"));
    sim.deployment
        .unwatched(&scope, "Forbidden".into(), sim.now);
    sim.settle_until(110_000);
    assert!(
        sim.summary().rollout.unwrap().succeeded,
        "in spite of polls"
    );

    sim.store(2, objects(&[("a", 0, 1)]));
    sim.world.finalizer("c", "example.org/hold");
    sim.settle_until(sim.now + 5_000);
    assert_eq!(sim.world.deleted(), ["c"]);
    sim.deployment.tick(sim.now + 60_000);
    sim.touch("a");
    assert!(
        sim.summary().removal.is_some(),
        "what is being pruned goes on being pruned"
    );
    sim.world.probe("a", Probed::Failed("down".into()));
    sim.settle_until(sim.now + 60_000);
    assert_eq!(sim.summary().available.reason, Reason::ProbeFailure);
    assert_eq!(sim.world.deleted(), ["c"]);
}

#[test]
fn a_paused_order_that_was_never_applied_is_not_available_at_it() {
    let mut sim = simple();
    sim.finish();
    sim.store(2, objects(&[("a", 0, 2), ("b", 1, 1), ("c", 2, 1)]));
    sim.sets[1].lifecycle = Lifecycle::Paused;
    sim.deliver();
    sim.settle_until(60_000);
    assert_eq!(sim.written(), ["a", "b", "c"]);
    let summary = sim.summary();
    assert_eq!(summary.available.status, Truth::False);
    assert!(
        summary.available.message.contains("while paused"),
        "{summary:?}"
    );
    assert!(sim.archived().is_empty());
}

#[test]
fn a_missing_namespace_is_named() {
    let mut sim = Sim::new();
    sim.store(1, objects(&[("a", 0, 1)]));
    let missing = Failure::new(FailureKind::NotFound, "namespaces \"ns\" not found");
    sim.world.refuse("a", missing);
    sim.settle_until(10_000);
    assert_eq!(sim.summary().blockers[0].reason, Reason::NamespaceMissing);
}

#[test]
fn what_could_not_be_probed_is_looked_at_again_by_itself_and_says_so() {
    let mut sim = simple();
    sim.world.probe("b", Probed::NotYet);
    sim.settle_until(120_000);
    let summary = sim.summary();
    assert_eq!(
        (summary.available.status, summary.available.reason),
        (Truth::Unknown, Reason::ProbeWaits)
    );
    assert_eq!(summary.blockers, [], "it only waits");
    assert!(summary.rollout.unwrap().known, "it is told");
    assert_eq!(sim.written(), ["a", "b"]);
    assert!(sim.world.requests < 30, "{}", sim.world.requests);
    sim.world.probe("b", Probed::Passed);
    sim.finish();
    assert_eq!(sim.summary().available.status, Truth::True);
}

#[test]
fn an_order_whose_set_was_archived_by_hand_is_not_available_and_says_why() {
    let mut sim = simple();
    sim.finish();
    sim.sets[0].lifecycle = crate::set::Lifecycle::Archived;
    sim.deliver();
    sim.finish();
    let available = sim.summary().available;
    assert_eq!(
        (available.status, available.reason),
        (Truth::False, Reason::ArchivedByHand)
    );
    assert!(sim.world.deleted().is_empty());
}

#[test]
fn a_step_waits_as_long_as_the_server_asks() {
    let mut sim = simple();
    let open = sim.deployment.plan(sim.now, 16).actions[0].clone();
    sim.carry_out(&open);
    let prepare = sim.deployment.plan(sim.now, 16).actions[0].clone();
    sim.deployment.begin(&prepare);
    let busy = Failure {
        retry_after: Some(90_000),
        ..Failure::new(FailureKind::Unavailable, "busy")
    };
    let outcome = Outcome::Prepared(Err(PreparationFailure::Failed(busy)));
    sim.deployment.finish(&prepare, outcome, sim.now);
    let wake = sim.deployment.plan(sim.now, 16).wake_at;
    assert_eq!(wake, Some(sim.now + 90_000));
}
