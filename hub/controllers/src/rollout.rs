//! Rollouts: targets, actions, plans carried out, and the ledgers that make orders durable.

pub(crate) mod actions;
pub(crate) mod assignment;
pub(crate) mod controller;
pub(crate) mod finalizer;
mod ledger_object;
pub(crate) mod ledger_status;
pub mod ledger_store;
pub(crate) mod orders;
pub(crate) mod targets;
pub(crate) mod unreadable_ledgers;
