//! The newest set of a hub's deployment that somebody deleted is written again as it was.

use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use serde_json::value::RawValue;
use stevedore_agent_core::failure::{Failure, FailureKind};
use stevedore_client::decode::part;
use stevedore_client::watch::changed;
use stevedore_crds::v1alpha1::ClusterObjectSet;
use stevedore_runtime::retry::{Delays, Schedule};
use tokio::time::sleep;

use super::head::SetHead;
use super::index::Entry;
use super::{Store, accept};
use crate::ports::Answer;

/// Between attempts at what is tried until it works; while a definition is gone, this may take long.
pub(super) const SCHEDULE: Schedule =
    Schedule::new(Duration::from_millis(200), Duration::from_secs(30));

impl Store {
    /// Starts to write a removed set again, until it is there or a newer order is.
    pub(super) fn restore(self: &Arc<Self>, name: &str, entry: Entry, object: &RawValue) {
        let Some(body) = fresh(name, object) else {
            self.index.give_up(entry.deployment);
            return;
        };
        tracing::warn!(
            set = name,
            "the newest set of an order was deleted; it is written again"
        );
        let store = Arc::clone(self);
        let name = format!("restore {name}");
        let _runs_by_itself = self.tasks.spawn_until_shutdown(name, async move {
            store.write_again(entry, body).await;
        });
    }

    async fn write_again(&self, removed: Entry, body: NewSet) {
        let mut delays = Delays::new(SCHEDULE);
        let mut circumstances = self.circumstances();
        while self.index.is_lost(&removed) {
            match self.try_write_again(&removed, &body).await {
                Ok(()) => return,
                Err(failure) => tracing::debug!(%failure, "a set cannot be written again yet"),
            }
            tokio::select! {
                () = sleep(delays.next(rand::random())) => {}
                () = changed(&mut circumstances) => delays.reset(),
            }
        }
    }

    async fn try_write_again(&self, removed: &Entry, body: &NewSet) -> Answer<()> {
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
            .create::<ClusterObjectSet, SetHead>(None, body, false)
            .await;
        let head = match created {
            Ok(head) => head,
            // Somebody, perhaps a second copy of the agent, was faster.
            Err(failure) if failure.kind == FailureKind::Conflict => {
                let name = &body.metadata.name;
                let found = self.client.get::<ClusterObjectSet, _>(None, name).await?;
                found.ok_or_else(accept::vanished)?
            }
            Err(failure) => return Err(failure),
        };
        self.enter(&head);
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
        api_version: format!("{}/{}", stevedore_crds::GROUP, stevedore_crds::VERSION),
        kind: "ClusterObjectSet",
        metadata: NewMetadata {
            name: name.to_owned(),
            labels: part(removed, &["metadata", "labels"]),
        },
        spec: part(removed, &["spec"])?,
    })
}
