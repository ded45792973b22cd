//! Conclusions about one package on one cluster, of what the hub wrote down: how it stands there, and why.

use jiff::Timestamp;
use serde::Serialize;
use stevedore_crds::condition;
use stevedore_crds::v1alpha1::{FailureGroup, MemberCluster};

use crate::deployments::{Deployment, State, unheard};
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
    /// The package is not for the cluster.
    Ineligible,
    /// The cluster is held, and keeps what it has.
    Held,
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
    let is_invalid = condition::is_true(conditions, condition::INVALID);
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

/// What the state of an order means. What the package's status says of a cluster that fails is newer than what is written
/// down of single clusters: nothing can be rendered for it any more, say.
pub(super) fn with_order(package: &AnyPackage, order: &Deployment) -> (Standing, String) {
    let failure = failure(package, &order.cluster);
    if let Some(why) = failure.filter(|_| order.state == State::Available) {
        return (Standing::Failing, format!("counted as failing; {why}"));
    }
    let (standing, words) = match order.state {
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

/// Why a cluster was given no order: the package is not ready to be ordered, cannot be rendered for it, or goes elsewhere.
pub(super) fn without_order(package: &AnyPackage, cluster: &str) -> (Standing, String) {
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
        None => match failure(package, cluster) {
            Some(why) => (Standing::Failing, format!("nothing is ordered; {why}")),
            None => (Standing::NotPlaced, not_placed(package)),
        },
    }
}

fn not_placed(package: &AnyPackage) -> String {
    let words = "not placed there; spec.placement of the package does not select this cluster";
    let counts = package.status.counts.unwrap_or_default();
    let failing = unnamed(counts.failed, &package.status.failures);
    let others = [
        (unnamed_ineligible(package), "ineligible"),
        (failing, "failing"),
    ];
    let others = others.iter().filter(|(count, _)| *count > 0);
    let others = others.map(|(count, what)| {
        format!(", or it is one of {count} {what} clusters that the package's status does not name")
    });
    format!("{words}{}", others.collect::<String>())
}

/// What is known of a package on a cluster that cannot be asked.
pub(super) fn unasked() -> (Standing, String) {
    let words = "not known while the cluster cannot be asked";
    (Standing::Unknown, words.into())
}

/// Why the package is not for the cluster, where its status says so by name.
pub(super) fn ineligible(package: &AnyPackage, cluster: &str) -> Option<String> {
    named(package, &package.status.ineligible, cluster)
}

/// Why the package fails on the cluster, where its status says so by name.
fn failure(package: &AnyPackage, cluster: &str) -> Option<String> {
    named(package, &package.status.failures, cluster)
}

fn named(package: &AnyPackage, groups: &[FailureGroup], cluster: &str) -> Option<String> {
    let mut groups = groups.iter();
    let group = groups.find(|group| group.clusters.iter().any(|name| name == cluster))?;
    let is_current = package.is_observed();
    is_current.then(|| format!("{}: {}", group.reason, group.message))
}

/// How many clusters are ineligible without being named: a status names few of those that are so for one reason.
pub(super) fn unnamed_ineligible(package: &AnyPackage) -> usize {
    let counts = package.status.counts.unwrap_or_default();
    unnamed(counts.ineligible, &package.status.ineligible)
}

fn unnamed(count: i32, groups: &[FailureGroup]) -> usize {
    let named = groups.iter().map(|group| group.clusters.len());
    let all = usize::try_from(count).unwrap_or(0);
    all.saturating_sub(named.sum())
}

/// What being ineligible means for a cluster that was or was not given an order.
pub(super) fn as_ineligible(why: &str, has_order: bool) -> (Standing, String) {
    let words = match has_order {
        true => "ineligible; it keeps what it has, and gets nothing new",
        false => "ineligible; nothing is ordered",
    };
    (Standing::Ineligible, format!("{words}; {why}"))
}

/// Why the cluster is held, if it is.
pub(super) fn hold(cluster: &MemberCluster) -> Option<String> {
    let hold = cluster.spec.hold.as_ref()?;
    let reason = hold.reason.as_deref().unwrap_or("no reason was given");
    Some(format!("held: {reason}"))
}

/// What being held means for a package on the cluster that is not what its spec asks for.
pub(super) fn as_held(has_order: bool) -> (Standing, String) {
    let words = match has_order {
        true => "held; it keeps what it has until `stevedore cluster resume`",
        false => "held; nothing is ordered until `stevedore cluster resume`",
    };
    (Standing::Held, words.into())
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
        let healthy = unheard(cluster)?;
        return Some(format!("{}: {}", healthy.reason, healthy.message));
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
