//! Real control planes, an OCI registry and daemons as local processes.
//!
//! For the end-to-end tests and for `stevedore demo`: a fleet on one machine, without containers.
//!
//! ```no_run
//! # async fn example() -> Result<(), stevedore_fleet::Error> {
//! use stevedore_fleet::{Fleet, progress::Lines};
//!
//! let fleet = Fleet::builder().members(3).registry(true).start(&Lines).await?;
//! let client = fleet.members()[0].client();
//! println!("KUBECONFIG={}", fleet.hub().kubeconfig().display());
//! # Ok(()) }
//! ```
//!
//! ```text
//!  Fleet ─┬─ tools      finds the programs, or builds them from Go modules
//!         ├─ guard      a process that owns all others, and ends them when this one is gone
//!         ├─ etcd       one for all, each cluster under its prefix; or one of a cluster's own
//!         ├─ ControlPlane × N   API server, controller manager, scheduler, KWOK with one fake node
//!         ├─ Registry
//!         └─ Daemon × N         whatever else is to run beside them
//! ```
//!
//! No process outlives the one that started it, however that ends; see [`guard`] for the one line that a program
//! or test binary has to contain for it.

mod audit;
mod control_plane;
mod daemon;
mod error;
mod etcd;
mod fleet;
pub mod guard;
pub mod install;
mod kubeconfig;
mod pki;
pub mod process;
mod programs;
pub mod progress;
mod registry;
pub mod stack;
mod start;
pub mod tools;

pub use audit::{AuditEntry, AuditObject, AuditReader, AuditStatus, AuditUser};
pub use control_plane::{
    BROKEN_IMAGE, Backup, ClusterOptions, ControlPlane, Extent, NODE, Program,
};
pub use daemon::{Daemon, DaemonSpec};
pub use error::Error;
pub use fleet::{Fleet, FleetBuilder, HUB};
pub use kubeconfig::Kubeconfig;
pub use programs::Programs;
pub use registry::Registry;
pub use start::free_port;

#[cfg(test)]
guard_entry!();
