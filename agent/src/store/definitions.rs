//! Our own CustomResourceDefinitions: while one of them is being deleted, no teardown starts.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use serde::Deserialize;

use crate::cluster_api::AgentClient;

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

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Metadata {
    name: String,
    #[serde(default)]
    deletion_timestamp: Option<String>,
}

impl Definitions {
    /// A definition was seen.
    pub(super) fn seen(&self, definition: &Definition) {
        let name = &definition.metadata.name;
        if !name.ends_with(stevedore_crds::GROUP) {
            return;
        }
        let mut terminating = self.lock();
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

    /// A definition is gone. What was stored in it went with it, so nothing is left to protect.
    pub(super) fn removed(&self, definition: &Definition) {
        self.lock().remove(&definition.metadata.name);
    }

    /// Whether one is being deleted.
    pub(super) fn are_terminating(&self) -> bool {
        !self.lock().is_empty()
    }

    /// Reads the definitions of the sets now: a set that is being deleted may be seen before the deletion of
    /// its definition, which caused it, is.
    pub(super) async fn read(&self, client: &AgentClient) {
        for name in SETS {
            match client
                .get::<CustomResourceDefinition, Definition>(None, name)
                .await
            {
                Ok(Some(definition)) => self.seen(&definition),
                Ok(None) => {
                    self.lock().remove(name);
                }
                Err(failure) => {
                    tracing::warn!(definition = name, %failure, "a definition cannot be read")
                }
            }
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeSet<String>> {
        self.terminating
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
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
        assert!(!definitions.are_terminating());
        definitions.seen(&definition("objectsets.stevedore.dev", true));
        assert!(definitions.are_terminating());
        definitions.removed(&definition("objectsets.stevedore.dev", true));
        assert!(!definitions.are_terminating());
    }
}
