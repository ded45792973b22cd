//! The summary of a deployment, from which statuses and reports are made.

use stevedore_proto_core::status::{Blocker, Truth, Verdict};
use stevedore_proto_core::{Reason, Stage};

use super::operation::Operation;
use super::{Deployment, Purpose};
use crate::removal::Removal;
use crate::rollout;
use crate::set::SetUid;

/// What is being taken away.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RemovalSummary {
    /// Why.
    pub purpose: Purpose,
    /// How many objects are still there; absent while that is not known.
    pub left: Option<usize>,
    /// Everything is gone.
    pub removed: bool,
    /// What is waited for.
    pub blockers: Vec<Blocker>,
}

/// The status of a deployment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Summary {
    /// The set that is rolled out.
    pub accepted: Option<SetUid>,
    /// How far it is.
    pub stage: Stage,
    /// Whether it is available.
    pub available: Verdict,
    /// Objects of the accepted set.
    pub rollout: Option<rollout::Summary>,
    /// Objects on their way out; absent when sets are only let go.
    pub removal: Option<RemovalSummary>,
    /// Everything that is waited for, what stops the most first.
    pub blockers: Vec<Blocker>,
}

fn blockers_of(operation: &Operation) -> impl Iterator<Item = Blocker> {
    let blocks = operation.block.iter();
    blocks.map(|block| block.blocker(String::new()))
}

impl Deployment {
    /// The status as of now.
    pub fn summary(&self) -> Summary {
        let rollout = self.rollout().map(rollout::Rollout::summary);
        let removal = self.removal_summary();
        let mut blockers: Vec<Blocker> = blockers_of(&self.account).collect();
        blockers.extend(blockers_of(&self.preparation));
        if let Some(rollout) = &rollout {
            blockers.extend(rollout.blockers.iter().cloned());
        }
        if let Some(removal) = &removal {
            blockers.extend(removal.blockers.iter().cloned());
        }
        // Letting go of older orders before the newest is available is housekeeping: it holds nothing up.
        let settled = self.rollout().is_some_and(rollout::Rollout::is_available);
        if removal.is_some() || settled {
            blockers.extend(blockers_of(&self.cleanup));
        }
        blockers.extend(self.unwatched.iter().map(|(scope, why)| Blocker {
            reason: Reason::NotWatched,
            object: scope.kind.kind().to_owned(),
            message: format!("is listed every half minute only, for it cannot be watched: {why}"),
            field: String::new(),
        }));
        Summary {
            accepted: self.accepted().map(|head| head.set.uid.clone()),
            stage: self.stage(rollout.as_ref()),
            available: self.available(rollout.as_ref(), &blockers),
            rollout,
            removal,
            blockers,
        }
    }

    fn stage(&self, rollout: Option<&rollout::Summary>) -> Stage {
        let torn_down = self.removing.as_ref().is_some_and(|task| task.recorded);
        match rollout {
            _ if torn_down => Stage::Deleted,
            Some(summary) if summary.available.status == Truth::True => Stage::Available,
            Some(summary) if summary.applied => Stage::Applied,
            _ => Stage::Received,
        }
    }

    fn available(&self, rollout: Option<&rollout::Summary>, blockers: &[Blocker]) -> Verdict {
        let no = |reason, message: String| Verdict::new(Truth::False, reason, message);
        if self.accepted().is_none() {
            return match self.heads.last() {
                Some(newest) if newest.is_set_aside() => {
                    let message = "the set of this order was archived by hand: nothing is enforced";
                    no(Reason::ArchivedByHand, message.to_owned())
                }
                _ => no(Reason::TearingDown, self.teardown_message()),
            };
        }
        if let Some(block) = self.account.block.first() {
            return no(block.reason.clone(), block.message.clone());
        }
        if !self.preparation.block.is_empty() {
            let all: Vec<&str> = self
                .preparation
                .block
                .iter()
                .map(|block| block.message.as_str())
                .collect();
            return no(Reason::PreflightError, all.join("; "));
        }
        match rollout {
            Some(summary) => summary.available.clone(),
            None => no(
                Reason::Preparing,
                blockers.first().map_or_else(
                    || "the order is being prepared".to_owned(),
                    |b| b.message.clone(),
                ),
            ),
        }
    }

    fn teardown_message(&self) -> String {
        let Some(summary) = self.removal_summary() else {
            return "nothing is rolled out".to_owned();
        };
        match (summary.left, summary.blockers.first()) {
            (_, Some(blocker)) if blocker.object.is_empty() => {
                format!("waits: {}", blocker.message)
            }
            (_, Some(blocker)) => format!("waits: {} {}", blocker.object, blocker.message),
            (Some(left), None) => format!("{left} objects are left"),
            (None, None) => "the inventory is being read".to_owned(),
        }
    }

    fn removal_summary(&self) -> Option<RemovalSummary> {
        let task = self
            .removing
            .as_ref()
            .filter(|task| !matches!(task.purpose, Purpose::Supersede(_)))?;
        let mut blockers = Vec::new();
        if self.definitions_terminating {
            blockers.push(Blocker {
                reason: Reason::DefinitionsTerminating,
                object: String::new(),
                message: "a CustomResourceDefinition of ours is being deleted: nothing is taken \
                          away until that is over"
                    .to_owned(),
                field: String::new(),
            });
        }
        blockers.extend(blockers_of(&task.survey));
        blockers.extend(blockers_of(&task.search));
        if let Some(removal) = &task.removal {
            blockers.extend(removal.blockers());
        }
        Some(RemovalSummary {
            purpose: task.purpose.clone(),
            left: task.removal.as_ref().map(Removal::left),
            removed: task.is_removed() || task.purpose.leaves_objects(),
            blockers,
        })
    }
}
