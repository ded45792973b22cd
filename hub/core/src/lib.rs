//! The hub's decisions, as pure functions and state machines.
//!
//! They select the clusters of a package, plan its orders, say what each cluster should hold, count how far all
//! that is, and drive the hub's side of a session. Nothing in here reads a clock, draws a random number or does
//! I/O: times and identifiers are arguments, and what has to be done is returned.
//!
//! ```text
//!   unique   ──▶      │
//!   placement ─▶ rollout::plan ─▶ ledger (durable first) ─▶ desired ─▶ session
//!   history  ──▶      ▲                                                   │ reports
//!   epoch    ──▶      └──────────────── fleet ◀───────────────────────────┘
//!                                         └──▶ status: conditions, counts, failures
//! ```

pub mod desired;
pub mod epoch;
#[cfg(test)]
mod fixtures;
pub mod fleet;
pub mod history;
pub mod ledger;
pub mod moment;
pub mod package_key;
pub mod placement;
pub mod ports;
pub mod provenance;
pub mod rollout;
pub mod session;
pub mod status;
pub mod unique;
