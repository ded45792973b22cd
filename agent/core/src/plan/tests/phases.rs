//! Phases that are not simply one after the other: those of components, and those that somebody else would have to run.

use super::*;
use crate::desired::{Delegated, PhaseHead};

fn component(name: &str, component: &str) -> PhaseHead {
    PhaseHead {
        component: Some(component.to_owned()),
        ..PhaseHead::named(name)
    }
}

/// `base`, the phases of two components, and `last`.
fn with_components() -> Sim {
    let mut sim = Sim::new();
    sim.phases = vec![
        PhaseHead::named("base"),
        component("bulb/wires", "bulb"),
        component("bulb/glow", "bulb"),
        component("horn/sound", "horn"),
        PhaseHead::named("last"),
    ];
    let all = [
        ("base", 0),
        ("wire", 1),
        ("glow", 2),
        ("horn", 3),
        ("last", 4),
    ];
    sim.store(1, objects(&all.map(|(name, phase)| (name, phase, 1))));
    sim
}

/// Its second phase is of a class.
fn with_class() -> Sim {
    let mut sim = Sim::new();
    let delegated = Delegated {
        class: "hosted-cluster".into(),
        objects: 7,
    };
    sim.phases = vec![
        PhaseHead::named("here"),
        PhaseHead {
            delegated: Some(delegated),
            ..PhaseHead::named("there")
        },
        PhaseHead::named("later"),
    ];
    sim.store(1, objects(&[("a", 0, 1), ("c", 2, 1)]));
    sim
}

#[test]
fn components_of_a_phase_wait_neither_for_each_other_nor_for_its_own_objects() {
    let mut sim = with_components();
    for name in ["base", "wire"] {
        sim.world.probe(name, Probed::Failed("not yet".into()));
    }
    sim.finish();
    assert_eq!(sim.written(), ["base", "wire", "horn"]);
    sim.world.probe("wire", Probed::Passed);
    sim.touch("wire");
    sim.finish();
    assert_eq!(sim.written(), ["base", "wire", "horn", "glow"]);
    sim.world.probe("base", Probed::Passed);
    sim.touch("base");
    sim.finish();
    assert_eq!(sim.written(), ["base", "wire", "horn", "glow", "last"]);
    assert_eq!(sim.summary().available.status, Truth::True);
}

#[test]
fn the_next_phase_waits_for_every_component() {
    let mut sim = with_components();
    sim.world.probe("horn", Probed::Failed("mute".into()));
    sim.finish();
    assert_eq!(sim.written(), ["base", "wire", "horn", "glow"]);
    let summary = sim.summary();
    let message = &summary.available.message;
    assert!(
        message.contains("horn/sound") && message.contains("mute"),
        "{message}"
    );
}

#[test]
fn a_component_that_got_far_does_not_open_phases_of_another_when_the_agent_starts_anew() {
    let mut sim = with_components();
    sim.world.probe("wire", Probed::Failed("not yet".into()));
    sim.finish();
    sim.restart();
    sim.finish();
    assert_eq!(sim.written(), ["base", "wire", "horn"]);
}

#[test]
fn components_are_torn_down_from_the_last_phase_on() {
    let mut sim = with_components();
    sim.finish();
    sim.world.log.clear();
    sim.tombstone(false);
    sim.finish();
    let deleted = ["last", "horn", "glow", "wire", "base"];
    assert_eq!(
        sim.world.log,
        deleted.map(|name| Write::Deleted(name.into()))
    );
}

#[test]
fn a_phase_of_a_class_that_nobody_runs_is_said_by_name_and_later_phases_wait() {
    let mut sim = with_class();
    sim.finish();
    assert_eq!(sim.written(), ["a"]);
    let summary = sim.summary();
    assert_eq!(summary.available.status, Truth::False);
    assert_eq!(summary.available.reason, Reason::NoSuchPhaseClass);
    for word in ["there", "hosted-cluster"] {
        let message = &summary.available.message;
        assert!(message.contains(word), "{message}");
    }
    assert_eq!(summary.blockers[0].reason, Reason::NoSuchPhaseClass);
    assert_ne!(summary.stage, Stage::Applied);
    let rollout = summary.rollout.unwrap();
    assert!(rollout.in_transition);
    let states: Vec<_> = rollout
        .phases
        .iter()
        .map(|it| (it.state, it.objects))
        .collect();
    let expected = [
        (PhaseState::Available, 1),
        (PhaseState::Blocked, 7),
        (PhaseState::Pending, 1),
    ];
    assert_eq!(states, expected);
}

#[test]
fn what_does_not_pass_yet_is_told_before_the_class() {
    let mut sim = with_class();
    sim.world.probe("a", Probed::Failed("not yet".into()));
    sim.finish();
    let summary = sim.summary();
    assert_eq!(summary.available.reason, Reason::ProbeFailure);
    assert!(summary.blockers.is_empty(), "its turn has not come");
}

#[test]
fn what_is_before_a_phase_of_a_class_is_kept_so_and_torn_down() {
    let mut sim = with_class();
    sim.finish();
    sim.edit("a", "somebody");
    sim.finish();
    assert_eq!(sim.written(), ["a", "a"], "drift is repaired");
    sim.tombstone(false);
    sim.finish();
    assert!(sim.world.names().is_empty());
    assert_eq!(sim.world.deleted(), ["a"]);
}

#[test]
fn what_an_older_set_has_in_place_stays_while_the_newer_one_waits_for_a_class() {
    let mut sim = Sim::new();
    sim.store(1, objects(&[("a", 0, 1), ("b", 1, 1)]));
    sim.finish();
    sim.phases = with_class().phases;
    sim.store(2, objects(&[("a", 0, 1), ("c", 2, 1)]));
    sim.finish();
    assert!(sim.world.exists("b"), "nothing is pruned");
    assert!(!sim.world.exists("c"));
}
