//! The hub's Kubernetes side: packages, clusters, ledger, status.
//!
//! What it does: keeps indexes of the hub's kinds, pulls images into revisions, carries out the plans of
//! [`stevedore_hub_core`], writes statuses, and leads by Lease. What it never does: speak to agents; that is
//! behind [`hub::Sessions`] and [`stevedore_hub_core::ports`].
//!
//! ```text
//!   watch ─▶ index ─▶ to_pull ─▶ source: registry ─▶ Secrets ─▶ PackageRevision
//!                 └─▶ to_plan ─▶ rollout: targets ─▶ plan ─▶ ledger (stored) ─▶ desired ─▶ sessions
//!   reports ─▶ fleet ─▶ to_show ─▶ show: status of packages      ledger status ◀─ observe
//!                   └─▶ to_note ─▶ members: status of members
//! ```

mod action;
mod collect;
mod content;
mod ending;
mod enrolment;
pub mod hub;
pub mod index;
pub mod leader;
pub mod ledgers;
mod members;
pub mod metrics;
mod observe;
mod package;
mod ports;
pub mod queue;
mod raise;
pub mod records;
pub mod registry;
mod render;
mod report;
mod rollout;
pub mod run;
mod show;
mod source;
mod targets;
mod write;

pub use hub::{Hub, Sessions, Settings};
