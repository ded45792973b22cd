//! The agent: applies object sets in one member cluster and reports on them.
//!
//! ```text
//!   hub ◀─▶ hub_link ◀─▶ uplink ─▶ store: orders as ClusterObjectSets ─▶ engine: a worker for each deployment,
//!             │             ▲                                              │  decides with agent_core
//!             └ identity    └── report_queue ◀── reports ──────────────────┤
//!                                                                          ├─▶ cluster_api: impersonated requests
//!   standalone: ObjectDeployments of the cluster's owner ─▶ store          ├─▶ shared_watches: objects as they change
//!   facts: version and platform of the cluster ─▶ uplink                   └─▶ accounts: whose rights are used
//! ```
//!
//! [`ports`] are the traits between engine and all others; [`startup`] puts the parts together.

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
