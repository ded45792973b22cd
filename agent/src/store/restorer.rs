//! The restorer: the newest set of a hub's deployment that somebody deleted is written again as it was.

use std::sync::Arc;

use serde::Serialize;
use serde_json::value::RawValue;
use stevedore_agent_core::failure::{Failure, FailureKind};
use stevedore_client::decode::part;
use stevedore_runtime::retry::Delays;
use stevedore_runtime::supervise::Tasks;

use super::definitions::Definitions;
use super::index::{Entry, Index};
use super::set_object::SetObject;
use super::signal::Signal;
use super::state_secret::StateSecret;
use super::store_error::{UNTIL_IT_WORKS, vanished};
use crate::cluster_api::{AgentClient, Resource};
use crate::ports::Answer;
use crate::wait::until_next_attempt;

/// Writes lost sets again.
pub(super) struct Restorer {
    pub(super) client: AgentClient,
    pub(super) index: Arc<Index>,
    pub(super) state: Arc<StateSecret>,
    pub(super) definitions: Arc<Definitions>,
    pub(super) circumstances: Arc<Signal>,
    pub(super) tasks: Tasks,
}

impl Restorer {
    /// Starts to write a removed set again, until it is there or a newer order is. Whatever refuses it may let it pass
    /// later, and until then the engine must not take the set before it for the accepted one.
    pub(super) fn restore(self: &Arc<Self>, name: &str, entry: Entry, object: &RawValue) {
        let Some(body) = fresh(name, object) else {
            self.index.accept_loss(entry.deployment);
            return;
        };
        tracing::warn!(
            set = name,
            "the newest set of an order was deleted; it is written again"
        );
        let this = Arc::clone(self);
        let name = format!("restore {name}");
        let _runs_by_itself = self.tasks.spawn_until_shutdown(name, async move {
            this.write_again(entry, body).await;
        });
    }

    async fn write_again(&self, removed: Entry, body: NewSet) {
        let mut delays = Delays::new(UNTIL_IT_WORKS);
        let mut circumstances = self.circumstances.subscribe();
        while self.index.is_lost(&removed) {
            match self.try_write_again(&removed, &body).await {
                Ok(()) => return,
                Err(failure) => tracing::debug!(%failure, "a set cannot be written again yet"),
            }
            until_next_attempt(&mut delays, &mut circumstances).await;
        }
    }

    async fn try_write_again(&self, removed: &Entry, body: &NewSet) -> Answer<()> {
        self.definitions.read(&self.client).await;
        if self.definitions.are_terminating() {
            let why = "its definition is being deleted";
            return Err(Failure::new(FailureKind::Unavailable, why));
        }
        if let Some(order) = &removed.head.order
            && self
                .state
                .is_finished(removed.deployment, &order.tuple)
                .await?
        {
            self.index.accept_loss(removed.deployment);
            return Ok(());
        }
        let own = Resource::CLUSTER_OBJECT_SET;
        let set: SetObject = match self.client.create(own, None, body, false).await {
            Ok(set) => set,
            // Somebody, perhaps a second copy of the agent, was faster.
            Err(failure) if failure.kind == FailureKind::Conflict => {
                let found = self.client.get(own, None, &body.metadata.name).await?;
                found.ok_or_else(vanished)?
            }
            Err(failure) => return Err(failure),
        };
        self.index.enter(&set);
        if self.index.is_lost(removed) {
            let what = "another set has its name";
            return Err(Failure::new(FailureKind::Conflict, what));
        }
        Ok(())
    }
}

/// What of a removed set makes the new one. Nothing of it is decoded: it is stored again as it was.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct NewSet {
    api_version: String,
    kind: &'static str,
    metadata: NewMetadata,
    spec: Box<RawValue>,
}

#[derive(Serialize)]
struct NewMetadata {
    name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    labels: Option<Box<RawValue>>,
}

fn fresh(name: &str, removed: &RawValue) -> Option<NewSet> {
    Some(NewSet {
        api_version: Resource::CLUSTER_OBJECT_SET.api_version(),
        kind: Resource::CLUSTER_OBJECT_SET.kind(),
        metadata: NewMetadata {
            name: name.to_owned(),
            labels: part(removed, &["metadata", "labels"]),
        },
        spec: part(removed, &["spec"])?,
    })
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};
    use std::time::Duration;

    use serde_json::Value;

    use super::super::script::{SETS, Script, refusal, set};
    use super::*;

    /// Has the fifth set deleted at an API server where writing it again is answered like this.
    async fn deleted(
        answer: impl Fn(&str) -> Option<(u16, Value)> + Send + Sync + 'static,
    ) -> Script {
        let script = Script::new(move |question, _| answer(question)).await;
        let index = &script.store.index;
        let newest = set(5);
        for object in [&set(4), &newest] {
            index.enter(&serde_json::from_value(object.clone()).unwrap());
        }
        let entry = index.remove(&(None, "web-5".into()), "uid-5").unwrap();
        let removed = serde_json::value::to_raw_value(&newest).unwrap();
        let restorer = &script.store.watches.restorer;
        restorer.restore("web-5", entry, &removed);
        script
    }

    #[tokio::test]
    async fn a_set_that_is_refused_is_written_again_when_it_is_not_any_more() {
        let refusals = AtomicU32::new(0);
        let create = format!("POST {SETS}");
        let script = deleted(move |question| {
            // By an outage, by a policy, and by who has its name.
            let refused = |times| [503, 422, 409].get(times as usize).copied();
            (question == create).then(|| {
                let code = refused(refusals.fetch_add(1, Ordering::Relaxed));
                code.map_or_else(|| (201, set(5)), |code| refusal(code, "later"))
            })
        })
        .await;
        let (restorer, lost) = (&script.store.watches.restorer, script.store.lost());
        let ended = async {
            while Arc::strong_count(restorer) > 1 {
                tokio::task::yield_now().await;
            }
        };
        let ended = tokio::time::timeout(Duration::from_secs(20), ended).await;
        ended.expect("it is written again");
        let names = script.store.index.names(false);
        assert_eq!((names.len(), *lost.borrow()), (2, 0));
    }
}
