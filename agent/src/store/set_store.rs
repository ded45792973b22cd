//! What the engine reads and writes of stored sets.

use std::sync::Arc;

use futures::future::BoxFuture;
use futures::{StreamExt as _, TryStreamExt as _, stream};
use jiff::Timestamp;
use serde::de::IgnoredAny;
use serde_json::{Value, json};
use stevedore_agent_core::failure::{Failure, FailureKind};
use stevedore_crds::v1alpha1::{ClusterObjectSet, ObjectSet, ObjectSetStatus};
use stevedore_proto_core::{Content, DeploymentUid, Tuple};

use super::Store;
use super::head::{FINALIZER, SetHead};
use crate::cluster_api::agent_client::NamespaceState;
use crate::ports::{Answer, ContentFailure, Origin, SetRef, SetStore, StoredSet};

/// Sets, or Secrets of one set, that are read at once.
pub(super) const READS: usize = 4;

impl Store {
    pub(super) async fn get_set<T: serde::de::DeserializeOwned>(
        &self,
        set: &SetRef,
    ) -> Answer<Option<T>> {
        let namespace = set.namespace.as_deref();
        if namespace.is_some() {
            self.client.get::<ObjectSet, T>(namespace, &set.name).await
        } else {
            self.client
                .get::<ClusterObjectSet, T>(None, &set.name)
                .await
        }
    }

    pub(super) async fn patch_set<T: serde::de::DeserializeOwned>(
        &self,
        set: &SetRef,
        subresource: Option<&'static str>,
        patch: &Value,
    ) -> Answer<T> {
        let namespace = set.namespace.as_deref();
        if namespace.is_some() {
            self.client
                .patch::<ObjectSet, T>(namespace, &set.name, subresource, patch)
                .await
        } else {
            self.client
                .patch::<ClusterObjectSet, T>(None, &set.name, subresource, patch)
                .await
        }
    }

    /// What is gone needs nothing any more.
    async fn gone_is_fine<T>(&self, set: &SetRef, answer: Answer<T>) -> Answer<()> {
        match answer {
            Ok(_) => Ok(()),
            Err(failure) => match failure.kind {
                FailureKind::NotFound => Ok(()),
                FailureKind::Conflict if self.is_gone(set).await? => Ok(()),
                _ => Err(failure),
            },
        }
    }

    async fn is_gone(&self, set: &SetRef) -> Answer<bool> {
        let (namespace, client) = (set.namespace.as_deref(), &self.client);
        if namespace.is_some() {
            client
                .is_gone::<ObjectSet>(namespace, &set.name, &set.uid)
                .await
        } else {
            client
                .is_gone::<ClusterObjectSet>(None, &set.name, &set.uid)
                .await
        }
    }

    /// The set as it is now, unless it is gone or another one has its name.
    pub(super) async fn head(&self, set: &SetRef) -> Answer<Option<SetHead>> {
        let head = self.get_set::<SetHead>(set).await?;
        Ok(head.filter(|head| head.metadata.uid == set.uid))
    }

    /// A set as the engine takes it; nothing when it may not have it (any more).
    async fn find(&self, set: SetRef, known: &[StoredSet]) -> Answer<Option<StoredSet>> {
        let known = known.iter().find(|known| known.reference == set);
        if let Some(known) = known
            && self.index.is_unchanged(&set, known.generation)
        {
            return Ok(Some(known.clone()));
        }
        let answered = self.handover.take_head(&set.uid);
        let head = match answered.filter(|head| self.index.agrees(head)) {
            Some(head) => Some(head),
            None => self.head(&set).await?,
        };
        match head.filter(SetHead::is_in_hand) {
            Some(head) => Ok(self.stored(head).await),
            None => Ok(None),
        }
    }

    async fn stored(&self, head: SetHead) -> Option<StoredSet> {
        let predecessors = head
            .spec
            .previous
            .iter()
            .filter_map(|previous| {
                let name = (head.metadata.namespace.clone(), previous.name.clone());
                self.index.deployment_named(&name)
            })
            .collect();
        let name = head.metadata.name.clone();
        let namespace = head.metadata.namespace.clone();
        let mut stored = head
            .into_stored(predecessors)
            .inspect_err(|error| tracing::warn!(set = name, %error, "a stored set cannot be used"))
            .ok()?;
        if let Origin::Standalone {
            deleting: true,
            orphaning,
            ..
        } = &mut stored.origin
            && let Some(namespace) = namespace
            && !*orphaning
        {
            *orphaning = self.goes_whole(&namespace).await;
        }
        Some(stored)
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

/// A merge patch that replaces a status whole: what the new one does not have is removed.
fn status_patch(set: &SetRef, status: &ObjectSetStatus) -> Value {
    let mut new =
        json!({"observedGeneration": null, "conditions": [], "phases": [], "controllerOf": []});
    if let Value::Object(fields) = json!(status) {
        for (key, value) in fields {
            new[key] = value;
        }
    }
    json!({"metadata": {"uid": set.uid}, "status": new})
}

impl SetStore for Store {
    fn sets<'a>(
        &'a self,
        deployment: DeploymentUid,
        known: &'a [StoredSet],
    ) -> BoxFuture<'a, Answer<Vec<StoredSet>>> {
        let found = stream::iter(self.index.of(deployment))
            .map(|set| self.find(set, known))
            .buffered(READS);
        Box::pin(found.try_filter_map(async |set| Ok(set)).try_collect())
    }

