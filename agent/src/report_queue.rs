//! The queue of reports for the session: the newest status of each deployment.

use std::collections::BTreeMap;

use parking_lot::Mutex;
use stevedore_proto_core::{DeploymentStatus, DeploymentUid};
use tokio::sync::Notify;

use crate::ports::Reporter;

/// Coalesces: a deployment that reports again before it was read has one report.
#[derive(Default)]
pub struct ReportQueue {
    waiting: Mutex<BTreeMap<DeploymentUid, DeploymentStatus>>,
    wake: Notify,
}

impl ReportQueue {
    /// Everything that was reported since the last call; waits for the first report. Nothing is lost when
    /// the wait is cancelled.
    pub async fn next(&self) -> Vec<DeploymentStatus> {
        loop {
            let woken = self.wake.notified();
            let waiting = std::mem::take(&mut *self.waiting.lock());
            if !waiting.is_empty() {
                return waiting.into_values().collect();
            }
            woken.await;
        }
    }
}

impl Reporter for ReportQueue {
    fn report(&self, status: DeploymentStatus) {
        self.waiting.lock().insert(status.deployment, status);
        self.wake.notify_one();
    }
}

/// Where reports go when there is no hub.
pub struct NoHub;

impl Reporter for NoHub {
    fn report(&self, _status: DeploymentStatus) {}
}

#[cfg(test)]
mod tests {
    use super::*;
    use stevedore_proto_core::status::{Truth, Verdict};
    use stevedore_proto_core::{Digest, Epoch, EpochId, Stage, Term, TermId, Tuple};

    fn status(deployment: u8, number: u64) -> DeploymentStatus {
        DeploymentStatus {
            deployment: DeploymentUid::from_bytes([deployment; 16]),
            observed: Tuple {
                epoch: Epoch {
                    counter: 1,
                    id: EpochId::from_bytes([1; 16]),
                },
                term: Term {
                    counter: 1,
                    id: TermId::from_bytes([1; 16]),
                },
                number,
                digest: Digest::of(b"order"),
            },
            stage: Stage::Applied,
            available: Verdict {
                status: Truth::Unknown,
                ..Verdict::default()
            },
            phases: vec![],
            blockers: vec![],
            attributions: vec![],
            conditions: vec![],
        }
    }

    #[tokio::test]
    async fn a_newer_report_of_a_deployment_replaces_the_one_that_waits() {
        let reports = ReportQueue::default();
        reports.report(status(1, 1));
        reports.report(status(2, 5));
        reports.report(status(1, 2));
        assert_eq!(reports.next().await, [status(1, 2), status(2, 5)]);
        let nothing = futures::FutureExt::now_or_never(reports.next());
        assert!(nothing.is_none());
        reports.report(status(3, 1));
        assert_eq!(reports.next().await, [status(3, 1)]);
    }
}
