//! The hub's side of a member's sessions, as a pure machine.
//!
//! There is one [`Member`] per cluster that ever connected. [`Member::step`] takes what happened on which
//! connection, the orders of that cluster, and the time, and returns what to do. It reads no clock, draws no
//! random number and does no I/O: the shipped hub, the tests and the simulation drive the same machine.
//!
//! The certificate decided before the first event whose connection it is; no message says so.
//!
//! One connection:
//!
//! ```text
//!   Opened ──▶ ┌─────────┐ Hello ─▶ loaded? accepted version? not a banned duplicate?
//!              │ Waiting │            │ no                      │ yes: incarnation = highest seen + 1
//!              └─────────┘            ▼                         ▼
//!                   │              Close(why, retry-after)   Welcome; an older session is Superseded
//!                   └─ no Hello ──────▶                         │
//!                                         roots differ, or      ▼         roots equal
//!                                     ┌──────────────────── compare ───────────────────┐
//!                                     ▼                                                ▼
//!                               ┌─────────┐  last Page                            ┌─────────┐
//!                               │ Listing │ ────────────────▶ diff ─────────────▶ │ Synced  │
//!                               └─────────┘                                       └─────────┘
//!                                     ▲     heartbeat's root differs, frames lost,     │
//!                                     └──── contents unknown, census asked ────────────┘
//! ```
//!
//! One deployment, as compared by [`DesiredOrder::relation`]:
//!
//! ```text
//!   held == ordered ─▶ in sync                     held older, in this hub's history ──▶ send
//!   held in no history of this hub ──▶ frozen: reported, nothing is sent until an epoch is raised
//!   NACKed ──▶ quarantined: reported, not sent again until the order changes
//! ```
//!
//! Promises:
//! * Nothing is sent to a member before its cluster's orders are loaded.
//! * Only orders of this cluster are sent; only differences; the newest of each deployment.
//! * Only an ack moves what the hub believes the member holds.
//! * What is to be sent is a set, bounded by the number of deployments; a lost frame or a full mailbox leads
//!   to a listing, never to silence.
//! * A report is passed on only when its (incarnation, sequence) rose; frames of an ended session count for
//!   nothing.
//! * Loss is reported at most [`Pace::lost_after`] after the last frame, and never while a newer session lives.

mod admission;
mod answers;
mod census;
mod cluster_orders;
mod event;
mod flush;
mod identity;
mod live;
mod member;
mod pace;
mod step;

pub use census::{Census, CensusEntry, Finding};
pub use cluster_orders::{ClusterOrders, DesiredOrder, History, Relation, TermStart};
pub use event::{Action, Connection, Event, FreezeReason, Report};
pub use member::Member;
pub use pace::{Bucket, Pace, Pacer};

#[cfg(test)]
mod tests;
