//! The agent's identity towards its hub, kept in Secret `stevedore-agent-identity`.

use std::collections::BTreeMap;

use futures::future::BoxFuture;
use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::Secret;
use kube::core::ObjectMeta;
use serde::de::IgnoredAny;
use stevedore_agent_core::failure::{Failure, FailureKind};
use stevedore_crds::record::AGENT_IDENTITY;

use crate::cluster_api::{AgentClient, Resource};
use crate::hub_link::{Credentials, IdentityStore, StoreFailure};
use crate::ports::Answer;

/// Attempts to write against another writer.
const ATTEMPTS: usize = 5;

/// The Secret, in the agent's namespace.
pub struct IdentitySecret {
    client: AgentClient,
    namespace: String,
}

impl IdentitySecret {
    /// The identity of the agent whose namespace this is.
    pub fn new(client: AgentClient, namespace: &str) -> Self {
        Self {
            client,
            namespace: namespace.to_owned(),
        }
    }

    async fn read(&self) -> Answer<Option<Secret>> {
        self.client
            .get::<Secret>(Resource::SECRET, Some(&self.namespace), AGENT_IDENTITY)
            .await
    }

    async fn write(&self, data: BTreeMap<String, Vec<u8>>) -> Answer<()> {
        let data: BTreeMap<_, _> = data
            .into_iter()
            .map(|(key, value)| (key, ByteString(value)))
            .collect();
        let mut last = None;
        for _ in 0..ATTEMPTS {
            let stored = self.read().await?;
            let answer = match stored {
                Some(mut secret) => {
                    secret.data = Some(data.clone());
                    let namespace = Some(self.namespace.as_str());
                    self.client
                        .replace(Resource::SECRET, namespace, AGENT_IDENTITY, &secret)
                        .await
                }
                None => self.create(data.clone()).await,
            };
            match answer {
                Ok(()) => return Ok(()),
                Err(failure) if failure.kind == FailureKind::Conflict => last = Some(failure),
                Err(failure) => return Err(failure),
            }
        }
        Err(last.unwrap_or_else(|| Failure::new(FailureKind::Conflict, "written by others")))
    }

    async fn create(&self, data: BTreeMap<String, ByteString>) -> Answer<()> {
        let secret = Secret {
            metadata: ObjectMeta {
                name: Some(AGENT_IDENTITY.into()),
                namespace: Some(self.namespace.clone()),
                ..ObjectMeta::default()
            },
            data: Some(data),
            ..Secret::default()
        };
        self.client
            .create::<IgnoredAny>(Resource::SECRET, Some(&self.namespace), &secret, false)
            .await
            .map(drop)
    }
}

impl IdentityStore for IdentitySecret {
    fn load(&self) -> BoxFuture<'_, Result<Option<Credentials>, StoreFailure>> {
        Box::pin(async move {
            let stored = self
                .read()
                .await
                .map_err(|failure| StoreFailure(failure.to_string()))?;
            let Some(data) = stored.and_then(|secret| secret.data) else {
                return Ok(None);
            };
            let data = data
                .into_iter()
                .map(|(key, value)| (key, value.0))
                .collect();
            match Credentials::from_data(&data) {
                Ok(credentials) => Ok(Some(credentials)),
                Err(error) => {
                    // As without one: a join token makes a new identity.
                    tracing::warn!(%error, "the stored identity cannot be used");
                    Ok(None)
                }
            }
        })
    }

    fn save(&self, credentials: Credentials) -> BoxFuture<'_, Result<(), StoreFailure>> {
        Box::pin(async move {
            let written = self.write(credentials.to_data()).await;
            written.map_err(|failure| StoreFailure(failure.to_string()))
        })
    }
}
