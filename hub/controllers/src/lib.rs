//! The hub's Kubernetes side: packages, clusters, ledger, status.
//!
//! What it does: keeps indexes of the hub's kinds, pulls images into revisions, carries out the plans of
//! [`stevedore_hub_core`], writes statuses, and leads by Lease. What it never does: speak to agents; that is
//! behind [`hub::Sessions`] and [`stevedore_hub_core::ports`].
//!
//! ```text
//!   watch ─▶ index ─▶ changes ─▶ queues.pull ─▶ package::controller: registry ─▶ Secrets ─▶ PackageRevision
//!                           ├──▶ queues.verify ─▶ package::foreign_revisions: an Event on what is not the hub's own
//!                           └──▶ queues.plan ─▶ rollout::controller: intent ─▶ plan ─▶ effects ─▶ executor:
//!                                                    ledger (stored) ─▶ orders ─▶ sessions
//!   reports ─▶ fleet_view ─▶ queues.package_status ─▶ package::status
//!                       ├──▶ queues.ledger_status ─▶ rollout::ledger_status
//!                       └──▶ queues.member_status ─▶ member::controller
//! ```
//!
//! Every piece of state has one owner and one lock: [`hub::Hub`] puts the owners together. Controllers read snapshots of
//! them, decide, and carry out.

mod api_server;
mod changes;
mod fleet_view;
pub mod hub;
pub mod leadership;
mod member;
pub mod metrics;
#[cfg(test)]
mod mock_api;
pub mod package;
mod ports;
mod queues;
mod rollout;
pub mod start;
mod status_writer;
mod watch;
mod write;

pub use hub::{Hub, Sessions, Settings};
pub use stevedore_package::overrides::{ImagePrefixes, RegistryHosts};
