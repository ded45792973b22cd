//! CustomResourceDefinitions: which changes of them matter; and our own, for while one of them is being deleted,
//! no teardown starts.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use parking_lot::Mutex;
use serde::Deserialize;
use stevedore_runtime::retry::{Delays, Schedule};
use tokio::time::{Instant, sleep};

use crate::cluster_api::{AgentClient, Resource};
use crate::ports::Answer;

/// Those whose deletion takes stored sets away.
const SETS: [&str; 2] = [
    "clusterobjectsets.stevedore.dev",
    "objectsets.stevedore.dev",
];

/// Which of our definitions are being deleted.
#[derive(Debug, Default)]
pub(super) struct Definitions {
    terminating: Mutex<BTreeSet<String>>,
}

/// The metadata of a definition, as far as it matters.
#[derive(Debug, Deserialize)]
pub(super) struct Definition {
    metadata: Metadata,
}

impl Definition {
    /// Such as `objectsets.stevedore.dev`.
    pub(super) fn name(&self) -> &str {
        &self.metadata.name
    }
}

/// Whether a definition of this name is of our group.
fn is_ours(name: &str) -> bool {
    name.split_once('.')
        .is_some_and(|(_, group)| group == stevedore_crds::GROUP)
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Metadata {
    name: String,
    #[serde(default)]
    generation: i64,
    #[serde(default)]
    deletion_timestamp: Option<String>,
}

/// How long after a definition changed it may take until the API server serves what it says: all that happens
/// to it until then may be that.
const SERVING_DELAY: Duration = Duration::from_secs(30);

/// Every definition of the cluster, as far as a change may let something go on.
#[derive(Debug, Default)]
pub(super) struct Served(BTreeMap<String, State>);

#[derive(Debug)]
struct State {
    generation: i64,
    deleting: bool,
    since: Instant,
}

impl Served {
    /// Whether this is more than a label, an annotation or a status of a definition that has long been served.
    pub(super) fn seen(&mut self, definition: &Definition, now: Instant) -> bool {
        let metadata = &definition.metadata;
        let deleting = metadata.deletion_timestamp.is_some();
        if let Some(known) = self.0.get(&metadata.name)
            && known.generation == metadata.generation
            && known.deleting == deleting
        {
            return now.duration_since(known.since) < SERVING_DELAY;
        }
        let state = State {
            generation: metadata.generation,
            deleting,
            since: now,
        };
        self.0.insert(metadata.name.clone(), state);
        true
    }

    /// A definition is gone.
    pub(super) fn removed(&mut self, name: &str) {
        self.0.remove(name);
    }

    /// Names of those that are known.
    pub(super) fn names(&self) -> impl Iterator<Item = String> {
        self.0.keys().cloned()
    }
}

impl Definitions {
    /// A definition was seen.
    pub(super) fn seen(&self, definition: &Definition) {
        let name = &definition.metadata.name;
        if !is_ours(name) {
            return;
        }
        let mut terminating = self.terminating.lock();
        if definition.metadata.deletion_timestamp.is_some() {
            if terminating.insert(name.clone()) {
                tracing::warn!(
                    definition = name,
                    "a definition of ours is being deleted: no teardown starts"
                );
            }
        } else {
            terminating.remove(name);
        }
    }

    /// A definition of this name is gone. What was stored in it went with it, so nothing is left to protect.
    pub(super) fn removed(&self, name: &str) {
        self.terminating.lock().remove(name);
    }

    /// Names of those that are being deleted.
    pub(super) fn terminating(&self) -> BTreeSet<String> {
        self.terminating.lock().clone()
    }

    /// Whether one is being deleted.
    pub(super) fn are_terminating(&self) -> bool {
        !self.terminating.lock().is_empty()
    }

    /// Reads the definitions of the sets now: a set that is being deleted may be seen before the deletion of
    /// its definition, which caused it, is. Goes on until they were read: not to know tears nothing down.
    pub(super) async fn read(&self, client: &AgentClient) {
        for name in SETS {
            let mut delays = Delays::new(Schedule::OPERATION);
            while let Err(failure) = self.read_one(client, name).await {
                tracing::warn!(definition = name, %failure, "a definition cannot be read");
                sleep(delays.next(rand::random())).await;
            }
        }
    }

    async fn read_one(&self, client: &AgentClient, name: &str) -> Answer<()> {
        match client
            .get::<Definition>(Resource::DEFINITION, None, name)
            .await?
        {
            Some(definition) => self.seen(&definition),
            None => self.removed(name),
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn definition(name: &str, deleting: bool) -> Definition {
        let mut metadata = json!({"name": name});
        if deleting {
            metadata["deletionTimestamp"] = json!("2026-01-01T00:00:00Z");
        }
        serde_json::from_value(json!({"metadata": metadata})).unwrap()
    }

    #[test]
    fn only_our_own_definitions_stop_teardowns() {
        let definitions = Definitions::default();
        definitions.seen(&definition("certificates.cert-manager.io", true));
        definitions.seen(&definition("things.notstevedore.dev", true));
        assert!(!definitions.are_terminating());
        definitions.seen(&definition("objectsets.stevedore.dev", true));
        assert!(definitions.are_terminating());
        definitions.removed("objectsets.stevedore.dev");
        assert!(!definitions.are_terminating());
    }

    #[tokio::test]
    async fn a_definition_that_cannot_be_read_is_read_again_before_anything_is_concluded() {
        let asked = std::sync::atomic::AtomicUsize::new(0);
        let server = tower::service_fn(move |_: http::Request<kube::client::Body>| {
            let (code, body) = match asked.fetch_add(1, std::sync::atomic::Ordering::Relaxed) {
                0 | 1 => (503, json!({})),
                _ => (
                    200,
                    json!({"metadata": {"name": SETS[0], "deletionTimestamp": "2026-01-01T00:00:00Z"}}),
                ),
            };
            let body = kube::client::Body::from(body.to_string().into_bytes());
            std::future::ready(http::Response::builder().status(code).body(body))
        });
        let transport = crate::cluster_api::Transport::new(kube::Client::new(server, "default"));
        let definitions = Definitions::default();
        definitions.read(&AgentClient::new(transport)).await;
        assert!(definitions.are_terminating());
    }
}
