//! Objects of the hub's kinds that cannot be decoded: logged, and told by conditions or an Event on them.
//!
//! Of such an object the hub keeps and reports only which one it is, where and why it cannot be decoded, and the few
//! values that decisions about other objects depend on ([`Watched::Rest`]). Its content may be confidential.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use jiff::Timestamp;
use kube::api::{ApiResource, DynamicObject, Patch};
use serde_json::json;
use stevedore_client::Api;
use stevedore_crds::condition::UNREADABLE;
use stevedore_runtime::retry;

use crate::api_server::ApiServer;
use crate::hub::Hub;
use crate::watch::entry::{Unreadable, Watched};
use crate::watch::index::Index;
use crate::watch::kinds::ObjectKey;
use crate::write;

/// When a condition that could not be written is tried again, and one that the API server refuses.
const AGAIN: Duration = Duration::from_secs(5);
const REFUSED_AGAIN: Duration = Duration::from_secs(120);

/// Tells of one object that cannot be read, once for each version of it; says when to try again.
pub(crate) async fn reconcile(hub: Arc<Hub>, key: ObjectKey) -> Option<Duration> {
    let (server, packages) = (&hub.api, &hub.packages);
    match key {
        ObjectKey::Member(uid) => tell(server, hub.members.objects(), &uid).await,
        ObjectKey::Package(uid) => tell(server, &packages.namespaced, &uid).await,
        ObjectKey::ClusterPackage(uid) => tell(server, &packages.cluster, &uid).await,
        ObjectKey::Revision(uid) => tell(server, hub.revisions.objects(), &uid).await,
        ObjectKey::Action(uid) => tell(server, &packages.actions, &uid).await,
    }
}

async fn tell<K: Watched>(server: &ApiServer, index: &Index<K>, uid: &K::Uid) -> Option<Duration> {
    let unreadable = index.get_unreadable(uid)?;
    unreadable.log();
    if unreadable.told.load(Ordering::Relaxed) {
        return None;
    }
    match show(server, &unreadable).await {
        Ok(()) => {
            unreadable.told.store(true, Ordering::Relaxed);
            None
        }
        Err(error) => {
            let again = match &error {
                // What changed since is seen again as it is now.
                kube::Error::Api(status) if matches!(status.code, 404 | 409) => return None,
                kube::Error::Api(_) => REFUSED_AGAIN,
                _ => AGAIN,
            };
            tracing::warn!(
                kind = %K::kind(&()),
                name = unreadable.identity.name,
                error = write::words(&error),
                "a condition could not be written"
            );
            Some(retry::spread(again, 50, rand::random()))
        }
    }
}

/// Says on an object that it cannot be read.
pub(crate) async fn show<K: Watched>(
    server: &ApiServer,
    unreadable: &Unreadable<K>,
) -> Result<(), kube::Error> {
    if K::CONDITIONS.is_empty() {
        let (object, note) = (unreadable.reference(), unreadable.message());
        return server.tell_event(&object, true, UNREADABLE, note).await;
    }
    let Some(conditions) = unreadable.with_ours(Timestamp::now()) else {
        return Ok(());
    };
    let identity = &unreadable.identity;
    let resource = ApiResource::erase::<K>(&());
    let api: Api<DynamicObject> = match &identity.namespace {
        Some(namespace) => Api::namespaced_with(server.client.clone(), namespace, &resource),
        None => Api::all_with(server.client.clone(), &resource),
    };
    let patch = Patch::Merge(json!({
        "metadata": {"uid": identity.uid, "resourceVersion": identity.resource_version},
        "status": {"conditions": conditions},
    }));
    let parameters = write::parameters();
    let written = api.patch_unread(&identity.name, true, &parameters, &patch);
    written.await?;
    server.metrics.status_writes.inc();
    Ok(())
}
