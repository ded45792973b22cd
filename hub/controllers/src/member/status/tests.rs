use stevedore_crds::condition::find;
use stevedore_crds::v1alpha1::MemberClusterSpec;
use stevedore_proto_core::clock::ClockOffset;

use super::*;

fn member(leaving: bool) -> MemberCluster {
    let spec = MemberClusterSpec {
        cluster_uid: Some("0b5e0e5c-7d3f-4b8e-9a3e-5a7c1b2d3e4f".into()),
        accepted: None,
        hold: None,
        leaving,
    };
    MemberCluster::new("east", spec)
}

fn of(
    member: &MemberCluster,
    contact: Contact,
    packages: &PackagesOnMember,
    waits: Waits,
) -> MemberClusterStatus {
    status(
        member,
        contact,
        &MemberNote::default(),
        packages,
        waits,
        Timestamp::UNIX_EPOCH,
    )
}

fn word<'a>(status: &'a MemberClusterStatus, type_: &str) -> Option<(&'a str, &'a str)> {
    find(&status.conditions, type_).map(|found| (found.status.as_str(), found.reason.as_str()))
}

#[test]
fn a_lost_member_is_unknown_and_a_hub_that_just_started_says_nothing() {
    let heard = Contact {
        heard: true,
        ..Contact::default()
    };
    let lost = of(
        &member(false),
        heard,
        &PackagesOnMember::default(),
        Waits::No,
    );
    assert_eq!(word(&lost, CONNECTED), Some(("Unknown", "Lost")));
    assert!(lost.offline_since.is_some());
    let waiting = of(
        &member(false),
        Contact::default(),
        &PackagesOnMember::default(),
        Waits::ForSession,
    );
    assert_eq!(
        (word(&waiting, CONNECTED), word(&waiting, HEALTHY)),
        (None, None)
    );
}

#[test]
fn what_an_agent_has_not_said_yet_is_left_as_it_is_for_a_while_and_unknown_then() {
    let contact = Contact {
        connected: true,
        heard: true,
        ..Contact::default()
    };
    let failure = Failure {
        reason: Reason::Forbidden,
        message: "no".into(),
    };
    let failing = PackagesOnMember {
        left: vec!["demo".into()],
        failing: vec![("demo".into(), failure)],
        ..PackagesOnMember::default()
    };
    let mut member = member(false);
    member.status = Some(of(&member, contact, &failing, Waits::No));
    let unheard = PackagesOnMember {
        left: vec!["demo".into()],
        unheard: 1,
        ..PackagesOnMember::default()
    };
    let healthy = |waits| {
        let status = of(&member, contact, &unheard, waits);
        let found = find(&status.conditions, HEALTHY).unwrap();
        (found.status.clone(), found.reason.clone())
    };
    let known = ("False".to_owned(), "Forbidden".to_owned());
    assert_eq!(healthy(Waits::ForReports), known);
    let unknown = ("Unknown".to_owned(), "NotReported".to_owned());
    assert_eq!(healthy(Waits::No), unknown);
}

#[test]
fn a_leaving_member_is_drained_when_nothing_is_left() {
    let contact = Contact {
        connected: true,
        heard: true,
        ..Contact::default()
    };
    let left = PackagesOnMember {
        left: vec!["demo".into()],
        ..PackagesOnMember::default()
    };
    assert_eq!(
        word(&of(&member(true), contact, &left, Waits::No), DRAINED),
        Some(("False", "Draining"))
    );
    let away = of(&member(true), Contact::default(), &left, Waits::No);
    let message = &find(&away.conditions, DRAINED).unwrap().message;
    assert!(message.contains("no session"), "{message}");
    let empty = of(
        &member(true),
        contact,
        &PackagesOnMember::default(),
        Waits::No,
    );
    assert_eq!(word(&empty, DRAINED), Some(("True", "Drained")));
    assert_eq!(
        word(&of(&member(false), contact, &left, Waits::No), DRAINED),
        None
    );
}

