//! The watches over the agent's own kinds, which keep the index current and wake the engine.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use serde_json::value::RawValue;
use stevedore_agent_core::failure::{Failure, FailureKind};
use stevedore_agent_core::set::Ending;
use stevedore_client::decode::{Identity, Undecodable, decode, decode_unmanaged, part};
use stevedore_client::watch::{self, Handler};
use stevedore_crds::v1alpha1::MemberPolicy;
use stevedore_runtime::supervise::Tasks;
use tokio::sync::oneshot;
use tokio::time::Instant;

use super::definitions::{Definition, Definitions, Served};
use super::deletions::Deletions;
use super::finalizers::Finalizers;
use super::index::{Entry, Index};
use super::restorer::Restorer;
use super::set_object::{Name, SetObject};
use super::signal::Signal;
use super::write_cache::WriteCache;
use crate::accounts::AccountResolver;
use crate::cluster_api::watch_requests::WatchRequests;
use crate::cluster_api::{AgentClient, Discovery, Resource};
use crate::ports::Answer;
use crate::standalone::queue::Queue;
use crate::unreadable::{self, UnreadableWriter};

type Notice = watch::Notice<Failure>;

/// Comes true when every watch has read its first list.
pub struct FirstLists(Vec<(&'static str, oneshot::Receiver<()>)>);

impl FirstLists {
    /// Waits for the first lists.
    pub async fn complete(self) {
        for (name, first) in self.0 {
            // A watch only ends with the process.
            let _ = first.await;
            tracing::debug!(watch = name, "first list is read");
        }
    }
}

/// What the watches keep current, and whom they tell.
pub(super) struct Watches {
    pub(super) client: AgentClient,
    pub(super) accounts: Arc<AccountResolver>,
    /// Object deployments that a change of their sets concerns.
    pub(super) deployments: Arc<Queue>,
    pub(super) unreadable: UnreadableWriter,
    pub(super) index: Arc<Index>,
    pub(super) cache: Arc<WriteCache>,
    pub(super) definitions: Arc<Definitions>,
    pub(super) deletions: Arc<Deletions>,
    pub(super) finalizers: Arc<Finalizers>,
    pub(super) restorer: Arc<Restorer>,
    /// A set vanished and could not be written again from what was seen of it.
    pub(super) lost: Arc<Signal>,
    /// Definitions, policy or rights changed.
    pub(super) circumstances: Arc<Signal>,
    pub(super) tasks: Tasks,
}

impl Watches {
    /// Starts the watches over sets, policy and definitions as tasks.
    pub(super) fn start(self: &Arc<Self>, discovery: &Arc<Discovery>) -> Answer<FirstLists> {
        let mut firsts = vec![];
        for (resource, name, namespaced) in [
            (Resource::CLUSTER_OBJECT_SET, "cluster-object-sets", false),
            (Resource::OBJECT_SET, "object-sets", true),
        ] {
            firsts.push(self.watch(resource, name, false, Sets::new(self, namespaced))?);
        }
        let policy = Policy {
            parts: Arc::clone(self),
            missing: false,
        };
        firsts.push(self.watch(Resource::MEMBER_POLICY, "policy", false, policy)?);
        let definitions = DefinitionWatch::new(self, discovery);
        firsts.push(self.watch(Resource::DEFINITION, "definitions", true, definitions)?);
        Ok(FirstLists(firsts))
    }

    fn watch(
        &self,
        resource: Resource,
        name: &'static str,
        metadata_only: bool,
        handler: impl Handler<Failure> + 'static,
    ) -> Answer<(&'static str, oneshot::Receiver<()>)> {
        let subject = AgentClient::subject(resource, metadata_only)?;
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

    fn circumstances_changed(&self) {
        self.circumstances.raise();
        if let Some(engine) = self.index.engine() {
            engine.circumstances_changed();
        }
    }

    /// Tells the controller of object deployments that a set of one of them was seen.
    fn notify_controller(&self, namespace: &Option<String>, owners: &[OwnerReference]) {
        let kind = Resource::deployment(namespace.as_deref()).kind();
        let mut controllers = owners
            .iter()
            .filter(|owner| owner.controller == Some(true) && owner.kind == kind);
        if let Some(owner) = controllers.next() {
            self.deployments
                .add((namespace.clone(), owner.name.clone()));
        }
    }

    /// The same for a set that may be unreadable.
    fn notify_controller_of(&self, identity: &Identity, object: &RawValue) {
        let owners: Vec<OwnerReference> =
            part(object, &["metadata", "ownerReferences"]).unwrap_or_default();
        self.notify_controller(&identity.namespace, &owners);
    }

    /// A set is gone; what was known of it, if that is lost.
    fn removed(&self, name: &Name, uid: &str) -> Option<Entry> {
        self.deletions.forget(uid);
        self.cache.forget(uid);
        let entry = self.index.remove(name, uid)?;
        self.index.is_lost(&entry).then_some(entry)
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
                tracing::warn!(watch = self.name, %failure, "cannot watch a resource of our own");
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
    parts: Arc<Watches>,
    namespaced: bool,
    /// During a list: what was known when it began, by name with UID, and not seen since.
    unseen: BTreeMap<Name, String>,
}

impl Sets {
    fn new(parts: &Arc<Watches>, namespaced: bool) -> Self {
        Self {
            parts: Arc::clone(parts),
            namespaced,
            unseen: BTreeMap::new(),
        }
    }

    fn seen(&mut self, set: SetObject) {
        let parts = &self.parts;
        self.unseen.remove(&set.name());
        parts.notify_controller(&set.metadata.namespace, &set.metadata.owner_references);
        let head = set.head().ok();
        let ending = head.as_ref().map(|head| head.ending);
        if ending == Some(Ending::Deleting) && !parts.index.knows_deletion(&set.reference()) {
            parts.deletions.enter(set);
            return;
        }
        parts.index.enter(&set);
        if head.is_some_and(|head| head.needs_finalizer()) {
            parts.finalizers.add(set);
        }
    }

    /// A set is there that cannot be read. What was known of it stays: it has not gone.
    fn unreadable(&mut self, object: &RawValue, why: &Undecodable) {
        self.parts.index.mark_unreadable();
        let resource = if self.namespaced {
            Resource::OBJECT_SET
        } else {
            Resource::CLUSTER_OBJECT_SET
        };
        self.parts.unreadable.report(resource, object, why);
        if let Some(identity) = Identity::of(object) {
            self.parts.notify_controller_of(&identity, object);
            self.unseen.remove(&(identity.namespace, identity.name));
        }
    }

    /// A set is gone, whether it could be read or not.
    fn removed(&mut self, object: &RawValue) {
        let Some(identity) = Identity::of(object) else {
            return;
        };
        self.parts.notify_controller_of(&identity, object);
        let name = (identity.namespace, identity.name);
        if let Some(lost) = self.parts.removed(&name, &identity.uid) {
            self.parts.restorer.restore(&name.1, lost, object);
        }
    }

    fn vanished(&mut self) {
        for (name, uid) in std::mem::take(&mut self.unseen) {
            if self.parts.removed(&name, &uid).is_some() {
                tracing::warn!(
                    set = name.1,
                    "a stored order vanished unseen; the hub is asked for it"
                );
                self.parts.lost.raise();
            }
        }
    }
}

impl Handler<Failure> for Sets {
    async fn take(&mut self, notice: Notice) {
        match notice {
            Notice::Restarted => {
                self.unseen = self
                    .parts
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

/// The watch over the one policy.
struct Policy {
    parts: Arc<Watches>,
    /// During a list: it was not seen yet.
    missing: bool,
}

impl Policy {
    fn set_default(&self, account: Option<String>) {
        self.parts.accounts.set_default(account);
        self.parts.circumstances_changed();
    }
}

impl Handler<Failure> for Policy {
    async fn take(&mut self, notice: Notice) {
        match notice {
            Notice::Restarted => self.missing = true,
            Notice::Seen(object) => {
                self.missing = false;
                match decode_unmanaged::<MemberPolicy>(&object) {
                    Ok(policy) => self.set_default(policy.spec.default_service_account),
                    // It has not gone: what it said last goes on.
                    Err(why) => {
                        unreadable::log(Resource::MEMBER_POLICY, &object, &why);
                        self.parts.accounts.set_unreadable(&why);
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
    parts: Arc<Watches>,
    discovery: Arc<Discovery>,
    all: Served,
    /// During a list: those that were known when it began, and not seen since.
    unseen: BTreeSet<String>,
    synced: bool,
    /// Something changed of which nobody was told yet.
    changed: bool,
}

impl DefinitionWatch {
    fn new(parts: &Arc<Watches>, discovery: &Arc<Discovery>) -> Self {
        Self {
            parts: Arc::clone(parts),
            discovery: Arc::clone(discovery),
            all: Served::default(),
            unseen: BTreeSet::new(),
            synced: false,
            changed: false,
        }
    }

    fn removed(&mut self, name: &str) {
        self.parts.definitions.removed(name);
        self.all.removed(name);
        self.changed = true;
    }
}

impl Handler<Failure> for DefinitionWatch {
    async fn take(&mut self, notice: Notice) {
        match notice {
            Notice::Restarted => {
                self.unseen = self.parts.definitions.terminating();
                self.unseen.extend(self.all.names());
            }
            Notice::Seen(object) => match decode::<Definition>(&object) {
                Ok(definition) => {
                    self.unseen.remove(definition.name());
                    self.parts.definitions.seen(&definition);
                    self.changed |= self.all.seen(&definition, Instant::now());
                }
                Err(why) => {
                    if let Some(identity) = unreadable::log(Resource::DEFINITION, &object, &why) {
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
            self.parts.circumstances_changed();
        }
    }
}

#[cfg(test)]
mod tests;
