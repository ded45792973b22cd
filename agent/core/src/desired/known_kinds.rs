//! Kinds as far as they are known, and in which namespace an object is: also while its kind is not served.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::key::{Kind, ObjectKey};
use crate::mark::ShortHash;

/// What is known of kinds: which are served, and which of them are namespaced.
#[derive(Debug, Clone, Default)]
pub struct KnownKinds {
    served: BTreeMap<Kind, bool>,
    /// By group and kind: objects outlive versions, and the time in which their kind is not served.
    recorded: BTreeMap<(Box<str>, Box<str>), bool>,
}

impl KnownKinds {
    /// This kind is served.
    pub fn add_served(&mut self, kind: Kind, namespaced: bool) {
        self.served.insert(kind, namespaced);
    }

    /// An object of ours is recorded under this key, whether or not its kind is served now.
    pub fn add_recorded(&mut self, key: &ObjectKey) {
        let kind = (key.kind.group().into(), key.kind.kind().into());
        self.recorded.insert(kind, key.namespace.is_some());
    }

    pub(super) fn is_served(&self, kind: &Kind) -> bool {
        self.served.contains_key(kind)
    }

    pub(super) fn namespaced(&self, kind: &Kind) -> Option<bool> {
        let recorded = || {
            let kind = (kind.group().into(), kind.kind().into());
            self.recorded.get(&kind)
        };
        self.served.get(kind).or_else(recorded).copied()
    }
}

/// An object of a kind that turned out to be cluster-scoped, where it was taken for one in a namespace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Otherwise {
    /// Which object it is then.
    pub key: ObjectKey,
    /// Hash of what is wanted of it then.
    pub content: ShortHash,
}

/// The key of an object as it is applied; and where its scope is not known, the other one that it may have.
///
/// An unknown kind is taken for what the object was written as. Wrong is that only where a cluster-scoped object was
/// written with a namespace, which is no fault: the namespace is left out. In a set that is confined there is no other
/// way, for a cluster-scoped object is refused there.
pub(super) fn keys(
    key: ObjectKey,
    namespaced: Option<bool>,
    confined_to: Option<&str>,
) -> Result<(ObjectKey, Option<ObjectKey>), String> {
    if let Some(namespaced) = namespaced {
        return Ok((confined(key, namespaced, confined_to)?, None));
    }
    let written_in_one = key.namespace.is_some();
    let other = (written_in_one && confined_to.is_none()).then(|| ObjectKey {
        namespace: None,
        ..key.clone()
    });
    let key = confined(key, written_in_one || confined_to.is_some(), confined_to)?;
    Ok((key, other))
}

fn confined(
    mut key: ObjectKey,
    namespaced: bool,
    confined_to: Option<&str>,
) -> Result<ObjectKey, String> {
    match (namespaced, confined_to) {
        (false, None) => key.namespace = None,
        (false, Some(namespace)) => {
            return Err(format!(
                "{key}: cluster-scoped objects are refused, the set is confined to namespace {namespace:?}"
            ));
        }
        (true, Some(namespace)) => match key.namespace.as_deref() {
            None => key.namespace = Some(Arc::from(namespace)),
            Some(own) if own == namespace => {}
            Some(_) => {
                return Err(format!(
                    "{key}: the set is confined to namespace {namespace:?}"
                ));
            }
        },
        (true, None) if key.namespace.is_none() => {
            return Err(format!("{key}: metadata.namespace is needed"));
        }
        (true, None) => {}
    }
    Ok(key)
}
