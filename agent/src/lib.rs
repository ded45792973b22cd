//! The agent: applies object sets in one member cluster and reports on them.

pub mod engine;
