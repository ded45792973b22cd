use stevedore_proto_core::Reason;

use super::*;
use crate::fixtures::cluster;
use crate::fleet::tests::{assign, fleet, package, status};
use crate::placement::Shortfall;
use crate::session::Report;

mod eligibility;

pub(super) fn summary(fleet: &crate::fleet::Fleet, input: &Input<'_>) -> Summary {
    summarise(fleet.package(package()).unwrap(), input)
}

pub(super) fn ready() -> Input<'static> {
    Input {
        source: Source::Ready,
        ..Input::default()
    }
}

fn find<'a>(summary: &'a Summary, r#type: &str) -> (Truth, &'a str) {
    let condition = summary
        .conditions
        .iter()
        .find(|condition| condition.r#type == r#type)
        .unwrap();
    (condition.status, condition.reason.as_str())
}

#[test]
fn available_is_true_only_when_every_target_is() {
    let mut fleet = fleet(&[1, 2], 1);
    fleet.report(cluster(1), &status(1, 1, 1, Truth::True, "Available"));
    let one = summary(&fleet, &ready());
    assert_eq!(find(&one, "Available"), (Truth::False, "ObjectSetUnready"));
    assert_eq!(find(&one, "Progressing").0, Truth::True);
    fleet.report(cluster(2), &status(2, 1, 1, Truth::True, "Available"));
    let both = summary(&fleet, &ready());
    assert_eq!(find(&both, "Available"), (Truth::True, "Available"));
    assert_eq!(find(&both, "Ready").0, Truth::True);
    assert_eq!(find(&both, "Progressing"), (Truth::False, "Idle"));
    assert_eq!(
        (find(&both, "Reconciling").0, find(&both, "Stalled").0),
        (Truth::False, Truth::False)
    );
}

#[test]
fn unreachable_members_alone_make_it_unknown_and_a_failing_one_makes_it_false() {
    let mut fleet = fleet(&[1, 2], 1);
    fleet.report(cluster(1), &status(1, 1, 1, Truth::True, "Available"));
    fleet.report(cluster(2), &Report::Lost);
    assert_eq!(
        find(&summary(&fleet, &ready()), "Available"),
        (Truth::Unknown, "MembersOffline")
    );
    fleet.report(cluster(1), &status(1, 2, 1, Truth::False, "ProbeFailure"));
    let summary = summary(&fleet, &ready());
    assert_eq!(find(&summary, "Available"), (Truth::False, "ProbeFailure"));
    assert_eq!(find(&summary, "Stalled"), (Truth::True, "ProbeFailure"));
}

#[test]
fn a_probe_that_has_yet_to_pass_is_shown_and_no_failure() {
    let mut fleet = fleet(&[1], 1);
    fleet.report(cluster(1), &status(1, 1, 1, Truth::False, "ProbeFailure"));
    let summary = summary(&fleet, &ready());
    assert_eq!(find(&summary, "Available"), (Truth::False, "ProbeFailure"));
    assert_eq!(find(&summary, "Reconciling").0, Truth::True);
    assert_eq!((summary.counts.progressing, summary.counts.failed), (1, 0));
}

#[test]
fn a_member_that_met_another_history_fails_until_the_epoch_is_raised() {
    let mut fleet = fleet(&[1], 1);
    let seen = crate::fleet::tests::tuple(1).leadership();
    let reason = crate::session::FreezeReason::HubDiverged;
    fleet.report(cluster(1), &Report::Fenced { seen, reason });
    assert_eq!(
        find(&summary(&fleet, &ready()), "Stalled"),
        (Truth::True, "HubDiverged")
    );
    fleet.raised();
    assert_eq!(find(&summary(&fleet, &ready()), "Stalled").0, Truth::False);
}

#[test]
fn without_targets_it_is_unknown_and_says_why() {
    let fleet = fleet(&[], 1);
    for shortfall in [
        Shortfall::NoLocalMember,
        Shortfall::NoTargets,
        Shortfall::NotBound,
    ] {
        let input = Input {
            shortfall: Some(shortfall),
            ..ready()
        };
        assert_eq!(
            find(&summary(&fleet, &input), "Available"),
            (Truth::Unknown, shortfall.as_str())
        );
    }
}

#[test]
fn source_trouble_has_the_reasons_of_package_operator() {
    let fleet = fleet(&[1], 1);
    let pull = Input {
        source: Source::PullFailed("denied".into()),
        ..Input::default()
    };
    assert_eq!(
        find(&summary(&fleet, &pull), "Unpacked"),
        (Truth::False, "ImagePullBackOff")
    );
    let failure = Failure {
        reason: Reason::LoadError,
        message: "no manifest".into(),
    };
    let invalid = Input {
        source: Source::Invalid(failure),
        ..Input::default()
    };
    let summary = summary(&fleet, &invalid);
    assert_eq!(find(&summary, "Unpacked"), (Truth::False, "LoadError"));
    assert_eq!(find(&summary, "Invalid"), (Truth::True, "LoadError"));
    assert_eq!(find(&summary, "Stalled"), (Truth::True, "LoadError"));
    assert_eq!(find(&summary, "Ready"), (Truth::False, "LoadError"));
}

