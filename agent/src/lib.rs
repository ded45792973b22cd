//! The agent: applies object sets in one member cluster and reports on them.

pub mod cluster_api;
pub mod engine;