#[test]
fn other_words_of_the_same_conditions_are_no_turn() {
    let contact = Contact {
        connected: true,
        heard: true,
        ..Contact::default()
    };
    let failing = |message: &str| {
        let failure = Failure {
            reason: Reason::ProbeFailure,
            message: message.into(),
        };
        let packages = PackagesOnMember {
            left: vec!["demo".into()],
            failing: vec![("demo".into(), failure)],
            ..PackagesOnMember::default()
        };
        of(&member(false), contact, &packages, Waits::No)
    };
    let (one, other) = (failing("1 of 3"), failing("2 of 3"));
    assert!(one != other && !turns(&one, &other));
    let fine = of(
        &member(false),
        contact,
        &PackagesOnMember::default(),
        Waits::No,
    );
    assert!(turns(&one, &fine));
}

#[test]
fn a_wrong_clock_of_a_connected_member_is_named_beside_whatever_else_is_wrong() {
    let contact = Contact {
        connected: true,
        heard: true,
        ..Contact::default()
    };
    let at = 1_800_000_000_000;
    let said = |ahead_seconds: u64, packages: &PackagesOnMember| {
        let note = MemberNote {
            clock: Some(ClockOffset::between(at + ahead_seconds * 1000, at)),
            ..MemberNote::default()
        };
        let epoch = Timestamp::UNIX_EPOCH;
        let status = status(&member(false), contact, &note, packages, Waits::No, epoch);
        let healthy = find(&status.conditions, HEALTHY).unwrap();
        (healthy.reason.clone(), healthy.message.clone())
    };
    let nothing = PackagesOnMember::default();
    assert_eq!(said(120, &nothing).0, "Healthy");
    let (reason, message) = said(90_000, &nothing);
    assert_eq!(reason, "ClockSkew");
    assert!(message.contains("1 d 1 h 0 min ahead"), "{message}");
    let failure = Failure {
        reason: Reason::ProbeFailure,
        message: "not ready".into(),
    };
    let failing = PackagesOnMember {
        left: vec!["demo".into()],
        failing: vec![("demo".into(), failure)],
        ..PackagesOnMember::default()
    };
    let (reason, message) = said(90_000, &failing);
    assert_eq!(reason, "ProbeFailure");
    assert!(message.contains("not ready; the clock"), "{message}");
}

#[test]
fn a_member_whose_api_server_is_silent_is_not_healthy_and_says_since_when() {
    let contact = Contact {
        connected: true,
        heard: true,
        is_api_server_silent: true,
        ..Contact::default()
    };
    let note = MemberNote {
        api_server_silent_since: Some(Timestamp::from_second(90).unwrap()),
        ..MemberNote::default()
    };
    let (member, packages) = (member(false), PackagesOnMember::default());
    let epoch = Timestamp::UNIX_EPOCH;
    let status = status(&member, contact, &note, &packages, Waits::No, epoch);
    assert_eq!(word(&status, CONNECTED).unwrap().0, "True");
    for type_ in [HEALTHY, READY] {
        let silent = ("False", "APIServerSilent");
        assert_eq!(word(&status, type_), Some(silent));
    }
    let message = &find(&status.conditions, HEALTHY).unwrap().message;
    assert!(message.contains("since 1970-01-01T00:01:30Z"), "{message}");
}

#[test]
fn a_failing_package_makes_a_connected_member_unhealthy() {
    let contact = Contact {
        connected: true,
        heard: true,
        ..Contact::default()
    };
    let failure = Failure {
        reason: Reason::ProbeFailure,
        message: "not ready".into(),
    };
    let packages = PackagesOnMember {
        left: vec!["demo".into()],
        failing: vec![("demo".into(), failure)],
        ..PackagesOnMember::default()
    };
    assert_eq!(
        word(&of(&member(false), contact, &packages, Waits::No), HEALTHY),
        Some(("False", "ProbeFailure"))
    );
}
