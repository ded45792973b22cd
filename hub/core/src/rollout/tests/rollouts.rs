//! Rollouts in waves, on a fleet that is a model.

use stevedore_proto_core::content::LabelSelector;

use super::*;

mod faults;
mod laws;
mod model;
mod verbs;

use model::Fleet;

fn tier(name: &str, tier: &str) -> Wave {
    let selector = LabelSelector {
        match_labels: BTreeMap::from([("tier".to_owned(), tier.to_owned())]),
        match_expressions: Vec::new(),
    };
    Wave::new(name, WaveMembers::Selector(selector))
}

fn in_waves(waves: Vec<Wave>) -> Policy {
    Policy {
        waves: Some(waves),
        ..Policy::default()
    }
}

#[test]
fn without_waves_of_its_own_a_change_goes_to_one_cluster_and_then_to_a_tenth_at_a_time() {
    let mut fleet = Fleet::installed(Policy::default(), &[0; 30]);
    fleet.want(2);
    let sizes: Vec<usize> = std::iter::from_fn(|| Some(fleet.round().len()))
        .take_while(|size| *size > 0)
        .collect();
    assert_eq!(sizes, [1, 3, 3, 3, 3, 3, 3, 3, 3, 3, 2]);
    assert_eq!(fleet.with(2).len(), 30);
}

#[test]
fn without_waves_of_its_own_a_package_is_installed_everywhere_at_once() {
    let mut fleet = Fleet::new(Policy::default(), &[0; 30]);
    fleet.want(1);
    assert_eq!(fleet.step().len(), 30);
    assert_eq!(fleet.world.ledger.rollout(), None);
}

#[test]
fn a_canary_that_fails_halts_the_rollout_and_its_recovery_resumes_it() {
    let mut fleet = Fleet::installed(Policy::default(), &[0; 5]);
    fleet.clusters[0].broken = true;
    fleet.want(2);
    assert_eq!(fleet.round(), [0]);
    for _ in 0..5 {
        assert!(fleet.round().is_empty());
    }
    let report = fleet.plan().rollout;
    let halt = Halt::Failures {
        wave: None,
        failed: 1,
        allowed: 0,
    };
    assert_eq!(report.halt, Some(halt));
    assert_eq!(report.waves[0].gate, Gate::Halted);
    assert_eq!(report.waits[&cluster(4)], Wait::Halted);
    fleet.clusters[0].broken = false;
    fleet.run();
    assert_eq!(fleet.with(2).len(), 5);
}

#[test]
fn a_fix_reaches_what_is_broken_without_waiting_for_the_budget() {
    let mut fleet = Fleet::installed(at_once(), &[0; 6]);
    for at in 0..5 {
        fleet.clusters[at].broken = true;
    }
    fleet.want(2);
    for _ in 0..3 {
        fleet.round();
    }
    for at in 0..5 {
        fleet.clusters[at].broken = false;
        fleet.clusters[at].available = false;
    }
    fleet.world.policy = in_waves(Vec::new());
    fleet.want(3);
    let ordered = fleet.step();
    assert!((0..5).all(|at| ordered.contains(&at)), "{ordered:?}");
    assert!(
        !ordered.contains(&5),
        "what is available waits: {ordered:?}"
    );
}

#[test]
fn what_an_earlier_order_broke_in_a_later_wave_is_mended_before_the_first_wave_needs_its_budget() {
    let policy = in_waves(vec![tier("edge", "1"), tier("core", "2")]);
    let mut fleet = Fleet::installed(policy, &[1, 2, 2]);
    fleet.clusters[1].broken = true;
    fleet.want(2);
    fleet.round();
    assert_eq!(fleet.round(), [1]);
    assert!(fleet.round().is_empty());
    fleet.want(3);
    assert_eq!(fleet.step(), [1]);
    fleet.clusters[1].broken = false;
    fleet.run();
    assert_eq!(fleet.with(3), [0, 1, 2]);
}

#[test]
fn waves_follow_one_another_and_soak() {
    let soak = std::time::Duration::from_secs(300);
    let policy = Policy {
        min_ready: soak,
        max_unavailable: Amount::Percent(100),
        ..in_waves(vec![tier("edge", "1"), tier("core", "2")])
    };
    let mut fleet = Fleet::installed(policy, &[2, 1, 0, 2, 1]);
    fleet.want(2);
    assert_eq!(fleet.round(), [1, 4]);
    let plan = fleet.plan();
    assert_eq!(plan.wake_at, Some(UnixMillis(fleet.now).after(soak)));
    assert!(fleet.step().is_empty());
    fleet.now += 299_999;
    // The time does not begin anew with another process.
    fleet.restart();
    assert!(fleet.round().is_empty());
    fleet.now += 1;
    assert_eq!(fleet.round(), [0, 3]);
    fleet.now += 300_000;
    assert!(
        fleet.round().is_empty(),
        "the soak time begins when all is available"
    );
    fleet.now += 300_000;
    assert_eq!(fleet.round(), [2]);
}

