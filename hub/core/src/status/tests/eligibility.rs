//! Clusters that a package is not for, and clusters for which it cannot be rendered.

use std::sync::Arc;

use super::*;
use crate::rollout::{RolloutReport, Wait};

fn wrong_platform() -> Failure {
    Failure::new(Reason::WrongPlatform, "the package is for OpenShift")
}

fn ineligible(clusters: &[u8]) -> Input<'static> {
    Input {
        ineligible: clusters
            .iter()
            .map(|seed| (cluster(*seed), wrong_platform()))
            .collect(),
        ..ready()
    }
}

#[test]
fn an_ineligible_cluster_counts_as_that_alone_whatever_it_runs() {
    for says in [Some(Truth::True), Some(Truth::False), None] {
        let mut fleet = fleet(&[1, 2], 1);
        fleet.report(cluster(1), &status(1, 1, 1, Truth::True, "Available"));
        if let Some(truth) = says {
            fleet.report(cluster(2), &status(2, 1, 1, truth, "Forbidden"));
        }
        let summary = summary(&fleet, &ineligible(&[2]));
        let counts = summary.counts;
        assert_eq!((counts.targeted, counts.ineligible), (2, 1));
        assert_eq!((counts.available, counts.updated), (1, 1));
        assert_eq!((counts.failed, counts.progressing), (0, 0));
        assert_eq!(find(&summary, "Available"), (Truth::True, "Available"));
        assert_eq!(find(&summary, "Progressing"), (Truth::False, "Idle"));
        assert_eq!(find(&summary, "Stalled").0, Truth::False);
        let said = message(&summary, "Available");
        assert!(said.contains("1 more are ineligible"), "{said}");
        assert_eq!(summary.ineligible.len(), 1);
        assert_eq!(summary.ineligible[0].failure, wrong_platform());
        assert_eq!(summary.failures, []);
    }
}

#[test]
fn an_unreachable_ineligible_cluster_leaves_the_others_available() {
    let mut fleet = fleet(&[1, 2], 1);
    fleet.report(cluster(1), &status(1, 1, 1, Truth::True, "Available"));
    fleet.report(cluster(2), &Report::Lost);
    let summary = summary(&fleet, &ineligible(&[2]));
    assert_eq!(find(&summary, "Available"), (Truth::True, "Available"));
    assert_eq!((summary.counts.offline, summary.counts.ineligible), (0, 1));
}

#[test]
fn a_held_cluster_that_was_to_be_changed_counts_as_that_alone() {
    let mut fleet = fleet(&[1, 2], 1);
    fleet.report(cluster(1), &status(1, 1, 1, Truth::True, "Available"));
    fleet.report(cluster(2), &status(2, 1, 1, Truth::False, "Forbidden"));
    let report = RolloutReport {
        waits: BTreeMap::from([(cluster(2), Wait::Held)]),
        ..RolloutReport::default()
    };
    let input = Input {
        rollout: Arc::new(report),
        ..ready()
    };
    let summary = summary(&fleet, &input);
    let counts = summary.counts;
    assert_eq!((counts.targeted, counts.held), (2, 1));
    assert_eq!((counts.available, counts.updated, counts.failed), (1, 1, 0));
    assert_eq!(find(&summary, "Ready"), (Truth::True, "Available"));
    let said = message(&summary, "Available");
    assert!(said.contains("1 more are held or skipped"), "{said}");
    assert_eq!(summary.failures, []);
}

#[test]
fn what_is_for_no_cluster_is_available_on_none() {
    let mut fleet = fleet(&[1, 2], 1);
    for seed in [1, 2] {
        fleet.report(cluster(seed), &status(seed, 1, 1, Truth::True, "Available"));
    }
    let summary = summary(&fleet, &ineligible(&[1, 2]));
    for r#type in ["Available", "Ready"] {
        assert_eq!(find(&summary, r#type), (Truth::False, "WrongPlatform"));
    }
    assert_eq!(find(&summary, "Stalled"), (Truth::True, "WrongPlatform"));
    assert_eq!(summary.counts.ineligible, 2);
}

#[test]
fn a_tombstone_on_an_ineligible_cluster_is_still_being_carried_out() {
    let mut fleet = fleet(&[1], 1);
    assign(&mut fleet, &[1], 2, true);
    let summary = summary(&fleet, &ineligible(&[1]));
    assert_eq!((summary.counts.removing, summary.counts.ineligible), (1, 0));
}

/// The content can be rendered for this many clusters, and not for these.
fn without(clusters: &[u8], failure: &Failure, rendered: usize) -> Input<'static> {
    let clusters = clusters.iter();
    Input {
        rendered,
        unrendered: clusters
            .map(|seed| (cluster(*seed), failure.clone()))
            .collect(),
        ..ready()
    }
}

