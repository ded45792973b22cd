//! A directly used set gets our finalizer before the engine may have it.

use std::collections::BTreeSet;
use std::sync::{Arc, MutexGuard, PoisonError};

use serde_json::json;
use stevedore_agent_core::failure::FailureKind;
use stevedore_runtime::retry::Delays;
use tokio::time::sleep;

use super::Store;
use super::head::{FINALIZER, SetHead};
use super::restore::SCHEDULE;
use crate::cluster_api::watch_loop;
use crate::engine::ports::{Answer, SetRef};

impl Store {
    /// Gives a set our finalizer; the event of that write hands it to the engine. What does not work now is
    /// tried until it does, or until the set needs none: no other event may ever come.
    pub(super) async fn take_in_hand(self: &Arc<Self>, head: &SetHead) {
        let Err(failure) = self.persist(|| self.give_finalizer(head)).await else {
            return;
        };
        let set = head.reference();
        tracing::warn!(set = set.name, %failure, "a set cannot be given our finalizer yet");
        if !self.taking().insert(set.uid.clone()) {
            return;
        }
        let store = Arc::clone(self);
        let stop = self.tasks.shutdown();
        let name = format!("take {}", set.name);
        let _runs_by_itself = self.tasks.spawn(name, async move {
            tokio::select! {
                () = store.take_patiently(&set) => {}
                () = stop.cancelled() => {}
            }
            store.taking().remove(&set.uid);
        });
    }

    fn taking(&self) -> MutexGuard<'_, BTreeSet<String>> {
        self.taking.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn take_patiently(&self, set: &SetRef) {
        let mut delays = Delays::new(SCHEDULE);
        let mut circumstances = self.circumstances();
        loop {
            tokio::select! {
                () = sleep(delays.next(rand::random())) => {}
                () = watch_loop::changed(&mut circumstances) => {}
            }
            let given = match self.head(set).await {
                Ok(Some(head)) if head.waits_for_finalizer() => self.give_finalizer(&head).await,
                Ok(_) => return,
                Err(failure) => Err(failure),
            };
            match given {
                Ok(()) => return,
                Err(failure) => tracing::debug!(set = set.name, %failure, "not in hand yet"),
            }
        }
    }

    async fn give_finalizer(&self, head: &SetHead) -> Answer<()> {
        let set = head.reference();
        let mut finalizers = head.metadata.finalizers.clone();
        finalizers.push(FINALIZER.into());
        let patch = json!({"metadata": {"uid": set.uid, "finalizers": finalizers,
            "resourceVersion": head.metadata.resource_version}});
        match self.patch_set(&set, None, &patch).await {
            // Changed or gone in between: its next event leads here again.
            Err(failure)
                if matches!(failure.kind, FailureKind::Conflict | FailureKind::NotFound) =>
            {
                Ok(())
            }
            other => other.map(|_| ()),
        }
    }
}
