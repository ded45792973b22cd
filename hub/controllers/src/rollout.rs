//! Rollouts: targets, actions, plans carried out, and the ledgers that make orders durable.

mod actions;
pub(crate) mod assignment;
pub(crate) mod controller;
mod effects;
mod error;
mod executor;
pub(crate) mod finalizer;
mod ledger_object;
pub(crate) mod ledger_status;
pub(crate) mod ledger_store;
mod observations;
pub(crate) mod orders;
mod pin;
pub(crate) mod stored_ledger;
pub(crate) mod targets;
mod unreadable_ledgers;
