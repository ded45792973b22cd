//! The agent: applies object sets in one member cluster and reports on them.

pub mod accounts;
pub mod args;
mod chain;
pub mod cluster_api;
pub mod engine;
pub mod event_writer;
pub mod facts;
pub mod hub_link;
pub mod identity;
mod metrics;
pub mod ports;
pub mod report_queue;
pub mod shared_watches;
pub mod standalone;
pub mod startup;
pub mod store;
mod unreadable;
pub mod uplink;
mod wait;
