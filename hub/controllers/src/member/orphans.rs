//! Orphaned packages: what a member holds that nobody orders, such as the packages that were deleted after its cluster
//! was forgotten and before it joined again.
//!
//! A member lists what it holds when that differs from what is ordered. The hub tears no such deployment down, and gives
//! its objects to no other package, by itself: it says that they are there.

use std::collections::BTreeSet;
use std::time::Duration;

use stevedore_proto_core::{ClusterUid, Held};
use tokio::time::Instant;

use crate::hub::Hub;

/// Reason of a member that holds some.
pub(super) const ORPHANED: &str = "OrphanedPackages";
/// For how long after a session opened it is not said: what the cluster is to have may be planned only then.
pub(super) const AFTER: Duration = Duration::from_secs(30);
/// Most names in one message.
const NAMED: usize = 5;

/// Those of a listing that are not ordered now.
pub(super) fn among(hub: &Hub, cluster: &ClusterUid, listing: &[Held]) -> Vec<Held> {
    let Some(orders) = hub.orders.of(cluster) else {
        return Vec::new();
    };
    let is_orphaned =
        |held: &&Held| !held.is_finished() && !orders.orders.contains_key(&held.deployment);
    listing.iter().filter(is_orphaned).cloned().collect()
}

/// The names of the packages that a connected member holds and nobody orders, and how long it is too early to say so.
pub(super) fn names(
    hub: &Hub,
    cluster: &ClusterUid,
    held: &[Held],
    session_since: Option<Instant>,
) -> (BTreeSet<String>, Option<Duration>) {
    if held.is_empty() {
        return (BTreeSet::new(), None);
    }
    let left = AFTER.saturating_sub(session_since.map_or(AFTER, |since| since.elapsed()));
    if !left.is_zero() {
        return (BTreeSet::new(), Some(left));
    }
    let still = among(hub, cluster, held).into_iter();
    let certain = still.filter(|held| is_certain(hub, held));
    (certain.map(|held| name(&held)).collect(), None)
}

/// What is said of them.
pub(super) fn message(names: &BTreeSet<String>) -> String {
    let mut named: Vec<&str> = names.iter().map(String::as_str).take(NAMED).collect();
    let more = format!("and {} more", names.len().saturating_sub(NAMED));
    if names.len() > NAMED {
        named.push(&more);
    }
    format!(
        "the cluster holds {} packages that nobody orders, and keeps what is theirs as it is: {}",
        names.len(),
        named.join(", ")
    )
}

/// Whether the package is known to want nothing of this cluster, or not to be there any more. A ledger that cannot be
/// read may be its own.
fn is_certain(hub: &Hub, held: &Held) -> bool {
    let uid = &held.package.uid;
    if hub.package_identity(uid).is_none() {
        return hub.orders.unreadable_strays().is_empty();
    }
    let progress = hub.packages.progress.of(uid);
    progress.plan.is_some() && progress.blocked.is_none()
}

fn name(held: &Held) -> String {
    match &held.package.namespace {
        Some(namespace) => format!("{namespace}/{}", held.package.name),
        None => held.package.name.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_are_named_and_all_are_counted() {
        let names = |count: usize| (0..count).map(|at| format!("p{at}")).collect();
        let five = message(&names(5));
        assert!(five.ends_with("p0, p1, p2, p3, p4"), "{five}");
        let seven = message(&names(7));
        assert!(seven.contains("holds 7 packages"), "{seven}");
        assert!(seven.ends_with("p4, and 2 more"), "{seven}");
    }
}
