use proptest::prelude::*;
use stevedore_proto_core::ledger::ObservedState;
use stevedore_proto_core::status::{Blocker, Truth, Verdict};
use stevedore_proto_core::{
    DeploymentStatus, Digest, Environment, InstanceId, Leadership, PackageUid, Reason, Stage, Tuple,
};

use super::*;
use crate::fixtures::{cluster, leadership};
use crate::session::FreezeReason;

pub(crate) fn tuple(number: u64) -> Tuple {
    let Leadership { epoch, term } = leadership(1, 1);
    Tuple {
        epoch,
        term,
        number,
        digest: Digest::of(&number.to_be_bytes()),
    }
}

pub(crate) fn package() -> PackageKey {
    PackageUid::from_bytes([200; 16]).into()
}

pub(crate) fn connected() -> Report {
    opened(1, true)
}

/// A session that opened, and whether everything is said anew in it.
pub(super) fn opened(incarnation: u64, anew: bool) -> Report {
    Report::Connected {
        incarnation,
        instance: InstanceId::from_bytes([1; 16]),
        anew,
        agent_version: "0".into(),
        environment: Box::new(Environment::default()),
        time: None,
    }
}

pub(crate) fn status(seed: u8, sequence: u64, number: u64, truth: Truth, reason: &str) -> Report {
    Report::Status {
        incarnation: 1,
        sequence,
        status: Box::new(DeploymentStatus {
            deployment: package().deployment(&cluster(seed)),
            observed: tuple(number),
            stage: if truth == Truth::True {
                Stage::Available
            } else {
                Stage::Received
            },
            available: Verdict {
                status: truth,
                reason: Reason::parse(reason),
                message: "why".into(),
            },
            phases: vec![],
            blockers: vec![],
            attributions: vec![],
            conditions: vec![],
        }),
    }
}

/// That cluster 1 is available at order 1, in this session.
fn available_in(session: u64) -> Report {
    match status(1, 1, 1, Truth::True, "Available") {
        Report::Status {
            sequence, status, ..
        } => Report::Status {
            incarnation: session,
            sequence,
            status,
        },
        other => other,
    }
}

/// A package that was ordered at `number` on these clusters, all of them connected before.
pub(crate) fn fleet(clusters: &[u8], number: u64) -> Fleet {
    let mut fleet = Fleet::default();
    for seed in clusters {
        fleet.report(cluster(*seed), &connected());
    }
    assign(&mut fleet, clusters, number, false);
    fleet
}

pub(crate) fn assign(fleet: &mut Fleet, clusters: &[u8], number: u64, tombstone: bool) {
    let assignment = Assignment {
        tuple: Some(tuple(number)),
        tombstone,
        targeted: !tombstone,
    };
    fleet.assign(
        package(),
        &clusters
            .iter()
            .map(|seed| (cluster(*seed), assignment))
            .collect(),
    );
}

fn counts(fleet: &Fleet) -> Counts {
    fleet.package(package()).unwrap().counts()
}

pub(super) fn shown(fleet: &Fleet, seed: u8) -> &Deployment {
    &fleet.package(package()).unwrap().deployments[&cluster(seed)]
}

pub(super) fn class(fleet: &Fleet, seed: u8) -> DeploymentState {
    shown(fleet, seed).row().state()
}

#[test]
fn available_counts_only_at_the_exact_order() {
    let mut fleet = fleet(&[1], 2);
    fleet.report(cluster(1), &status(1, 1, 1, Truth::True, "Available"));
    assert_eq!(class(&fleet, 1), DeploymentState::Progressing);
    fleet.report(cluster(1), &status(1, 2, 2, Truth::True, "Available"));
    assert_eq!(class(&fleet, 1), DeploymentState::Available);
    let planned_with = fleet.member_state(package(), &cluster(1)).row;
    assert_eq!(
        (planned_with.state(), planned_with.number()),
        (DeploymentState::Available, 2)
    );
    assign(&mut fleet, &[1], 3, false);
    assert_eq!(
        (class(&fleet, 1), counts(&fleet).updated),
        (DeploymentState::Progressing, 0)
    );
}

