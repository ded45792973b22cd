//! The API server of the hub's own cluster: clients for it, and whether and as what this process may write.

use jiff::Timestamp;
use std::sync::Arc;

use k8s_openapi::NamespaceResourceScope;
use k8s_openapi::api::core::v1::{Namespace, ObjectReference};
use kube::{Client, Resource};
use serde::Serialize;
use serde::de::DeserializeOwned;
use stevedore_client::Api;
use stevedore_client::events::{Event, Recorder};
use stevedore_package::overrides::{ImagePrefixes, RegistryHosts};
use stevedore_proto_core::ClusterUid;
use stevedore_runtime::retry::{Delays, Schedule};

use crate::leadership::lease::Leader;
use crate::leadership::write_guard;
use crate::metrics::Metrics;
use crate::package::registry;
use crate::write;

/// How the hub is run.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The hub's system namespace.
    pub namespace: String,
    /// How registries are talked to.
    pub registry: registry::Settings,
    /// Registries that others stand in for when packages are pulled.
    pub registry_hosts: RegistryHosts,
    /// Prefixes that are replaced in images of packages, and in those that packages name.
    pub image_prefixes: Arc<ImagePrefixes>,
    /// Who this process is in the Lease; no two processes share it.
    pub holder: String,
    /// What time it is: [`Timestamp::now`], but where time is a test's.
    pub clock: fn() -> Timestamp,
}

/// The hub's own cluster as this process reads and writes it.
pub(crate) struct ApiServer {
    /// Writes only while this process leads.
    pub(crate) client: Client,
    /// For the Lease and the term themselves, and for what is kept before anybody leads.
    pub(crate) unguarded: Client,
    pub(crate) leader: Arc<Leader>,
    pub(crate) settings: Settings,
    /// Which cluster it is.
    pub(crate) own: ClusterUid,
    pub(crate) metrics: Metrics,
    recorder: Recorder,
}

impl ApiServer {
    /// # Errors
    /// When the namespace `kube-system`, whose UID names the cluster, cannot be read.
    pub(crate) async fn new(client: Client, settings: Settings) -> Result<Self, kube::Error> {
        let own = own_cluster(&client).await?;
        let leader: Arc<Leader> = Arc::default();
        let guarded = write_guard::guarded(client.clone(), Arc::clone(&leader));
        Ok(Self {
            recorder: Recorder::new(guarded.clone(), write::MANAGER, &settings.holder),
            client: guarded,
            unguarded: client,
            leader,
            settings,
            own,
            metrics: Metrics::default(),
        })
    }

    /// The hub's system namespace.
    pub(crate) fn namespace(&self) -> &str {
        &self.settings.namespace
    }

    /// Objects of a kind in the hub's system namespace.
    pub(crate) fn system<K>(&self) -> Api<K>
    where
        K: Resource<DynamicType = (), Scope = NamespaceResourceScope>,
    {
        Api::namespaced(self.client.clone(), self.namespace())
    }

    /// Whether this process leads, and so may write.
    pub(crate) fn leads(&self) -> bool {
        self.leader.current().is_some()
    }

    /// Replaces the whole status of the object with this UID.
    pub(crate) async fn write_status<K: DeserializeOwned>(
        &self,
        api: &Api<K>,
        name: &str,
        uid: &str,
        status: &impl Serialize,
    ) -> Result<K, kube::Error> {
        let written = write::status(api, name, uid, status).await?;
        self.metrics.status_writes.inc();
        Ok(written)
    }

    /// Writes an event about an object; a failure is only logged.
    pub(crate) async fn event<K>(&self, object: &K, warning: bool, reason: &str, note: String)
    where
        K: Resource<DynamicType = ()>,
    {
        self.event_on(&object.object_ref(&()), warning, reason, note)
            .await;
    }

    /// As [`event`](Self::event), about what a reference names.
    pub(crate) async fn event_on(
        &self,
        object: &ObjectReference,
        warning: bool,
        reason: &str,
        note: String,
    ) {
        if let Err(error) = self.tell_event(object, warning, reason, note).await {
            tracing::debug!(%error, reason, "an event could not be written");
        }
    }

    /// Writes an event that nothing else says: the caller tries again when it could not be written.
    pub(crate) async fn tell_event(
        &self,
        object: &ObjectReference,
        warning: bool,
        reason: &str,
        note: String,
    ) -> Result<(), kube::Error> {
        let event = Event {
            warning,
            reason: reason.to_owned(),
            note,
        };
        self.recorder.publish(&event, object).await
    }
}

/// The UID of the hub's own cluster. An API server that is only just starting is waited for.
async fn own_cluster(client: &Client) -> Result<ClusterUid, kube::Error> {
    const ATTEMPTS: u32 = 30;
    let namespaces: Api<Namespace> = Api::all(client.clone());
    let mut delays = Delays::new(Schedule::OPERATION);
    loop {
        match namespaces.get("kube-system").await {
            Ok(found) => {
                let uid = write::uid(&found).parse();
                return uid.map_err(|error| kube::Error::Service(Box::new(error)));
            }
            Err(error) if delays.attempts() < ATTEMPTS => {
                tracing::warn!(%error, "the hub's own cluster cannot be read yet");
                tokio::time::sleep(delays.next(rand::random())).await;
            }
            Err(error) => return Err(error),
        }
    }
}
