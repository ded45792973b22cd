//! Garbage collection of history that nobody needs: revisions, then the Secrets that only they named.
//!
//! Only revisions that are the hub's own are removed, and of Secrets only content: the type, the form of the name,
//! UID and resource version are those of a Secret that was listed as content before.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::core::v1::Secret;
use kube::ResourceExt as _;
use kube::api::{ListParams, ObjectMeta};
use stevedore_client::Api;
use stevedore_crds::record;
use stevedore_crds::v1alpha1::PackageRevision;
use stevedore_hub_core::ledger::{Ledger, PackageIdentity};
use stevedore_hub_core::{history, provenance};
use stevedore_runtime::retry;
use tokio::sync::RwLockWriteGuard;

use crate::hub::Hub;
use crate::package::any_package::AnyPackage;
use crate::package::named_secrets::NamedSecrets;
use crate::package::revisions::{self, FINALIZER};
use crate::write;

/// How often strays are looked for.
const STRAYS_EVERY: Duration = Duration::from_secs(20 * 60);
/// Age of content from which on nobody is about to name it.
const STRAY: SignedDuration = SignedDuration::from_mins(10);

/// Removes revisions beyond the package's limit that no row and no pin needs, and those that somebody deleted.
pub(crate) async fn history(
    hub: &Hub,
    package: &AnyPackage,
    ledger: &Ledger,
    pinned: Option<u64>,
) -> Result<(), kube::Error> {
    let identity = package.identity();
    let mut needed: BTreeSet<u64> = ledger.rows().map(|(_, row)| row.ordered.revision).collect();
    needed.extend(pinned);
    let limit = usize::try_from(package.spec.revision_history_limit).unwrap_or(0);
    let go = history::collectable(&hub.revisions.history(&identity), limit, &needed);
    for object in hub.revisions.of(&identity) {
        let number = revisions::number(&object);
        let deleted = object.metadata.deletion_timestamp.is_some() && !needed.contains(&number);
        if !hub.api.leads() {
            return Ok(());
        }
        if deleted || go.contains(&number) {
            let writing = hub.revisions.removing().await;
            remove(hub, &object, &writing).await?;
        }
    }
    Ok(())
}

/// Removes strays when the hub starts, and from time to time.
pub(crate) async fn run(hub: Arc<Hub>) {
    loop {
        if hub.api.leads()
            && let Err(error) = strays(&hub).await
        {
            tracing::warn!(%error, "content that no revision names could not be looked for");
        }
        tokio::time::sleep(retry::spread(STRAYS_EVERY, 20, rand::random())).await;
    }
}

/// Removes content that no revision names: of a hub that ended between storing it and naming it, or between removing
/// the revision and its content. Young content is left alone, the hub before may be about to name it.
async fn strays(hub: &Hub) -> Result<(), kube::Error> {
    let secrets: Api<Secret> = hub.api.system();
    let before = Timestamp::now() - STRAY;
    let all = secrets.list_metadata(&content(None)).await?.items;
    let named = hub.revisions.content_secrets();
    let strays = all.iter();
    for secret in strays.filter(|secret| is_stray(&secret.metadata, &named, before)) {
        let _secrets = hub.revisions.removing().await;
        // A revision may name it by now.
        if !hub.revisions.content_secrets().contains(&secret.name_any()) {
            tracing::info!(
                secret = secret.name_any(),
                "content that no revision names is removed"
            );
            delete_content(&secrets, &secret.metadata).await?;
        }
    }
    Ok(())
}

fn is_stray(secret: &ObjectMeta, named: &NamedSecrets, before: Timestamp) -> bool {
    let created = secret.creation_timestamp.as_ref();
    let is_named = secret
        .name
        .as_ref()
        .is_some_and(|name| named.contains(name));
    created.is_some_and(|created| created.0 < before) && !is_named
}

/// What lists Secrets of the type that content has, or the one of them with this name.
fn content(name: Option<&str>) -> ListParams {
    let mut fields = format!("type={}", record::CONTENT_TYPE);
    if let Some(name) = name {
        fields.push_str(",metadata.name=");
        fields.push_str(name);
    }
    ListParams::default().fields(&fields)
}

/// Deletes a Secret that was listed as content, if it is named by a digest, and is still the one that was listed: a
/// Secret never changes its type, but another one may take its name.
async fn delete_content(secrets: &Api<Secret>, listed: &ObjectMeta) -> Result<(), kube::Error> {
    let (Some(name), Some(uid)) = (&listed.name, &listed.uid) else {
        return Ok(());
    };
    if provenance::content_digest(name).is_none() {
        return Ok(());
    }
    let version = listed.resource_version.clone();
    write::ignore_missing(write::delete_version(secrets, name, uid, version).await)
}

/// Removes every revision of a package that is gone.
pub(crate) async fn everything(hub: &Hub, package: &PackageIdentity) -> Result<(), kube::Error> {
    // Before the revisions are looked up: one that is being made is among them then.
    let writing = hub.revisions.removing().await;
    for object in hub.revisions.of(package) {
        remove(hub, &object, &writing).await?;
    }
    Ok(())
}

/// Removes a revision and the content that only it names, while nobody makes another one that names it.
async fn remove(
    hub: &Hub,
    revision: &PackageRevision,
    _writing: &RwLockWriteGuard<'_, ()>,
) -> Result<(), kube::Error> {
    let namespace = revision.namespace().unwrap_or_default();
    let api: Api<PackageRevision> = Api::namespaced(hub.api.client.clone(), &namespace);
    let (name, uid) = (revision.name_any(), write::uid(revision));
    let finalizers = revision.metadata.finalizers.clone().unwrap_or_default();
    write::remove_finalizer(&api, &name, uid, &finalizers, FINALIZER).await?;
    write::ignore_missing(write::delete(&api, &name, uid).await)?;
    if finalizers.iter().all(|finalizer| finalizer == FINALIZER) {
        // Not while somebody else keeps it: its name is taken until the watch says that it is gone.
        hub.revisions.delete(revision);
    }
    let named = hub.revisions.content_secrets();
    let secrets: Api<Secret> = hub.api.system();
    let names = revision.spec.content_secrets.iter();
    for name in names.filter(|name| !named.contains(name)) {
        remove_content(&secrets, name).await?;
    }
    Ok(())
}

/// Deletes the content Secret of this name. What is there in its place and is no content stays.
async fn remove_content(secrets: &Api<Secret>, name: &str) -> Result<(), kube::Error> {
    // Nothing but a digest is part of a field selector.
    if provenance::content_digest(name).is_none() {
        return Ok(());
    }
    for secret in secrets.list_metadata(&content(Some(name))).await?.items {
        match delete_content(secrets, &secret.metadata).await {
            // Somebody changed it in between: what it is now is a stray the next time.
            Err(error) if write::is_conflict(&error) => {
                tracing::info!(
                    secret = name,
                    "content changed while it was removed, and stays"
                );
            }
            deleted => deleted?,
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
