//! The writer of conditions on objects of the agent's own kinds that cannot be decoded; they are logged, too.
//!
//! Such an object is neither acted on nor taken for deleted. What it contains is never told, only where and why it
//! cannot be decoded.

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use serde::de::IgnoredAny;
use serde_json::json;
use serde_json::value::RawValue;
use stevedore_agent_core::failure::FailureKind;
use stevedore_client::decode::{Identity, Undecodable, part};
use stevedore_crds::condition::{READY, STALLED, UNREADABLE, Update};
use stevedore_runtime::retry::{Delays, Schedule};
use stevedore_runtime::supervise::Tasks;
use tokio::sync::mpsc;
use tokio::time::sleep;

use crate::cluster_api::{AgentClient, Resource};
use crate::ports::Answer;

/// Findings that wait to be written; more are dropped, and found again with the next list.
const QUEUE: usize = 64;
/// Attempts at one write.
const ATTEMPTS: u32 = 5;

/// Writes conditions in a task of its own.
pub(crate) struct UnreadableWriter {
    queue: mpsc::Sender<Finding>,
}

/// An object that cannot be read, and the conditions that it has.
struct Finding {
    resource: Resource,
    identity: Identity,
    conditions: Vec<Condition>,
    message: String,
}

impl UnreadableWriter {
    /// Starts the task.
    pub(crate) fn start(client: AgentClient, tasks: &Tasks) -> Self {
        let (queue, mut waiting) = mpsc::channel(QUEUE);
        tasks.run_until_shutdown("unreadable", async move {
            while let Some(finding) = waiting.recv().await {
                write(&client, finding).await;
            }
        });
        Self { queue }
    }

    /// Tells why an object cannot be read. Never waits.
    pub(crate) fn report(&self, resource: Resource, object: &RawValue, why: &Undecodable) {
        let Some(identity) = log(resource, object, why) else {
            return;
        };
        self.report_blocked(
            resource,
            identity,
            object,
            format!("the agent cannot read it: {why}"),
        );
    }

    /// Says on an object why nothing is done for it.
    pub(crate) fn report_blocked(
        &self,
        resource: Resource,
        identity: Identity,
        object: &RawValue,
        message: String,
    ) {
        let conditions = part(object, &["status", "conditions"]).unwrap_or_default();
        let finding = Finding {
            identity,
            conditions,
            message,
            resource,
        };
        // A full queue means that many are found at once: the next list finds them again.
        let _ = self.queue.try_send(finding);
    }
}

/// Logs why an object cannot be read, and gives its identity.
pub(crate) fn log(resource: Resource, object: &RawValue, why: &Undecodable) -> Option<Identity> {
    let identity = Identity::of(object);
    let named = identity.as_ref();
    tracing::warn!(
        kind = resource.kind(),
        namespace = named.and_then(|identity| identity.namespace.as_deref()),
        name = named.map(|identity| identity.name.as_str()),
        %why,
        "an object cannot be read and is left as it is"
    );
    identity
}

/// The conditions with ours among them; nothing where they say so already.
fn with_ours(finding: &Finding, now: Timestamp) -> Option<Vec<Condition>> {
    let generation = finding.identity.generation;
    let mut conditions = finding.conditions.clone();
    conditions.sort_by(|a, b| a.type_.cmp(&b.type_));
    for (type_, status) in [(READY, false), (STALLED, true)] {
        let update = Update::new(type_, status, UNREADABLE, &finding.message);
        update.apply(&mut conditions, generation, now);
    }
    (conditions != finding.conditions).then_some(conditions)
}

async fn write(client: &AgentClient, finding: Finding) {
    let Some(conditions) = with_ours(&finding, Timestamp::now()) else {
        return;
    };
    let mut delays = Delays::new(Schedule::OPERATION);
    while delays.attempts() < ATTEMPTS {
        match patch(client, &finding, &conditions).await {
            // What changed since is seen again as it is now.
            Err(failure)
                if !matches!(
                    failure.kind,
                    FailureKind::NotFound | FailureKind::Conflict | FailureKind::Invalid
                ) =>
            {
                tracing::debug!(object = finding.identity.name, %failure, "a condition cannot be written");
                sleep(delays.next(rand::random())).await;
            }
            _ => return,
        }
    }
}

async fn patch(client: &AgentClient, finding: &Finding, conditions: &[Condition]) -> Answer<()> {
    let identity = &finding.identity;
    let patch = json!({
        "metadata": {"uid": identity.uid, "resourceVersion": identity.resource_version},
        "status": {"conditions": conditions},
    });
    let namespace = identity.namespace.as_deref();
    let status = Some("status");
    client
        .patch::<IgnoredAny>(finding.resource, namespace, &identity.name, status, &patch)
        .await
        .map(|_| ())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn finding(conditions: Vec<Condition>, generation: i64) -> Finding {
        let object = json!({"metadata": {"name": "a", "uid": "u", "generation": generation}});
        let object = serde_json::value::to_raw_value(&object).unwrap();
        Finding {
            identity: Identity::of(&object).unwrap(),
            conditions,
            message: "the agent cannot read it".into(),
            resource: Resource::OBJECT_SET,
        }
    }

    #[test]
    fn what_an_object_says_already_is_not_written_again() {
        let now = Timestamp::UNIX_EPOCH;
        let written = with_ours(&finding(vec![], 1), now).unwrap();
        assert_eq!(written.len(), 2);
        assert_eq!(with_ours(&finding(written.clone(), 1), now), None);
        assert!(with_ours(&finding(written, 2), now).is_some());
    }
}
