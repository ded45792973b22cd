//! Whatever is ordered and whatever others do: order, completeness and silence.

use proptest::prelude::*;

use super::world::{Sim, Write, key, objects};
use stevedore_proto_core::status::Truth;

const NAMES: [&str; 6] = ["a", "b", "c", "d", "e", "f"];

/// For each name: absent, or its phase and content.
type Wanted = [Option<(u16, u64)>; 6];

fn wanted() -> impl Strategy<Value = Wanted> {
    proptest::array::uniform6(proptest::option::of((0_u16..3, 1_u64..3)))
}

#[derive(Debug, Clone, Copy)]
enum Disturbance {
    Edit(usize),
    Delete(usize),
    Unlabel(usize),
    Restart,
    LoseStatus,
}

fn disturbance() -> impl Strategy<Value = Disturbance> {
    prop_oneof![
        (0_usize..6).prop_map(Disturbance::Edit),
        (0_usize..6).prop_map(Disturbance::Delete),
        (0_usize..6).prop_map(Disturbance::Unlabel),
        Just(Disturbance::Restart),
        Just(Disturbance::LoseStatus),
    ]
}

fn listed(wanted: &Wanted) -> Vec<(&'static str, u16, u64)> {
    NAMES
        .iter()
        .zip(wanted)
        .filter_map(|(name, wanted)| wanted.map(|(phase, content)| (*name, phase, content)))
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
        _ => {}
    }
}

fn phase_of(wanted: &Wanted, name: &str) -> u16 {
    let at = NAMES.iter().position(|known| *known == name).unwrap();
    wanted[at].map_or(0, |(phase, _)| phase)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn orders_and_disturbances_end_in_what_was_ordered_and_then_in_silence(
        orders in proptest::collection::vec((wanted(), proptest::collection::vec(disturbance(), 0..4)), 1..4)
    ) {
        let mut sim = Sim::new();
        for (at, (wanted, disturbances)) in orders.iter().enumerate() {
            let before = sim.world.names();
            sim.world.log.clear();
            sim.store(at as u64 + 1, objects(&listed(wanted)));
            sim.settle();
            for write in &sim.world.log {
                if let Write::Deleted(name) = write {
                    prop_assert!(before.contains(name), "only the inventory is pruned");
                    prop_assert!(!listed(wanted).iter().any(|(kept, ..)| kept == name));
                }
            }
            let written: Vec<u16> = sim.written().iter().map(|name| phase_of(wanted, name)).collect();
            prop_assert!(written.is_sorted(), "phases in order: {:?}", sim.world.log);
            for disturbance in disturbances {
                disturb(&mut sim, *disturbance);
            }
            sim.settle();
            prop_assert_eq!(sim.view().available.status, Truth::True);
            let names: Vec<String> = listed(wanted).iter().map(|(name, ..)| (*name).to_owned()).collect();
            prop_assert_eq!(sim.world.names(), names);
            for desired in objects(&listed(wanted)) {
                prop_assert_eq!(sim.world.content(&desired.key.name), Some(desired.content));
            }
            let log = sim.world.log.len();
            sim.restart();
            sim.settle();
            prop_assert_eq!(sim.world.log.len(), log, "converged: no write, also after a restart");
        }
    }

    #[test]
    fn a_teardown_is_reverse_and_complete_wherever_it_starts(
        first in wanted(), second in wanted(), disturbances in proptest::collection::vec(disturbance(), 0..4)
    ) {
        let mut sim = Sim::new();
        sim.store(1, objects(&listed(&first)));
        sim.settle();
        sim.store(2, objects(&listed(&second)));
        sim.settle_until(sim.now);
        for disturbance in disturbances {
            disturb(&mut sim, disturbance);
        }
        sim.settle();
        sim.world.log.clear();
        sim.tombstone(false);
        sim.settle();
        prop_assert!(sim.world.names().is_empty(), "left: {:?}", sim.world.names());
        prop_assert!(sim.recorded && sim.sets.is_empty());
        let phases: Vec<u16> = sim.world.deleted().iter().map(|name| phase_of(&second, name)).rev().collect();
        prop_assert!(phases.is_sorted(), "reverse order: {:?}", sim.world.log);
    }
}
