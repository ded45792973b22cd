//! Conclusions about one package on one cluster, of what the hub wrote down: how it stands there, and why.

use jiff::Timestamp;
use serde::Serialize;
use stevedore_crds::condition;
use stevedore_crds::v1alpha1::MemberCluster;

use crate::deployments::{Deployment, State};
use crate::output;
use crate::packages::AnyPackage;

/// How the package stands on the cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub(super) enum Standing {
    Available,
    /// It is available, and not what `spec` asks for.
    Outdated,
    OnItsWay,
    Failing,
    NotPlaced,
    /// It is on its way out, or gone.
    Leaving,
    /// The cluster cannot be asked.
    Unknown,
}

/// Why what a cluster was ordered is not what the spec asks for; none where it is, or is being torn down.
pub(super) fn outdated(package: &AnyPackage, order: &Deployment) -> Option<String> {
    let conditions = &package.status.conditions;
    let is_unpacked = condition::is_true(conditions, condition::UNPACKED);
    // Where a cluster was ordered what the spec asks for, and has it, the hub counts it as updated.
    let counts = package.status.counts.unwrap_or_default();
    let is_invalid = condition::is_true(conditions, condition::INVALID) && counts.updated == 0;
    let is_newest = package.status.revision == Some(order.revision);
    if matches!(order.state, State::Removing | State::Removed)
        || (package.is_observed() && is_unpacked && !is_invalid && is_newest)
    {
        return None;
    }
    let paused = condition::find(conditions, condition::PAUSED)
        .filter(|found| package.is_observed() && found.status == "True")
        .map(|found| format!("{}: {}", found.reason, found.message));
    let later = || "a newer revision is on its way".into();
    Some(package.unready().or(paused).unwrap_or_else(later))
}

/// What an order in this state means.
pub(super) fn with_order(state: State) -> (Standing, String) {
    let (standing, words) = match state {
        State::Available => (Standing::Available, "available"),
        State::Ordered => (
            Standing::OnItsWay,
            "on its way; the cluster has not said yet that it has the order",
        ),
        State::Received => (
            Standing::OnItsWay,
            "on its way; the cluster has the order and works on it",
        ),
        State::Applied => (
            Standing::OnItsWay,
            "on its way; everything is written, and not every probe passes yet",
        ),
        State::Failing => (Standing::Failing, "not available"),
        State::Refused => (
            Standing::Failing,
            "not available; the cluster refused the order",
        ),
        State::Frozen => (
            Standing::Failing,
            "not available; what the cluster holds does not fit what this hub ordered (see `stevedore hub raise-epoch --help`)",
        ),
        State::Removing => (Standing::Leaving, "being torn down"),
        State::Removed => (
            Standing::Leaving,
            "not placed there any more, and torn down",
        ),
    };
    (standing, words.into())
}

/// Why a cluster was given no order: the package is not ready to be ordered, or goes elsewhere.
pub(super) fn without_order(package: &AnyPackage) -> (Standing, String) {
    let status = &package.status;
    if !package.is_observed() {
        return (
            Standing::OnItsWay,
            "nothing is ordered yet; the hub has not seen the newest spec".into(),
        );
    }
    let bars = [
        (condition::INVALID, "True", Standing::Failing),
        (condition::UNPACKED, "False", Standing::Failing),
        (condition::UNPACKED, "Unknown", Standing::OnItsWay),
    ];
    let bar = bars.iter().find_map(|(type_, bars, standing)| {
        let found = condition::find(&status.conditions, type_)?;
        (found.status == *bars).then_some((*standing, found))
    });
    match bar {
        Some((standing, bar)) => (
            standing,
            format!("nothing is ordered; {}: {}", bar.reason, bar.message),
        ),
        None => (
            Standing::NotPlaced,
            "not placed there; spec.placement of the package does not select this cluster".into(),
        ),
    }
}

/// Why the cluster cannot be asked now; none where it can.
pub(super) fn unreachable(cluster: &MemberCluster, now: Timestamp) -> Option<String> {
    if cluster.spec.cluster_uid.is_none() {
        return Some("the cluster was invited but has not joined; give its agent a token: stevedore cluster join".into());
    }
    if cluster.spec.accepted == Some(false) {
        return Some("the cluster is not accepted: spec.accepted is false".into());
    }
    let status = cluster.status.as_ref()?;
    let connected = condition::find(&status.conditions, condition::CONNECTED)?;
    if connected.status == "True" {
        return None;
    }
    let since = status
        .offline_since
        .as_ref()
        .map_or_else(String::new, |since| {
            format!(" since {} ({})", since.0, output::age(since.0, now))
        });
    Some(format!(
        "the cluster is offline{since}: {}",
        connected.message
    ))
}
