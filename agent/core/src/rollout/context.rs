//! The context of a rollout: whose it is, and what is remembered of its objects.

use stevedore_proto_core::DeploymentUid;

use crate::adopt::Claim;
use crate::desired::PhaseSet;
use crate::drift::Fingerprint;
use crate::observation::Observation;

/// For whom a set is rolled out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Context {
    /// Our deployment.
    pub deployment: DeploymentUid,
    /// Number of the accepted set.
    pub order: u64,
    /// Deployments whose objects may be taken over.
    pub predecessors: Vec<DeploymentUid>,
    /// Deployments that may take our objects over.
    pub successors: Vec<DeploymentUid>,
}

impl Context {
    pub(super) fn claim<'a>(&'a self, recorded_uid: Option<&'a str>) -> Claim<'a> {
        Claim {
            deployment: self.deployment,
            order: self.order,
            predecessors: &self.predecessors,
            successors: &self.successors,
            recorded_uid,
        }
    }
}

/// What the durable inventory says about an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// UID of the object we created or adopted.
    pub uid: Box<str>,
    /// Fingerprint after our last write, if it is known.
    pub fingerprint: Option<Fingerprint>,
}

/// What is remembered of an object from before: from the durable inventory, and from this process.
#[derive(Debug, Clone, Default)]
pub struct Memory {
    /// UID and fingerprint after our last write.
    pub record: Option<Record>,
    /// It was in place as this order wants it: the accepted set's own status names it, or the order before
    /// wanted the same. What differs now is drift.
    pub placed: bool,
    /// The last observation of it.
    pub seen: Option<Observation>,
}

/// What was stored about a set's progress before.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Progress {
    /// Phases that had been reached.
    pub reached: PhaseSet,
    /// The set has succeeded before.
    pub succeeded: bool,
}
