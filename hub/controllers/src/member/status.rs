//! The status of a `MemberCluster`: connected, healthy, drained, as it follows from what is known of the member.

use std::collections::BTreeSet;
use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use stevedore_crds::condition::{
    self, CONNECTED, DRAINED, HEALTHY, READY, RECONCILING, STALLED, Status, Update,
};
use stevedore_crds::environment;
use stevedore_crds::v1alpha1::{MemberCluster, MemberClusterStatus};
use stevedore_hub_core::fleet::{Contact, Failure};
use stevedore_proto_core::Reason;
use stevedore_proto_core::clock::CLOCK_SKEW;

use crate::member::note::MemberNote;
use crate::member::orphans::{self, ORPHANED};

/// For how long after its start a hub does not say that a member is lost.
pub(crate) const GRACE: Duration = Duration::from_secs(60);

/// What a member's packages amount to.
#[derive(Debug, Default, PartialEq)]
pub(super) struct PackagesOnMember {
    /// Packages that are not torn down yet.
    pub(super) left: Vec<String>,
    /// How many deployments the agent has not spoken about since it, or this hub, started anew.
    pub(super) unheard: usize,
    pub(super) failing: Vec<(String, Failure)>,
    /// Packages that it holds and nobody orders.
    pub(super) orphaned: BTreeSet<String>,
}

/// What a hub does not say of a member yet, for it has just started, or the member's session has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Waits {
    /// Nothing.
    No,
    /// How its packages are: the agent is about to say so.
    ForReports,
    /// Whether it is lost.
    ForSession,
}

impl Waits {
    /// Whether a condition of this type is said now.
    fn says(self, type_: &str) -> bool {
        match self {
            Self::No => true,
            Self::ForReports => type_ != HEALTHY && type_ != READY,
            Self::ForSession => type_ == DRAINED || type_ == RECONCILING,
        }
    }
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
    waits: Waits,
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
        offline_since: match old.offline_since {
            _ if contact.connected => None,
            None if waits == Waits::ForSession => None,
            since => since.or_else(|| was_heard.then_some(Time(now))),
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
    if waits != Waits::ForSession {
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
    // A member stays what it was called while it has not been heard yet.
    updates.retain(|update| waits.says(&update.type_));
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
    if contact.is_api_server_silent {
        let since = note.api_server_silent_since;
        let since = since.map_or(String::new(), |since| format!(" since {since:.0}"));
        let message = format!(
            "the API server of the cluster has not answered its agent{since}: what runs there is not known"
        );
        return Update::new(HEALTHY, false, &Reason::ApiServerSilent, message);
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
        (None, None) if !packages.orphaned.is_empty() => Update::new(
            HEALTHY,
            false,
            ORPHANED,
            orphans::message(&packages.orphaned),
        ),
        (None, None) if packages.unheard > 0 => {
            let message = format!(
                "the agent has a session, and has not said yet how {} of its packages are",
                packages.unheard
            );
            Update::new(HEALTHY, Status::Unknown, "NotReported", message)
        }
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
mod tests;
