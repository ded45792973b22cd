//! The hub's Kubernetes side: packages, clusters, ledger, status.
//!
//! What it does: keeps indexes of the hub's kinds, pulls images into revisions, carries out the plans of
//! [`stevedore_hub_core`], writes statuses, and leads by Lease. What it never does: speak to agents; that is
//! behind [`hub::Sessions`] and [`stevedore_hub_core::ports`].
//!
//! ```text
//!   watch ─▶ index ─▶ to_pull ─▶ package::controller: registry ─▶ Secrets ─▶ PackageRevision
//!                 ├─▶ to_verify ─▶ package::revisions: an Event on what is not the hub's own
//!                 └─▶ to_plan ─▶ rollout::controller: targets ─▶ plan ─▶ ledger (stored) ─▶ desired ─▶ sessions
//!   reports ─▶ fleet ─▶ to_show ─▶ package::status      rollout::ledger_status ─▶ status of ledgers
//!                   └─▶ to_note ─▶ member::controller
//! ```

pub mod hub;
pub mod leadership;
mod member;
pub mod metrics;
#[cfg(test)]
mod mock_api;
pub mod package;
mod ports;
pub mod rollout;
pub mod start;
pub mod watch;
mod write;

pub use hub::{Hub, Sessions, Settings};