#[test]
fn a_wave_of_a_number_keeps_the_clusters_that_it_took() {
    let half = Wave::new("half", WaveMembers::Number(Amount::Percent(50)));
    let policy = Policy {
        max_concurrent: Some(Amount::Count(1)),
        ..in_waves(vec![half])
    };
    let mut fleet = Fleet::installed(policy, &[0; 4]);
    fleet.want(2);
    let mut all = Vec::new();
    for _ in 0..8 {
        let ordered = fleet.round();
        assert!(ordered.len() <= 1, "more than one is under way");
        all.extend(ordered);
    }
    assert_eq!(all, [0, 1, 2, 3]);
}

#[test]
fn an_offline_cluster_frees_the_gate_and_catches_up_within_the_budget() {
    let policy = in_waves(vec![tier("edge", "1")]);
    let mut fleet = Fleet::installed(policy, &[1, 1, 1, 0]);
    fleet.clusters[0].connected = false;
    fleet.hear(0);
    fleet.want(2);
    fleet.run();
    assert_eq!(fleet.with(2), [1, 2, 3]);
    assert_eq!(fleet.plan().rollout.waits[&cluster(0)], Wait::Offline);
    fleet.clusters[0].connected = true;
    fleet.hear(0);
    assert_eq!(fleet.step(), [0]);
    assert_eq!(fleet.disrupted(), 1);
}

#[test]
fn a_cluster_lost_after_its_order_takes_the_budget_and_fails_at_the_deadline() {
    let mut fleet = Fleet::installed(in_waves(Vec::new()), &[0; 4]);
    fleet.want(2);
    assert_eq!(fleet.step(), [0]);
    fleet.clusters[0].connected = false;
    fleet.hear(0);
    assert!(fleet.round().is_empty());
    let wake_at = fleet.plan().wake_at.unwrap();
    assert_eq!(wake_at, UnixMillis(fleet.now).after(PROGRESS_DEADLINE));
    fleet.now = wake_at.0;
    assert!(fleet.round().is_empty());
    assert!(fleet.plan().rollout.halt.is_some());
}

#[test]
fn a_wave_that_nearly_nobody_speaks_of_does_not_pass() {
    let mut fleet = Fleet::installed(in_waves(vec![tier("edge", "1")]), &[1, 1, 1, 0]);
    for at in 0..3 {
        fleet.clusters[at].connected = at == 2;
        fleet.hear(at);
    }
    fleet.want(2);
    assert_eq!(fleet.round(), [2]);
    assert!(fleet.round().is_empty());
    assert_eq!(fleet.plan().rollout.waves[0].gate, Gate::TooFewHeard);
    fleet.clusters[1].connected = true;
    fleet.run();
    assert_eq!(fleet.with(2), [1, 2, 3]);
}

#[test]
fn a_cluster_that_failed_before_does_not_halt_what_is_changed_later() {
    let policy = Policy {
        max_failures: Amount::Count(1),
        max_unavailable: Amount::Count(2),
        ..in_waves(Vec::new())
    };
    let mut fleet = Fleet::installed(policy, &[0; 3]);
    fleet.clusters[1].broken = true;
    fleet.want(2);
    fleet.run();
    assert_eq!(fleet.with(2).len(), 3);
    assert!(fleet.world.ledger.rollout().unwrap().finished);
    fleet.world.policy.max_failures = Amount::Count(0);
    // A label changes what one cluster is to run.
    let Intent::Present { targets, .. } = &mut fleet.world.intent else {
        panic!("it is present");
    };
    targets.insert(cluster(2), content(9, 0));
    assert_eq!(fleet.step(), [2]);
}

#[test]
fn a_newer_revision_takes_over_half_way_and_the_budget_holds() {
    let mut fleet = Fleet::installed(Policy::default(), &[0; 20]);
    fleet.want(2);
    for _ in 0..3 {
        fleet.round();
    }
    assert_eq!(fleet.step().len(), 2);
    for revision in 3..13 {
        fleet.want(revision);
        let ordered = fleet.step();
        assert!(fleet.disrupted() <= 2, "{ordered:?}");
    }
    fleet.run();
    assert_eq!(fleet.with(12).len(), 20);
}

#[test]
fn a_wave_waits_for_its_approval_before_it_and_the_next_one_after_it() {
    let approved = |wave, approval| Wave {
        approval: Some(approval),
        ..wave
    };
    let waves = vec![
        approved(tier("edge", "1"), Approval::After),
        approved(tier("core", "2"), Approval::Before),
    ];
    let mut fleet = Fleet::installed(in_waves(waves), &[1, 2, 0]);
    let gates = |fleet: &mut Fleet| {
        let waves = fleet.plan().rollout.waves;
        waves.iter().map(|wave| wave.gate).collect::<Vec<_>>()
    };
    fleet.want(2);
    assert_eq!(fleet.round(), [0]);
    assert!(fleet.round().is_empty());
    assert_eq!(
        gates(&mut fleet),
        [Gate::Approval, Gate::EarlierWave, Gate::EarlierWave]
    );
    fleet.verbs.approved.insert("edge".into());
    assert!(fleet.round().is_empty());
    assert_eq!(
        gates(&mut fleet),
        [Gate::Passed, Gate::Approval, Gate::EarlierWave]
    );
    assert_eq!(fleet.plan().rollout.waits[&cluster(1)], Wait::Approval);
    fleet.verbs.approved.insert("core".into());
    fleet.run();
    assert_eq!(fleet.with(2), [0, 1, 2]);
}
