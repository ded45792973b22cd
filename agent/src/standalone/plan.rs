//! Decisions about the sets of an object deployment: what is to be done next.

use serde_json::{Value, json};
use stevedore_crds::condition;
use stevedore_crds::v1alpha1::LifecycleState;

use super::child::{Child, PAUSED_BY_PARENT};

/// One change of one set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum SetChange {
    /// Pause it because the deployment is paused.
    PauseByParent(String),
    /// Undo that.
    Resume(String),
    /// Pause it before it is archived.
    Pause(String),
    /// Archive it.
    Archive(String),
    /// Delete it: there is too much history.
    Delete(String),
}

impl SetChange {
    /// Name of the set.
    pub(crate) fn set(&self) -> &str {
        match self {
            Self::PauseByParent(set)
            | Self::Resume(set)
            | Self::Pause(set)
            | Self::Archive(set)
            | Self::Delete(set) => set,
        }
    }

    /// The change as a merge patch, which fits nothing but the set as it was read: one made since by somebody
    /// else under its name is left alone. `None` for a deletion.
    pub(crate) fn patch(&self, read: &Child) -> Option<Value> {
        let (state, annotations) = match self {
            Self::PauseByParent(_) => ("Paused", json!({PAUSED_BY_PARENT: "true"})),
            Self::Resume(_) => ("Active", json!({PAUSED_BY_PARENT: null})),
            Self::Pause(_) => ("Paused", json!({})),
            Self::Archive(_) => ("Archived", json!({})),
            Self::Delete(_) => return None,
        };
        let metadata = &read.head.metadata;
        Some(json!({
            "metadata": {
                "uid": metadata.uid,
                "resourceVersion": metadata.resource_version,
                "annotations": annotations,
            },
            "spec": {"lifecycleState": state},
        }))
    }
}

/// The set made from the template as it is now: the highest revision, if it has this hash.
pub(crate) fn current<'a>(children: &'a [Child], hash: &str) -> Option<&'a Child> {
    children.last().filter(|newest| newest.hash() == Some(hash))
}

/// Makes every set follow `paused`. A set that was paused by hand is left alone until the deployment is
/// paused too; then it is resumed with it.
pub(crate) fn propagate_pause(children: &[Child], paused: bool) -> Vec<SetChange> {
    children
        .iter()
        .filter(|child| child.lifecycle() != LifecycleState::Archived)
        .filter(|child| child.is_paused_by_parent() != paused)
        .map(|child| {
            let name = child.name().to_owned();
            if paused {
                SetChange::PauseByParent(name)
            } else {
                SetChange::Resume(name)
            }
        })
        .collect()
}

/// Retires what newer sets have replaced. `children` are sorted by revision.
pub(crate) fn retire(children: &[Child]) -> Vec<SetChange> {
    let mut changes = vec![];
    for (at, newer) in children.iter().enumerate().rev() {
        if newer.is_available() {
            changes.extend(children[..at].iter().filter_map(archive));
            break;
        }
        let before = at.checked_sub(1).map(|before| &children[before]);
        if let Some(before) = before.filter(|b| !b.is_available() && b.is_disjoint_from(newer)) {
            changes.extend(archive(before));
        }
    }
    changes
}

/// The next change towards an archived set. A set that still acts is never archived: two sets would act on
/// one object.
fn archive(child: &Child) -> Option<SetChange> {
    let name = child.name().to_owned();
    match child.lifecycle() {
        LifecycleState::Archived => None,
        LifecycleState::Active => Some(SetChange::Pause(name)),
        LifecycleState::Paused => child
            .is_true(condition::PAUSED)
            .then_some(SetChange::Archive(name)),
    }
}

/// Deletes the oldest archived sets so that `limit` sets remain beside the newest.
pub(crate) fn trim(children: &[Child], limit: usize) -> Vec<SetChange> {
    let Some((_, previous)) = children.split_last() else {
        return vec![];
    };
    let surplus = previous.len().saturating_sub(limit);
    previous
        .iter()
        .filter(|child| child.is_true(condition::ARCHIVED) && !child.head.is_deleting())
        .take(surplus)
        .map(|child| SetChange::Delete(child.name().to_owned()))
        .collect()
}

#[cfg(test)]
mod tests;
