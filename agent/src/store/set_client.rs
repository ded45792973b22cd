//! Requests for sets, of either kind, by their reference.

use serde::de::{DeserializeOwned, IgnoredAny};
use serde_json::{Value, json};
use stevedore_agent_core::failure::FailureKind;
use stevedore_agent_core::set::SetRef;
use stevedore_crds::v1alpha1::ObjectSetStatus;

use super::set_object::{FINALIZER, SetObject};
use crate::cluster_api::{AgentClient, Resource};
use crate::ports::Answer;

/// Reads and changes sets with the agent's own identity. Cheap to clone.
#[derive(Clone)]
pub(super) struct SetClient {
    client: AgentClient,
}

impl SetClient {
    pub(super) fn new(client: AgentClient) -> Self {
        Self { client }
    }

    /// Whatever `T` takes of what has the set's name now.
    pub(super) async fn get<T: DeserializeOwned>(&self, set: &SetRef) -> Answer<Option<T>> {
        let namespace = set.namespace.as_deref();
        self.client
            .get(Resource::set(namespace), namespace, &set.name)
            .await
    }

    /// The set as it is now, unless it is gone or another one has its name.
    pub(super) async fn read(&self, set: &SetRef) -> Answer<Option<SetObject>> {
        let object = self.get::<SetObject>(set).await?;
        Ok(object.filter(|object| *object.metadata.uid == *set.uid))
    }

    /// Changes a set by merge patch.
    pub(super) async fn patch<T: DeserializeOwned>(
        &self,
        set: &SetRef,
        subresource: Option<&'static str>,
        patch: &Value,
    ) -> Answer<T> {
        let namespace = set.namespace.as_deref();
        let own = Resource::set(namespace);
        self.client
            .patch(own, namespace, &set.name, subresource, patch)
            .await
    }

    /// Replaces the finalizers of a set that is still as it was read. A set that is gone is `Ok`.
    pub(super) async fn set_finalizers(
        &self,
        read: &SetObject,
        finalizers: &[&String],
    ) -> Answer<()> {
        let metadata = &read.metadata;
        let patch = json!({"metadata": {"uid": metadata.uid, "finalizers": finalizers,
            "resourceVersion": metadata.resource_version}});
        match self.patch(&read.reference(), None, &patch).await {
            Err(failure) if failure.kind != FailureKind::NotFound => Err(failure),
            Ok(IgnoredAny) | Err(_) => Ok(()),
        }
    }

    /// Gives a set our finalizer.
    pub(super) async fn add_finalizer(&self, read: &SetObject) -> Answer<()> {
        let ours = FINALIZER.to_owned();
        let known = read.metadata.finalizers.iter();
        let finalizers: Vec<&String> = known.chain([&ours]).collect();
        self.set_finalizers(read, &finalizers).await
    }

    /// Takes our finalizer from a set. A set that is gone or has none is `Ok`.
    pub(super) async fn remove_finalizer(&self, set: &SetRef) -> Answer<()> {
        let Some(read) = self.read(set).await? else {
            return Ok(());
        };
        let known = &read.metadata.finalizers;
        let rest: Vec<&String> = known.iter().filter(|name| *name != FINALIZER).collect();
        if rest.len() == known.len() {
            return Ok(());
        }
        self.set_finalizers(&read, &rest).await
    }

    /// Replaces the status whole: what the new one does not have is removed. A set that is gone is `Ok`.
    pub(super) async fn write_status(&self, set: &SetRef, status: &ObjectSetStatus) -> Answer<()> {
        let mut new =
            json!({"observedGeneration": null, "conditions": [], "phases": [], "controllerOf": []});
        if let Value::Object(fields) = json!(status) {
            for (key, value) in fields {
                new[key] = value;
            }
        }
        let patch = json!({"metadata": {"uid": &*set.uid}, "status": new});
        let answer = self.patch::<IgnoredAny>(set, Some("status"), &patch).await;
        self.unless_gone(set, answer).await.map(drop)
    }

    /// Archives a set; nothing for one that is gone.
    pub(super) async fn archive(&self, set: &SetRef) -> Answer<Option<SetObject>> {
        let patch = json!({"metadata": {"uid": &*set.uid}, "spec": {"lifecycleState": "Archived"}});
        let answer = self.patch(set, None, &patch).await;
        self.unless_gone(set, answer).await
    }

    /// Deletes a set by name and UID. A set that is gone is `Ok`.
    pub(super) async fn delete(&self, set: &SetRef) -> Answer<()> {
        let namespace = set.namespace.as_deref();
        let own = Resource::set(namespace);
        self.client
            .delete(own, namespace, &set.name, &set.uid)
            .await
    }

    /// What is gone needs nothing any more.
    async fn unless_gone<T>(&self, set: &SetRef, answer: Answer<T>) -> Answer<Option<T>> {
        let failure = match answer {
            Ok(answer) => return Ok(Some(answer)),
            Err(failure) => failure,
        };
        let is_gone = match failure.kind {
            FailureKind::NotFound => true,
            FailureKind::Conflict => {
                let namespace = set.namespace.as_deref();
                let own = Resource::set(namespace);
                self.client
                    .is_gone(own, namespace, &set.name, &set.uid)
                    .await?
            }
            _ => false,
        };
        if is_gone { Ok(None) } else { Err(failure) }
    }
}
