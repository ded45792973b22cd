//! Ports of the hub's sessions: the traits through which they reach the rest of the hub. The wiring crate
//! implements them over the hub's Kubernetes side; tests implement them in memory.
//!
//! Whatever is asked per frame answers from memory and at once; only redeeming a token and reading content may
//! wait. Changes travel the other way: whatever implements a port tells the sessions what changed.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use stevedore_proto_core::join::JoinSecret;
use stevedore_proto_core::message::Close;
use stevedore_proto_core::{ClusterName, ClusterUid, Digest, Leadership};

use crate::session::{ClusterOrders, Report};

pub use stevedore_proto_core::id::MemberUid;

/// An answer that may need the hub's API server.
pub type Pending<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// The admission of members.
pub trait Members: Send + Sync + 'static {
    /// Whether this cluster, joined as this `MemberCluster`, may have a session now. Asked when a stream
    /// opens, and again when membership changes; the close is what the agent is told.
    ///
    /// # Errors
    /// `NotLoaded`, `NotLeader` (with a redirect, where it is known), `NotAccepted`, or `Revoked` when the
    /// `MemberCluster` is gone, being deleted, or is another one.
    fn admit(&self, cluster: ClusterUid, member: MemberUid) -> Result<(), Close>;
}

/// A join token on its way to being used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Redemption {
    /// Name the token says it is bound to; only tokens bound to exactly this name count.
    pub name: ClusterName,
    /// What proves the invitation.
    pub secret: JoinSecret,
    /// UID of the cluster that joins.
    pub cluster: ClusterUid,
}

/// Why a cluster may not join.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum JoinRefusal {
    /// No such token: never made here, deleted, or made for another name.
    #[error(
        "this hub has no such join token for this cluster name; make one with `stevedore cluster join NAME`"
    )]
    TokenForeign,
    /// Its time is over.
    #[error("the join token has expired; make a new one with `stevedore cluster join NAME`")]
    TokenExpired,
    /// It was used before.
    #[error("the join token was used before; make a new one with `stevedore cluster join NAME`")]
    TokenUsed,
    /// This cluster, or this name, is joined already.
    #[error(
        "this cluster is a member under another name, or the name is another cluster's; forget that one first with `stevedore cluster remove --forget`"
    )]
    AlreadyJoined,
    /// The `MemberCluster` is not accepted.
    #[error("the cluster is not accepted (`spec.accepted` is false)")]
    NotAccepted,
    /// The hub cannot tell yet, or cannot reach its API server.
    #[error("the hub is not ready to let clusters join; try again")]
    NotLoaded,
    /// This replica does not lead.
    #[error("this hub replica does not lead; try again")]
    NotLeader,
}

impl JoinRefusal {
    /// One CamelCase word for the wire, conditions and metrics.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::TokenForeign => "TokenForeign",
            Self::TokenExpired => "TokenExpired",
            Self::TokenUsed => "TokenUsed",
            Self::AlreadyJoined => "AlreadyJoined",
            Self::NotAccepted => "NotAccepted",
            Self::NotLoaded => "NotLoaded",
            Self::NotLeader => "NotLeader",
        }
    }
}

/// The enrolment of new clusters.
pub trait Enrolments: Send + Sync + 'static {
    /// Uses up a token and binds the cluster to its `MemberCluster`.
    ///
    /// Of any number of concurrent calls with one token at most one succeeds: the token is marked used by a
    /// compare-and-swap before anything else is written. A refusal is also shown on the `MemberCluster`, where
    /// the token's name identifies one.
    fn redeem(&self, redemption: Redemption) -> Pending<'_, Result<MemberUid, JoinRefusal>>;
}

/// Why content cannot be given.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ContentError {
    /// The hub has no such content.
    #[error("the hub does not have this content")]
    Missing,
    /// It cannot be read now.
    #[error("the content cannot be read now: {0}")]
    Unavailable(String),
}

/// The source of orders and of their contents.
pub trait Orders: Send + Sync + 'static {
    /// The durable orders of one cluster; `None` while they are not loaded. A cluster without orders has an
    /// empty value.
    fn of(&self, cluster: ClusterUid) -> Option<Arc<ClusterOrders>>;

    /// The leadership that orders may be sent under at this moment: checked against the Lease on the
    /// monotonic clock. `None` when this replica must not send.
    fn leadership(&self) -> Option<Leadership>;

    /// The bytes of a content that orders of a cluster name. The caller has checked that they do.
    fn content(&self, digest: Digest) -> Pending<'_, Result<Arc<[u8]>, ContentError>>;
}

/// The receiver of members' reports. Must not block: latest value per row, never a queue without bound.
pub trait Reports: Send + Sync + 'static {
    /// Takes one report of the session machine of this member.
    fn report(&self, cluster: ClusterUid, member: MemberUid, report: Report);
}
