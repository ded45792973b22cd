//! Changes that others make to objects of ours.

use super::*;
use crate::rollout::Author;

#[test]
fn an_edited_object_is_put_back_and_the_manager_is_named() {
    let mut sim = simple();
    sim.finish();
    sim.edit("b", "kubectl-edit");
    sim.settle_until(sim.now + 60_000);
    assert_eq!(sim.written(), ["a", "b", "c", "b"]);
    let incidents = sim.summary().rollout.unwrap().incidents;
    assert_eq!(incidents[0].author, Author::Manager("kubectl-edit".into()));
    assert_eq!(incidents[0].kind, Interference::Drift);
}

#[test]
fn the_same_edit_again_is_another_incident_and_none_is_told_for_ever() {
    let mut sim = simple();
    sim.finish();
    let times = |sim: &Sim| -> Vec<u32> {
        let incidents = sim.summary().rollout.unwrap().incidents;
        incidents.iter().map(|incident| incident.times).collect()
    };
    sim.edit("b", "kubectl-edit");
    sim.touch("b");
    assert_eq!(times(&sim), [1], "it was one edit, seen twice");
    sim.settle_until(sim.now + 60_000);
    sim.now += 1_800_000;
    sim.edit("b", "kubectl-edit");
    sim.settle_until(sim.now + 60_000);
    assert_eq!(times(&sim), [2]);
    sim.finish();
    assert!(times(&sim).is_empty());
}

#[test]
fn repeated_fights_back_off_and_are_reported_as_contention() {
    let mut sim = simple();
    sim.finish();
    let start = sim.now;
    for _ in 0..8 {
        sim.edit("b", "other-operator");
        sim.settle_until(sim.now + 300_000);
    }
    assert!(sim.now - start > 10_000, "took {} ms", sim.now - start);
    let incidents = sim.summary().rollout.unwrap().incidents;
    assert_eq!(incidents[0].kind, Interference::Contention);
}

#[test]
fn a_deleted_object_comes_back_after_a_live_read() {
    let mut sim = simple();
    sim.finish();
    let uid = sim.world.uid("b");
    sim.world.delete("b");
    sim.deployment.removed(&key("b"), None, sim.now);
    sim.finish();
    assert_ne!(sim.world.uid("b"), uid);
    assert_eq!(sim.written(), ["a", "b", "c", "b"]);
}

#[test]
fn an_object_whose_label_was_removed_gets_it_back_and_is_not_recreated() {
    let mut sim = simple();
    sim.finish();
    let uid = sim.world.uid("b");
    sim.world.unlabel("b");
    sim.deployment.removed(&key("b"), None, sim.now);
    assert!(sim.world.exists("b"));
    sim.finish();
    assert_eq!(sim.world.uid("b"), uid);
    assert!(sim.world.labelled("b"));
    assert_eq!(sim.summary().available.status, Truth::True);
}

#[test]
fn an_object_missing_from_a_watchs_list_is_only_looked_at() {
    let mut sim = simple();
    sim.finish();
    let scope = WatchKey::of(&key("b"));
    sim.deployment.restarted(&scope);
    for name in ["a", "c"] {
        let seen = sim.world.seen(name).unwrap();
        sim.deployment.observed(&key(name), seen, sim.now);
    }
    sim.deployment.synced(&scope, sim.now);
    let requests = sim.world.requests;
    sim.finish();
    assert_eq!(sim.world.requests, requests + 1);
    assert_eq!(sim.written(), ["a", "b", "c"]);
}
