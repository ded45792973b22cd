//! Kinds and namespaces that are missing: until later, for a while, or for good.

use super::*;
use crate::key::ObjectKey;
use world::{BRIEF, thing};

impl Sim {
    /// Objects are gone, and their watch tells.
    fn take_away(&mut self, is_gone: impl Fn(&ObjectKey) -> bool) {
        for name in self.world.names() {
            let key = key(&name);
            if is_gone(&key) {
                self.world.delete(&name);
                self.deployment.removed(&key, None, self.now);
            }
        }
    }

    /// The definition of things is deleted, and every thing with it.
    pub(super) fn kind_goes(&mut self) {
        self.take_away(|key| key.kind == thing());
        self.world.things = Some(FailureKind::NoKind);
    }

    /// What serves things is away; the things stay where they are, and nobody can reach them.
    pub(super) fn kind_is_away(&mut self) {
        self.world.things = Some(FailureKind::KindUnavailable);
    }

    /// The namespace is being deleted: what is in it has gone.
    pub(super) fn namespace_dies(&mut self) {
        self.take_away(|key| key.namespace.as_deref() == Some(BRIEF));
        self.world.brief = Some(FailureKind::NamespaceTerminating);
    }

    /// The namespace is gone.
    pub(super) fn namespace_goes(&mut self) {
        self.namespace_dies();
        self.world.brief = Some(FailureKind::NotFound);
    }

    /// Things are served and the namespace is there.
    pub(super) fn all_comes_back(&mut self) {
        self.world.things = None;
        self.world.brief = None;
    }

    fn reasons(&self) -> Vec<(Reason, String)> {
        let blockers = self.summary().blockers.into_iter();
        blockers
            .map(|blocker| (blocker.reason, blocker.object))
            .collect()
    }

    fn is_available(&self) -> bool {
        self.summary().available.status == Truth::True
    }
}

/// Three phases, the second one of a thing and of what is none.
fn with_thing() -> Sim {
    let mut sim = Sim::new();
    let all = [("a", 0, 1), ("b", 1, 1), ("thing-c", 1, 1), ("d", 2, 1)];
    sim.store(1, objects(&all));
    sim
}

/// One object inside the namespace that goes, one outside.
fn with_tenant() -> Sim {
    let mut sim = Sim::new();
    sim.store(1, objects(&[("brief-tenant", 0, 1), ("outside", 0, 1)]));
    sim
}

#[test]
fn a_kind_that_an_earlier_phase_brings_stops_nothing_before_its_phase() {
    let mut sim = with_thing();
    sim.world.things = Some(FailureKind::NoKind);
    sim.world
        .probe("a", Probed::Failed("nothing was made of it".into()));
    sim.settle_until(120_000);
    assert_eq!(sim.written(), ["a"]);
    assert_eq!(sim.reasons(), [], "nobody needs it yet");
    assert_eq!(sim.summary().available.reason, Reason::ProbeFailure);
    sim.world.things = None;
    sim.world.probe("a", Probed::Passed);
    sim.touch("a");
    let before = sim.now;
    sim.finish();
    assert!(sim.is_available());
    assert_eq!(sim.now, before, "nothing was waited for");
}

#[test]
fn a_kind_that_is_missing_stops_its_own_phase_is_named_and_found_within_a_minute() {
    let mut sim = with_thing();
    sim.world.things = Some(FailureKind::NoKind);
    sim.settle_until(600_000);
    assert_eq!(sim.written(), ["a"]);
    assert_eq!(
        sim.reasons(),
        [(Reason::NoSuchKind, "Thing ns/thing-c".into())]
    );
    let summary = sim.summary();
    assert_eq!(summary.available.reason, Reason::NoSuchKind);
    let phases = summary.rollout.unwrap().phases;
    assert_eq!(
        phases.iter().map(|phase| phase.state).collect::<Vec<_>>(),
        [
            PhaseState::Available,
            PhaseState::Blocked,
            PhaseState::Pending
        ]
    );
    assert!(
        sim.deployment
            .scopes()
            .iter()
            .all(|scope| scope.kind != thing()),
        "what is not served is not watched"
    );
    sim.all_comes_back();
    sim.settle_until(sim.now + 60_000);
    assert!(sim.is_available());
    assert!(
        sim.deployment
            .scopes()
            .iter()
            .any(|scope| scope.kind == thing())
    );
}

#[test]
fn a_kind_that_vanished_stops_the_repair_of_its_own_objects_only() {
    for restart in [false, true] {
        let mut sim = with_thing();
        sim.finish();
        sim.kind_goes();
        sim.take_away(|key| key.kind != thing());
        sim.world.log.clear();
        if restart {
            sim.restart();
        }
        sim.settle_until(sim.now + 60_000);
        assert_eq!(sim.written(), ["a", "b", "d"], "restart: {restart}");
        assert_eq!(
            sim.reasons(),
            [(Reason::NoSuchKind, "Thing ns/thing-c".into())]
        );
        let controlled = sim.summary().rollout.unwrap().controlled;
        assert_eq!(controlled.len(), 4, "the inventory forgets nothing");
        sim.all_comes_back();
        sim.settle_until(sim.now + 60_000);
        assert!(sim.is_available());
        assert_eq!(sim.written(), ["a", "b", "d", "thing-c"]);
    }
}

