//! Pure decisions of the hub.
//!
//! What it does: says which clusters a package goes to, what has to be ordered, what each cluster should hold,
//! and what all that amounts to; and drives the hub's side of a session. What it never does: read a clock,
//! draw a random number, or do I/O; all of these are arguments.
//!
//! ```text
//!   placement ─▶ rollout::plan ─▶ ledger (durable first) ─▶ desired ─▶ session
//!   history  ──▶      ▲                                                   │ reports
//!   epoch    ──▶      └──────────────── fleet ◀───────────────────────────┘
//!                                         └──▶ status: conditions, counts, failures
//! ```

pub mod desired;
pub mod epoch;
pub mod fleet;
pub mod history;
pub mod ledger;
pub mod package_key;
pub mod placement;
pub mod ports;
pub mod provenance;
pub mod rollout;
pub mod session;
pub mod status;
