//! Leading: the Lease, the term taken under it, and the hub's own records.

pub mod lease;
pub(crate) mod raise_epoch;
pub mod records;
pub(crate) mod write_guard;
