//! The reader of sets for the engine: from the index, from the cache of our own writes, or from the API server.

use std::sync::Arc;

use futures::{StreamExt as _, TryStreamExt as _, stream};
use stevedore_agent_core::set::{Ending, SetHead, SetRef};
use stevedore_crds::v1alpha1::ObjectSetStatus;
use stevedore_proto_core::DeploymentUid;

use super::index::Index;
use super::set_client::SetClient;
use super::set_object::SetObject;
use super::write_cache::WriteCache;
use crate::cluster_api::AgentClient;
use crate::ports::{Answer, NamespaceState, StoredSet};

/// Sets that are read at once.
const READS: usize = 4;

/// Reads sets.
pub(super) struct SetReader {
    pub(super) client: AgentClient,
    pub(super) sets: SetClient,
    pub(super) index: Arc<Index>,
    pub(super) cache: Arc<WriteCache>,
}

impl SetReader {
    /// Every set of a deployment that the engine may have.
    pub(super) async fn sets(
        &self,
        deployment: DeploymentUid,
        known: &[SetHead],
    ) -> Answer<Vec<StoredSet>> {
        stream::iter(self.index.sets_of(deployment))
            .map(|set| self.find(set, known))
            .buffered(READS)
            .try_filter_map(async |set| Ok(set))
            .try_collect()
            .await
    }

    /// A set as the engine takes it; nothing when it may not have it (any more).
    async fn find(&self, set: SetRef, known: &[SetHead]) -> Answer<Option<StoredSet>> {
        let known = known.iter().find(|known| known.set == set);
        if let Some(known) = known
            && self.index.is_unchanged(&set, known.generation)
        {
            let (head, status) = (known.clone(), ObjectSetStatus::default());
            return Ok(Some(StoredSet { head, status }));
        }
        let answered = self.cache.take_set(&set.uid);
        let object = match answered.filter(|object| self.index.agrees(object)) {
            Some(object) => Some(object),
            None => self.sets.read(&set).await?,
        };
        match object {
            Some(object) => Ok(self.stored(object).await),
            None => Ok(None),
        }
    }

    async fn stored(&self, object: SetObject) -> Option<StoredSet> {
        let mut head = object
            .head()
            .inspect_err(|error| {
                tracing::warn!(set = object.metadata.name, %error, "a stored set cannot be used");
            })
            .ok()
            .filter(SetHead::is_manageable)?;
        let namespace = &head.set.namespace;
        if head.is_standalone() {
            // A hub's order follows the one before within its deployment.
            let name = (namespace.clone(), head.set.name.clone());
            head.predecessors = self.index.predecessors(&name);
            head.successors = self.index.successors(&name);
        }
        if head.ending == Ending::Deleting
            && let Some(namespace) = namespace
            && self.goes_whole(namespace).await
        {
            head.ending = Ending::Orphaning;
        }
        let status = object.status;
        Some(StoredSet { head, status })
    }

    /// Whether a namespace is being deleted with everything in it: what a set there would take away goes
    /// anyway, while the account and the rights to do so may be gone already.
    async fn goes_whole(&self, namespace: &str) -> bool {
        match self.client.namespace_state(namespace).await {
            Ok(state) => state == NamespaceState::Terminating,
            Err(failure) => {
                tracing::debug!(namespace, %failure, "it is not known how the namespace stands");
                false
            }
        }
    }
}
