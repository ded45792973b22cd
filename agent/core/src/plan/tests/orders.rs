//! From one order to the next: what runs stays watched and in order.

use super::*;

#[test]
fn while_an_order_is_prepared_what_the_one_before_has_in_place_stays_watched() {
    let mut sim = simple();
    sim.finish();
    let watched = sim.deployment.scopes();
    assert_eq!(watched.len(), 1);
    sim.store(2, objects(&[("a", 0, 2), ("b", 1, 1)]));
    assert_eq!(sim.deployment.scopes(), watched);
    sim.edit("b", "kubectl-edit");
    sim.prepare();
    assert_eq!(sim.deployment.scopes(), watched);
    sim.finish();
    assert_eq!(sim.written(), ["a", "b", "c", "b", "a"]);
    assert_eq!(sim.summary().available.status, Truth::True);
}

/// The second order is stuck in its first phase. It leaves `b` as it is, and wants another `c`.
fn stuck() -> Sim {
    let mut sim = simple();
    sim.finish();
    sim.world.probe("a", Probed::Failed("down".into()));
    sim.store(2, objects(&[("a", 0, 2), ("b", 1, 1), ("c", 2, 2)]));
    sim.finish();
    assert_eq!(sim.written(), ["a", "b", "c", "a"]);
    sim.world.log.clear();
    sim
}

#[test]
fn an_order_that_is_stuck_keeps_repairing_what_it_leaves_unchanged_in_later_phases() {
    for restart in [false, true] {
        let mut sim = stuck();
        if restart {
            sim.restart();
            sim.finish();
        }
        sim.edit("b", "kubectl-edit");
        sim.edit("c", "kubectl-edit");
        sim.finish();
        assert_eq!(sim.written(), ["b"], "what changes waits for its phase");
        let uid = sim.world.uid("b");
        sim.world.delete("b");
        sim.deployment.removed(&key("b"), None, sim.now);
        sim.finish();
        assert_ne!(sim.world.uid("b"), uid);
        assert_eq!(sim.written(), ["b", "b"]);
        sim.world.probe("a", Probed::Passed);
        sim.touch("a");
        sim.finish();
        assert_eq!(sim.written(), ["b", "b", "c"]);
        assert_eq!(sim.summary().available.status, Truth::True);
    }
}

#[test]
fn the_next_order_behind_one_that_is_stuck_knows_what_still_runs() {
    let mut sim = stuck();
    sim.store(3, objects(&[("a", 0, 3), ("b", 1, 1), ("c", 2, 1)]));
    sim.world.delete("b");
    sim.deployment.removed(&key("b"), None, sim.now);
    sim.finish();
    assert_eq!(sim.written(), ["a", "b"]);
    assert_eq!(sim.summary().rollout.unwrap().controlled.len(), 3);
}

#[test]
fn an_order_of_nothing_is_available_and_removes_what_the_one_before_had() {
    let mut sim = simple();
    sim.finish();
    sim.store(2, objects(&[]));
    sim.finish();
    assert_eq!(sim.world.deleted(), ["c", "b", "a"]);
    for _ in 0..2 {
        assert_eq!(sim.summary().available.status, Truth::True);
        assert_eq!(sim.summary().stage, Stage::Available);
        sim.restart();
        sim.finish();
    }
    assert_eq!(sim.written(), ["a", "b", "c"]);
    let mut first = Sim::new();
    first.store(1, objects(&[]));
    first.finish();
    assert_eq!(first.summary().stage, Stage::Available);
}
