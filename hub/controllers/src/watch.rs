//! Watches: indexes that follow the API server, and queues of keys to work on.

pub mod index;
pub mod queue;