#[test]
fn what_is_being_prepared_or_applied_is_on_its_way_and_no_failure() {
    let mut fleet = fleet(&[1], 1);
    for (sequence, reason) in [(1, "Preparing"), (2, "Applying"), (3, "TearingDown")] {
        let report = status(1, sequence, 1, Truth::False, reason);
        fleet.report(cluster(1), &report);
        assert_eq!(class(&fleet, 1), DeploymentState::Progressing);
        let details = shown(&fleet, 1).details();
        assert_eq!(details.failure(), None);
    }
    fleet.report(cluster(1), &status(1, 4, 1, Truth::False, "ProbeFailure"));
    assert_eq!(class(&fleet, 1), DeploymentState::Progressing);
    fleet.report(cluster(1), &status(1, 5, 1, Truth::False, "Forbidden"));
    assert_eq!(class(&fleet, 1), DeploymentState::Failed);
}

#[test]
fn an_older_report_changes_nothing() {
    let mut fleet = fleet(&[1], 1);
    fleet.report(
        cluster(1),
        &status(1, 5, 1, Truth::False, "CollisionDetected"),
    );
    fleet.report(cluster(1), &status(1, 4, 1, Truth::True, "Available"));
    assert_eq!(class(&fleet, 1), DeploymentState::Failed);
}

#[test]
fn a_lost_member_is_offline_and_its_same_process_returns_with_what_it_said() {
    let mut fleet = fleet(&[1], 1);
    fleet.report(cluster(1), &status(1, 1, 1, Truth::True, "Available"));
    assert_eq!(
        fleet.report(cluster(1), &Report::Lost),
        BTreeSet::from([package()])
    );
    assert_eq!(
        (class(&fleet, 1), counts(&fleet).available),
        (DeploymentState::Offline, 0)
    );
    fleet.report(cluster(1), &opened(2, false));
    assert_eq!(class(&fleet, 1), DeploymentState::Available);
}

#[test]
fn what_an_earlier_process_said_is_unknown_until_the_new_one_says_it_again() {
    let mut fleet = fleet(&[1], 1);
    fleet.report(cluster(1), &status(1, 9, 1, Truth::True, "Available"));
    fleet.report(cluster(1), &opened(2, true));
    assert_eq!(class(&fleet, 1), DeploymentState::Offline);
    let details = shown(&fleet, 1).details();
    assert_eq!(details.current_status(), None);
    assert_eq!(counts(&fleet).updated, 1, "what it accepted is durable");

    fleet.report(cluster(1), &available_in(2));
    assert_eq!(class(&fleet, 1), DeploymentState::Available);
    assign(&mut fleet, &[1], 2, false);
    fleet.report(cluster(1), &opened(3, true));
    assert_eq!(
        class(&fleet, 1),
        DeploymentState::Progressing,
        "nobody ever spoke about this order"
    );
}

#[test]
fn a_cluster_that_joins_again_after_it_was_forgotten_is_heard_from_its_first_session() {
    let mut fleet = fleet(&[1], 1);
    fleet.report(cluster(1), &opened(7, true));
    fleet.report(cluster(1), &available_in(7));
    fleet.forget(&cluster(1));
    fleet.report(cluster(1), &connected());
    assert_eq!(class(&fleet, 1), DeploymentState::Progressing);
    fleet.report(cluster(1), &available_in(1));
    assert_eq!(class(&fleet, 1), DeploymentState::Available);
}

#[test]
fn a_member_cannot_speak_about_another_ones_deployment() {
    let mut fleet = fleet(&[1, 2], 1);
    assert!(
        fleet
            .report(cluster(2), &status(1, 1, 1, Truth::True, "Available"))
            .is_empty()
    );
    assert_eq!(class(&fleet, 1), DeploymentState::Progressing);
}

#[test]
fn a_refused_or_frozen_deployment_fails_and_says_why() {
    let mut fleet = fleet(&[1], 1);
    let deployment = package().deployment(&cluster(1));
    fleet.report(
        cluster(1),
        &Report::Refused {
            deployment,
            tuple: tuple(1),
            reason: Reason::TooLarge,
            message: "big".into(),
        },
    );
    let (row, details) = (shown(&fleet, 1).row(), shown(&fleet, 1).details());
    assert_eq!(
        (row.state(), details.failure().unwrap().reason),
        (DeploymentState::Failed, Reason::TooLarge)
    );
    fleet.report(
        cluster(1),
        &Report::Frozen {
            deployment,
            held: None,
            reason: FreezeReason::HubDiverged,
        },
    );
    assert!(fleet.member_state(package(), &cluster(1)).frozen);
    fleet.report(cluster(1), &Report::Thawed(deployment));
    assert!(!fleet.member_state(package(), &cluster(1)).frozen);
}

