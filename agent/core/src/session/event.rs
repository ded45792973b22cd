//! Events that the session machine takes, and actions that it gives.

use std::collections::BTreeSet;
use std::sync::Arc;

use stevedore_proto_core::{
    ClusterUid, ContentRef, DeploymentStatus, DeploymentUid, Digest, Environment, Held, InstanceId,
    Leadership, Millis, Order, Reason, Stage, ToAgent, ToHub, Tuple,
};

/// One attempt to reach the hub, counted by the machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Connection(pub u64);

/// Who this agent is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// UID of the member's `kube-system` namespace.
    pub cluster: ClusterUid,
    /// Drawn at random for this process.
    pub instance: InstanceId,
    /// Release, for people.
    pub agent_version: String,
}

/// What was found in the member's API server at the start.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Recovered {
    /// The newest accepted order per deployment, tombstones included.
    pub held: Vec<Held>,
    /// Digests of every content still stored, accepted or archived.
    pub contents: BTreeSet<Digest>,
    /// The highest epoch and term stored apart from orders.
    pub seen: Option<Leadership>,
}

/// Why an order could not be made durable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoreError {
    /// Sent to the hub.
    pub reason: Reason,
    /// For people; holds no value of a Secret.
    pub message: String,
}

/// Why content could not be fetched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FetchError {
    /// For people.
    pub message: String,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// Time passed; see [`super::Session::wake_at`].
    Tick,
    /// The connection is open.
    Connected(Connection),
    /// It could not be opened, or it ended.
    Disconnected(Connection),
    /// The agent dials with another identity from now on: what kept the former one waiting is no reason to wait.
    Identified,
    /// A frame arrived.
    Message(Connection, ToAgent),
    /// Answer to [`Action::Store`].
    Stored {
        /// One package on one cluster.
        deployment: DeploymentUid,
        /// The order that was to be stored.
        tuple: Tuple,
        /// Whether it is durable.
        result: Result<(), StoreError>,
    },
    /// Answer to [`Action::Fetch`].
    Fetched {
        /// The deployment it was fetched for.
        deployment: DeploymentUid,
        /// The content asked for.
        content: Digest,
        /// Its bytes, decompressed and checked against its digest: whoever fetches them does so off the path
        /// of everything else, and once is enough.
        result: Result<Arc<[u8]>, FetchError>,
    },
    /// The engine got this far with a stored order.
    Progress {
        /// One package on one cluster.
        deployment: DeploymentUid,
        /// The order.
        tuple: Tuple,
        /// How far.
        stage: Stage,
    },
    /// The engine's newest report of a deployment.
    Status(Box<DeploymentStatus>),
    /// The contents that are still stored, after archived sets were deleted.
    Contents(BTreeSet<Digest>),
    /// The tuple of a finished tombstone was dropped after its time.
    Forgotten(DeploymentUid),
    /// The facts about the member, first read or changed.
    Environment(Box<Environment>),
    /// The member's API server does not answer any more, for so many milliseconds by now; or it answers again.
    ApiServer {
        /// None when it answers.
        silent: Option<Millis>,
    },
}

/// What to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// Open a connection and answer with `Connected` or `Disconnected`.
    Connect {
        /// Names the attempt.
        connection: Connection,
        /// Go here instead of the configured address; the same certificate authority holds.
        redirect: Option<String>,
    },
    /// End a connection; no answer is needed.
    Disconnect(Connection),
    /// Send a frame. When it cannot be queued, end the connection and say `Disconnected`.
    Send(Connection, ToHub),
    /// Make an order durable and answer with `Stored`. There is one at a time per deployment.
    Store {
        /// The accepted order.
        order: Box<Order>,
        /// Verified bytes; absent for a tombstone, and for content that is already stored.
        content: Option<Arc<[u8]>>,
        /// W3C trace context of the change.
        traceparent: Option<String>,
    },
    /// Fetch content over the content call and answer with `Fetched`.
    Fetch {
        /// The deployment that needs it.
        deployment: DeploymentUid,
        /// What to fetch.
        content: ContentRef,
    },
    /// An order was refused; for local metrics and events. The hub is told by its own message.
    Refused {
        /// One package on one cluster.
        deployment: DeploymentUid,
        /// The refused order.
        tuple: Tuple,
        /// Why.
        reason: Reason,
    },
    /// The hub has sent everything that differed; for readiness and metrics only.
    Synced,
}
