//! Kubernetes Events on sets: what a person sees with `kubectl describe`.

use std::collections::HashMap;
use std::time::Duration;

use jiff::Timestamp;
use serde::de::IgnoredAny;
use serde_json::{Value, json};
use stevedore_agent_core::set::{SetRef, SetUid};
use stevedore_proto_core::Reason;
use stevedore_runtime::supervise::Tasks;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep};

use crate::cluster_api::{AgentClient, Resource};
use crate::ports::{Note, Notes, object_reference};

/// Notes that wait to be written; more are dropped, the set's status says the same.
const WAITING: usize = 64;
/// The same words about the same set are not repeated for this long.
const REPEAT: Duration = Duration::from_secs(600);
/// Between two Events, whatever they are about.
const PACE: Duration = Duration::from_millis(200);
/// Remembered notes; beyond that the memory starts over.
const REMEMBERED: usize = 1024;
/// The longest note that the API server takes.
const LONGEST: usize = 1024;
/// Where Events about cluster-scoped objects live.
const CLUSTER_WIDE: &str = "default";
const REPORTER: &str = "stevedore.dev/agent";

/// Writes Events in a task of its own.
pub struct EventWriter {
    queue: mpsc::Sender<(SetRef, Note)>,
}

impl EventWriter {
    /// Starts the task. `instance` names this process.
    pub fn start(client: AgentClient, instance: String, tasks: &Tasks) -> Self {
        let (queue, waiting) = mpsc::channel(WAITING);
        tasks.run_until_shutdown("events", write(client, instance, waiting));
        Self { queue }
    }
}

impl Notes for EventWriter {
    fn note(&self, set: &SetRef, note: Note) {
        // A full queue means that the same thing happens again and again.
        let _ = self.queue.try_send((set.clone(), note));
    }
}

async fn write(client: AgentClient, instance: String, mut waiting: mpsc::Receiver<(SetRef, Note)>) {
    let mut told: HashMap<(SetUid, Reason, String), Instant> = HashMap::new();
    while let Some((set, note)) = waiting.recv().await {
        let words = (set.uid.clone(), note.reason.clone(), note.message.clone());
        if told.get(&words).is_some_and(|at| at.elapsed() < REPEAT) {
            continue;
        }
        if told.len() >= REMEMBERED {
            told.clear();
        }
        told.insert(words, Instant::now());
        let namespace = set.namespace.as_deref().unwrap_or(CLUSTER_WIDE);
        let event = event(&set, namespace, &note, &instance);
        if let Err(failure) = client
            .create::<IgnoredAny>(Resource::EVENT, Some(namespace), &event, false)
            .await
        {
            tracing::debug!(set = set.name, %failure, "an Event cannot be written");
        }
        sleep(PACE).await;
    }
}

fn event(set: &SetRef, namespace: &str, note: &Note, instance: &str) -> Value {
    let mut regarding = object_reference(set);
    if let Some(namespace) = &set.namespace {
        regarding["namespace"] = namespace.as_str().into();
    }
    json!({
        "apiVersion": "events.k8s.io/v1",
        "kind": "Event",
        "metadata": {"generateName": "stevedore-", "namespace": namespace},
        "eventTime": format!("{:.6}", Timestamp::now()),
        "type": if note.warning { "Warning" } else { "Normal" },
        "reason": note.reason.as_str(),
        "action": note.reason.as_str(),
        "note": stevedore_proto_core::status::truncate(note.message.clone(), LONGEST),
        "reportingController": REPORTER,
        "reportingInstance": instance,
        "regarding": regarding,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_about_a_cluster_wide_set_lives_in_the_default_namespace() {
        let set = SetRef {
            namespace: None,
            name: "web-1".into(),
            uid: "u".into(),
        };
        let note = Note {
            warning: true,
            reason: Reason::Drift,
            message: "x".repeat(2000),
        };
        let event = event(&set, CLUSTER_WIDE, &note, "agent-1");
        assert_eq!(event["metadata"]["namespace"], "default");
        assert_eq!(event["type"], "Warning");
        assert!(event["regarding"].get("namespace").is_none());
        assert!(event["note"].as_str().unwrap().len() <= LONGEST);
        assert!(event["eventTime"].as_str().unwrap().ends_with('Z'));
    }
}
