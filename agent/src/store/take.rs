//! A directly used set gets our finalizer before the engine may have it.

use std::sync::Arc;

use serde::de::IgnoredAny;
use serde_json::json;
use stevedore_agent_core::failure::FailureKind;
use stevedore_client::watch::changed;
use stevedore_runtime::retry::Delays;
use tokio::time::sleep;

use super::Store;
use super::head::{FINALIZER, SetHead};
use super::restore::SCHEDULE;
use crate::ports::Answer;

impl Store {
    /// Gives a set our finalizer, in a task; the event of that write hands it to the engine. It is tried until
    /// it works, or until the set needs none: no other event may ever come.
    pub(super) fn take_in_hand(self: &Arc<Self>, head: SetHead) {
        let set = head.reference();
        if !self.taking.lock().insert(set.uid.clone()) {
            return;
        }
        let store = Arc::clone(self);
        let name = format!("take {}", set.name);
        let _runs_by_itself = self.tasks.spawn_until_shutdown(name, async move {
            store.take(head).await;
            store.taking.lock().remove(&set.uid);
        });
    }

    async fn take(&self, seen: SetHead) {
        let set = seen.reference();
        let mut delays = Delays::new(SCHEDULE);
        let mut circumstances = self.circumstances();
        let mut seen = Some(seen);
        loop {
            let now = match seen.take() {
                Some(seen) => Ok(Some(seen)),
                None => self.head(&set).await,
            };
            let given = match now {
                Ok(Some(head)) if head.waits_for_finalizer() => self.give_finalizer(&head).await,
                Ok(_) => return,
                Err(failure) => Err(failure),
            };
            match given {
                Ok(()) => return,
                Err(failure) => {
                    tracing::info!(set = set.name, %failure, "a set cannot be given our finalizer yet");
                }
            }
            tokio::select! {
                () = sleep(delays.next(rand::random())) => {}
                () = changed(&mut circumstances) => {}
            }
        }
    }

    async fn give_finalizer(&self, head: &SetHead) -> Answer<()> {
        let set = head.reference();
        let mut finalizers = head.metadata.finalizers.clone();
        finalizers.push(FINALIZER.into());
        let patch = json!({"metadata": {"uid": set.uid, "finalizers": finalizers,
            "resourceVersion": head.metadata.resource_version}});
        match self.patch_set::<IgnoredAny>(&set, None, &patch).await {
            Err(failure) if failure.kind == FailureKind::NotFound => Ok(()),
            other => other.map(|_| ()),
        }
    }
}
