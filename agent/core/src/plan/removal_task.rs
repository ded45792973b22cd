//! The task of taking objects away: its purpose, and what has to be known before it starts.

use super::operation::Operation;
use crate::key::ObjectKey;
use crate::prune::{self, SetInventory};
use crate::removal::{Removal, RemovalTarget};
use crate::set::{SetHead, SetUid};
use crate::teardown;

/// Why objects are taken away.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Purpose {
    /// The accepted set no longer names them.
    Prune(Vec<SetUid>),
    /// No object is taken away. None of the newer orders became available, and these sets are archived where newer
    /// ones name all that they do, so that a member on which no order succeeds does not keep every set.
    Supersede(Vec<SetUid>),
    /// The whole deployment is torn down by order.
    Teardown {
        /// The objects are left where they are.
        orphan: bool,
    },
    /// These sets are being deleted.
    Sets(Vec<SetUid>),
    /// These sets are being deleted, and their objects stay where they are.
    Orphan(Vec<SetUid>),
    /// This directly used set is to be archived.
    Archive(SetUid),
}

impl Purpose {
    /// Nothing is taken away: only what stands for it is let go.
    pub(super) fn leaves_objects(&self) -> bool {
        matches!(self, Self::Teardown { orphan: true } | Self::Orphan(_))
    }

    /// Work begun for this purpose serves the other one too: some of its sets are done with by now.
    pub(super) fn covers(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Prune(mine), Self::Prune(theirs))
            | (Self::Supersede(mine), Self::Supersede(theirs))
            | (Self::Sets(mine), Self::Sets(theirs))
            | (Self::Orphan(mine), Self::Orphan(theirs)) => {
                theirs.iter().all(|set| mine.contains(set))
            }
            _ => self == other,
        }
    }

    /// No set stays: everything that the deployment has is taken away.
    pub(super) fn ends_all(&self, heads: &[SetHead]) -> bool {
        match self {
            Self::Teardown { .. } => true,
            Self::Sets(sets) => heads.iter().all(|head| sets.contains(&head.set.uid)),
            Self::Prune(_) | Self::Supersede(_) | Self::Archive(_) | Self::Orphan(_) => false,
        }
    }
}

/// A removal, from its purpose to its end.
#[derive(Debug, Clone)]
pub(super) struct RemovalTask {
    pub(super) purpose: Purpose,
    /// What the sets name.
    pub(super) survey: Operation,
    pub(super) inventories: Vec<SetInventory>,
    /// Needed when a set cannot say what it names.
    pub(super) search: Operation,
    pub(super) needs_search: bool,
    pub(super) found: Vec<RemovalTarget>,
    /// Of superseded sets, those that newer ones name all of.
    pub(super) covered: Vec<SetUid>,
    pub(super) removal: Option<Removal>,
    pub(super) recorded: bool,
}

impl RemovalTask {
    pub(super) fn new(purpose: Purpose) -> Self {
        Self {
            purpose,
            survey: Operation::default(),
            inventories: Vec::new(),
            search: Operation::default(),
            needs_search: false,
            found: Vec::new(),
            covered: Vec::new(),
            removal: None,
            recorded: false,
        }
    }

    /// Every object is confirmed gone.
    pub(super) fn is_removed(&self) -> bool {
        self.removal.as_ref().is_some_and(Removal::is_complete)
    }

    /// What is to go, once all is known; `accepted` are the objects of the accepted set. Given once.
    pub(super) fn targets(
        &mut self,
        heads: &[SetHead],
        accepted: Option<&[ObjectKey]>,
    ) -> Option<Vec<RemovalTarget>> {
        let known = self.survey.done && (self.search.done || !self.needs_search);
        if !known || self.removal.is_some() {
            return None;
        }
        let mut targets = match &self.purpose {
            // Not to know what the accepted set names prunes nothing.
            Purpose::Prune(_) => prune::prune(&self.inventories, accepted?),
            Purpose::Teardown { .. } => teardown::whole(&self.inventories),
            Purpose::Sets(sets) => self.of_ending(heads, |uid| sets.contains(uid)),
            Purpose::Archive(set) => self.of_ending(heads, |uid| uid == set),
            Purpose::Supersede(sets) => {
                let covered = prune::superseded(&self.inventories);
                let is_covered = |head: &&SetHead| {
                    sets.contains(&head.set.uid) && covered.contains(&head.number)
                };
                let covered = heads.iter().filter(is_covered);
                self.covered = covered.map(|head| head.set.uid.clone()).collect();
                Vec::new()
            }
            Purpose::Orphan(_) => Vec::new(),
        };
        if self.purpose.ends_all(heads) {
            for found in std::mem::take(&mut self.found) {
                match targets
                    .iter_mut()
                    .find(|known| known.key.same_object(&found.key))
                {
                    // The mark knows the phase also where the content is lost.
                    Some(known) => known.rank = found.rank,
                    None => targets.push(found),
                }
            }
        }
        self.inventories = Vec::new();
        Some(targets)
    }

    /// What the ending sets name and no staying one holds; an archived set holds nothing.
    fn of_ending(&self, heads: &[SetHead], ends: impl Fn(&SetUid) -> bool) -> Vec<RemovalTarget> {
        let inventories = |matches: &dyn Fn(&SetHead) -> bool| -> Vec<SetInventory> {
            let numbers: Vec<u64> = heads
                .iter()
                .filter(|head| !head.archived && matches(head))
                .map(|head| head.number)
                .collect();
            self.inventories
                .iter()
                .filter(|set| numbers.contains(&set.number))
                .cloned()
                .collect()
        };
        teardown::without(
            &inventories(&|head| ends(&head.set.uid)),
            &inventories(&|head| !ends(&head.set.uid)),
        )
    }
}
