//! The end of a package: what it waits for, and what is removed in which order.

use std::time::Duration;

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use stevedore_client::Api;
use stevedore_hub_core::ledger::PackageIdentity;
use stevedore_proto_core::PackageUid;

use crate::hub::{Hub, lock};
use crate::package::any_package::AnyPackage;
use crate::package::garbage_collection;
use crate::rollout::ledger_store::StoredLedger;
use crate::write;

/// Keeps a package until its tombstones are durable and connected members have acknowledged them.
pub(crate) const FINALIZER: &str = "stevedore.dev/teardown";

/// Puts the finalizer on a package: before its first order is stored.
pub(crate) async fn ensure(hub: &Hub, package: &AnyPackage) -> Result<(), kube::Error> {
    let mut finalizers = package.finalizers.iter();
    if finalizers.any(|finalizer| finalizer == FINALIZER) {
        return Ok(());
    }
    let api = package.api(&hub.client);
    let (kind, uid) = (package.kind.as_str(), package.uid.to_string());
    let added = write::add_finalizer(&api, kind, &package.name, &uid, FINALIZER);
    hub.took(package, &added.await?);
    Ok(())
}

/// Removes what is done: the package's finalizer, then its history, then its ledger.
pub(crate) async fn end(
    hub: &Hub,
    uid: &PackageUid,
    package: Option<&AnyPackage>,
    stored: &StoredLedger,
    is_done: bool,
) -> Result<Option<Duration>, kube::Error> {
    let durable = stored.ledger.rows().all(|(_, row)| row.tombstone);
    let waiting = {
        let fleet = lock(&hub.fleet);
        stored
            .ledger
            .rows()
            .any(|(cluster, _)| fleet.contact_of(&cluster).connected)
    };
    // A hub that has just started does not know yet who is connected.
    let settled = is_done || hub.age() > crate::member::status::GRACE || {
        let fleet = lock(&hub.fleet);
        stored
            .ledger
            .rows()
            .all(|(cluster, _)| fleet.contact_of(&cluster).heard)
    };
    if let Some(package) = package
        && durable
        && !waiting
        && package
            .finalizers
            .iter()
            .any(|finalizer| finalizer == FINALIZER)
    {
        if !settled {
            return Ok(Some(Duration::from_secs(2)));
        }
        garbage_collection::everything(hub, &stored.ledger.package).await?;
        release(hub, package).await?;
    }
    if is_done {
        garbage_collection::everything(hub, &stored.ledger.package).await?;
        stored.remove(&hub.client, &hub.settings.namespace).await?;
        hub.orders.remove(uid);
        if package.is_none() {
            forget(hub, uid);
        }
    }
    Ok(None)
}

/// Lets go of all that is in memory of a package.
pub(crate) fn forget(hub: &Hub, uid: &PackageUid) {
    lock(&hub.fleet).remove((*uid).into());
    lock(&hub.views).remove(uid);
    lock(&hub.shown).remove(uid);
    lock(&hub.sources).remove(uid);
}

async fn release(hub: &Hub, package: &AnyPackage) -> Result<(), kube::Error> {
    let (api, uid) = (package.api(&hub.client), package.uid.to_string());
    let (name, present) = (&package.name, &package.finalizers);
    write::remove_finalizer(&api, name, &uid, present, FINALIZER).await
}

/// Whether the kind itself is being removed: then every package of it is, and that must not be a teardown.
pub(crate) async fn definition_goes(
    hub: &Hub,
    package: &PackageIdentity,
) -> Result<bool, kube::Error> {
    let name = match package.namespace {
        Some(_) => "packages.stevedore.dev",
        None => "clusterpackages.stevedore.dev",
    };
    let api: Api<CustomResourceDefinition> = Api::all(hub.client.clone());
    let found = api.get_opt(name).await?;
    Ok(found.is_none_or(|definition| definition.metadata.deletion_timestamp.is_some()))
}
