//! The status of a `MemberCluster`: connected, healthy, drained, as it follows from what is known of the member.

use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use stevedore_crds::condition::{
    self, CONNECTED, DRAINED, HEALTHY, READY, RECONCILING, STALLED, Status, Update,
};
use stevedore_crds::environment;
use stevedore_crds::v1alpha1::{MemberCluster, MemberClusterStatus};
use stevedore_hub_core::fleet::{Contact, Failure};
use stevedore_proto_core::clock::CLOCK_SKEW;

use crate::member::note::MemberNote;

/// For how long after its start a hub does not say that a member is lost.
pub(crate) const GRACE: Duration = Duration::from_secs(60);

/// What a member's packages amount to.
#[derive(Debug, Default, PartialEq)]
pub(super) struct PackagesOnMember {
    /// Packages that are not torn down yet.
    pub(super) left: Vec<String>,
    pub(super) failing: Vec<(String, Failure)>,
}

/// Whether it says another thing, and not just in other words.
pub(super) fn turns(old: &MemberClusterStatus, new: &MemberClusterStatus) -> bool {
    condition::said(&old.conditions) != condition::said(&new.conditions)
        || old.observed_generation != new.observed_generation
        || old.environment.is_some() != new.environment.is_some()
        || old.agent_version != new.agent_version
        || old.offline_since.is_some() != new.offline_since.is_some()
}

pub(super) fn status(
    member: &MemberCluster,
    contact: Contact,
    note: &MemberNote,
    packages: &PackagesOnMember,
    waits: bool,
    now: Timestamp,
) -> MemberClusterStatus {
    let old = member.status.clone().unwrap_or_default();
    let generation = member.metadata.generation.unwrap_or_default();
    let was_heard = contact.heard || condition::is_true(&old.conditions, CONNECTED);
    let mut status = MemberClusterStatus {
        observed_generation: Some(generation),
        conditions: old.conditions,
        environment: match &note.environment {
            Some(reported) => Some(environment::status(reported, old.environment.as_ref())),
            None => old.environment,
        },
        agent_version: note.agent_version.clone().or(old.agent_version),
        offline_since: match (contact.connected, waits, old.offline_since) {
            (true, _, _) => None,
            (false, _, Some(since)) => Some(since),
            (false, true, None) => None,
            (false, false, None) => was_heard.then_some(Time(now)),
        },
    };
    let healthy = healthy(contact, note, packages);
    let mut updates = vec![
        Update {
            type_: READY.to_owned(),
            ..healthy.clone()
        },
        healthy,
        Update::new(STALLED, false, "NotStalled", ""),
    ];
    if !waits {
        updates.push(connected(member, contact, note));
    }
    if member.spec.leaving {
        let drained = drained(contact, packages);
        updates.push(Update {
            type_: RECONCILING.to_owned(),
            status: Status::from(drained.status != Status::True),
            ..drained.clone()
        });
        updates.push(drained);
    } else {
        updates.push(Update::new(RECONCILING, false, "Idle", ""));
    }
    // During the grace a member that was fine is not called unhealthy for not having been heard yet.
    if waits {
        updates.retain(|update| update.type_ == DRAINED || update.type_ == RECONCILING);
    }
    for update in updates {
        update.apply(&mut status.conditions, generation, now);
    }
    status
}

fn connected(member: &MemberCluster, contact: Contact, note: &MemberNote) -> Update {
    if member.spec.accepted == Some(false) {
        return Update::new(
            CONNECTED,
            false,
            "NotAccepted",
            "spec.accepted is false: the cluster may have no session",
        );
    }
    if contact.connected {
        return Update::new(CONNECTED, true, "Connected", "the agent has a session");
    }
    if let Some(refusal) = &note.refusal {
        return Update::new(CONNECTED, false, refusal.as_str(), refusal.to_string());
    }
    if member.spec.cluster_uid.is_none() {
        return Update::new(
            CONNECTED,
            false,
            "NotJoined",
            "no cluster has joined under this name yet",
        );
    }
    Update::new(
        CONNECTED,
        Status::Unknown,
        "Lost",
        "the agent has no session: what was known of the cluster may have changed",
    )
}

