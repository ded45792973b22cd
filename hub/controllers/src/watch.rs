//! Watches: indexes that follow the API server, and queues of keys to work on.

pub(crate) mod entry;
pub(crate) mod facts;
pub(crate) mod index;
pub(crate) mod kinds;
pub(crate) mod queue;
pub(crate) mod uid;
pub(crate) mod unreadable;
