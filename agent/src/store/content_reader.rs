//! The reader of contents: what stands in a stored set, and in the Secrets that it names.

use std::sync::Arc;

use futures::{StreamExt as _, TryStreamExt as _, stream};
use k8s_openapi::api::core::v1::Secret;
use serde::Deserialize;
use serde_json::value::RawValue;
use stevedore_agent_core::failure::{Failure, FailureKind};
use stevedore_agent_core::key::{Kind, ObjectKey};
use stevedore_agent_core::set::SetRef;
use stevedore_client::decode::decode;
use stevedore_proto_core::Content;

use super::secrets;
use super::set_client::SetClient;
use super::set_object::SetObject;
use super::write_cache::WriteCache;
use crate::accounts::AccountResolver;
use crate::cluster_api::transport::unreadable;
use crate::cluster_api::{AgentClient, Resource};
use crate::ports::{Accounts as _, ContentFailure, ObjectApi};

/// Secrets of one set that are read at once.
const READS: usize = 4;

/// The content of a set, which is read from the same answer as its head.
#[derive(Deserialize)]
struct WithContent {
    spec: Content,
}

/// Reads contents.
pub(super) struct ContentReader {
    pub(super) client: AgentClient,
    pub(super) sets: SetClient,
    /// The agent's own namespace, where the Secrets of orders stand.
    pub(super) namespace: String,
    pub(super) accounts: Arc<AccountResolver>,
    pub(super) cache: Arc<WriteCache>,
}

fn missing(what: String) -> ContentFailure {
    ContentFailure::Missing(what)
}

impl ContentReader {
    /// As our own write left it in the cache, or as it is stored.
    pub(super) async fn read(&self, set: &SetRef) -> Result<Arc<Content>, ContentFailure> {
        if let Some(content) = self.cache.take_content(&set.uid) {
            return Ok(content);
        }
        let unreadable = |why| ContentFailure::Unavailable(unreadable(&why));
        let object: Box<RawValue> = self
            .sets
            .get(set)
            .await
            .map_err(ContentFailure::Unavailable)?
            .ok_or_else(|| missing(format!("set {} is gone", set.name)))?;
        let head: SetObject = decode(&object).map_err(unreadable)?;
        let stored: WithContent = decode(&object).map_err(unreadable)?;
        drop(object);
        if *head.metadata.uid != *set.uid {
            return Err(missing(format!("set {} is gone", set.name)));
        }
        let mut content = stored.spec;
        if head.spec.has_secrets() {
            self.add_secrets(&mut content, &head).await?;
        }
        Ok(Arc::new(content))
    }

    /// Puts the objects that stand in Secrets before the others of their phase.
    async fn add_secrets(
        &self,
        content: &mut Content,
        set: &SetObject,
    ) -> Result<(), ContentFailure> {
        let reader = &self.secret_reader(set).await?;
        let phases = set.spec.phases.iter().enumerate();
        let names: Vec<(usize, String)> = phases
            .flat_map(|(at, phase)| phase.secrets.iter().map(move |name| (at, name.clone())))
            .collect();
        let mut found = stream::iter(names)
            .map(|(at, name)| async move { reader.read(&name).await.map(|secret| (at, secret)) })
            .buffered(READS);
        let mut of_phases = vec![Vec::new(); content.phases.len()];
        while let Some((at, secret)) = found.try_next().await? {
            let objects = secrets::objects(&secret).map_err(|error| missing(error.to_string()))?;
            of_phases[at].extend(objects);
        }
        for (phase, mut objects) in content.phases.iter_mut().zip(of_phases) {
            objects.append(&mut phase.objects);
            phase.objects = objects;
        }
        Ok(())
    }

    async fn secret_reader(&self, set: &SetObject) -> Result<SecretReader<'_>, ContentFailure> {
        let namespace = set.metadata.namespace.as_ref().unwrap_or(&self.namespace);
        let api = match &set.spec.order {
            Some(_) => None,
            None => {
                let name = &set.metadata.name;
                let head = set
                    .head()
                    .map_err(|error| missing(format!("set {name}: {error}")))?;
                let (_, api) = self.accounts.open(&head).await.map_err(|block| {
                    let message = format!("{}: {}", block.reason, block.message);
                    let failure = Failure::new(FailureKind::AccountNotAllowed, message);
                    ContentFailure::Unavailable(failure)
                })?;
                Some(api)
            }
        };
        Ok(SecretReader {
            client: &self.client,
            namespace: namespace.clone(),
            api,
        })
    }
}

/// Reads Secrets of objects: the agent's own for a hub's order, as the set's account for a directly used set.
struct SecretReader<'a> {
    client: &'a AgentClient,
    namespace: String,
    api: Option<Arc<dyn ObjectApi>>,
}

impl SecretReader<'_> {
    async fn read(&self, name: &str) -> Result<Secret, ContentFailure> {
        let namespace = Some(self.namespace.as_str());
        let secret = match &self.api {
            None => {
                self.client
                    .get::<Secret>(Resource::SECRET, namespace, name)
                    .await
            }
            Some(api) => {
                let key = ObjectKey::new(Kind::new("", "v1", "Secret"), namespace, name);
                api.get(&key)
                    .await
                    .map(|found| found.and_then(|value| serde_json::from_value(value).ok()))
            }
        };
        secret
            .map_err(ContentFailure::Unavailable)?
            .ok_or_else(|| missing(format!("Secret {}/{name} is not there", self.namespace)))
    }
}
