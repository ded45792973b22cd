//! Watches: indexes that follow the API server, and queues of keys to work on.

pub mod entry;
pub mod index;
pub mod kinds;
pub mod queue;
pub mod unreadable;
