//! The agent's side of a session, as a pure machine.
//!
//! [`Session::step`] takes what happened and the time, and returns what to do. It reads no clock, draws no
//! random number and does no I/O: the shipped agent, the tests and the simulation drive the same machine.
//!
//! The link, with the executor's answers on the arrows:
//!
//! ```text
//!            deadline of the back-off                  Connected            Welcome
//!   ┌──────┐ ───── Connect ────▶ ┌────────────┐ ────────────▶ ┌─────────┐ ─────────▶ ┌────┐
//!   │ Down │                     │ Connecting │   Hello, once │ Opening │            │ Up │
//!   └──────┘ ◀── ConnectFailed ─ └────────────┘   nothing is  └─────────┘            └────┘
//!      ▲                                          being stored     │                   │
//!      └──── Disconnected, Close (retry-after), silence ───────────┴───────────────────┘
//! ```
//!
//! One order, per deployment:
//!
//! ```text
//!   Order ──▶ decide ──refused──▶ Nack, keep what is held
//!               │ accepted
//!               ├── content known or inline ────────────────▶ Store ──Stored──▶ Ack(Received)
//!               └── content lacking ──▶ Fetch ──Fetched────────▲  │
//!                                                                 └─failed──▶ Nack, keep what is held
//! ```
//!
//! Promises:
//! * An order is accepted only forward ([`accept::decide`]); what is refused changes nothing.
//! * Nothing is acknowledged before the executor said that it is durable.
//! * Absence means nothing: no message but a tombstone leads to a teardown.
//! * A newer order replaces one that waits; receiving never waits for storing or applying.
//! * Memory is bounded by the number of deployments, at most [`stevedore_proto_core::limit::DEPLOYMENTS`].
//! * Frames of a connection that is not the current one are discarded.
//! * `Hello` is sent while no order is being stored, so that it names everything accepted before.

pub mod accept;
mod event;
mod link;
mod machine;
mod orders;
mod pages;
mod reconnect;
mod reports;

pub use event::{Action, Connection, Event, FetchError, Identity, Recovered, StoreError};
pub use machine::Session;
pub use reconnect::Reconnect;

#[cfg(test)]
mod tests;
