//! One fault is one group.

use stevedore_proto_core::status::Blocker;

use super::tests::{ready, summary};
use super::*;
use crate::fixtures::cluster;
use crate::fleet::tests::{fleet, package, status, tuple};
use crate::session::Report;

/// That an object of this cluster is refused, in the cluster's own words.
fn blocked(seed: u8, object: &str, field: &str) -> Report {
    let Report::Status { mut status, .. } = status(seed, 1, 1, Truth::False, "PreflightError")
    else {
        unreachable!()
    };
    status.blockers.push(Blocker {
        reason: Reason::Invalid,
        object: object.into(),
        message: format!("{field}: Invalid value: controller-uid {seed}: field is immutable"),
        field: field.into(),
    });
    Report::Status {
        incarnation: 1,
        sequence: 1,
        status,
    }
}

fn refused(seed: u8, reason: Reason) -> Report {
    Report::Refused {
        deployment: package().deployment(&cluster(seed)),
        tuple: tuple(1),
        reason,
        message: format!("clusterobjectsets \"web-{seed}-1\" is forbidden"),
    }
}

/// Counts of the groups, each with what is said of it.
fn groups(reports: &[Report]) -> Vec<(usize, String)> {
    let clusters: Vec<u8> = (1..).take(reports.len()).collect();
    let mut fleet = fleet(&clusters, 1);
    for (seed, report) in clusters.iter().zip(reports) {
        fleet.report(cluster(*seed), report);
    }
    let failures = summary(&fleet, &ready()).failures.into_iter();
    failures
        .map(|group| (group.count, group.failure.message))
        .collect()
}

#[test]
fn an_object_that_is_refused_in_one_field_is_one_group_in_whatever_words() {
    let job = "Job shop/migrate";
    let reports: Vec<_> = (1..=3)
        .map(|seed| blocked(seed, job, "spec.template"))
        .collect();
    let groups = groups(&reports);
    assert_eq!(groups.len(), 1, "{groups:?}");
    assert_eq!(groups[0].0, 3);
    let said = "Job shop/migrate: spec.template: Invalid value: controller-uid ";
    assert!(groups[0].1.starts_with(said), "{groups:?}");
}

#[test]
fn another_object_and_another_field_are_other_groups() {
    let groups = groups(&[
        blocked(1, "Job shop/migrate", "spec.template"),
        blocked(2, "Job shop/migrate", "spec.selector"),
        blocked(3, "Job shop/index", "spec.template"),
    ]);
    assert_eq!(groups.len(), 3, "{groups:?}");
}

#[test]
fn an_order_that_members_do_not_take_is_one_group_a_reason() {
    let groups = groups(&[
        refused(1, Reason::StoreFailed),
        refused(2, Reason::StoreFailed),
        refused(3, Reason::TooLarge),
    ]);
    let counts: Vec<_> = groups.iter().map(|group| group.0).collect();
    assert_eq!(counts, [2, 1], "{groups:?}");
}

#[test]
fn silent_api_servers_make_it_unknown_and_are_named() {
    let mut fleet = fleet(&[1, 2, 3], 1);
    for seed in [1, 2, 3] {
        fleet.report(cluster(seed), &status(seed, 1, 1, Truth::True, "Available"));
    }
    let silent = Report::ApiServer { silent: Some(1) };
    fleet.report(cluster(2), &silent);
    let available = |fleet: &crate::fleet::Fleet| {
        let summary = summary(fleet, &ready());
        let mut conditions = summary.conditions.into_iter();
        let found = conditions.find(|one| one.r#type == "Available").unwrap();
        (found.status, found.reason, found.message)
    };
    let (truth, reason, message) = available(&fleet);
    assert_eq!((truth, &*reason), (Truth::Unknown, "APIServerSilent"));
    let uid = cluster(2).to_string();
    assert!(
        message.contains(&uid) && message.contains("API server"),
        "{message}"
    );
    let summary = summary(&fleet, &ready());
    assert_eq!((summary.counts.available, summary.counts.offline), (2, 1));
    assert_eq!(summary.failures[0].failure.reason, Reason::ApiServerSilent);
    assert_eq!(summary.counts.failed, 0);

    fleet.report(cluster(1), &Report::Lost);
    assert_eq!(available(&fleet).1, "MembersOffline", "not of all of them");
    fleet.report(cluster(3), &status(3, 2, 1, Truth::False, "Forbidden"));
    let (truth, reason, _) = available(&fleet);
    assert_eq!((truth, &*reason), (Truth::False, "Forbidden"));
}

#[test]
fn what_only_words_tell_apart_stays_apart() {
    let mut reports: Vec<_> = (1..=3)
        .map(|seed| status(seed, 1, 1, Truth::False, "CollisionDetected"))
        .collect();
    if let Report::Status { status, .. } = &mut reports[2] {
        status.available.message = "another".into();
    }
    let counts: Vec<_> = groups(&reports).iter().map(|group| group.0).collect();
    assert_eq!(counts, [2, 1]);
}
