//! Stored sets of a deployment, without their objects: which one is the accepted one, and which are inventory.

use std::sync::Arc;

use stevedore_proto_core::{ContentRef, DeploymentUid, Held, PackageRef, Stage, Tuple};

use crate::key::ObjectKey;
use crate::rollout::{Progress, Record};

/// UID of a stored set.
pub type SetUid = Arc<str>;

/// Names one stored set.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct SetRef {
    /// Namespace of an `ObjectSet`; absent for a `ClusterObjectSet`.
    pub namespace: Option<String>,
    /// Name.
    pub name: String,
    /// UID.
    pub uid: SetUid,
}

/// What is to be done with a set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Lifecycle {
    /// Rolled out and kept so.
    #[default]
    Active,
    /// Watched; nothing is written.
    Paused,
    /// Taken away, kept as history.
    Archived,
}

/// Whether a set is on its way out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Ending {
    /// It stays.
    #[default]
    No,
    /// Its deployment is torn down by order.
    Tombstone {
        /// The objects are left where they are.
        orphan: bool,
    },
    /// A set that is used directly is being deleted, and waits for us.
    Deleting,
    /// As [`Ending::Deleting`], but its objects are to stay: whoever deletes it says so (`--cascade=orphan`), or they
    /// go with their namespace.
    Orphaning,
}

/// The order of a hub that a set stores.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HubOrder {
    /// The package.
    pub package: PackageRef,
    /// What was accepted.
    pub tuple: Tuple,
    /// Absent for a tombstone that was stored as a set of its own.
    pub content: Option<ContentRef>,
    /// Set once: the order that tears the deployment down.
    pub tombstone: Option<Tuple>,
}

impl HubOrder {
    /// The highest tuple that the set stores.
    pub fn newest(&self) -> &Tuple {
        match &self.tombstone {
            Some(tombstone) if is_newer(tombstone, &self.tuple) => tombstone,
            _ => &self.tuple,
        }
    }

    /// As a hub is told that it is held.
    pub fn held(&self, deployment: DeploymentUid, available: bool) -> Held {
        let content = self.content.filter(|_| self.tombstone.is_none());
        Held {
            deployment,
            package: self.package.clone(),
            tuple: self.tombstone.unwrap_or(self.tuple),
            content,
            stage: match content {
                Some(_) if available => Stage::Available,
                _ => Stage::Received,
            },
        }
    }
}

/// Whether `one` goes before `other`: by epoch, then by number.
pub fn is_newer(one: &Tuple, other: &Tuple) -> bool {
    (one.epoch.counter, one.number) > (other.epoch.counter, other.number)
}

/// One stored set without its objects.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SetHead {
    /// Which set.
    pub set: SetRef,
    /// `metadata.generation`.
    pub generation: i64,
    /// Number within the deployment: the order number, or the revision of a set that is used directly.
    pub number: u64,
    /// What is to be done with it; `Paused` also where a hub's order says so.
    pub lifecycle: Lifecycle,
    /// Whether it is on its way out.
    pub ending: Ending,
    /// The order of a hub; absent for a set that is used directly.
    pub order: Option<HubOrder>,
    /// Our finalizer keeps it until its objects are torn down.
    pub has_finalizer: bool,
    /// The account it names, if any.
    pub account: Option<String>,
    /// Confines all objects: the target namespace of a hub's order, the namespace of an `ObjectSet`.
    pub confined_to: Option<String>,
    /// Names of the Secrets that hold its objects of kind Secret.
    pub secrets: Vec<String>,
    /// Deployments whose objects it may take over: those of the sets in `spec.previous`.
    pub predecessors: Vec<DeploymentUid>,
    /// Deployments that may take its objects over: those of the sets that name it in `spec.previous`.
    pub successors: Vec<DeploymentUid>,
    /// Its status says that it is available.
    pub available: bool,
    /// Its status says that it has been taken away.
    pub archived: bool,
    /// The objects its status says it controls.
    pub inventory: Arc<[(ObjectKey, Record)]>,
    /// How far its status says it came.
    pub progress: Progress,
    /// Its status speaks of phases or objects: something may have been written for it.
    pub begun: bool,
}

impl SetHead {
    /// Used directly, rather than ordered by a hub.
    pub fn is_standalone(&self) -> bool {
        self.order.is_none()
    }

