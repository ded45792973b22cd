//! The newest set of a hub's deployment that somebody deleted is written again as it was.

use std::sync::Arc;
use std::time::Duration;

use serde_json::value::RawValue;
use serde_json::{Value, json};
use stevedore_agent_core::failure::{Failure, FailureKind};
use stevedore_crds::v1alpha1::ClusterObjectSet;
use stevedore_runtime::retry::{Delays, Schedule};
use tokio::time::sleep;

use super::index::Entry;
use super::{Store, accept};
use crate::cluster_api::watch_loop;
use crate::ports::Answer;

/// Between attempts at what is tried until it works; while a definition is gone, this may take long.
pub(super) const SCHEDULE: Schedule = Schedule {
    initial: Duration::from_millis(200),
    factor: 2.0,
    cap: Duration::from_secs(30),
};

impl Store {
    /// Starts to write a removed set again, until it is there or a newer order is.
    pub(super) fn restore(self: &Arc<Self>, name: &str, entry: Entry, object: &RawValue) {
        let Some(body) = Self::read::<Value>(object).map(fresh) else {
            self.index.give_up(entry.deployment);
            return;
        };
        tracing::warn!(
            set = name,
            "the newest set of an order was deleted; it is written again"
        );
        let store = Arc::clone(self);
        let stop = self.tasks.shutdown();
        let _runs_by_itself = self.tasks.spawn(format!("restore {name}"), async move {
            tokio::select! {
                () = store.write_again(entry, body) => {}
                () = stop.cancelled() => {}
            }
        });
    }

    async fn write_again(&self, removed: Entry, body: Value) {
        let mut delays = Delays::new(SCHEDULE);
        let mut circumstances = self.circumstances();
        while self.index.is_lost(&removed) {
            match self.try_write_again(&removed, &body).await {
                Ok(()) => return,
                Err(failure) => tracing::debug!(%failure, "a set cannot be written again yet"),
            }
            tokio::select! {
                () = sleep(delays.next(rand::random())) => {}
                () = watch_loop::changed(&mut circumstances) => delays.reset(),
            }
        }
    }

    async fn try_write_again(&self, removed: &Entry, body: &Value) -> Answer<()> {
        self.definitions.read(&self.client).await;
        if self.definitions.are_terminating() {
            let why = "its definition is being deleted";
            return Err(Failure::new(FailureKind::Unavailable, why));
        }
        if let Some(hub) = &removed.hub
            && self
                .state
                .is_finished(removed.deployment, &hub.tuple)
                .await?
        {
            self.index.give_up(removed.deployment);
            return Ok(());
        }
        let created = self
            .client
            .create::<ClusterObjectSet>(None, body, false)
            .await;
        let head = match created {
            Ok(answer) => accept::parse(&answer)?,
            // Somebody, perhaps a second copy of the agent, was faster.
            Err(failure) if failure.kind == FailureKind::Conflict => {
                let name = body["metadata"]["name"].as_str().unwrap_or_default();
                let found = self.client.get::<ClusterObjectSet, _>(None, name).await?;
                found.ok_or_else(accept::vanished)?
            }
            Err(failure) => return Err(failure),
        };
        self.enter(&head);
        Ok(())
    }
}

/// What of a removed set makes the new one.
fn fresh(mut removed: Value) -> Value {
    json!({
        "apiVersion": format!("{}/{}", stevedore_crds::GROUP, stevedore_crds::VERSION),
        "kind": "ClusterObjectSet",
        "metadata": {
            "name": removed["metadata"]["name"].take(),
            "labels": removed["metadata"]["labels"].take(),
        },
        "spec": removed["spec"].take(),
    })
}
