//! Finalizers of directly used sets: each gets ours before the engine may have it.

use std::collections::BTreeSet;
use std::sync::Arc;

use parking_lot::Mutex;
use stevedore_agent_core::set::{SetHead, SetUid};
use stevedore_runtime::retry::Delays;
use stevedore_runtime::supervise::Tasks;

use super::set_client::SetClient;
use super::set_object::SetObject;
use super::signal::Signal;
use super::store_error::UNTIL_IT_WORKS;
use crate::ports::Answer;
use crate::wait::until_next_attempt;

/// Gives sets our finalizer.
pub(super) struct Finalizers {
    pub(super) sets: SetClient,
    pub(super) circumstances: Arc<Signal>,
    pub(super) tasks: Tasks,
    /// UIDs of sets that a task tries to give it.
    pub(super) in_flight: Mutex<BTreeSet<SetUid>>,
}

impl Finalizers {
    /// Gives a set our finalizer, in a task; the event of that write hands it to the engine. It is tried until
    /// it works, or until the set needs none: no other event may ever come.
    pub(super) fn add(self: &Arc<Self>, seen: SetObject) {
        let set = seen.reference();
        if !self.in_flight.lock().insert(Arc::clone(&set.uid)) {
            return;
        }
        let this = Arc::clone(self);
        let name = format!("finalizer {}", set.name);
        let _runs_by_itself = self.tasks.spawn_until_shutdown(name, async move {
            this.try_until_it_works(seen).await;
            this.in_flight.lock().remove(&set.uid);
        });
    }

    async fn try_until_it_works(&self, seen: SetObject) {
        let set = seen.reference();
        let mut delays = Delays::new(UNTIL_IT_WORKS);
        let mut circumstances = self.circumstances.subscribe();
        let mut seen = Some(seen);
        loop {
            let now = match seen.take() {
                Some(seen) => Ok(Some(seen)),
                None => self.sets.read(&set).await,
            };
            match self.try_once(now).await {
                Ok(()) => return,
                Err(failure) => {
                    tracing::info!(set = set.name, %failure, "a set cannot be given our finalizer yet");
                }
            }
            until_next_attempt(&mut delays, &mut circumstances).await;
        }
    }

    async fn try_once(&self, now: Answer<Option<SetObject>>) -> Answer<()> {
        match now? {
            Some(set) if set.head().is_ok_and(|head| SetHead::needs_finalizer(&head)) => {
                self.sets.add_finalizer(&set).await
            }
            _ => Ok(()),
        }
    }
}