fn healthy(contact: Contact, note: &MemberNote, packages: &PackagesOnMember) -> Update {
    if !contact.connected {
        return Update::new(
            HEALTHY,
            Status::Unknown,
            "NotConnected",
            "the agent has no session",
        );
    }
    if let Some(fenced) = contact.fenced {
        return Update::new(
            HEALTHY,
            false,
            fenced.reason(),
            "the member has met a newer or another hub history; an operator has to raise the epoch",
        );
    }
    if let Some((duplicate, _)) = &note.duplicate {
        return Update::new(HEALTHY, false, "DuplicateIdentity", duplicate);
    }
    let skew = note
        .skew()
        .map(|offset| format!("the clock of the member is {offset}"));
    match (packages.failing.first(), skew) {
        (Some((package, failure)), skew) => {
            let skew = skew.map_or(String::new(), |skew| format!("; {skew}"));
            let message = format!(
                "{} of {} packages fail; {package}: {}{skew}",
                packages.failing.len(),
                packages.left.len(),
                failure.message
            );
            Update::new(HEALTHY, false, &failure.reason, message)
        }
        (None, Some(skew)) => Update::new(HEALTHY, false, CLOCK_SKEW, skew),
        (None, None) => Update::new(HEALTHY, true, "Healthy", "nothing needs attention"),
    }
}

fn drained(contact: Contact, packages: &PackagesOnMember) -> Update {
    if packages.left.is_empty() {
        return Update::new(DRAINED, true, "Drained", "every package is torn down");
    }
    let mut message = format!("still torn down: {}", packages.left.join(", "));
    if !contact.connected {
        message.push_str(
            "; the agent has no session: it goes on when the agent is back, or forget the member, which leaves its workloads",
        );
    }
    for (package, failure) in &packages.failing {
        message.push_str(&format!(
            "; {package} waits: {}: {}",
            failure.reason, failure.message
        ));
    }
    Update::new(DRAINED, false, "Draining", message)
}

#[cfg(test)]
mod tests {
    use stevedore_crds::condition::find;
    use stevedore_crds::v1alpha1::MemberClusterSpec;
    use stevedore_proto_core::Reason;
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
        waits: bool,
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
        let lost = of(&member(false), heard, &PackagesOnMember::default(), false);
        assert_eq!(word(&lost, CONNECTED), Some(("Unknown", "Lost")));
        assert!(lost.offline_since.is_some());
        let waiting = of(
            &member(false),
            Contact::default(),
            &PackagesOnMember::default(),
            true,
        );
        assert_eq!(
            (word(&waiting, CONNECTED), word(&waiting, HEALTHY)),
            (None, None)
        );
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
            failing: vec![],
        };
        assert_eq!(
            word(&of(&member(true), contact, &left, false), DRAINED),
            Some(("False", "Draining"))
        );
        let away = of(&member(true), Contact::default(), &left, false);
        let message = &find(&away.conditions, DRAINED).unwrap().message;
        assert!(message.contains("no session"), "{message}");
        let empty = of(&member(true), contact, &PackagesOnMember::default(), false);
        assert_eq!(word(&empty, DRAINED), Some(("True", "Drained")));
        assert_eq!(
            word(&of(&member(false), contact, &left, false), DRAINED),
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
            };
            of(&member(false), contact, &packages, false)
        };
        let (one, other) = (failing("1 of 3"), failing("2 of 3"));
        assert!(one != other && !turns(&one, &other));
        let fine = of(&member(false), contact, &PackagesOnMember::default(), false);
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
            let status = status(&member(false), contact, &note, packages, false, epoch);
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
        };
        let (reason, message) = said(90_000, &failing);
        assert_eq!(reason, "ProbeFailure");
        assert!(message.contains("not ready; the clock"), "{message}");
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
        };
        assert_eq!(
            word(&of(&member(false), contact, &packages, false), HEALTHY),
            Some(("False", "ProbeFailure"))
        );
    }
}