#[test]
fn a_cluster_for_which_nothing_can_be_rendered_is_named_and_the_package_goes_on_for_the_others() {
    let missing = Failure::new(Reason::ClusterLabelMissing, "no label region");
    for failing in [false, true] {
        let mut fleet = fleet(&[1, 2, 3], 1);
        for seed in [1, 3] {
            fleet.report(cluster(seed), &status(seed, 1, 1, Truth::True, "Available"));
        }
        if failing {
            fleet.report(cluster(2), &status(2, 1, 1, Truth::False, "Forbidden"));
        }
        let summary = summary(&fleet, &without(&[2], &missing, 2));
        assert!(summary.is_in_force, "it speaks of the newest spec");
        let is_invalid = |one: &Condition| one.r#type == "Invalid";
        assert!(!summary.conditions.iter().any(is_invalid));
        assert_eq!(find(&summary, "Unpacked"), (Truth::True, "UnpackSuccess"));
        for r#type in ["Available", "Ready"] {
            assert_eq!(
                find(&summary, r#type),
                (Truth::False, "ClusterLabelMissing")
            );
            let said = message(&summary, r#type);
            let expected = format!(
                "2 of 3 clusters are available; {}: no label region",
                cluster(2)
            );
            assert_eq!(said, expected);
        }
        let stalled = (Truth::True, "ClusterLabelMissing");
        assert_eq!(find(&summary, "Stalled"), stalled);
        assert_eq!(message(&summary, "Stalled"), "1 of 3 clusters fail");
        let counts = summary.counts;
        assert_eq!(
            (counts.available, counts.progressing, counts.failed),
            (2, 0, 1)
        );
        assert_eq!(summary.failures.len(), 1, "{:?}", summary.failures);
    }
}

#[test]
fn what_can_be_rendered_for_no_cluster_is_invalid_and_not_on_its_way() {
    let fleet = fleet(&[1, 2], 1);
    for reason in [Reason::ClusterLabelMissing, Reason::TemplateError] {
        let failure = Failure::new(reason.clone(), "it says so");
        let summary = summary(&fleet, &without(&[1, 2], &failure, 0));
        assert_eq!((summary.counts.failed, summary.counts.progressing), (2, 0));
        assert!(!summary.is_in_force);
        for r#type in ["Invalid", "Stalled"] {
            assert_eq!(find(&summary, r#type), (Truth::True, reason.as_str()));
        }
        assert_eq!(find(&summary, "Ready"), (Truth::False, reason.as_str()));
    }
}

#[test]
fn a_running_cluster_for_which_nothing_can_be_rendered_any_more_fails_and_is_named() {
    let mut fleet = fleet(&[1, 2, 3], 1);
    for seed in [1, 2, 3] {
        fleet.report(cluster(seed), &status(seed, 1, 1, Truth::True, "Available"));
    }
    let missing = Failure::new(Reason::ClusterLabelMissing, "no label region");
    let input = without(&[2], &missing, 2);
    let summary = summary(&fleet, &input);
    let counts = summary.counts;
    assert_eq!((counts.available, counts.failed, counts.updated), (2, 1, 2));
    let available = find(&summary, "Available");
    assert_eq!(available, (Truth::False, "ClusterLabelMissing"));
    let failure = &summary.failures[0];
    assert_eq!((&failure.failure, failure.count), (&missing, 1));
    assert_eq!(failure.clusters, [cluster(2).to_string()]);
}

#[test]
fn a_template_that_fails_for_one_running_cluster_of_several_is_that_clusters_and_for_all_the_specs()
{
    let mut fleet = fleet(&[1, 2], 1);
    for seed in [1, 2] {
        fleet.report(cluster(seed), &status(seed, 1, 1, Truth::True, "Available"));
    }
    let failure = Failure::new(Reason::TemplateError, "it says so");
    let one = summary(&fleet, &without(&[2], &failure, 1));
    assert_eq!(find(&one, "Available"), (Truth::False, "TemplateError"));
    assert_eq!((one.counts.available, one.counts.failed), (1, 1));
    let all = summary(&fleet, &without(&[1, 2], &failure, 0));
    assert_eq!(find(&all, "Available").0, Truth::True);
    assert_eq!(find(&all, "Ready"), (Truth::False, "TemplateError"));
}

#[test]
fn a_cluster_of_which_something_is_not_known_makes_no_others_failed_that_run_what_they_had() {
    let mut fleet = fleet(&[1, 2, 3], 1);
    for seed in [1, 2, 3] {
        fleet.report(cluster(seed), &status(seed, 1, 1, Truth::True, "Available"));
    }
    let broken = Failure::new(Reason::TemplateError, "it says so");
    let unknown = Failure::new(Reason::FactUnknown, "whether it is OpenShift");
    let input = Input {
        unrendered: [
            (cluster(1), broken.clone()),
            (cluster(2), broken),
            (cluster(3), unknown.clone()),
        ]
        .into(),
        ..ready()
    };
    let summary = summary(&fleet, &input);
    assert_eq!((summary.counts.available, summary.counts.failed), (2, 1));
    let told: Vec<_> = summary.failures.iter().map(|it| &it.failure).collect();
    assert_eq!(told, [&unknown]);
}

#[test]
fn what_is_not_known_of_a_cluster_makes_no_package_invalid() {
    let fleet = fleet(&[1, 2], 1);
    let unknown = Failure::new(Reason::FactUnknown, "whether it is OpenShift");
    let input = Input {
        unrendered: [(cluster(2), unknown)].into(),
        ..ready()
    };
    let summary = summary(&fleet, &input);
    assert_eq!(find(&summary, "Available"), (Truth::False, "FactUnknown"));
    let is_invalid = |one: &Condition| one.r#type == "Invalid";
    assert!(!summary.conditions.iter().any(is_invalid));
}
