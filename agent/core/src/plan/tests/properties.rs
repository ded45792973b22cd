//! Properties that hold whatever is ordered and whatever others do: order, completeness and silence.

use proptest::prelude::*;

use super::sim::Sim;
use super::world::{Write, key, objects};
use crate::failure::FailureKind;
use stevedore_proto_core::status::Truth;

/// Two of them are of a kind, and one is in a namespace, that come and go.
const NAMES: [&str; 6] = ["a", "b", "brief-c", "d", "thing-e", "thing-f"];

/// For each name: absent, or its phase and content.
type DesiredObjects = [Option<(u16, u64)>; 6];

fn desired() -> impl Strategy<Value = DesiredObjects> {
    proptest::array::uniform6(proptest::option::of((0_u16..3, 1_u64..3)))
}

#[derive(Debug, Clone, Copy)]
enum Disturbance {
    Edit(usize),
    Delete(usize),
    Unlabel(usize),
    Restart,
    LoseStatus,
    KindGoes,
    KindIsAway,
    NamespaceDies,
    NamespaceGoes,
    AllComesBack,
}

/// How long a disturbance lasts, in milliseconds.
const WHILE: u64 = 900_000;

fn disturbance() -> impl Strategy<Value = Disturbance> {
    prop_oneof![
        (0_usize..6).prop_map(Disturbance::Edit),
        (0_usize..6).prop_map(Disturbance::Delete),
        (0_usize..6).prop_map(Disturbance::Unlabel),
        Just(Disturbance::Restart),
        Just(Disturbance::LoseStatus),
        Just(Disturbance::KindGoes),
        Just(Disturbance::KindIsAway),
        Just(Disturbance::NamespaceDies),
        Just(Disturbance::NamespaceGoes),
        Just(Disturbance::AllComesBack),
    ]
}

fn listed(desired: &DesiredObjects) -> Vec<(&'static str, u16, u64)> {
    NAMES
        .iter()
        .zip(desired)
        .filter_map(|(name, desired)| desired.map(|(phase, content)| (*name, phase, content)))
        .collect()
}

fn disturb(sim: &mut Sim, disturbance: Disturbance) {
    let notice = |sim: &mut Sim, name: &str| sim.deployment.removed(&key(name), None, sim.now);
    match disturbance {
        Disturbance::Edit(at) if sim.world.exists(NAMES[at]) => {
            sim.edit(NAMES[at], "kubectl-edit");
        }
        Disturbance::Delete(at) if sim.world.exists(NAMES[at]) => {
            sim.world.delete(NAMES[at]);
            notice(sim, NAMES[at]);
        }
        Disturbance::Unlabel(at) if sim.world.exists(NAMES[at]) => {
            sim.world.unlabel(NAMES[at]);
            notice(sim, NAMES[at]);
        }
        Disturbance::Restart => sim.restart(),
        Disturbance::LoseStatus => {
            sim.forget_statuses();
            sim.restart();
        }
        Disturbance::KindGoes => sim.kind_goes(),
        Disturbance::KindIsAway => sim.kind_is_away(),
        Disturbance::NamespaceDies => sim.namespace_dies(),
        Disturbance::NamespaceGoes => sim.namespace_goes(),
        Disturbance::AllComesBack => sim.all_comes_back(),
        _ => {}
    }
}

/// What is neither of a kind nor in a namespace that is missing is as ordered, whatever its phase waits for.
fn untouched_is_in_order(sim: &Sim, desired: &DesiredObjects) -> bool {
    objects(&listed(desired)).iter().all(|desired| {
        let name = &*desired.key.name;
        let waits = (sim.world.things.is_some() && name.starts_with("thing-"))
            || (sim.world.brief.is_some() && name.starts_with("brief-"));
        waits || sim.world.content(name) == Some(desired.content)
    })
}

fn phase_of(desired: &DesiredObjects, name: &str) -> u16 {
    let at = NAMES.iter().position(|known| *known == name).unwrap();
    desired[at].map_or(0, |(phase, _)| phase)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn orders_and_disturbances_end_in_what_was_ordered_and_then_in_silence(
        orders in proptest::collection::vec((desired(), proptest::collection::vec(disturbance(), 0..4)), 1..4)
    ) {
        let mut sim = Sim::new();
        for (at, (desired, disturbances)) in orders.iter().enumerate() {
            let before = sim.world.names();
            sim.world.log.clear();
            sim.store(at as u64 + 1, objects(&listed(desired)));
            sim.finish();
            for write in &sim.world.log {
                if let Write::Deleted(name) = write {
                    prop_assert!(before.contains(name), "only the inventory is pruned");
                    prop_assert!(!listed(desired).iter().any(|(kept, ..)| kept == name));
                }
            }
            let written: Vec<u16> = sim.written().iter().map(|name| phase_of(desired, name)).collect();
            prop_assert!(written.is_sorted(), "phases in order: {:?}", sim.world.log);
            let mut forgotten = false;
            for disturbance in disturbances {
                disturb(&mut sim, *disturbance);
                forgotten |= matches!(disturbance, Disturbance::LoseStatus);
                if !forgotten {
                    sim.settle_until(sim.now + WHILE);
                    prop_assert!(untouched_is_in_order(&sim, desired), "{:#?}", sim.summary());
                }
            }
            sim.all_comes_back();
            sim.finish();
            prop_assert_eq!(sim.summary().available.status, Truth::True);
            let names: Vec<String> = listed(desired).iter().map(|(name, ..)| (*name).to_owned()).collect();
            prop_assert_eq!(sim.world.names(), names);
            for desired in objects(&listed(desired)) {
                prop_assert_eq!(sim.world.content(&desired.key.name), Some(desired.content));
            }
            let log = sim.world.log.len();
            sim.restart();
            sim.finish();
            prop_assert_eq!(sim.world.log.len(), log, "converged: no write, also after a restart");
        }
    }

    #[test]
    fn a_teardown_is_reverse_and_complete_wherever_it_starts(
        first in desired(), second in desired(), disturbances in proptest::collection::vec(disturbance(), 0..4)
    ) {
        let mut sim = Sim::new();
        sim.store(1, objects(&listed(&first)));
        sim.finish();
        sim.store(2, objects(&listed(&second)));
        sim.settle_until(sim.now);
        for disturbance in disturbances {
            disturb(&mut sim, disturbance);
        }
        sim.settle_until(sim.now + WHILE);
        sim.world.log.clear();
        sim.tombstone(false);
        sim.settle_until(sim.now + WHILE);
        if sim.world.things == Some(FailureKind::KindUnavailable) {
            let things = sim.world.names().iter().any(|name| name.starts_with("thing-"));
            prop_assert!(!(things && sim.recorded), "what cannot be reached is not gone");
            sim.all_comes_back();
        }
        sim.finish();
        prop_assert!(sim.world.names().is_empty(), "left: {:?}", sim.world.names());
        prop_assert!(sim.recorded && sim.sets.is_empty());
        let phases: Vec<u16> = sim.world.deleted().iter().map(|name| phase_of(&second, name)).rev().collect();
        prop_assert!(phases.is_sorted(), "reverse order: {:?}", sim.world.log);
    }
}
