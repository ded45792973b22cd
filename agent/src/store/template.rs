//! The content of a set as it is stored: objects of kind Secret stand apart, in Secrets that are written before the
//! set.

use std::sync::Arc;

use futures::{StreamExt as _, TryStreamExt as _, stream};
use serde::Deserialize as _;
use serde::de::IgnoredAny;
use serde_json::{Map, Value};
use stevedore_agent_core::failure::FailureKind;
use stevedore_agent_core::session::StoreError;
use stevedore_proto_core::content::PhaseObject;
use stevedore_proto_core::{Content, ContentRef, Reason};

use super::index::Index;
use super::store_error::{persist, refused};
use super::{secrets, write_cache};
use crate::cluster_api::{AgentClient, Resource};

/// What the spec of a stored set has of its content.
const PARTS: [&str; 3] = ["phases", "availabilityProbes", "successDelaySeconds"];
/// Content from this size on is read off the reactor.
const LARGE: usize = 64 * 1024;
/// Secrets of one order that are written at once.
const SECRETS: usize = 4;

/// A content without its Secrets.
#[derive(Default)]
pub(super) struct Template {
    /// Its part of a set's spec.
    pub(super) spec: Map<String, Value>,
    /// What stands in Secrets, by phase; absent where it was not read.
    secrets: Option<Vec<Vec<PhaseObject>>>,
}

impl Template {
    /// The content, from what the API server answered to the set's creation: what it stores is not always
    /// what was sent, and later readings must find the same. In the order in which they find it.
    pub(super) fn content(&mut self, stored: &Value) -> Option<Content> {
        let secrets = self.secrets.take()?;
        let mut content = Content::deserialize(stored).ok()?;
        for (phase, mut objects) in content.phases.iter_mut().zip(secrets) {
            objects.append(&mut phase.objects);
            phase.objects = objects;
        }
        Some(content)
    }
}

/// A content taken apart, and not stored yet.
struct Split {
    template: Template,
    /// By phase.
    packs: Vec<Vec<Vec<u8>>>,
}

fn split(bytes: &[u8]) -> Result<Split, StoreError> {
    let mut content =
        Content::decode(bytes).map_err(|error| refused(Reason::Undecodable, error.to_string()))?;
    let packs = secrets::split(&mut content)
        .map_err(|error| refused(Reason::TooLarge, error.to_string()))?;
    let unpacked = |packs: &Vec<Vec<u8>>| -> Vec<PhaseObject> {
        let packs = packs.iter().map(|pack| serde_json::from_slice(pack));
        let objects = packs.map(|objects: Result<Vec<_>, _>| objects.expect("just packed"));
        objects.flatten().collect()
    };
    let kept = bytes.len() <= write_cache::CAPACITY;
    let secrets = kept.then(|| packs.iter().map(unpacked).collect());
    let Ok(Value::Object(spec)) = serde_json::to_value(&content) else {
        unreachable!("content is a JSON object");
    };
    let template = Template { spec, secrets };
    Ok(Split { template, packs })
}

/// Writes content as sets store it.
pub(super) struct ContentWriter {
    pub(super) client: AgentClient,
    /// The agent's own namespace, where the Secrets stand.
    pub(super) namespace: String,
    /// Key of the names of Secrets.
    pub(super) digest_key: [u8; 32],
    pub(super) index: Arc<Index>,
}

impl ContentWriter {
    /// The content as a set stores it; its Secrets are written on the way.
    pub(super) async fn template(&self, bytes: Arc<[u8]>) -> Result<Template, StoreError> {
        let apart = if bytes.len() < LARGE {
            split(&bytes)
        } else {
            let reading = tokio::task::spawn_blocking(move || split(&bytes));
            let interrupted = |_| {
                let message = "the content was not read to its end".to_owned();
                refused(Reason::StoreFailed, message)
            };
            reading.await.map_err(interrupted)?
        };
        let Split {
            mut template,
            packs,
        } = apart?;
        let packs = packs.into_iter().enumerate();
        let packs = packs.flat_map(|(at, packs)| packs.into_iter().map(move |pack| (at, pack)));
        let names: Vec<(usize, String)> = stream::iter(packs)
            .map(|(at, pack)| async move { Ok((at, self.store_secret(pack).await?)) })
            .buffered(SECRETS)
            .try_collect()
            .await?;
        let mut phases = template.spec.get_mut("phases");
        for (at, name) in names {
            let phase = phases.as_mut().and_then(|phases| phases.get_mut(at));
            let named = &mut phase.expect("it had objects")["secrets"];
            match named {
                Value::Array(names) => names.push(name.into()),
                _ => *named = vec![name].into(),
            }
        }
        Ok(template)
    }

    async fn store_secret(&self, pack: Vec<u8>) -> Result<String, StoreError> {
        let name = secrets::name(&self.digest_key, &pack);
        let secret = secrets::secret(&name, &self.namespace, pack);
        let create = async || {
            let created = self.client.create::<IgnoredAny>(
                Resource::SECRET,
                Some(&self.namespace),
                &secret,
                false,
            );
            match created.await {
                // Named by its content and immutable: the one that is there is the same.
                Err(failure) if failure.kind == FailureKind::Conflict => Ok(()),
                other => other.map(|_| ()),
            }
        };
        let written = persist(create).await;
        written.map(|()| name).map_err(|refused| StoreError {
            message: "a Secret of the package could not be stored in the agent's namespace".into(),
            ..refused
        })
    }

    /// The content of a set that is stored already.
    pub(super) async fn template_of_stored(
        &self,
        reference: &ContentRef,
    ) -> Result<Template, StoreError> {
        let lacking = || {
            // For this reason the session fetches it: it went with a set that somebody deleted.
            let message = format!("no stored set has the content {}", reference.digest);
            refused(Reason::ContentUnavailable, message)
        };
        let source = self
            .index
            .with_content(&reference.digest)
            .ok_or_else(lacking)?;
        let own = Resource::CLUSTER_OBJECT_SET;
        let set = persist(|| self.client.get::<Value>(own, None, &source.name)).await?;
        let mut set = set
            .filter(|set| set["metadata"]["uid"] == *source.uid)
            .ok_or_else(lacking)?;
        let spec: Map<String, Value> = PARTS
            .into_iter()
            .filter_map(|key| Some((key.to_owned(), set["spec"].get_mut(key)?.take())))
            .collect();
        let phases = spec.get("phases").and_then(Value::as_array);
        let phases = phases.map(Vec::as_slice).unwrap_or_default();
        let known = phases.iter().all(|phase| phase.get("secrets").is_none());
        let secrets = known.then(|| vec![Vec::new(); phases.len()]);
        Ok(Template { spec, secrets })
    }
}
