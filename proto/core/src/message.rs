//! Messages of the control stream.
//!
//! ```text
//! agent                                   hub
//!   │ ── Hello (root digest, instance) ──▶ │
//!   │ ◀── Welcome (incarnation) ────────── │   or Close (why, retry-after, redirect)
//!   │ ◀── List ─────────────────────────── │   only when the root digests differ, or content may be saved
//!   │ ── Page … Page(last) ──────────────▶ │
//!   │ ◀── Order … ──────────────────────── │   only differences
//!   │ ◀── SnapshotComplete ─────────────── │
//!   │ ── Ack(Received) / Nack ───────────▶ │   after the order is durable on the member
//!   │ ── Status … ───────────────────────▶ │   edge-triggered, latest per deployment
//!   │ ── Heartbeat (root digest) ────────▶ │
//!   │ ◀── Beat ─────────────────────────── │
//! ```
//!
//! No message holds a cluster's name or UID: whose stream it is, is read from the certificate alone.

use std::sync::Arc;

use crate::digest::Digest;
use crate::environment::Environment;
use crate::held::Held;
use crate::id::{DeploymentUid, InstanceId};
use crate::order::Order;
use crate::reason::{Reason, words};
use crate::status::{DeploymentStatus, Stage};
use crate::tuple::{Leadership, Tuple};

/// The protocol version this release speaks.
pub const PROTOCOL_VERSION: u32 = 1;
/// The oldest protocol version this release still understands.
pub const OLDEST_PROTOCOL_VERSION: u32 = 1;

/// How an agent opens a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hello {
    /// The newest protocol version the agent speaks.
    pub version: u32,
    /// The oldest protocol version it understands.
    pub oldest_version: u32,
    /// What it can do beyond the version; unknown words are ignored.
    pub features: Vec<String>,
    /// Drawn at random when the process started.
    pub instance: InstanceId,
    /// The highest incarnation this process was ever given; 0 for none.
    pub incarnation: u64,
    /// The highest report sequence it sent under that incarnation; 0 for none.
    pub sequence: u64,
    /// Release of the agent, for people.
    pub agent_version: String,
    /// The highest epoch and term it has seen or stored with an order.
    pub seen: Option<Leadership>,
    /// [`crate::held::root`] over what it holds.
    pub root: Digest,
    /// How many deployments it holds, finished tombstones included, which the root leaves out.
    pub held: u32,
    /// Facts about the member.
    pub environment: Environment,
    /// What the member's wall clock shows, in milliseconds since the Unix epoch. The session machine leaves it
    /// out; who writes the message to the stream puts it in.
    pub time: Option<u64>,
    /// For how long the member's API server has not answered its agent, in milliseconds; none while it answers.
    pub api_server_silent: Option<u64>,
}

/// One page of what a member holds, in answer to [`ToAgent::List`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// The request this answers.
    pub request: u32,
    /// Counts from 0 within the request.
    pub index: u32,
    /// Whether this is the last page.
    pub last: bool,
    /// Accepted orders, tombstones included.
    pub held: Vec<Held>,
    /// Digests of contents the member still has, accepted or archived.
    pub contents: Vec<Digest>,
}

/// A message from agent to hub.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ToHub {
    /// Opens the session; nothing comes before it.
    Hello(Box<Hello>),
    /// What the member holds.
    Page(Page),
    /// The member got this far with this order.
    Ack {
        /// One package on one cluster.
        deployment: DeploymentUid,
        /// The order.
        tuple: Tuple,
        /// How far.
        stage: Stage,
    },
    /// The member refuses this order and keeps what it holds.
    Nack {
        /// One package on one cluster.
        deployment: DeploymentUid,
        /// The refused order.
        tuple: Tuple,
        /// Why.
        reason: Reason,
        /// For people.
        message: String,
    },
    /// What the member says about a deployment. `sequence` rises with every report of a session.
    Status {
        /// Position in this session, from 1.
        sequence: u64,
        /// The report.
        status: Box<DeploymentStatus>,
    },
    /// Alive; a digest of what is held; and whether the member's API server is alive too. One more is sent at once when
    /// that changes.
    Heartbeat {
        /// [`crate::held::root`] over what it holds.
        root: Digest,
        /// The highest `sequence` sent in this session; 0 for none.
        sequence: u64,
        /// For how long the member's API server has not answered its agent, in milliseconds; none while it answers.
        api_server_silent: Option<u64>,
    },
    /// The facts about the member changed.
    Environment(Box<Environment>),
}