#[test]
fn of_what_serves_a_kind_being_away_nothing_is_concluded() {
    for restart in [false, true] {
        let mut sim = with_thing();
        sim.finish();
        let uid = sim.world.uid("thing-c");
        sim.kind_is_away();
        if restart {
            sim.restart();
        }
        sim.take_away(|key| key.kind != thing());
        sim.settle_until(sim.now + 600_000);
        let mut written = sim.written();
        written.sort_unstable();
        assert_eq!(written, ["a", "a", "b", "b", "d", "d", "thing-c"]);
        if restart {
            let (reason, object) = sim.reasons().remove(0);
            assert_eq!(reason, Reason::KindUnavailable);
            assert_eq!(object, "Thing ns/thing-c");
        }
        sim.all_comes_back();
        sim.settle_until(sim.now + 60_000);
        assert!(sim.is_available());
        assert_eq!(sim.world.uid("thing-c"), uid);
        assert_eq!(sim.written().len(), 7, "it was there all the time");
    }
}

#[test]
fn what_has_no_kind_is_gone_and_what_cannot_be_reached_is_not() {
    let mut sim = with_thing();
    sim.finish();
    sim.kind_goes();
    sim.tombstone(false);
    sim.finish();
    assert!(sim.recorded && sim.world.names().is_empty());

    let mut sim = with_thing();
    sim.finish();
    sim.kind_is_away();
    sim.tombstone(false);
    sim.settle_until(sim.now + 600_000);
    assert_eq!(sim.world.deleted(), ["d", "b"]);
    assert!(!sim.recorded);
    assert_eq!(
        sim.reasons(),
        [(Reason::KindUnavailable, "Thing ns/thing-c".into())]
    );
    sim.all_comes_back();
    sim.finish();
    assert_eq!(sim.world.deleted(), ["d", "b", "thing-c", "a"]);
    assert!(sim.recorded);
}

#[test]
fn a_namespace_that_dies_and_returns_is_named_as_it_stands_and_holds_up_nothing_outside() {
    let mut sim = with_tenant();
    sim.finish();
    let tenant = "ConfigMap brief/brief-tenant".to_owned();
    sim.namespace_dies();
    sim.settle_until(sim.now + 120_000);
    assert_eq!(
        sim.reasons(),
        [(Reason::NamespaceTerminating, tenant.clone())]
    );
    assert_eq!(sim.summary().available.reason, Reason::NamespaceTerminating);
    sim.edit("outside", "kubectl-edit");
    sim.settle_until(sim.now);
    assert_eq!(sim.written(), ["brief-tenant", "outside", "outside"]);

    sim.namespace_goes();
    sim.settle_until(sim.now + 10_000);
    assert_eq!(sim.reasons(), [(Reason::NamespaceMissing, tenant)]);
    assert_eq!(sim.summary().available.reason, Reason::NamespaceMissing);
    sim.settle_until(sim.now + 600_000);

    sim.all_comes_back();
    sim.settle_until(sim.now + 10_000);
    assert!(sim.is_available());
    assert_eq!(sim.written().len(), 4);
}

#[test]
fn of_all_that_waits_for_a_namespace_one_asks_and_then_all_go_on() {
    let mut sim = Sim::new();
    let names: Vec<String> = (0..40).map(|n| format!("brief-{n}")).collect();
    let all: Vec<_> = names.iter().map(|name| (name.as_str(), 0, 1)).collect();
    sim.store(1, objects(&all));
    sim.finish();
    sim.namespace_goes();
    sim.settle_until(sim.now + 60_000);
    let requests = sim.world.requests;
    sim.settle_until(sim.now + 60_000);
    let asked = sim.world.requests - requests;
    assert!((6..=12).contains(&asked), "{asked} requests a minute");
    sim.all_comes_back();
    sim.settle_until(sim.now + 10_000);
    assert!(sim.is_available());
}

#[test]
fn who_asks_for_a_namespace_may_not_get_on_and_keeps_nobody_else_waiting() {
    let mut sim = Sim::new();
    sim.store(1, objects(&[("brief-a", 0, 1), ("brief-b", 0, 1)]));
    sim.finish();
    sim.namespace_goes();
    sim.settle_until(sim.now + 60_000);
    sim.all_comes_back();
    let forbidden = Failure::new(FailureKind::Forbidden, "no");
    sim.world.refuse("brief-a", forbidden);
    let back = sim.now;
    sim.settle_until(back + 10_000);
    assert!(sim.world.exists("brief-b"));
    assert_eq!(
        sim.reasons(),
        [(Reason::Forbidden, "ConfigMap brief/brief-a".into())]
    );
    sim.world.allow("brief-a");
    sim.settle_until(back + 30_000);
    assert!(sim.is_available(), "the wait for rights began anew");
}
