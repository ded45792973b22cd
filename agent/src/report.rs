//! The newest status of each deployment, waiting for the session.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use stevedore_proto_core::{DeploymentStatus, DeploymentUid};
use tokio::sync::Notify;

use crate::engine::ports::Reporter;

/// Coalesces: a deployment that reports again before it was read has one report.
#[derive(Default)]
pub struct Reports {
    waiting: Mutex<BTreeMap<DeploymentUid, DeploymentStatus>>,
    wake: Notify,
}

impl Reports {
    /// Everything that was reported since the last call; waits for the first report. Nothing is lost when
    /// the wait is given up.
    pub async fn next(&self) -> Vec<DeploymentStatus> {
        loop {
            let woken = self.wake.notified();
            let waiting = std::mem::take(&mut *self.lock());
            if !waiting.is_empty() {
                return waiting.into_values().collect();
            }
            woken.await;
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<DeploymentUid, DeploymentStatus>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Reporter for Reports {
    fn report(&self, status: DeploymentStatus) {
        self.lock().insert(status.deployment, status);
        self.wake.notify_one();
    }
}

/// Where reports go when there is no hub.
pub struct Nobody;

impl Reporter for Nobody {
    fn report(&self, _status: DeploymentStatus) {}
}
