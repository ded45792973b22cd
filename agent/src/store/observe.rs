//! The watches over the agent's own kinds, which keep the index current and wake the engine.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use kube::Resource as _;
use serde_json::value::RawValue;
use stevedore_agent_core::failure::{Failure, FailureKind};
use stevedore_client::decode::{Identity, Undecodable, decode, part};
use stevedore_client::watch::{self, Handler};
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
use crate::cluster_api::watch_requests::WatchRequests;
use crate::cluster_api::{AgentClient, Discovery};
use crate::ports::Answer;
use crate::unreadable;

type Notice = watch::Notice<Failure>;

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
        handler: impl Handler<Failure> + 'static,
    ) -> Answer<(&'static str, oneshot::Receiver<()>)> {
        let subject = AgentClient::subject::<K>(None, metadata_only)?;
        let requests = WatchRequests::own(self.client.transport().clone());
        let (first, complete) = oneshot::channel();
        let mut handler = First {
            inner: handler,
            name,
            first: Some(first),
        };
        let circumstances = self.circumstances.subscribe();
        self.tasks.run_until_shutdown(name, async move {
            watch::run(&requests, &subject, circumstances, &mut handler).await;
        });
        Ok((name, complete))
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

impl<H: Handler<Failure>> Handler<Failure> for First<H> {
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
        self.store
            .tell_controller(&name.0, &head.metadata.owner_references);
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

    /// A set is there that cannot be read. What was known of it stays: it has not gone.
    fn unreadable(&mut self, object: &RawValue, why: &Undecodable) {
        self.store.index.obscure();
        if self.namespaced {
            self.store.unreadable.tell::<ObjectSet>(object, why);
        } else {
            self.store.unreadable.tell::<ClusterObjectSet>(object, why);
        }
        if let Some(identity) = Identity::of(object) {
            self.store.tell_controllers(&identity, object);
            self.unseen.remove(&(identity.namespace, identity.name));
        }
    }

    /// A set is gone, whether it could be read or not.
    fn removed(&mut self, object: &RawValue) {
        let Some(identity) = Identity::of(object) else {
            return;
        };
        self.store.tell_controllers(&identity, object);
        self.store.has_ended(&identity.uid);
        self.store.handover.forget(&identity.uid);
        let name = (identity.namespace, identity.name);
        if let Some(entry) = self.store.index.remove(&name, &identity.uid)
            && self.store.index.is_lost(&entry)
        {
            self.store.restore(&name.1, entry, object);
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

impl Handler<Failure> for Sets {
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
            Notice::Seen(object) => match decode(&object) {
                Ok(head) => self.seen(head),
                Err(why) => self.unreadable(&object, &why),
            },
            Notice::Removed(object) => self.removed(&object),
            Notice::Synced => self.vanished(),
            Notice::Failed(_) => {}
        }
    }
}

impl Store {
    /// Tells the controller of object deployments that a set of one of them was seen.
    fn tell_controller(&self, namespace: &Option<String>, owners: &[OwnerReference]) {
        let kind = match namespace {
            Some(_) => ObjectDeployment::kind(&()),
            None => ClusterObjectDeployment::kind(&()),
        };
        let mut controllers = owners
            .iter()
            .filter(|owner| owner.controller == Some(true) && owner.kind == kind);
        if let Some(owner) = controllers.next() {
            self.deployments
                .add((namespace.clone(), owner.name.clone()));
        }
    }

    /// The same for a set that may be unreadable.
    fn tell_controllers(&self, identity: &Identity, object: &RawValue) {
        let owners: Vec<OwnerReference> =
            part(object, &["metadata", "ownerReferences"]).unwrap_or_default();
        self.tell_controller(&identity.namespace, &owners);
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

impl Handler<Failure> for Policy {
    async fn take(&mut self, notice: Notice) {
        match notice {
            Notice::Restarted => self.missing = true,
            Notice::Seen(object) => {
                self.missing = false;
                match decode::<MemberPolicy>(&object) {
                    Ok(policy) => self.set_default(policy.spec.default_service_account),
                    // It has not gone: what it said last goes on.
                    Err(why) => {
                        unreadable::log::<MemberPolicy>(&object, &why);
                        self.store.accounts.set_unreadable(&why);
                    }
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

impl Handler<Failure> for DefinitionWatch {
    async fn take(&mut self, notice: Notice) {
        match notice {
            Notice::Restarted => {
                self.unseen = self.store.definitions.terminating();
                self.unseen.extend(self.all.names());
            }
            Notice::Seen(object) => match decode::<Definition>(&object) {
                Ok(definition) => {
                    self.unseen.remove(definition.name());
                    self.store.definitions.seen(&definition);
                    self.changed |= self.all.seen(&definition, Instant::now());
                }
                Err(why) => {
                    if let Some(identity) =
                        unreadable::log::<CustomResourceDefinition>(&object, &why)
                    {
                        self.unseen.remove(&identity.name);
                    }
                }
            },
            Notice::Removed(object) => {
                if let Some(identity) = Identity::of(&object) {
                    self.removed(&identity.name);
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
