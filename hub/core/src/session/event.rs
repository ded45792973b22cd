//! Events, actions and reports: the input and output of the session machine.

use std::collections::BTreeSet;
use std::sync::Arc;

use stevedore_proto_core::exchange::ExchangeRefusal;
use stevedore_proto_core::message::Close;
use stevedore_proto_core::{
    DeploymentStatus, DeploymentUid, Digest, Environment, Held, InstanceId, Leadership, Millis,
    Order, Reason, Stage, ToAgent, ToHub, Tuple,
};

/// One stream of a member, counted by the caller; higher is newer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Connection(pub u64);

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// A stream with this member's certificate opened.
    Opened(Connection),
    /// A frame arrived on it.
    Message(Connection, Box<ToHub>),
    /// It ended.
    Closed(Connection),
    /// Frames for it could not be queued, and some are lost.
    Overflow(Connection),
    /// The hub cannot make the content of an order any more; the order was not sent.
    ContentMissing(Connection, DeploymentUid),
    /// The member asked for a content that the hub cannot make any more.
    ContentGone(Digest),
    /// The content of an order could not be read now; the order was not sent.
    ContentLate(Connection, DeploymentUid),
    /// Content of these deployments can be read again.
    ContentBack(BTreeSet<DeploymentUid>),
    /// These orders changed in the cluster's orders.
    Changed(BTreeSet<DeploymentUid>),
    /// Any order may have changed: ledgers were loaded, or changes were not followed one by one.
    Reloaded,
    /// Ask the member for everything it holds; answered by [`Report::Listing`].
    Census,
    /// End the session and whatever else is open: revoked, not accepted, leadership lost, shutting down.
    End(Close),
    /// Time passed; see [`super::Member::wake_at`].
    Tick,
}

/// What to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// Queue a frame. When the queue is full, say [`Event::Overflow`].
    Send(Connection, ToAgent),
    /// Queue an order. Before it is sent, the leadership is checked against the Lease.
    SendOrder {
        /// The stream.
        connection: Connection,
        /// The order.
        order: Arc<Order>,
        /// Whether its content's bytes go with it.
        with_content: bool,
    },
    /// End a stream after what was queued. `Closed` is not needed after it.
    Disconnect(Connection),
    /// Tell the rest of the hub.
    Report(Report),
}

/// Why a deployment gets no orders.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FreezeReason {
    /// The member holds a higher number, epoch or term than this hub ever gave.
    HubRegressed,
    /// The member holds something that this hub's history does not contain.
    HubDiverged,
}

impl FreezeReason {
    /// As people are shown it.
    pub fn reason(self) -> &'static Reason {
        match self {
            Self::HubRegressed => &Reason::HubRegressed,
            Self::HubDiverged => &Reason::HubDiverged,
        }
    }
}

/// What the rest of the hub is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Report {
    /// A session opened.
    Connected {
        /// Number of the session; it rises with every session of the member.
        incarnation: u64,
        /// The agent's process.
        instance: InstanceId,
        /// Every status is said again in this session: the process is another one, or some of what it said was
        /// lost. Otherwise what was said in earlier sessions still holds.
        anew: bool,
        /// Its release.
        agent_version: String,
        /// Facts about the member.
        environment: Box<Environment>,
        /// What its wall clock showed a moment ago, in milliseconds since the Unix epoch.
        time: Option<u64>,
    },
    /// Nothing was heard for too long: what is known of the member is now Unknown.
    Lost,
    /// The API server of a connected member stopped answering its agent, or answers again. One whose session opens
    /// answers, unless this says otherwise.
    ApiServer {
        /// For how long it has not answered, in milliseconds; none when it answers.
        silent: Option<Millis>,
    },
    /// Facts about the member changed.
    Environment(Box<Environment>),
    /// The member is this far with this order. Stages of one order only rise.
    Progress {
        /// One package on one cluster.
        deployment: DeploymentUid,
        /// The order.
        tuple: Tuple,
        /// How far.
        stage: Stage,
    },
    /// The member refused an order. It is not sent again until it changes, unless the reason is transient.
    Refused {
        /// One package on one cluster.
        deployment: DeploymentUid,
        /// The refused order.
        tuple: Tuple,
        /// Why.
        reason: Reason,
        /// For people.
        message: String,
    },
    /// What the member holds does not fit this hub's history. Nothing is sent until an epoch is raised.
    Frozen {
        /// One package on one cluster.
        deployment: DeploymentUid,
        /// What the member holds, where it is known.
        held: Option<Tuple>,
        /// How it does not fit.
        reason: FreezeReason,
    },
    /// The deployment fits again.
    Thawed(DeploymentUid),
    /// The member has met a newer or another leadership than ours. Nothing at all is sent to it.
    Fenced {
        /// What it has met.
        seen: Leadership,
        /// How it stands to ours.
        reason: FreezeReason,
    },
    /// A member's report; (incarnation, sequence) rises for every deployment.
    Status {
        /// Of the session.
        incarnation: u64,
        /// In the session.
        sequence: u64,
        /// The report.
        status: Box<DeploymentStatus>,
    },
    /// Everything the member holds, as it said.
    Listing(Vec<Held>),
    /// An order's content cannot be made any more.
    ContentMissing {
        /// One package on one cluster.
        deployment: DeploymentUid,
        /// The order.
        tuple: Tuple,
    },
    /// The member has proven its key, and its certificate is not exchanged nevertheless.
    ExchangeRefused(ExchangeRefusal),
    /// Two processes use this member's identity.
    DuplicateIdentity {
        /// The longer-running one, whose session stays.
        kept: InstanceId,
        /// The other one.
        refused: InstanceId,
    },
}
