//! Watches over the objects that facts are read from, where a member has such objects: a change is read at once.
//!
//! Only metadata is watched, and nothing of it kept but a fingerprint.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::Arc;

use serde::Deserialize;
use serde_json::value::RawValue;
use stevedore_agent_core::failure::Failure;
use stevedore_client::watch::{self, Circumstances, Handler, Notice, Subject};
use stevedore_proto_core::Environment;
use stevedore_runtime::supervise::Tasks;
use tokio::sync::Notify;

use super::open_shift::{CLUSTER_VERSION, MANAGED, PROXY};
use crate::cluster_api::watch_requests::WatchRequests;
use crate::cluster_api::{AgentClient, Resource};
use crate::ports::Answer;

/// The watches of one agent. Each runs from when its kind was first there.
pub(super) struct Watches {
    client: AgentClient,
    circumstances: Circumstances,
    tasks: Tasks,
    changed: Arc<Notify>,
    follows_open_shift: bool,
    follows_hyper_shift: bool,
}

/// Which changes of an object matter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Matters {
    /// All of them, those of the status too.
    Everything,
    /// Those of what people write: a status that changes every few seconds is not read.
    Wanted,
}

impl Watches {
    pub(super) fn new(client: &AgentClient, circumstances: Circumstances, tasks: Tasks) -> Self {
        Self {
            client: client.clone(),
            circumstances,
            tasks,
            changed: Arc::default(),
            follows_open_shift: false,
            follows_hyper_shift: false,
        }
    }

    /// Waits for a change of what is watched.
    pub(super) async fn changed(&self) {
        self.changed.notified().await;
    }

    /// Watches what this environment has, if it is not watched yet.
    pub(super) fn follow(&mut self, environment: &Environment) {
        if environment.open_shift.present().is_some() && !self.follows_open_shift {
            self.follows_open_shift = true;
            let (namespace, name) = MANAGED;
            for (what, subject) in [
                (
                    "cluster-version",
                    one(Resource::CLUSTER_VERSION, None, CLUSTER_VERSION),
                ),
                ("proxy", one(Resource::PROXY, None, PROXY)),
                (
                    "managed-cluster",
                    one(Resource::CONFIG_MAP, Some(namespace), name),
                ),
            ] {
                self.start(what, subject, Matters::Everything);
            }
        }
        if environment.hyper_shift.present().is_some() && !self.follows_hyper_shift {
            self.follows_hyper_shift = true;
            let subject = AgentClient::subject(Resource::HOSTED_CLUSTER, true);
            self.start("hosted-clusters", subject, Matters::Wanted);
        }
    }

    fn start(&self, what: &'static str, subject: Answer<Subject>, matters: Matters) {
        let Ok(subject) = subject else { return };
        let requests = WatchRequests::own(self.client.transport().clone());
        let circumstances = self.circumstances.clone();
        let mut seen = Seen {
            what,
            matters,
            changed: Arc::clone(&self.changed),
            fingerprints: BTreeMap::new(),
            listed: None,
        };
        self.tasks.run_until_shutdown(what, async move {
            watch::run(&requests, &subject, circumstances, &mut seen).await;
        });
    }
}

fn one(resource: Resource, namespace: Option<&str>, name: &str) -> Answer<Subject> {
    AgentClient::subject_of(resource, namespace, name)
}

/// What one watch has seen.
struct Seen {
    what: &'static str,
    matters: Matters,
    changed: Arc<Notify>,
    /// Of every object that is there, by its UID.
    fingerprints: BTreeMap<String, u64>,
    /// The same of a list that is being read.
    listed: Option<BTreeMap<String, u64>>,
}

#[derive(Deserialize)]
struct Object {
    metadata: Metadata,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Metadata {
    uid: String,
    #[serde(default)]
    resource_version: String,
    #[serde(default)]
    generation: i64,
    #[serde(default)]
    labels: BTreeMap<String, String>,
    #[serde(default)]
    annotations: BTreeMap<String, String>,
}

impl Seen {
    fn fingerprint(&self, object: &RawValue) -> Option<(String, u64)> {
        let Object { metadata } = serde_json::from_str(object.get()).ok()?;
        let mut hasher = DefaultHasher::new();
        match self.matters {
            Matters::Everything => metadata.resource_version.hash(&mut hasher),
            Matters::Wanted => {
                metadata.generation.hash(&mut hasher);
                metadata.labels.hash(&mut hasher);
                metadata.annotations.hash(&mut hasher);
            }
        }
        Some((metadata.uid, hasher.finish()))
    }
}

impl Handler<Failure> for Seen {
    async fn take(&mut self, notice: Notice<Failure>) {
        match notice {
            Notice::Restarted => self.listed = Some(BTreeMap::new()),
            Notice::Synced => {
                if let Some(listed) = self.listed.take()
                    && listed != self.fingerprints
                {
                    self.fingerprints = listed;
                    self.changed.notify_one();
                }
            }
            Notice::Seen(object) => {
                let Some((uid, fingerprint)) = self.fingerprint(&object) else {
                    return;
                };
                if let Some(listed) = &mut self.listed {
                    listed.insert(uid, fingerprint);
                } else if self.fingerprints.insert(uid, fingerprint) != Some(fingerprint) {
                    self.changed.notify_one();
                }
            }
            Notice::Removed(object) => {
                if let Some((uid, _)) = self.fingerprint(&object) {
                    self.fingerprints.remove(&uid);
                    self.changed.notify_one();
                }
            }
            Notice::Failed(failure) => {
                tracing::debug!(watch = self.what, %failure, "facts are read from time to time only");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn seen(matters: Matters) -> Seen {
        Seen {
            what: "test",
            matters,
            changed: Arc::default(),
            fingerprints: BTreeMap::new(),
            listed: None,
        }
    }

    fn object(version: &str, generation: i64) -> Box<RawValue> {
        let object = json!({"metadata": {
            "uid": "u", "resourceVersion": version, "generation": generation,
        }});
        serde_json::value::to_raw_value(&object).unwrap()
    }

    /// Whether this was told as a change.
    async fn is_told(seen: &mut Seen, notices: Vec<Notice<Failure>>) -> bool {
        for notice in notices {
            seen.take(notice).await;
        }
        let told = seen.changed.notified();
        futures::FutureExt::now_or_never(told).is_some()
    }

    #[tokio::test]
    async fn a_list_that_is_what_was_known_tells_nothing() {
        let mut seen = seen(Matters::Everything);
        let list = |version: &str| {
            vec![
                Notice::Restarted,
                Notice::Seen(object(version, 1)),
                Notice::Synced,
            ]
        };
        assert!(is_told(&mut seen, list("1")).await);
        assert!(!is_told(&mut seen, list("1")).await);
        assert!(is_told(&mut seen, list("2")).await);
        let gone = vec![Notice::Restarted, Notice::Synced];
        assert!(is_told(&mut seen, gone).await);
    }

    #[tokio::test]
    async fn a_status_counts_only_where_facts_are_read_from_it() {
        let mut whole = seen(Matters::Everything);
        let mut wanted = seen(Matters::Wanted);
        for (at, (version, generation)) in [("1", 1), ("2", 1), ("3", 2)].iter().enumerate() {
            let notice = || vec![Notice::Seen(object(version, *generation))];
            assert!(is_told(&mut whole, notice()).await);
            assert_eq!(is_told(&mut wanted, notice()).await, at != 1);
        }
        assert!(is_told(&mut wanted, vec![Notice::Removed(object("3", 2))]).await);
    }
}
