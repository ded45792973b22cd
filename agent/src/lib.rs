//! The agent: applies object sets in one member cluster and reports on them.

pub mod accounts;
pub mod cluster_api;
pub mod engine;
pub mod store;
pub mod watch;
