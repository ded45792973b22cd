//! The controller of revisions that are not the hub's own: shows each by an Event on it, and touches nothing else.

use std::sync::Arc;
use std::time::Duration;

use kube::{Resource as _, ResourceExt as _};
use stevedore_client::Api;
use stevedore_crds::v1alpha1::PackageRevision;
use stevedore_hub_core::provenance::Mismatch;
use stevedore_runtime::retry;

use crate::hub::Hub;
use crate::package::revisions::FINALIZER;
use crate::watch::uid::RevisionUid;
use crate::write;

/// When an Event or a finalizer that could not be written is tried again.
const AGAIN: Duration = Duration::from_secs(10);

/// Shows that a revision does not count, once; says when to try again. One that is asked to go is let go: only our
/// own finalizer is taken from it, and its Secrets stay.
pub(crate) async fn reconcile(hub: Arc<Hub>, uid: RevisionUid) -> Option<Duration> {
    let object = hub.revisions.objects().get(&uid)?;
    let mismatch = match hub.revisions.verify(&object) {
        Ok(package) => Mismatch::owner(&package, hub.package_identity(&package.uid).as_ref())?,
        Err(mismatch) => mismatch,
    };
    if !hub.revisions.is_shown(&uid) {
        let (name, namespace) = (object.name_any(), object.namespace());
        tracing::warn!(
            revision = name,
            namespace,
            reason = mismatch.reason(),
            "a PackageRevision is not the hub's own and is ignored"
        );
        let note = format!("not made by the hub, and ignored: {mismatch}");
        let reference = object.object_ref(&());
        let told = hub
            .api
            .tell_event(&reference, true, mismatch.reason(), note);
        if let Err(error) = told.await {
            tracing::warn!(
                error = write::words(&error),
                "an Event could not be written"
            );
            return Some(retry::spread(AGAIN, 50, rand::random()));
        }
        hub.revisions.set_shown(uid);
    }
    if let Err(error) = release(&hub, &object).await {
        tracing::warn!(%error, "a PackageRevision that is ignored could not be let go");
        return Some(retry::spread(AGAIN, 50, rand::random()));
    }
    None
}

/// Takes our finalizer from an object that is asked to go.
async fn release(hub: &Hub, object: &PackageRevision) -> Result<(), kube::Error> {
    let present = object.finalizers();
    if object.metadata.deletion_timestamp.is_none() {
        return Ok(());
    }
    let namespace = object.namespace().unwrap_or_default();
    let api: Api<PackageRevision> = Api::namespaced(hub.api.client.clone(), &namespace);
    let (name, uid) = (object.name_any(), write::uid(object));
    write::remove_finalizer(&api, &name, uid, present, FINALIZER).await
}

#[cfg(test)]
mod tests;
