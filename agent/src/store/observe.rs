//! The watches over the agent's own kinds, which keep the index current and wake the engine.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::Resource as _;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;
use stevedore_agent_core::failure::FailureKind;
use stevedore_client::DecodeError;
use stevedore_crds::v1alpha1::{
    ClusterObjectDeployment, ClusterObjectSet, MemberPolicy, ObjectDeployment, ObjectSet,
};
use tokio::sync::oneshot;
use tokio::time::Instant;

use super::Store;
use super::definitions::{Definition, Served};
use super::head::SetHead;
use super::index::Name;
use crate::cluster_api::agent_client::Own;
use crate::cluster_api::watch_loop::{self, Handler, Notice};
use crate::cluster_api::{AgentClient, Discovery};
use crate::engine::ports::Answer;

/// Comes true when every watch has read its first list.
pub struct Observed(Vec<(&'static str, oneshot::Receiver<()>)>);

impl Observed {
    /// Waits for the first lists.
    pub async fn complete(self) {
        for (name, first) in self.0 {
            // A watch only ends with the process.
            let _ = first.await;
            tracing::debug!(watch = name, "first list is read");
        }
    }
}

impl Store {
    /// Starts the watches over sets, policy and definitions, as tasks of the store.
    ///
    /// # Errors
    /// Never in practice: the paths are our own.
    pub fn observe(self: &Arc<Self>, discovery: &Arc<Discovery>) -> Answer<Observed> {
        let mut observed = vec![];
        observed.push(self.watch::<ClusterObjectSet>(
            "cluster-object-sets",
            false,
            Sets::new(self, false),
        )?);
        observed.push(self.watch::<ObjectSet>("object-sets", false, Sets::new(self, true))?);
        observed.push(self.watch::<MemberPolicy>(
            "policy",
            false,
            Policy {
                store: Arc::clone(self),
                missing: false,
            },
        )?);
        let definitions = DefinitionWatch::new(self, discovery);
        observed.push(self.watch::<CustomResourceDefinition>("definitions", true, definitions)?);
        Ok(Observed(observed))
    }

    fn watch<K: Own>(
        self: &Arc<Self>,
        name: &'static str,
        metadata_only: bool,
        handler: impl Handler + 'static,
    ) -> Answer<(&'static str, oneshot::Receiver<()>)> {
        let subject = AgentClient::subject::<K>(None, metadata_only)?;
        let transport = self.client.transport().clone();
        let (first, complete) = oneshot::channel();
        let mut handler = First {
            inner: handler,
            name,
            first: Some(first),
        };
        let stop = self.tasks.shutdown();
        let circumstances = self.circumstances.subscribe();
        self.tasks.essential(name, async move {
            tokio::select! {
                () = watch_loop::run(&transport, &subject, circumstances, &mut handler) => {}
                () = stop.cancelled() => {}
            }
            Ok::<(), std::convert::Infallible>(())
        });
        Ok((name, complete))
    }

    /// One of our own objects as a watch handed it over; one that cannot be read is told and left alone.
    pub(super) fn read<T: DeserializeOwned>(object: &RawValue) -> Option<T> {
        serde_json::from_str(object.get())
            .inspect_err(|error| {
                let error = DecodeError::from(error);
                tracing::warn!(%error, "an object of ours cannot be read");
            })
            .ok()
    }

    pub(super) fn enter(&self, head: &SetHead) {
        if let Err(error) = self.index.put(head) {
            tracing::warn!(set = head.metadata.name, %error, "a stored set cannot be used");
        }
    }

    fn circumstances_changed(&self) {
        self.circumstances.send_modify(|count| *count += 1);
        if let Some(engine) = self.index.engine() {
            engine.circumstances_changed();
        }
    }
}

/// Says when the first list is complete, and logs failures.
struct First<H> {
    inner: H,
    name: &'static str,
    first: Option<oneshot::Sender<()>>,
}

impl<H: Handler> Handler for First<H> {
    async fn take(&mut self, notice: Notice) {
        let complete = matches!(notice, Notice::Synced);
        if let Notice::Failed(failure) = &notice {
            // A watch that had worked breaks whenever the API server restarts.
            if self.first.is_some() || failure.kind != FailureKind::Unavailable {
                tracing::warn!(watch = self.name, %failure, "cannot watch a kind of our own");
            }
        }
        self.inner.take(notice).await;
        if complete && let Some(first) = self.first.take() {
            let _ = first.send(());
        }
    }
}

/// The watch over `ClusterObjectSet`s or `ObjectSet`s.
struct Sets {
    store: Arc<Store>,
    namespaced: bool,
    /// During a list: what was known when it began, by name with UID, and not seen since.
    unseen: BTreeMap<Name, String>,
}

impl Sets {
    fn new(store: &Arc<Store>, namespaced: bool) -> Self {
        Self {
            store: Arc::clone(store),
            namespaced,
            unseen: BTreeMap::new(),
        }
    }

    fn seen(&mut self, head: SetHead) {
        let name = (head.metadata.namespace.clone(), head.metadata.name.clone());
        self.unseen.remove(&name);
        self.store.tell_controller(&head);
        let direct = head.spec.order.is_none();
        let tears_down = direct && head.is_deleting() && !head.is_orphaning();
        if tears_down && !self.store.index.knows_deletion(&head) {
            self.store.enter_ending(head);
            return;
        }
        self.store.enter(&head);
        if head.waits_for_finalizer() {
            self.store.take_in_hand(head);
        }
    }

    fn vanished(&mut self) {
        for (name, uid) in std::mem::take(&mut self.unseen) {
            self.store.has_ended(&uid);
            self.store.handover.forget(&uid);
            if let Some(entry) = self.store.index.remove(&name, &uid)
                && self.store.index.is_lost(&entry)
            {
                tracing::warn!(
                    set = name.1,
                    "a stored order vanished unseen; the hub is asked for it"
                );
                self.store.lost.send_modify(|count| *count += 1);
            }
        }
    }
}

impl Handler for Sets {
    async fn take(&mut self, notice: Notice) {
        match notice {
            Notice::Restarted => {
                self.unseen = self
                    .store
                    .index
                    .names(self.namespaced)
                    .into_iter()
                    .collect();
            }
            Notice::Seen(object) => match Store::read(&object) {
                Some(head) => self.seen(head),
                None => self.store.index.obscure(),
            },
            Notice::Removed(object) => {
                let Some(head) = Store::read::<SetHead>(&object) else {
                    return;
                };
                self.store.tell_controller(&head);
                self.store.has_ended(&head.metadata.uid);
                self.store.handover.forget(&head.metadata.uid);
                let name = (head.metadata.namespace.clone(), head.metadata.name.clone());
                if let Some(entry) = self.store.index.remove(&name, &head.metadata.uid)
                    && self.store.index.is_lost(&entry)
                {
                    self.store.restore(&name.1, entry, &object);
                }
            }
            Notice::Synced => self.vanished(),
            Notice::Failed(_) => {}
        }
    }
}

impl Store {
    /// Tells the controller of object deployments that a set of one of them was seen.
    fn tell_controller(&self, head: &SetHead) {
        let kind = match head.metadata.namespace {
            Some(_) => ObjectDeployment::kind(&()),
            None => ClusterObjectDeployment::kind(&()),
        };
        let owners = head.metadata.owner_references.iter();
        let mut controllers =
            owners.filter(|owner| owner.controller == Some(true) && owner.kind == kind);
        if let Some(owner) = controllers.next() {
            self.deployments
                .add((head.metadata.namespace.clone(), owner.name.clone()));
        }
    }
}

/// The watch over the one policy.
struct Policy {
    store: Arc<Store>,
    /// During a list: it was not seen yet.
    missing: bool,
}

impl Policy {
    fn set_default(&self, account: Option<String>) {
        self.store.accounts.set_default(account);
        self.store.circumstances_changed();
    }
}

impl Handler for Policy {
    async fn take(&mut self, notice: Notice) {
        match notice {
            Notice::Restarted => self.missing = true,
            Notice::Seen(object) => {
                self.missing = false;
                if let Some(policy) = Store::read::<MemberPolicy>(&object) {
                    self.set_default(policy.spec.default_service_account);
                }
            }
            Notice::Removed(_) => self.set_default(None),
            Notice::Synced => {
                if std::mem::take(&mut self.missing) {
                    self.set_default(None);
                }
            }
            Notice::Failed(_) => {}
        }
    }
}

/// The watch over every definition of the cluster.
struct DefinitionWatch {
    store: Arc<Store>,
    discovery: Arc<Discovery>,
    all: Served,
    /// During a list: those that were known when it began, and not seen since.
    unseen: BTreeSet<String>,
    synced: bool,
    /// Something changed of which nobody was told yet.
    changed: bool,
}

impl DefinitionWatch {
    fn new(store: &Arc<Store>, discovery: &Arc<Discovery>) -> Self {
        Self {
            store: Arc::clone(store),
            discovery: Arc::clone(discovery),
            all: Served::default(),
            unseen: BTreeSet::new(),
            synced: false,
            changed: false,
        }
    }

    fn removed(&mut self, name: &str) {
        self.store.definitions.removed(name);
        self.all.removed(name);
        self.changed = true;
    }
}

impl Handler for DefinitionWatch {
    async fn take(&mut self, notice: Notice) {
        match notice {
            Notice::Restarted => {
                self.unseen = self.store.definitions.terminating();
                self.unseen.extend(self.all.names());
            }
            Notice::Seen(object) => {
                if let Some(definition) = Store::read::<Definition>(&object) {
                    self.unseen.remove(definition.name());
                    self.store.definitions.seen(&definition);
                    self.changed |= self.all.seen(&definition, Instant::now());
                }
            }
            Notice::Removed(object) => {
                if let Some(definition) = Store::read::<Definition>(&object) {
                    self.removed(definition.name());
                }
            }
            Notice::Synced => {
                for name in std::mem::take(&mut self.unseen) {
                    self.removed(&name);
                }
                self.synced = true;
            }
            Notice::Failed(_) => {}
        }
        if self.synced && std::mem::take(&mut self.changed) {
            self.discovery.changed();
            self.store.circumstances_changed();
        }
    }
}

#[cfg(test)]
mod tests;
