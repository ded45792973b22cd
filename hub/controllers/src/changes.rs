//! Changes of watched objects: which keys each of them queues.
//!
//! Every function here is told of an object that appeared, changed or went, after the index has it.

use std::sync::Arc;

use kube::ResourceExt as _;
use stevedore_crds::v1alpha1::{MemberCluster, PackageAction, PackageKind, PackageRevision};
use stevedore_hub_core::ports::MemberUid;
use stevedore_proto_core::PackageUid;

use crate::hub::Hub;
use crate::member::members::{Cluster, cluster_of};
use crate::package::any_package::{AnyPackage, PackageLike};
use crate::package::unreadable::{is_action_on, is_revision_of};
use crate::watch::entry::{Entry, Unreadable, Watched};
use crate::watch::kinds::ObjectKey;

/// A `MemberCluster`.
pub(crate) fn member(hub: &Hub, entry: &Entry<MemberCluster>) {
    let joined = hub.members.snapshot().len();
    let metrics = &hub.api.metrics;
    metrics
        .members
        .set(i64::try_from(joined).unwrap_or(i64::MAX));
    match entry {
        Entry::Readable(member) => readable_member(hub, member),
        Entry::Unreadable(found) => unreadable_member(hub, found),
    }
}

fn readable_member(hub: &Hub, member: &MemberCluster) {
    let Some(uid) = member.uid_of() else { return };
    let gone = !hub.members.contains(&uid);
    if gone {
        let cluster = cluster_of(member).map_or(Cluster::None, Cluster::Joined);
        forget_member(hub, &uid, cluster);
    }
    let meta = &member.metadata;
    let environment = member.status.as_ref().map(|status| &status.environment);
    let facts = (
        &member.spec,
        &meta.labels,
        &meta.deletion_timestamp,
        environment,
    );
    if gone || hub.members.facts.changed(&uid, &facts) {
        if let Some(sessions) = hub.sessions() {
            sessions.members_changed();
        }
        hub.plan_all();
    }
    hub.queues.member_status.add(uid);
}

fn unreadable_member(hub: &Hub, found: &Arc<Unreadable<MemberCluster>>) {
    let uid = &found.uid;
    hub.queues.unreadable.add(ObjectKey::Member(*uid));
    let gone = !hub.members.contains(uid);
    if gone {
        forget_member(hub, uid, found.rest);
    }
    // Once it can be read again, its facts have changed, whatever they are.
    let facts = &found.identity.resource_version;
    if gone || hub.members.facts.changed(uid, facts) {
        if let Some(sessions) = hub.sessions() {
            sessions.members_changed();
        }
        hub.plan_all();
    }
}

/// Lets go of a member, and of its cluster unless another member is, or may be, the same one.
fn forget_member(hub: &Hub, uid: &MemberUid, cluster: Cluster) {
    hub.members.forget_gone(uid);
    if let Cluster::Joined(cluster) = cluster
        && !hub.members.snapshot().may_contain(&cluster)
    {
        hub.fleet.forget(&cluster);
    }
}

/// A package of either kind.
pub(crate) fn package<K>(hub: &Hub, key: fn(PackageUid) -> ObjectKey, entry: &Entry<K>)
where
    K: Watched<Uid = PackageUid> + PackageLike,
{
    let count = i64::try_from(hub.packages.count()).unwrap_or(i64::MAX);
    hub.api.metrics.packages.set(count);
    match entry {
        Entry::Readable(package) => {
            if let Some(package) = package.view() {
                readable_package(hub, &package);
            }
        }
        Entry::Unreadable(found) => {
            hub.packages.facts.forget(&found.uid);
            hub.queues.unreadable.add(key(found.uid));
            hub.queues.plan.add(found.uid);
        }
    }
}

fn readable_package(hub: &Hub, package: &AnyPackage) {
    let uid = package.uid;
    let facts = (
        &package.spec,
        package.generation,
        package.deleting,
        &package.finalizers,
        &package.labels,
        &package.annotations,
    );
    let gone = hub.packages.get(&uid).is_none();
    if gone {
        hub.packages.facts.forget(&uid);
    }
    if gone || hub.packages.facts.changed(&uid, &facts) {
        hub.queues.content_changed(uid);
        hub.queues.package_status.add(uid);
    }
}

/// A revision. One that may not be the hub's own is verified; packages that an unreadable one may be of are planned.
pub(crate) fn revision(hub: &Hub, entry: &Entry<PackageRevision>) {
    if let Some(uid) = entry.uid() {
        hub.revisions.forget_gone(&uid);
    }
    match entry {
        Entry::Readable(revision) => {
            let package = hub.revisions.verify(revision).ok();
            match package.filter(|it| hub.package_identity(&it.uid).as_ref() == Some(it)) {
                Some(package) => hub.queues.content_changed(package.uid),
                None => {
                    if let Some(uid) = revision.uid_of() {
                        hub.queues.verify.add(uid);
                    }
                }
            }
        }
        Entry::Unreadable(found) => {
            let key = ObjectKey::Revision(found.uid.clone());
            hub.queues.unreadable.add(key);
            content_changed_where(hub, |package| is_revision_of(hub, found, package));
        }
    }
}

/// An action. Nothing is pulled while one cannot be read, so the package is pulled again as well.
pub(crate) fn action(hub: &Hub, entry: &Entry<PackageAction>) {
    match entry {
        Entry::Readable(action) => {
            let target = &action.spec.package;
            let namespace = action.namespace();
            let is_system = namespace.as_deref() == Some(hub.api.namespace());
            let namespace = match target.kind {
                PackageKind::Package => namespace,
                PackageKind::ClusterPackage if is_system => None,
                PackageKind::ClusterPackage => return,
            };
            let package = hub
                .packages
                .named(target.kind, namespace.as_deref(), &target.name);
            if let Some(package) = package {
                hub.queues.content_changed(package.uid);
            }
        }
        Entry::Unreadable(found) => {
            let key = ObjectKey::Action(found.uid.clone());
            hub.queues.unreadable.add(key);
            content_changed_where(hub, |package| is_action_on(hub, found, package));
        }
    }
}

fn content_changed_where(hub: &Hub, concerns: impl Fn(&AnyPackage) -> bool) {
    for uid in hub.packages.uids() {
        if hub.packages.get(&uid).is_some_and(|found| concerns(&found)) {
            hub.queues.content_changed(uid);
        }
    }
}

#[cfg(test)]
mod tests {
    use stevedore_crds::v1alpha1::{ClusterPackage, ClusterPackageSpec};

    use super::*;
    use crate::mock_api::{self, fleet};

    #[tokio::test]
    async fn only_a_revision_of_a_known_package_wakes_anybody_up_for_that_package() {
        let (hub, _) = mock_api::hub(|_| mock_api::status(404, "NotFound")).await;
        let mut package = ClusterPackage::new("fleet", ClusterPackageSpec::default());
        package.metadata.uid = Some(fleet(None).uid.to_string());
        hub.packages.cluster.apply(package);
        let part = mock_api::content(b"part");
        let made = |namespace| mock_api::revision(&fleet(namespace), 1, &[&part]);
        revision(&hub, &made(Some("tenant")).into());
        assert!(hub.queues.plan.is_empty() && hub.queues.pull.is_empty());
        revision(&hub, &made(None).into());
        assert!(!hub.queues.plan.is_empty() && !hub.queues.pull.is_empty());
    }
}
