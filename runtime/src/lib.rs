//! Process plumbing of the daemons: supervision, shutdown, admin server, common flags, logging, clock, TLS,
//! retry, trace context, values shared by key.
//!
//! Both daemons (hub and agent) and the local fleet starter stand on this crate; it knows nothing of
//! Kubernetes, gRPC or packages.
//!
//! ```text
//!  main ── Signals::install ── Supervisor::new ──▶ Tasks (cloned to every component)
//!                                   │                  ├─ essential("sessions", …)   its end ends the process
//!                                   ▼                  ├─ spawn("pull", …) → Task    a handle to await
//!                             Supervisor::run ◀────────┴─ scope() → Scope            children die with it
//! ```
//!
//! What it never does: read the clock for a decision, hold a lock across an await, or start a task nobody owns.

pub mod admin;
pub mod clock;
pub mod daemon;
pub mod keyed;
pub mod log;
pub mod retry;
pub mod shutdown;
pub mod supervise;
pub mod tls;
pub mod trace;