    /// Whether it has content (a tombstone may be stored without).
    pub fn has_content(&self) -> bool {
        let content = self.order.as_ref().map(|order| order.content.is_some());
        content.unwrap_or(true)
    }

    /// Whether the engine may have it: a directly used set only once it waits for its teardown.
    pub fn is_manageable(&self) -> bool {
        !self.is_standalone() || self.has_finalizer
    }

    /// Whether it is used directly and has to get our finalizer before the engine may have it.
    pub fn needs_finalizer(&self) -> bool {
        self.is_standalone()
            && self.ending == Ending::No
            && !self.has_finalizer
            && self.lifecycle != Lifecycle::Archived
    }

    /// A set of a hub that somebody archived: as the newest one it stands for no order any more.
    pub fn is_set_aside(&self) -> bool {
        !self.is_standalone() && self.ending == Ending::No && self.lifecycle == Lifecycle::Archived
    }
}

/// Sorts sets by number, the accepted one last. Between equal numbers, which only sets used directly can
/// have, the UID decides.
pub fn sort(heads: &mut [SetHead]) {
    heads.sort_by(|a, b| (a.number, &a.set.uid).cmp(&(b.number, &b.set.uid)));
}

/// The accepted set of sorted heads: the highest number that is not on its way out. A hub's highest set that
/// is archived is no order (the accepted one was deleted, or it was archived by hand): nothing is done then.
pub fn accepted(heads: &[SetHead]) -> Option<&SetHead> {
    let newest = heads.last()?;
    if !newest.is_standalone() {
        let stays = newest.ending == Ending::No && newest.lifecycle != Lifecycle::Archived;
        return (stays && newest.has_content()).then_some(newest);
    }
    heads
        .iter()
        .rev()
        .find(|head| head.ending == Ending::No)
        .filter(|head| head.lifecycle != Lifecycle::Archived)
}

#[cfg(test)]
pub(crate) mod tests {
    use stevedore_proto_core::{Digest, Epoch, EpochId, PackageUid, Term, TermId};

    use super::*;

    /// A set that a hub ordered, with content.
    pub(crate) fn head(uid: &str, number: u64) -> SetHead {
        let digest = Digest::of(&number.to_be_bytes());
        let order = HubOrder {
            package: PackageRef {
                namespace: None,
                name: "demo".into(),
                uid: PackageUid::from_bytes([2; 16]),
                revision: 1,
            },
            tuple: Tuple {
                epoch: Epoch {
                    counter: 1,
                    id: EpochId::from_bytes([1; 16]),
                },
                term: Term {
                    counter: 1,
                    id: TermId::from_bytes([1; 16]),
                },
                number,
                digest,
            },
            content: Some(ContentRef { digest, size: 1 }),
            tombstone: None,
        };
        SetHead {
            set: SetRef {
                uid: uid.into(),
                ..SetRef::default()
            },
            number,
            order: Some(order),
            ..SetHead::default()
        }
    }

    fn heads<const N: usize>(numbers: [u64; N]) -> [SetHead; N] {
        numbers.map(|number| head(&format!("set-{number}"), number))
    }

    #[test]
    fn the_highest_number_is_accepted_in_whatever_order_sets_are_read() {
        let mut heads = heads([3, 10, 9]);
        sort(&mut heads);
        assert_eq!(accepted(&heads).unwrap().number, 10);
    }

    #[test]
    fn a_tombstone_or_an_archived_rest_of_history_is_not_rolled_out() {
        let mut heads = heads([1, 2]);
        heads[1].ending = Ending::Tombstone { orphan: false };
        assert_eq!(accepted(&heads), None);
        heads[1].ending = Ending::No;
        heads[1].lifecycle = Lifecycle::Archived;
        assert_eq!(accepted(&heads), None);
        assert_eq!(accepted(&[]), None);
    }

    #[test]
    fn when_a_directly_used_set_is_deleted_the_one_before_is_accepted() {
        let mut heads = heads([1, 2]);
        for head in &mut heads {
            head.order = None;
        }
        heads[1].ending = Ending::Deleting;
        assert_eq!(accepted(&heads).unwrap().number, 1);
        heads[0].lifecycle = Lifecycle::Archived;
        assert_eq!(accepted(&heads), None);
    }
}
