//! The agent's link to its hub: joining, renewing, the session, fetching content.
//!
//! ```text
//!  join token ──▶ enrol::obtain ────────▶ Credentials ──▶ Dialer ──▶ TLS 1.3, HTTP/2, one connection
//!                       │  ▲                  ▲                          │
//!                       ▼  │                  │ renewed, exchanged       ▼
//!                  IdentityStore (port)    renewal            link ── stevedore_agent_core::session (pure)
//!                                                              │ ▲
//!                                              OrderStore (port) └── events of the engine
//! ```
//!
//! # Guarantees
//! * The private key is made here and never sent; only the hub's own authority is trusted.
//! * A renewed certificate is used from the next connection on; an open session is not dropped for it.
//! * Nothing depends on this member's wall clock; where it differs from the hub's, that is said.
//! * Receiving never waits for storing, fetching or applying.
//! * Nothing is acknowledged before [`OrderStore::store`] said that it is durable.

mod connection;
mod credentials;
mod dial;
mod enrol;
mod hub_clock;
mod join_error;
mod link;
mod renewal;

pub use credentials::{Credentials, IdentityStore, InvalidCredentials, MemoryStore, StoreFailure};
pub use dial::{DialError, Dialer};
pub use enrol::obtain;
pub use hub_clock::HubClock;
pub use join_error::JoinError;
pub use link::{Link, LinkStatus, OrderStore};
pub use renewal::{Rejoin, keep_renewed};
