//! Letting go of history that nobody needs: revisions, then the Secrets that only they named.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::core::v1::Secret;
use kube::ResourceExt as _;
use kube::api::{DeleteParams, ListParams, ObjectMeta};
use stevedore_client::Api;
use stevedore_crds::record;
use stevedore_crds::v1alpha1::PackageRevision;
use stevedore_hub_core::history;
use stevedore_hub_core::ledger::Ledger;
use stevedore_proto_core::PackageUid;

use crate::hub::{Hub, lock};
use crate::package::any_package::AnyPackage;
use crate::package::controller::{self, FINALIZER};
use crate::write;

/// Age of content from which on nobody is about to name it.
const STRAY: SignedDuration = SignedDuration::from_mins(10);

/// Removes revisions beyond the package's limit that no row and no pin needs, and those that somebody deleted.
pub(crate) async fn history(
    hub: &Hub,
    package: &AnyPackage,
    ledger: &Ledger,
    pinned: Option<u64>,
) -> Result<(), kube::Error> {
    let revisions = controller::revisions(hub, &package.uid);
    let mut needed: BTreeSet<u64> = ledger.rows().map(|(_, row)| row.ordered.revision).collect();
    needed.extend(pinned);
    let limit = usize::try_from(package.spec.revision_history_limit).unwrap_or(0);
    let go = history::collectable(&revisions, limit, &needed);
    for object in controller::objects(hub, &package.uid) {
        let number = u64::try_from(object.spec.number).unwrap_or_default();
        let deleted = object.metadata.deletion_timestamp.is_some() && !needed.contains(&number);
        if hub.leader.current().is_none() {
            return Ok(());
        }
        if deleted || go.contains(&number) {
            remove(hub, &object).await?;
        }
    }
    Ok(())
}

/// Removes content that no revision names: of a hub that ended between storing it and naming it. Young content is
/// left alone, the hub before may be about to name it.
pub(crate) async fn strays(hub: &Hub) -> Result<(), kube::Error> {
    let secrets: Api<Secret> = Api::namespaced(hub.client.clone(), &hub.settings.namespace);
    let before = Timestamp::now() - STRAY;
    let contents = ListParams::default().fields(&format!("type={}", record::CONTENT_TYPE));
    let all = secrets.list_metadata(&contents).await?.items;
    let known = named(hub);
    let strays = all.iter();
    for secret in strays.filter(|secret| is_stray(&secret.metadata, &known, before)) {
        let name = secret.name_any();
        let _contents = hub.contents.write().await;
        // A revision may name it by now.
        if !named(hub).contains(&name) {
            tracing::info!(secret = name, "content that no revision names is removed");
            let deleted = write::delete(&secrets, &name, write::uid(secret));
            write::ignore_missing(deleted.await)?;
        }
    }
    Ok(())
}

fn is_stray(secret: &ObjectMeta, named: &BTreeSet<String>, before: Timestamp) -> bool {
    let created = secret.creation_timestamp.as_ref();
    let is_named = secret
        .name
        .as_ref()
        .is_some_and(|name| named.contains(name));
    created.is_some_and(|created| created.0 < before) && !is_named
}

/// Names of all content Secrets that a revision needs.
fn named(hub: &Hub) -> BTreeSet<String> {
    let revisions = hub.revisions.all();
    let names = revisions
        .iter()
        .flat_map(|kept| kept.spec.content_secrets.clone());
    names.collect()
}

/// Removes every revision of a package that is gone.
pub(crate) async fn everything(hub: &Hub, uid: &PackageUid) -> Result<(), kube::Error> {
    for object in controller::objects(hub, uid) {
        remove(hub, &object).await?;
    }
    Ok(())
}

async fn remove(hub: &Hub, revision: &PackageRevision) -> Result<(), kube::Error> {
    let _contents = hub.contents.write().await;
    let namespace = revision.namespace().unwrap_or_default();
    let api: Api<PackageRevision> = Api::namespaced(hub.client.clone(), &namespace);
    let (name, uid) = (revision.name_any(), write::uid(revision));
    let finalizers = revision.metadata.finalizers.clone().unwrap_or_default();
    if finalizers.iter().any(|finalizer| finalizer == FINALIZER) {
        let removed = write::remove_finalizer(&api, &name, uid, &finalizers, FINALIZER);
        write::ignore_missing(removed.await)?;
    }
    write::ignore_missing(write::delete(&api, &name, uid).await)?;
    if finalizers.iter().all(|finalizer| finalizer == FINALIZER) {
        // Not while somebody else keeps it: its name is taken until the watch says that it is gone.
        hub.revisions.delete(revision);
    }
    lock(&hub.missing).remove(uid);
    let kept = named(hub);
    let secrets: Api<Secret> = Api::namespaced(hub.client.clone(), &hub.settings.namespace);
    for secret in revision
        .spec
        .content_secrets
        .iter()
        .filter(|name| !kept.contains(*name))
    {
        write::ignore_missing(secrets.delete(secret, &DeleteParams::default()).await)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

    use super::*;

    #[test]
    fn content_is_a_stray_when_it_is_old_and_nobody_names_it() {
        let named = BTreeSet::from(["content-named".to_owned()]);
        let of = |name: &str, created: i64| {
            let created = Timestamp::from_second(created).unwrap();
            let secret = ObjectMeta {
                name: Some(name.to_owned()),
                creation_timestamp: Some(Time(created)),
                ..ObjectMeta::default()
            };
            is_stray(&secret, &named, Timestamp::from_second(100).unwrap())
        };
        assert!(of("content-lost", 99));
        assert!(!of("content-lost", 100) && !of("content-named", 99));
    }
}
