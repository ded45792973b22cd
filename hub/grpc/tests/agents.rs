//! Agents against a hub in memory, over real TLS on loopback.

#![allow(
    clippy::unwrap_used,
    reason = "helpers of tests end the test as tests do"
)]

#[path = "agents/exchange.rs"]
mod exchange;
#[path = "agents/join.rs"]
mod join;
#[path = "agents/refused.rs"]
mod refused;
#[path = "agents/sessions.rs"]
mod sessions;
#[path = "agents/support.rs"]
mod support;