#[test]
fn an_image_is_called_unpacked_only_where_its_files_can_be_used() {
    let fleet = fleet(&[1], 1);
    let failure = |reason| Failure {
        reason,
        message: "why".into(),
    };
    let unpacked = |input: &Input<'_>| {
        let summary = summary(&fleet, input);
        let has = |kind: &str| summary.conditions.iter().any(|one| one.r#type == kind);
        (find(&summary, "Unpacked").0, has("Invalid"))
    };
    for (source, expected) in [
        (Source::Pending, (Truth::Unknown, false)),
        (Source::PullFailed("why".into()), (Truth::False, false)),
        (Source::NotStored("why".into()), (Truth::False, false)),
        (
            Source::Invalid(failure(Reason::LoadError)),
            (Truth::False, true),
        ),
        (
            Source::Invalid(failure(Reason::ConfigTooLarge)),
            (Truth::Unknown, true),
        ),
        (Source::Ready, (Truth::True, false)),
    ] {
        let input = Input {
            source,
            ..Input::default()
        };
        assert_eq!(unpacked(&input), expected, "{:?}", input.source);
    }
    let unreadable = Input {
        unreadable: Some(failure(Reason::LoadError)),
        ..ready()
    };
    assert_eq!(unpacked(&unreadable), (Truth::False, true));
}

#[test]
fn at_most_ten_failures_are_shown_the_commonest_first() {
    let clusters: Vec<u8> = (1..=20).collect();
    let mut fleet = fleet(&clusters, 1);
    for seed in &clusters {
        let reason = if *seed <= 8 {
            "Same".to_owned()
        } else {
            format!("Other{seed}")
        };
        fleet.report(cluster(*seed), &status(*seed, 1, 1, Truth::False, &reason));
    }
    let summary = summary(&fleet, &ready());
    assert_eq!(summary.failures.len(), MAX_FAILURES);
    assert_eq!(
        (
            summary.failures[0].failure.reason.as_str(),
            summary.failures[0].count
        ),
        ("Same", 8)
    );
    assert_eq!(summary.failures[0].clusters.len(), MAX_NAMES);
    assert_eq!(summary.counts.failed, 20);
}

#[test]
fn a_config_that_cannot_be_used_is_not_ready_although_the_old_one_runs() {
    let mut fleet = fleet(&[1], 1);
    fleet.report(cluster(1), &status(1, 1, 1, Truth::True, "Available"));
    let failure = Failure {
        reason: Reason::opaque("ConfigInvalid"),
        message: "no".into(),
    };
    let input = Input {
        unrendered: BTreeMap::from([(cluster(1), failure)]),
        ..ready()
    };
    let summary = summary(&fleet, &input);
    assert_eq!(find(&summary, "Available").0, Truth::True);
    assert_eq!(find(&summary, "Ready"), (Truth::False, "ConfigInvalid"));
    assert_eq!(find(&summary, "Stalled"), (Truth::True, "ConfigInvalid"));
}

#[test]
fn paused_is_shown_only_while_it_is() {
    let mut fleet = fleet(&[1], 1);
    let input = Input {
        paused: true,
        ..ready()
    };
    assert_eq!(
        find(&summary(&fleet, &input), "Paused"),
        (Truth::True, "Paused")
    );
    assert_eq!(
        find(&summary(&fleet, &input), "Progressing"),
        (Truth::False, "Paused")
    );
    assign(&mut fleet, &[1], 2, true);
    let gone = Input {
        deleting: true,
        ..ready()
    };
    assert_eq!(
        find(&summary(&fleet, &gone), "Available"),
        (Truth::False, "Deleting")
    );
}

