//! The stored sets of a deployment: which one is the accepted one, and which are inventory.

use std::sync::Arc;

use crate::key::ObjectKey;
use crate::rollout::{Progress, Record};

/// UID of a stored set.
pub type SetUid = Arc<str>;

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
    /// As [`Ending::Deleting`], but its objects are to stay (`--cascade=orphan`).
    Orphaning,
}

/// One stored set, as far as decisions go.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SetHead {
    /// Which set.
    pub uid: SetUid,
    /// Number within the deployment.
    pub number: u64,
    /// What is to be done with it.
    pub lifecycle: Lifecycle,
    /// Whether it is on its way out.
    pub ending: Ending,
    /// Used directly, rather than ordered by a hub.
    pub standalone: bool,
    /// It has content (a tombstone may be stored without).
    pub has_content: bool,
    /// Its status says that it has been taken away.
    pub archived: bool,
    /// The objects its status says it controls.
    pub inventory: Vec<(ObjectKey, Record)>,
    /// How far its status says it came.
    pub progress: Progress,
    /// Its status speaks of phases or objects: something may have been written for it.
    pub begun: bool,
}

impl SetHead {
    /// A set of a hub that somebody archived: as the newest one it stands for no order any more.
    pub fn is_set_aside(&self) -> bool {
        !self.standalone && self.ending == Ending::No && self.lifecycle == Lifecycle::Archived
    }
}

/// Sorts sets by number, the accepted one last. Between equal numbers, which only sets used directly can
/// have, the UID decides.
pub fn sort(heads: &mut [SetHead]) {
    heads.sort_by(|a, b| (a.number, &a.uid).cmp(&(b.number, &b.uid)));
}

/// The accepted set of sorted heads: the highest number that is not on its way out. A hub's highest set that
/// is archived is no order (the accepted one was deleted, or it was archived by hand): nothing is done then.
pub fn accepted(heads: &[SetHead]) -> Option<&SetHead> {
    let newest = heads.last()?;
    if !newest.standalone {
        let stays = newest.ending == Ending::No && newest.lifecycle != Lifecycle::Archived;
        return (stays && newest.has_content).then_some(newest);
    }
    heads
        .iter()
        .rev()
        .find(|head| head.ending == Ending::No)
        .filter(|head| head.lifecycle != Lifecycle::Archived)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(number: u64) -> SetHead {
        SetHead {
            uid: format!("set-{number}").into(),
            number,
            has_content: true,
            ..SetHead::default()
        }
    }

    #[test]
    fn the_highest_number_is_accepted_in_whatever_order_sets_are_read() {
        let mut heads = [head(3), head(10), head(9)];
        sort(&mut heads);
        assert_eq!(accepted(&heads).unwrap().number, 10);
    }

    #[test]
    fn a_tombstone_or_an_archived_rest_of_history_is_not_rolled_out() {
        let mut heads = [head(1), head(2)];
        heads[1].ending = Ending::Tombstone { orphan: false };
        assert_eq!(accepted(&heads), None);
        heads[1].ending = Ending::No;
        heads[1].lifecycle = Lifecycle::Archived;
        assert_eq!(accepted(&heads), None);
        assert_eq!(accepted(&[]), None);
    }

    #[test]
    fn when_a_directly_used_set_is_deleted_the_one_before_is_accepted() {
        let mut heads = [head(1), head(2)];
        for head in &mut heads {
            head.standalone = true;
        }
        heads[1].ending = Ending::Deleting;
        assert_eq!(accepted(&heads).unwrap().number, 1);
        heads[0].lifecycle = Lifecycle::Archived;
        assert_eq!(accepted(&heads), None);
    }
}
