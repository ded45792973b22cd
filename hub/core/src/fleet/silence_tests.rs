//! Members whose API servers do not answer their agents.

use stevedore_proto_core::Reason;
use stevedore_proto_core::status::Truth;

use super::tests::{class, fleet, opened, package, shown, status};
use super::*;
use crate::fixtures::cluster;

#[test]
fn where_the_api_server_is_silent_nothing_is_known_until_it_answers_again() {
    let mut fleet = fleet(&[1, 2], 1);
    for seed in [1, 2] {
        fleet.report(cluster(seed), &status(seed, 1, 1, Truth::True, "Available"));
    }
    let silent = Report::ApiServer { silent: Some(1) };
    let touched = fleet.report(cluster(1), &silent);
    assert_eq!(touched, BTreeSet::from([package()]));
    assert_eq!(class(&fleet, 1), DeploymentState::Offline);
    assert_eq!(class(&fleet, 2), DeploymentState::Available);
    let failure = shown(&fleet, 1).details().failure();
    let reason = failure.map(|failure| failure.reason);
    assert_eq!(reason, Some(Reason::ApiServerSilent));
    fleet.report(cluster(1), &Report::ApiServer { silent: None });
    assert_eq!(class(&fleet, 1), DeploymentState::Available);

    fleet.report(cluster(1), &silent);
    fleet.report(cluster(1), &opened(2, false));
    assert_eq!(
        class(&fleet, 1),
        DeploymentState::Available,
        "a session that opens says so itself"
    );
    fleet.forget(&cluster(1));
    fleet.report(cluster(1), &silent);
    assert!(!fleet.contacts().contains_key(&cluster(1)));
}
