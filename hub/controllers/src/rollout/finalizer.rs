//! The finalizer of packages: it keeps a package's object until its end has passed through the hub.

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use stevedore_client::Api;
use stevedore_hub_core::ledger::PackageIdentity;

use crate::hub::Hub;
use crate::package::any_package::AnyPackage;
use crate::write;

/// Keeps a package until its tombstones are durable and connected members have acknowledged them.
const FINALIZER: &str = "stevedore.dev/teardown";

/// Whether the finalizer is on a package.
pub(crate) fn is_on(package: &AnyPackage) -> bool {
    let mut finalizers = package.finalizers.iter();
    finalizers.any(|finalizer| finalizer == FINALIZER)
}

/// Puts the finalizer on a package: before its first order is stored.
pub(crate) async fn ensure(hub: &Hub, package: &AnyPackage) -> Result<(), kube::Error> {
    // As the package is now: since it was looked up it may have gone, and its finalizer with it.
    let now = hub.packages.lookup(&package.uid).any();
    if now.as_ref().is_some_and(is_on) {
        return Ok(());
    }
    let api = package.api(&hub.api.client);
    let (kind, uid) = (package.kind.as_str(), package.uid.to_string());
    let added = write::add_finalizer(&api, kind, &package.name, &uid, FINALIZER);
    hub.packages.apply(package.kind, &added.await?);
    Ok(())
}

/// Takes the finalizer from a package: nobody needs its object any more.
pub(crate) async fn remove(hub: &Hub, package: &AnyPackage) -> Result<(), kube::Error> {
    let (api, uid) = (package.api(&hub.api.client), package.uid.to_string());
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
    let api: Api<CustomResourceDefinition> = Api::all(hub.api.client.clone());
    let found = api.get_opt(name).await?;
    Ok(found.is_none_or(|definition| definition.metadata.deletion_timestamp.is_some()))
}
