//! Settling: until a hub that has just started knows as much as the one before it, statuses of packages stay as they are.
//!
//! A process that starts knows orders at once, and learns one after the other what it needs besides: the content of a
//! spec, the session of each member, what the member says of each deployment, which orders it refuses. What it would say
//! meanwhile is false, although nothing happened. A status of an earlier spec is not kept so: there, something did.

use std::time::Duration;

use stevedore_crds::condition::{self, CONNECTED};
use stevedore_hub_core::fleet::Row;
use stevedore_hub_core::status::Source;
use stevedore_proto_core::ClusterUid;

use crate::fleet_view::PackageSnapshot;
use crate::hub::Hub;
use crate::member::members::Members;
use crate::member::status::GRACE;
use crate::package::any_package::AnyPackage;
use crate::package::progress::PackageProgress;

/// For how long what differs is gathered while the hub has just started: refusals come a moment after sessions.
pub(crate) const GATHERED_FOR: Duration = Duration::from_secs(2);

/// Whether what is known of a package is enough to write another status than it shows.
pub(super) fn is_settled(
    hub: &Hub,
    package: &AnyPackage,
    progress: &PackageProgress,
    source: &Source,
    fleet: &PackageSnapshot,
) -> bool {
    if !is_starting(hub, package) {
        return true;
    }
    let is_rendering = progress.plan.as_ref().is_none_or(|plan| plan.rendering);
    let is_planned = progress.blocked.is_none() && !is_rendering && *source != Source::Pending;
    let members = hub.members.snapshot();
    let mut rows = fleet.rows.rows();
    is_planned && rows.all(|(cluster, row)| is_known(&members, fleet, &cluster, row))
}

/// For how long a change of a package's status waits at least.
pub(super) fn gathered_for(hub: &Hub, package: &AnyPackage) -> Duration {
    match is_starting(hub, package) {
        true => GATHERED_FOR,
        false => Duration::ZERO,
    }
}

/// Whether the hub has just started, and the status that the one before wrote speaks about the newest spec.
fn is_starting(hub: &Hub, package: &AnyPackage) -> bool {
    hub.orders.age() <= GRACE && package.status.observed_generation == Some(package.generation)
}

/// Whether as much is known of a deployment as before the start: its member has spoken about it, or had no session
/// then either.
fn is_known(members: &Members, fleet: &PackageSnapshot, cluster: &ClusterUid, row: Row) -> bool {
    if fleet.contact_of(cluster).connected {
        return row.is_tombstone() || !row.is_unheard();
    }
    let status = members
        .get(cluster)
        .and_then(|it| it.object.status.as_ref());
    let was_connected = status.is_some_and(|it| condition::is_true(&it.conditions, CONNECTED));
    !was_connected
}
