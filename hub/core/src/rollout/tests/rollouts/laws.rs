//! Laws of rollouts, whatever members do, however late what they say arrives, and whenever the hub starts again.

use proptest::prelude::*;

use super::model::SETTLE;
use super::*;

/// What happens to a fleet.
#[derive(Debug, Clone)]
enum Event {
    Want(u64),
    Plan,
    Take(usize),
    Work(usize),
    Hear(usize),
    Break(usize, bool),
    Connect(usize, bool),
    Pass(u64),
    Observe(usize),
    Restart,
}

const CLUSTERS: usize = 7;

fn event() -> impl Strategy<Value = Event> {
    let at = || 0..CLUSTERS;
    prop_oneof![
        1 => (1..4_u64).prop_map(Event::Want),
        6 => Just(Event::Plan),
        4 => at().prop_map(Event::Take),
        4 => at().prop_map(Event::Work),
        6 => at().prop_map(Event::Hear),
        1 => (at(), any::<bool>()).prop_map(|(at, value)| Event::Break(at, value)),
        2 => (at(), any::<bool>()).prop_map(|(at, value)| Event::Connect(at, value)),
        2 => (1..200_000_u64).prop_map(Event::Pass),
        1 => at().prop_map(Event::Observe),
        1 => Just(Event::Restart),
    ]
}

fn policy() -> impl Strategy<Value = Policy> {
    let amount = prop_oneof![
        (0..4_u32).prop_map(Amount::Count),
        (0..101_u8).prop_map(Amount::Percent),
    ];
    let waves = prop_oneof![
        Just(None),
        Just(Some(vec![])),
        Just(Some(vec![tier("edge", "1"), tier("core", "2")])),
        Just(Some(vec![
            Wave::new("two", WaveMembers::Number(Amount::Count(2))),
            tier("core", "2")
        ])),
    ];
    let offline = prop_oneof![
        Just(Offline::Skip),
        Just(Offline::Wait),
        Just(Offline::Count)
    ];
    (
        (waves, amount.clone(), amount.clone()),
        proptest::option::of(amount),
        0..100_u64,
        offline,
    )
        .prop_map(
            |((waves, max_unavailable, max_failures), max_concurrent, soak, offline)| Policy {
                waves,
                max_concurrent,
                max_unavailable,
                max_failures,
                min_ready: std::time::Duration::from_secs(soak),
                progress_deadline: PROGRESS_DEADLINE,
                offline,
            },
        )
}

fn happen(fleet: &mut Fleet, event: &Event) {
    match event {
        Event::Want(revision) => fleet.want(*revision),
        Event::Plan => drop(fleet.step()),
        Event::Take(at) => fleet.take(*at),
        Event::Work(at) => fleet.work(*at),
        Event::Hear(at) => fleet.hear(*at),
        Event::Break(at, value) => {
            fleet.clusters[*at].broken = *value;
            fleet.clusters[*at].available &= !value;
        }
        Event::Connect(at, value) => fleet.clusters[*at].connected = *value,
        Event::Pass(time) => fleet.now += time,
        Event::Observe(at) => fleet.clusters[*at].observed = fleet.clusters[*at].seen,
        Event::Restart => fleet.restart(),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn the_budget_holds_whatever_happens_and_a_fleet_that_is_well_gets_what_is_wanted(
        policy in policy(),
        tiers in prop::collection::vec(0..3_u8, CLUSTERS),
        events in prop::collection::vec(event(), 1..120),
    ) {
        let mut fleet = Fleet::installed(policy, &tiers);
        let budget = fleet.world.policy.budget(CLUSTERS, CLUSTERS);
        for event in &events {
            happen(&mut fleet, event);
            prop_assert!(fleet.disrupted() <= budget, "{} of {budget} after {event:?}", fleet.disrupted());
        }
        for at in 0..CLUSTERS {
            (fleet.clusters[at].connected, fleet.clusters[at].broken) = (true, false);
        }
        fleet.now += SETTLE;
        fleet.run();
        prop_assert_eq!(fleet.with(fleet.revision).len(), CLUSTERS);
    }

    #[test]
    fn a_wave_is_begun_when_all_before_it_has_been_available_for_long_enough(
        soak in 0..100_000_u64,
        tiers in prop::collection::vec(1..4_u8, CLUSTERS),
        events in prop::collection::vec(event(), 1..120),
    ) {
        let policy = Policy {
            min_ready: std::time::Duration::from_millis(soak),
            ..in_waves(vec![tier("first", "1"), tier("second", "2")])
        };
        let mut fleet = Fleet::installed(policy, &tiers);
        fleet.want(2);
        let mut begun = BTreeSet::new();
        for event in &events {
            if let Event::Want(_) = event {
                continue;
            }
            let before: Vec<_> = (0..CLUSTERS).map(|at| fleet.runs(at)).collect();
            happen(&mut fleet, event);
            for at in (0..CLUSTERS).filter(|at| fleet.runs(*at) != before[*at]) {
                let wave = fleet.clusters[at].tier;
                if !begun.insert(wave) {
                    continue;
                }
                for other in fleet.clusters.iter().enumerate().filter(|(_, it)| it.tier < wave) {
                    let (at, it) = other;
                    let is_up = it.said == (fleet.number(at), true, false) && fleet.runs(at) == 2;
                    let is_soaked = fleet.now - it.available_since >= soak;
                    let is_away = !it.heard;
                    prop_assert!(is_away || (is_up && is_soaked), "wave {wave} began over {it:?}");
                }
            }
        }
    }
}