#[test]
fn a_refusal_ends_with_a_report_about_the_same_order_whose_acknowledgement_was_lost() {
    let mut fleet = fleet(&[1], 2);
    let refused = Report::Refused {
        deployment: package().deployment(&cluster(1)),
        tuple: tuple(2),
        reason: Reason::StoreFailed,
        message: "passing".into(),
    };
    fleet.report(cluster(1), &refused);
    fleet.report(cluster(1), &status(1, 1, 1, Truth::True, "Available"));
    assert_eq!(
        class(&fleet, 1),
        DeploymentState::Failed,
        "it runs the order before"
    );
    fleet.report(cluster(1), &status(1, 2, 2, Truth::True, "Available"));
    assert_eq!(class(&fleet, 1), DeploymentState::Available);
}

#[test]
fn a_finished_tombstone_is_told_to_the_planner_with_its_number() {
    let mut fleet = fleet(&[1], 1);
    assign(&mut fleet, &[1], 2, true);
    assert_eq!(class(&fleet, 1), DeploymentState::Removing);
    let deployment = package().deployment(&cluster(1));
    fleet.report(
        cluster(1),
        &Report::Progress {
            deployment,
            tuple: tuple(2),
            stage: Stage::Deleted,
        },
    );
    assert_eq!(
        fleet.member_state(package(), &cluster(1)).torn_down,
        Some(2)
    );
    let observed = fleet.package(package()).unwrap().observed();
    assert_eq!(
        (observed[0].number, observed[0].state),
        (2, ObservedState::Deleted)
    );
}

#[test]
fn a_blocker_is_the_failure_that_is_shown() {
    let mut fleet = fleet(&[1], 1);
    let Report::Status { mut status, .. } = status(1, 1, 1, Truth::False, "Progressing") else {
        unreachable!()
    };
    status.blockers.push(Blocker {
        reason: Reason::NoAccount,
        object: String::new(),
        message: "no account".into(),
        field: String::new(),
    });
    fleet.report(
        cluster(1),
        &Report::Status {
            incarnation: 1,
            sequence: 1,
            status,
        },
    );
    let details = shown(&fleet, 1).details();
    assert_eq!(
        details.failure(),
        Some(Failure {
            reason: Reason::NoAccount,
            message: "no account".into()
        })
    );
}

#[derive(Debug, Clone)]
enum Change {
    Assign(Vec<u8>, u64, bool),
    Connect(u8),
    Lose(u8),
    Status(u8, u64, u64, bool),
    Remove,
}

fn change() -> impl Strategy<Value = Change> {
    prop_oneof![
        (
            prop::collection::vec(0..5_u8, 0..5),
            1..4_u64,
            any::<bool>()
        )
            .prop_map(|(set, number, gone)| Change::Assign(set, number, gone)),
        (0..5_u8).prop_map(Change::Connect),
        (0..5_u8).prop_map(Change::Lose),
        (0..5_u8, 0..9_u64, 1..4_u64, any::<bool>())
            .prop_map(|(at, sequence, number, ok)| Change::Status(at, sequence, number, ok)),
        Just(Change::Remove),
    ]
}

proptest! {
    #[test]
    fn counters_are_what_counting_all_rows_gives(changes in prop::collection::vec(change(), 1..40)) {
        let mut fleet = Fleet::default();
        for change in changes {
            match change {
                Change::Assign(set, number, gone) => assign(&mut fleet, &set, number, gone),
                Change::Connect(at) => { fleet.report(cluster(at), &connected()); }
                Change::Lose(at) => { fleet.report(cluster(at), &Report::Lost); }
                Change::Status(at, sequence, number, ok) => {
                    let truth = if ok { Truth::True } else { Truth::False };
                    fleet.report(cluster(at), &status(at, sequence, number, truth, "ProbeFailure"));
                }
                Change::Remove => fleet.remove(package()),
            }
            let Some(rows) = fleet.package(package()) else { continue };
            let mut counted = Counts::default();
            for (cluster, deployment) in rows.deployments() {
                let row = deployment.row();
                prop_assert_eq!(row, deployment.details().row(fleet.contact_of(&cluster)));
                counted.add(&row);
            }
            prop_assert_eq!(counted, rows.counts());
        }
    }
}
