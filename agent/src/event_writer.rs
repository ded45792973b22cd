//! The writer of Kubernetes Events on sets, which a person sees with `kubectl describe`.

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
use crate::ports::{EventRecorder, SetEvent, object_reference};

/// Events that wait to be written; more are dropped, the set's status says the same.
const QUEUE: usize = 64;
/// The same event of the same set is not repeated for this long.
const REPEAT_AFTER: Duration = Duration::from_secs(600);
/// Between two Events, whatever they are about.
const INTERVAL: Duration = Duration::from_millis(200);
/// Events that are remembered for that; beyond it the memory starts over.
const MAX_RECENT: usize = 1024;
/// The longest note that the API server takes.
const MAX_NOTE: usize = 1024;
/// Where Events about cluster-scoped objects live.
const CLUSTER_WIDE: &str = "default";
const CONTROLLER: &str = "stevedore.dev/agent";

/// Writes Events in a task of its own.
pub struct EventWriter {
    queue: mpsc::Sender<(SetRef, SetEvent)>,
}

impl EventWriter {
    /// Starts the task. `instance` names this process.
    pub fn start(client: AgentClient, instance: String, tasks: &Tasks) -> Self {
        let (queue, waiting) = mpsc::channel(QUEUE);
        tasks.run_until_shutdown("events", write(client, instance, waiting));
        Self { queue }
    }
}

impl EventRecorder for EventWriter {
    fn record(&self, set: &SetRef, event: SetEvent) {
        // A full queue means that the same thing happens again and again.
        let _ = self.queue.try_send((set.clone(), event));
    }
}

async fn write(
    client: AgentClient,
    instance: String,
    mut waiting: mpsc::Receiver<(SetRef, SetEvent)>,
) {
    let mut recent: HashMap<(SetUid, Reason, String), Instant> = HashMap::new();
    while let Some((set, event)) = waiting.recv().await {
        let key = (set.uid.clone(), event.reason.clone(), event.message.clone());
        if recent
            .get(&key)
            .is_some_and(|at| at.elapsed() < REPEAT_AFTER)
        {
            continue;
        }
        if recent.len() >= MAX_RECENT {
            recent.clear();
        }
        recent.insert(key, Instant::now());
        let namespace = set.namespace.as_deref().unwrap_or(CLUSTER_WIDE);
        let body = body(&set, namespace, &event, &instance);
        if let Err(failure) = client
            .create::<IgnoredAny>(Resource::EVENT, Some(namespace), &body, false)
            .await
        {
            tracing::debug!(set = set.name, %failure, "an Event cannot be written");
        }
        sleep(INTERVAL).await;
    }
}

fn body(set: &SetRef, namespace: &str, event: &SetEvent, instance: &str) -> Value {
    let mut regarding = object_reference(set);
    if let Some(namespace) = &set.namespace {
        regarding["namespace"] = namespace.as_str().into();
    }
    json!({
        "apiVersion": "events.k8s.io/v1",
        "kind": "Event",
        "metadata": {"generateName": "stevedore-", "namespace": namespace},
        "eventTime": format!("{:.6}", Timestamp::now()),
        "type": if event.warning { "Warning" } else { "Normal" },
        "reason": event.reason.as_str(),
        "action": event.reason.as_str(),
        "note": stevedore_proto_core::status::shorten(event.message.clone(), MAX_NOTE),
        "reportingController": CONTROLLER,
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
        let event = SetEvent {
            warning: true,
            reason: Reason::Drift,
            message: "x".repeat(2000),
        };
        let body = body(&set, CLUSTER_WIDE, &event, "agent-1");
        assert_eq!(body["metadata"]["namespace"], "default");
        assert_eq!(body["type"], "Warning");
        assert!(body["regarding"].get("namespace").is_none());
        assert!(body["note"].as_str().unwrap().len() <= MAX_NOTE);
        assert!(body["eventTime"].as_str().unwrap().ends_with('Z'));
    }
}
