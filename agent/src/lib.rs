//! The agent: applies object sets in one member cluster and reports on them.

pub mod accounts;
pub mod args;
mod chain;
pub mod cluster_api;
pub mod engine;
pub mod facts;
pub mod hub_link;
pub mod identity;
mod metrics;
pub mod notes;
pub mod ports;
pub mod report;
pub mod run;
pub mod standalone;
pub mod store;
mod unreadable;
pub mod uplink;
pub mod watch;
