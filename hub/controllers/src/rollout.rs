//! Rollouts: targets, actions, plans carried out, and the ledgers that make orders durable.
//!
//! ```text
//!   controller ─▶ pin (actions) ─▶ targets (eligibility), policy ─▶ hub_core::rollout::plan ─▶ effects ─▶ executor ─▶ finalizer
//!                                                                                     ├─▶ assignment ─▶ live fleet
//!   ledger_store ─▶ stored_ledger (ledger_object, ledger_record) ─▶ orders (unreadable_ledgers) ◀────┘
//!   ledger_status ─▶ observations: what members reported, kept for the next process
//! ```

mod actions;
pub(crate) mod assignment;
pub(crate) mod controller;
mod effects;
mod eligibility;
mod error;
mod executor;
pub(crate) mod finalizer;
mod ledger_object;
mod ledger_record;
pub(crate) mod ledger_status;
pub(crate) mod ledger_store;
mod observations;
pub(crate) mod orders;
mod pin;
mod policy;
mod selector;
pub(crate) mod stored_ledger;
pub(crate) mod targets;
mod unreadable_ledgers;