words! {
    /// Why the hub ends a session or does not start one.
    #[derive(Debug, Clone, PartialEq, Eq, Hash)]
    CloseReason {
        /// The hub has not finished loading what it should know.
        NotLoaded = "NotLoaded",
        /// Another replica leads; see the redirect.
        NotLeader = "NotLeader",
        /// The cluster is not accepted.
        NotAccepted = "NotAccepted",
        /// The certificate belongs to a cluster record that is gone, or to another one.
        Revoked = "Revoked",
        /// Two instances use one identity.
        DuplicateIdentity = "DuplicateIdentity",
        /// A newer session of the same agent took over.
        Superseded = "Superseded",
        /// No common protocol version.
        UnsupportedVersion = "UnsupportedVersion",
        /// Too many sessions are starting at once.
        Busy = "Busy",
        /// The hub is shutting down, or the connection got too old.
        GoingAway = "GoingAway",
        /// The agent broke the protocol.
        ProtocolError = "ProtocolError",
        /// Nothing was heard from the agent for too long.
        Silent = "Silent",
    }
}

/// How the hub ends a session, or refuses one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Close {
    /// Why.
    pub reason: CloseReason,
    /// For people.
    pub message: String,
    /// Earliest time of the next attempt, in milliseconds from now; the agent adds its own jitter.
    pub retry_after: u64,
    /// Where to go instead; same certificate authority.
    pub redirect: Option<String>,
}

impl Close {
    /// A close without a redirect. `retry_after` is in milliseconds.
    pub fn new(reason: CloseReason, message: impl Into<String>, retry_after: u64) -> Self {
        Self {
            reason,
            message: message.into(),
            retry_after,
            redirect: None,
        }
    }
}

/// How the hub accepts a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Welcome {
    /// The protocol version both speak from here on.
    pub version: u32,
    /// What the hub can do beyond the version; unknown words are ignored.
    pub features: Vec<String>,
    /// Orders this agent's sessions: higher than any the hub or the agent has seen.
    pub incarnation: u64,
    /// Who speaks.
    pub leadership: Leadership,
    /// Milliseconds between heartbeats.
    pub heartbeat: u64,
    /// Report every deployment: the hub does not have all that was reported before.
    pub report: bool,
    /// What the hub's wall clock shows, in milliseconds since the Unix epoch. The session machine leaves it
    /// out; who writes the message to the stream puts it in.
    pub time: Option<u64>,
}

/// A message from hub to agent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ToAgent {
    /// The session is open.
    Welcome(Welcome),
    /// The session ends; nothing comes after it.
    Close(Close),
    /// Send pages of what you hold.
    List {
        /// Echoed in the pages; only the newest request is answered for.
        request: u32,
        /// Also report every deployment again: reports were lost.
        statuses: bool,
    },
    /// What the hub wants of one deployment now.
    Order(Box<OrderMessage>),
    /// Everything that differed has been sent.
    SnapshotComplete {
        /// [`crate::held::root`] over what the hub wants.
        root: Digest,
    },
    /// Answer to a heartbeat.
    Beat,
}

/// An order on its way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrderMessage {
    /// The order.
    pub order: Order,
    /// The content's bytes, when it is small and the hub does not know that the member has it.
    pub content: Option<Arc<[u8]>>,
    /// W3C trace context: of a hub of this release, [`Order::traceparent`].
    pub traceparent: Option<String>,
}
