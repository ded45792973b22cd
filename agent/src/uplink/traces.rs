//! The traces that orders came with, so that one id shows in the hub's log and in ours until an order is there.

use std::collections::BTreeMap;

use parking_lot::Mutex;
use stevedore_proto_core::{DeploymentStatus, DeploymentUid, Stage, Tuple};
use stevedore_runtime::trace::TraceContext;

/// One trace per deployment: that of the order stored last, until it is available or carried out.
#[derive(Default)]
pub(super) struct Traces(Mutex<BTreeMap<DeploymentUid, Followed>>);

struct Followed {
    tuple: Tuple,
    trace: TraceContext,
    stage: Stage,
}

impl Traces {
    /// An order was stored.
    pub(super) fn put(&self, deployment: DeploymentUid, tuple: Tuple, trace: TraceContext) {
        let stage = Stage::Received;
        let followed = Followed {
            tuple,
            trace,
            stage,
        };
        self.0.lock().insert(deployment, followed);
    }

    /// Logs, in its trace, that an order got further.
    pub(super) fn log(&self, status: &DeploymentStatus) {
        let Some(trace) = self.risen(status) else {
            return;
        };
        trace.span("roll out order").in_scope(|| {
            tracing::info!(deployment = %status.deployment, number = status.observed.number,
                stage = ?status.stage, "an order got further");
        });
    }

    /// The trace of the order that a status speaks about, if it says more than the one before.
    fn risen(&self, status: &DeploymentStatus) -> Option<TraceContext> {
        let mut all = self.0.lock();
        let followed = all.get_mut(&status.deployment)?;
        if followed.tuple != status.observed || status.stage <= followed.stage {
            return None;
        }
        followed.stage = status.stage;
        let trace = followed.trace;
        if matches!(status.stage, Stage::Available | Stage::Deleted) {
            all.remove(&status.deployment);
        }
        Some(trace)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use stevedore_proto_core::status::Verdict;
    use stevedore_proto_core::{Digest, Epoch, EpochId, Term, TermId};

    #[test]
    fn an_order_is_followed_in_its_trace_until_it_is_available() {
        let deployment = DeploymentUid::from_bytes([1; 16]);
        let tuple = |number| Tuple {
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
        };
        let status = |number, stage| DeploymentStatus {
            deployment,
            observed: tuple(number),
            stage,
            available: Verdict::default(),
            phases: vec![],
            blockers: vec![],
            attributions: vec![],
            conditions: vec![],
        };
        let traces = Traces::default();
        let trace = TraceContext::start(7, 9);
        traces.put(deployment, tuple(2), trace);
        assert_eq!(traces.risen(&status(1, Stage::Available)), None);
        assert_eq!(traces.risen(&status(2, Stage::Received)), None);
        assert_eq!(traces.risen(&status(2, Stage::Applied)), Some(trace));
        assert_eq!(traces.risen(&status(2, Stage::Applied)), None);
        assert_eq!(traces.risen(&status(2, Stage::Available)), Some(trace));
        assert!(traces.0.lock().is_empty());
    }
}
