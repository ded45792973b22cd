//! The requests that a removal asks for, and what they are answered.

use std::sync::Arc;

use crate::failure::Failure;
use crate::observation::Observation;
use crate::propagation::Propagation;

/// One request a removal asks for. Numbers are indexes of objects.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Job {
    /// Live GET of an object.
    Read(usize),
    /// Delete the object with this UID and resourceVersion.
    Delete {
        /// Which one.
        at: usize,
        /// UID that was read.
        uid: Box<str>,
        /// resourceVersion that was read.
        resource_version: Box<str>,
        /// What becomes of its dependents.
        propagation: Propagation,
    },
    /// Live GET of a namespace: whether it is being deleted.
    Namespace(Arc<str>),
}

/// What a request answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// The object; absent when a GET answered 404, or when no version of its kind is served any more.
    Read(Option<Observation>),
    /// The delete was accepted.
    Deleted,
    /// It failed.
    Failed(Failure),
}