    fn content<'a>(
        &'a self,
        set: &'a SetRef,
    ) -> BoxFuture<'a, Result<Arc<Content>, ContentFailure>> {
        Box::pin(self.read_content(set))
    }

    fn digest_key(&self) -> [u8; 32] {
        self.state.digest_key()
    }

    fn write_status<'a>(
        &'a self,
        set: &'a SetRef,
        status: &'a ObjectSetStatus,
    ) -> BoxFuture<'a, Answer<()>> {
        Box::pin(async move {
            let patch = status_patch(set, status);
            let answer = self.patch_set::<IgnoredAny>(set, Some("status"), &patch);
            let answer = answer.await;
            self.gone_is_fine(set, answer).await
        })
    }

    fn archive<'a>(&'a self, set: &'a SetRef) -> BoxFuture<'a, Answer<Option<i64>>> {
        Box::pin(async move {
            let patch =
                json!({"metadata": {"uid": set.uid}, "spec": {"lifecycleState": "Archived"}});
            let answer = self.patch_set::<SetHead>(set, None, &patch).await;
            let Ok(head) = answer else {
                return self.gone_is_fine(set, answer).await.map(|()| None);
            };
            // That it is archived is known: nobody has to read it for that.
            self.handover.put_head(head.clone());
            self.enter(&head);
            Ok(Some(head.metadata.generation))
        })
    }

    fn delete<'a>(&'a self, set: &'a SetRef) -> BoxFuture<'a, Answer<()>> {
        Box::pin(async move {
            self.index.retire(set, true);
            let namespace = set.namespace.as_deref();
            let answer = if namespace.is_some() {
                self.client
                    .delete::<ObjectSet>(namespace, &set.name, &set.uid)
                    .await
            } else {
                self.client
                    .delete::<ClusterObjectSet>(None, &set.name, &set.uid)
                    .await
            };
            match answer {
                Ok(()) => {
                    self.index
                        .remove(&(set.namespace.clone(), set.name.clone()), &set.uid);
                    self.handover.forget(&set.uid);
                    self.deleted.send_modify(|count| *count += 1);
                    self.unnamed.notify_one();
                    Ok(())
                }
                Err(failure) => {
                    self.index.retire(set, false);
                    Err(failure)
                }
            }
        })
    }

    fn release<'a>(&'a self, set: &'a SetRef) -> BoxFuture<'a, Answer<()>> {
        Box::pin(async move {
            let Some(head) = self.head(set).await? else {
                return Ok(());
            };
            if !head.has_finalizer() {
                return Ok(());
            }
            let rest: Vec<_> = head
                .metadata
                .finalizers
                .iter()
                .filter(|name| *name != FINALIZER)
                .collect();
            let patch = json!({"metadata": {"uid": set.uid, "finalizers": rest,
                "resourceVersion": head.metadata.resource_version}});
            match self.patch_set::<IgnoredAny>(set, None, &patch).await {
                Err(failure) if failure.kind != FailureKind::NotFound => Err(failure),
                _ => Ok(()),
            }
        })
    }

    fn record_teardown(
        &self,
        deployment: DeploymentUid,
        tombstone: Tuple,
    ) -> BoxFuture<'_, Answer<()>> {
        Box::pin(async move {
            let package = self
                .index
                .held()
                .remove(&deployment)
                .map(|held| held.package);
            let package = package.ok_or_else(|| {
                Failure::new(
                    FailureKind::NotFound,
                    "no stored set of this deployment is left",
                )
            })?;
            let now = Timestamp::now().as_second();
            let forgotten = self
                .state
                .finish(deployment, package, tombstone, now)
                .await?;
            // The session hears of it once the sets of this deployment are deleted.
            self.forgotten.lock().extend(forgotten);
            Ok(())
        })
    }

    fn definitions_terminating(&self) -> bool {
        self.definitions.are_terminating()
    }
}

#[cfg(test)]
mod tests {
    use super::super::script::{SETS, Script, refusal};
    use super::*;

    #[tokio::test]
    async fn a_conflict_means_that_a_set_is_gone_only_when_it_is() {
        for (now, done) in [("u", false), ("another", true)] {
            let one = format!("{SETS}/a");
            let script = Script::new(move |question, _| match question.split_once(' ')? {
                ("PATCH" | "DELETE", _) => Some(refusal(409, "somebody changes it all the time")),
                ("GET", path) if path.strip_suffix("/status").unwrap_or(path) == one => {
                    Some((200, json!({"metadata": {"name": "a", "uid": now}})))
                }
                _ => None,
            })
            .await;
            let (store, set) = (
                &script.store,
                SetRef {
                    namespace: None,
                    name: "a".into(),
                    uid: "u".into(),
                },
            );
            let status = ObjectSetStatus::default();
            assert_eq!(store.write_status(&set, &status).await.is_ok(), done);
            assert_eq!(store.archive(&set).await.is_ok(), done);
            assert_eq!(store.delete(&set).await.is_ok(), done);
        }
    }

    #[test]
    fn a_status_is_replaced_whole() {
        let set = SetRef {
            namespace: None,
            name: "a".into(),
            uid: "u".into(),
        };
        let status = ObjectSetStatus {
            observed_generation: Some(2),
            ..ObjectSetStatus::default()
        };
        let patch = status_patch(&set, &status);
        assert_eq!(patch["metadata"]["uid"], "u");
        assert_eq!(
            patch["status"],
            json!({"observedGeneration": 2, "conditions": [], "phases": [], "controllerOf": []})
        );
    }
}