#[test]
fn what_cannot_be_planned_says_so_also_while_it_is_being_deleted() {
    let mut fleet = fleet(&[1], 1);
    fleet.report(cluster(1), &status(1, 1, 1, Truth::True, "Available"));
    let blocked = Failure {
        reason: Reason::DefinitionTerminating,
        message: "the definition goes".into(),
    };
    let input = Input {
        blocked: Some(blocked),
        ..ready()
    };
    let summary = summary(&fleet, &input);
    assert_eq!(find(&summary, "Available"), (Truth::True, "Available"));
    assert_eq!(
        (find(&summary, "Ready"), find(&summary, "Stalled")),
        (
            (Truth::False, "DefinitionTerminating"),
            (Truth::True, "DefinitionTerminating")
        )
    );
    let deleting = Input {
        deleting: true,
        ..input
    };
    let summary = summarise(fleet.package(package()).unwrap(), &deleting);
    let mut conditions = summary.conditions.iter();
    let available = conditions.find(|one| one.r#type == "Available").unwrap();
    assert!(available.message.ends_with("; the definition goes"));
}

#[test]
fn a_package_that_reaches_fewer_clusters_than_it_asks_for_says_so_although_it_is_available() {
    let mut fleet = fleet(&[1], 1);
    fleet.report(cluster(1), &status(1, 1, 1, Truth::True, "Available"));
    let input = Input {
        shortfall: Some(Shortfall::NotBound),
        ..ready()
    };
    let summary = summary(&fleet, &input);
    let mut conditions = summary.conditions.iter();
    let available = conditions.find(|one| one.r#type == "Available").unwrap();
    assert_eq!(available.status, Truth::True);
    assert!(available.message.contains(Shortfall::NotBound.message()));
}

#[test]
fn a_package_that_is_rendered_for_some_clusters_only_is_on_its_way() {
    let mut fleet = fleet(&[1], 1);
    fleet.report(cluster(1), &status(1, 1, 1, Truth::True, "Available"));
    let input = Input {
        rendering: true,
        ..ready()
    };
    let summary = summary(&fleet, &input);
    assert_eq!(find(&summary, "Progressing"), (Truth::True, "Rendering"));
    assert_eq!(find(&summary, "Ready"), (Truth::False, "Rendering"));
    assert_eq!(find(&summary, "Stalled").0, Truth::False);
}

/// Revision 1 stays on both clusters, and this is why.
fn kept(source: Source) -> Input<'static> {
    Input {
        source,
        kept: Some(1..=1),
        ..Input::default()
    }
}

fn message<'a>(summary: &'a Summary, r#type: &str) -> &'a str {
    let mut conditions = summary.conditions.iter();
    let found = conditions.find(|condition| condition.r#type == r#type);
    &found.unwrap().message
}

#[test]
fn what_runs_is_available_and_said_not_to_be_what_the_spec_asks_for() {
    let mut fleet = fleet(&[1, 2], 1);
    for seed in [1, 2] {
        fleet.report(cluster(seed), &status(seed, 1, 1, Truth::True, "Available"));
    }
    let invalid = Failure {
        reason: Reason::LoadError,
        message: "no manifest".into(),
    };
    for (source, reason, stalled) in [
        (Source::Pending, "Unpacking", Truth::False),
        (
            Source::PullFailed("denied".into()),
            "ImagePullBackOff",
            Truth::True,
        ),
        (Source::Invalid(invalid), "LoadError", Truth::True),
        (
            Source::NotStored("refused".into()),
            "NotStored",
            Truth::True,
        ),
    ] {
        let summary = summary(&fleet, &kept(source));
        assert_eq!(find(&summary, "Available"), (Truth::True, "Available"));
        assert!(!summary.is_in_force, "Available speaks of an earlier spec");
        assert_eq!(find(&summary, "Ready"), (Truth::False, reason));
        let said = message(&summary, "Ready");
        assert!(said.starts_with("revision 1 stays, "), "{said}");
        assert_eq!(find(&summary, "Stalled").0, stalled, "{reason}");
        let counts = (summary.counts.available, summary.counts.updated);
        assert_eq!(counts, (2, 0));
    }
    let planned = summary(&fleet, &ready());
    assert!(planned.is_in_force);
    assert_eq!((planned.counts.available, planned.counts.updated), (2, 2));
}

#[test]
fn what_fails_is_said_beside_what_the_next_revision_waits_for() {
    let mut fleet = fleet(&[1, 2], 1);
    fleet.report(cluster(1), &status(1, 1, 1, Truth::True, "Available"));
    fleet.report(cluster(2), &status(2, 1, 1, Truth::False, "Forbidden"));
    let summary = summary(&fleet, &kept(Source::PullFailed("denied".into())));
    assert_eq!(find(&summary, "Available"), (Truth::False, "Forbidden"));
    let said = message(&summary, "Ready");
    let parts = [
        "denied",
        "1 of 2 clusters are available with revision 1",
        "why",
    ];
    assert!(parts.iter().all(|part| said.contains(part)), "{said}");
}

#[test]
fn a_package_that_is_being_removed_says_nothing_of_an_image_it_lacks() {
    let mut fleet = fleet(&[1], 1);
    assign(&mut fleet, &[1], 2, true);
    let input = Input {
        deleting: true,
        source: Source::PullFailed("denied".into()),
        ..Input::default()
    };
    let summary = summary(&fleet, &input);
    assert_eq!(find(&summary, "Ready"), (Truth::False, "Deleting"));
    assert_eq!(find(&summary, "Stalled").0, Truth::False);
}
