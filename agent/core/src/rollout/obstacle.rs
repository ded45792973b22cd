//! Obstacles: what stands in the way of several objects at once. One of them keeps asking, the others wait for it.

use std::sync::Arc;

use stevedore_proto_core::Reason;

use super::item::{Block, Item};
use crate::key::Kind;

/// What stands in the way of every object of a kind, or in a namespace.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Obstacle {
    /// The kind is not served, or what serves it is away.
    Kind(Kind),
    /// The namespace is missing, or is being deleted.
    Namespace(Arc<str>),
}

impl Block {
    /// The obstacle that it stands for, where it is said of this object.
    pub(super) fn obstacle(&self, item: &Item) -> Option<Obstacle> {
        let key = &item.desired.key;
        match self.reason {
            Reason::NoSuchKind | Reason::KindUnavailable => Some(Obstacle::Kind(key.kind.clone())),
            Reason::NamespaceMissing | Reason::NamespaceTerminating => {
                key.namespace.clone().map(Obstacle::Namespace)
            }
            _ => None,
        }
    }
}

impl Item {
    /// What it waits for together with others.
    pub(super) fn obstacle(&self) -> Option<Obstacle> {
        self.block.as_ref()?.obstacle(self)
    }
}
