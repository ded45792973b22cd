//! The hub's gRPC side: joining, identity, sessions, content.
//!
//! ```text
//!  agent ── TLS 1.3 ──▶ server ─┬─ no certificate ──▶ enrolment: join ──▶ Enrolments (port), pki
//!                               │                              exchange ──▶ Members (port), pki
//!                               └─ certificate ──▶ identity ──▶ session ──▶ stevedore_hub_core::session (pure)
//!                                                     │            └──▶ Members, Orders, Reports (ports)
//!                                                     ├──▶ content ──▶ Orders (port)
//!                                                     └──▶ renewal ──▶ pki
//! ```
//!
//! Whose stream it is comes from the certificate alone ([`identity`]); no message and no function here takes a
//! cluster's name. This crate never sees Kubernetes: everything about the hub's cluster is behind
//! [`stevedore_hub_core::ports`].

mod content;
mod enrolment;
mod exchange;
mod hub_service;
pub mod identity;
#[cfg(feature = "testing")]
pub mod memory;
pub mod metrics;
mod peer;
pub mod pki;
mod quota;
mod registry;
pub mod server;
pub mod session;
mod status_code;
