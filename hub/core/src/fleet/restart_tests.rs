//! A hub that has just started, and members that have yet to speak to it.

use stevedore_proto_core::Stage;
use stevedore_proto_core::ledger::ObservedState;
use stevedore_proto_core::status::Truth;

use super::tests::{assign, class, connected, package, shown, status, tuple};
use super::*;
use crate::fixtures::cluster;

#[test]
fn what_was_ordered_before_the_hub_started_is_unknown_until_the_member_speaks() {
    let mut fleet = Fleet::default();
    assign(&mut fleet, &[1, 2], 2, false);
    for seed in [1, 2] {
        assert!(shown(&fleet, seed).row().is_unheard());
        fleet.report(cluster(seed), &connected());
        assert_eq!(class(&fleet, seed), DeploymentState::Offline);
    }
    let accepted = Report::Progress {
        deployment: package().deployment(&cluster(1)),
        tuple: tuple(2),
        stage: Stage::Available,
    };
    fleet.report(cluster(1), &accepted);
    assert_eq!(
        class(&fleet, 1),
        DeploymentState::Offline,
        "a stage that was reached once says nothing of now"
    );
    fleet.report(cluster(1), &status(1, 1, 2, Truth::True, "Available"));
    fleet.report(cluster(2), &status(2, 1, 1, Truth::True, "Available"));
    assert_eq!(class(&fleet, 1), DeploymentState::Available);
    assert_eq!(
        class(&fleet, 2),
        DeploymentState::Progressing,
        "it speaks about the order before"
    );
    for seed in [1, 2] {
        assert!(!shown(&fleet, seed).row().is_unheard());
    }
}

#[test]
fn a_probe_that_failed_before_the_hub_started_on_what_had_been_available_still_is_a_failure() {
    for (remembered, expected) in [
        ((1, ObservedState::Available), DeploymentState::Failed),
        ((1, ObservedState::Failing), DeploymentState::Failed),
        ((1, ObservedState::Applied), DeploymentState::Progressing),
        ((2, ObservedState::Available), DeploymentState::Progressing),
    ] {
        let mut fleet = Fleet::default();
        assign(&mut fleet, &[1], 1, false);
        let (number, state) = remembered;
        let observed = ObservedRow {
            cluster: cluster(1),
            number,
            state,
        };
        fleet.remember(package(), &[observed]);
        fleet.report(cluster(1), &connected());
        fleet.report(cluster(1), &status(1, 1, 1, Truth::False, "ProbeFailure"));
        assert_eq!(class(&fleet, 1), expected, "{remembered:?}");
    }
}
