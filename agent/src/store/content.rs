//! The content of a stored set: what stands in the set, and in the Secrets that it names.

use std::sync::Arc;

use futures::{StreamExt as _, TryStreamExt as _, stream};
use k8s_openapi::api::core::v1::Secret;
use serde::Deserialize;
use serde_json::value::RawValue;
use stevedore_agent_core::failure::{Failure, FailureKind};
use stevedore_agent_core::key::{Kind, ObjectKey};
use stevedore_client::decode::decode;
use stevedore_proto_core::Content;

use super::head::{SetHead, Spec};
use super::set_store::READS;
use super::{Store, secrets};
use crate::cluster_api::transport::unreadable;
use crate::ports::{Accounts as _, ContentFailure, SetRef};

/// A set with its content: both are read from one answer.
#[derive(Deserialize)]
struct WithContent {
    metadata: Uid,
    spec: Content,
}

#[derive(Deserialize)]
struct Uid {
    uid: String,
}

impl Store {
    /// As it was handed over, or as it is stored.
    pub(super) async fn read_content(&self, set: &SetRef) -> Result<Arc<Content>, ContentFailure> {
        if let Some(content) = self.handover.take_content(&set.uid) {
            return Ok(content);
        }
        let missing = |what: String| ContentFailure::Missing(what);
        let unreadable = |why| ContentFailure::Unavailable(unreadable(&why));
        let object: Box<RawValue> = self
            .get_set(set)
            .await
            .map_err(ContentFailure::Unavailable)?
            .ok_or_else(|| missing(format!("set {} is gone", set.name)))?;
        let head: SetHead = decode(&object).map_err(unreadable)?;
        let stored: WithContent = decode(&object).map_err(unreadable)?;
        drop(object);
        if stored.metadata.uid != set.uid {
            return Err(missing(format!("set {} is gone", set.name)));
        }
        let mut content = stored.spec;
        let names: Vec<Vec<String>> = head
            .spec
            .phases
            .iter()
            .map(|phase| phase.secrets.clone())
            .collect();
        if names.iter().any(|names| !names.is_empty()) {
            let reader = Reader::new(self, head).await?;
            let names = names.into_iter().enumerate();
            let names = names.flat_map(|(at, names)| names.into_iter().map(move |name| (at, name)));
            let mut found = stream::iter(names)
                .map(|(at, name)| {
                    let reader = &reader;
                    async move { reader.read(&name).await.map(|secret| (at, secret)) }
                })
                .buffered(READS);
            let mut of_phases = vec![Vec::new(); content.phases.len()];
            while let Some((at, secret)) = found.try_next().await? {
                let objects =
                    secrets::objects(&secret).map_err(|error| missing(error.to_string()))?;
                of_phases[at].extend(objects);
            }
            for (phase, mut objects) in content.phases.iter_mut().zip(of_phases) {
                objects.append(&mut phase.objects);
                phase.objects = objects;
            }
        }
        Ok(Arc::new(content))
    }
}

/// Reads Secrets of objects: the agent's own for a hub's order, as the set's account for a directly used set.
struct Reader<'a> {
    store: &'a Store,
    namespace: String,
    api: Option<Arc<dyn crate::ports::ObjectApi>>,
}

impl<'a> Reader<'a> {
    async fn new(store: &'a Store, head: SetHead) -> Result<Self, ContentFailure> {
        let Spec { order, .. } = &head.spec;
        let namespace = head
            .metadata
            .namespace
            .clone()
            .unwrap_or_else(|| store.namespace.clone());
        if order.is_some() {
            return Ok(Self {
                store,
                namespace,
                api: None,
            });
        }
        let name = head.metadata.name.clone();
        let set = head
            .into_stored(vec![])
            .map_err(|error| ContentFailure::Missing(format!("set {name}: {error}")))?;
        let (_, api) = store.accounts.open(&set).await.map_err(|blocker| {
            let message = format!("{}: {}", blocker.reason, blocker.message);
            ContentFailure::Unavailable(Failure::new(FailureKind::AccountNotAllowed, message))
        })?;
        Ok(Self {
            store,
            namespace,
            api: Some(api),
        })
    }

    async fn read(&self, name: &str) -> Result<Secret, ContentFailure> {
        let secret = match &self.api {
            None => {
                self.store
                    .client
                    .get::<Secret, Secret>(Some(&self.namespace), name)
                    .await
            }
            Some(api) => {
                let key =
                    ObjectKey::new(Kind::new("", "v1", "Secret"), Some(&self.namespace), name);
                api.get(&key)
                    .await
                    .map(|found| found.and_then(|value| serde_json::from_value(value).ok()))
            }
        };
        let missing =
            || ContentFailure::Missing(format!("Secret {}/{name} is not there", self.namespace));
        secret
            .map_err(ContentFailure::Unavailable)?
            .ok_or_else(missing)
    }
}
