//! Letting go of history that nobody needs: revisions, then the Secrets that only they named.

use std::collections::BTreeSet;

use k8s_openapi::api::core::v1::Secret;
use kube::api::DeleteParams;
use kube::{Api, ResourceExt as _};
use stevedore_crds::v1alpha1::PackageRevision;
use stevedore_hub_core::history;
use stevedore_hub_core::ledger::Ledger;
use stevedore_proto_core::PackageUid;

use crate::hub::{Hub, lock};
use crate::package::AnyPackage;
use crate::source::{self, FINALIZER};
use crate::write;

/// Removes revisions beyond the package's limit that no row and no pin needs, and those that somebody deleted.
pub(crate) async fn history(
    hub: &Hub,
    package: &AnyPackage,
    ledger: &Ledger,
    pinned: Option<u64>,
) -> Result<(), kube::Error> {
    let revisions = source::revisions(hub, &package.uid);
    let mut needed: BTreeSet<u64> = ledger.rows().map(|(_, row)| row.ordered.revision).collect();
    needed.extend(pinned);
    let limit = usize::try_from(package.spec.revision_history_limit).unwrap_or(0);
    let go = history::collectable(&revisions, limit, &needed);
    for object in source::objects(hub, &package.uid) {
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

/// Removes every revision of a package that is gone.
pub(crate) async fn everything(hub: &Hub, uid: &PackageUid) -> Result<(), kube::Error> {
    for object in source::objects(hub, uid) {
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
    hub.revisions.delete(revision);
    lock(&hub.missing).remove(uid);
    let kept: BTreeSet<String> = hub
        .revisions
        .all()
        .iter()
        .flat_map(|kept| kept.spec.content_secrets.clone())
        .collect();
    let secrets: Api<Secret> = Api::namespaced(hub.client.clone(), &hub.settings.namespace);
    for secret in revision
        .spec
        .content_secrets
        .iter()
        .filter(|name| !kept.contains(*name))
    {
        write::ignore_missing(
            secrets
                .delete(secret, &DeleteParams::default())
                .await
                .map(|_| ()),
        )?;
    }
    Ok(())
}
