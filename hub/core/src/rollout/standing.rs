//! The standing of one target: what its cluster was ordered, what it reports of that, and what it is to get.

use std::sync::Arc;

use stevedore_proto_core::ClusterUid;

use super::cause::Cause;
use crate::fleet::{DeploymentState, MemberState};
use crate::ledger::{Ordered, Row};

/// Where one target stands in a rollout.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    /// It was ordered what it is to run, and is available with it.
    Done,
    /// It was ordered what it is to run, and is on its way.
    InFlight,
    /// It was ordered what it is to run and fails with it, or is on its way for too long.
    Failed,
    /// It was ordered what it is to run, and has no session; `was_available` since.
    Lost {
        /// It was available with it before the session was lost.
        was_available: bool,
    },
    /// It is to be ordered something else than it runs.
    Waiting(Runs),
    /// It is not known yet what it is to run.
    Unknown,
    /// Somebody had it left as it is.
    Skipped,
    /// Its cluster is held.
    Held,
    /// It gets nothing whatever the rollout says, and nothing waits for it.
    LeftOut,
}

/// What a cluster that waits for an order runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Runs {
    /// Nothing of the package.
    Nothing,
    /// What it was ordered before, and that is available.
    Available,
    /// What it was ordered before, and that is not available yet.
    Unavailable,
    /// What it was ordered before, and that fails, or is on its way for too long.
    Failing,
    /// Not known: it has no session.
    Unheard,
}

/// One target of a package.
#[derive(Debug, Clone)]
pub(super) struct Target<'a> {
    pub(super) cluster: ClusterUid,
    pub(super) member: &'a MemberState,
    /// Its shard and row, once something was ordered.
    pub(super) row: Option<(usize, &'a Row)>,
    pub(super) standing: Standing,
    /// What it waits for; of what failed, what may be tried again.
    pub(super) wanted: Option<(Arc<Ordered>, Cause)>,
}

impl Target<'_> {
    /// The number of its order; 0 without one.
    pub(super) fn number(&self) -> u64 {
        self.row.map_or(0, |(_, row)| row.number)
    }

    /// Whether it was taken from available, or may have been, and is not known to have been available since.
    pub(super) fn is_disrupted(&self) -> bool {
        let was_available = self.member.row.was_available();
        let is_back = match self.standing {
            Standing::Done | Standing::Skipped => true,
            Standing::Waiting(runs) => runs == Runs::Available || was_available,
            Standing::Held | Standing::LeftOut | Standing::Unknown => was_available,
            Standing::Lost { was_available } => was_available,
            Standing::InFlight | Standing::Failed => false,
        };
        !is_back
            && self
                .row
                .is_some_and(|(_, row)| row.disruptive && !row.tombstone)
    }

    /// Whether it was ordered something in the rollout that begins with this number, was available with it, and then
    /// lost: what the order did to it is not known.
    pub(super) fn is_lost_since(&self, first: u64) -> bool {
        let lost = Standing::Lost {
            was_available: true,
        };
        self.standing == lost && self.number() >= first
    }

    /// Whether it works on an order, or may do so.
    pub(super) fn is_working(&self) -> bool {
        match self.standing {
            Standing::InFlight => true,
            Standing::Lost { was_available } => !was_available,
            Standing::Waiting(Runs::Unavailable) => true,
            Standing::Waiting(Runs::Unheard) => !self.member.row.was_available(),
            _ => false,
        }
    }

    /// Whether what it runs is available, or was when it was heard last.
    pub(super) fn is_up(&self) -> bool {
        match self.standing {
            Standing::Done | Standing::Waiting(Runs::Available) => true,
            Standing::Lost { .. } | Standing::Waiting(Runs::Unheard) => {
                self.member.row.was_available()
            }
            _ => false,
        }
    }

    /// Whether an order now would take it from available, as nothing has before.
    pub(super) fn would_disrupt(&self) -> bool {
        !self.is_disrupted()
            && matches!(
                self.standing,
                Standing::Waiting(Runs::Available | Runs::Unheard)
            )
    }

    /// Whether what is ordered now takes a place in the budget, until it was available once.
    pub(super) fn is_disruptive(&self) -> bool {
        self.would_disrupt() || self.is_disrupted()
    }

    /// Whether an earlier order took it from available, and failed: nothing but another order brings it back.
    pub(super) fn is_broken(&self) -> bool {
        self.standing == Standing::Waiting(Runs::Failing) && self.is_disrupted()
    }

    /// Whether it is to be ordered something else than it runs.
    pub(super) fn is_wanting(&self) -> bool {
        let wanted = self.wanted.as_ref();
        wanted.is_some_and(|(_, cause)| *cause != Cause::Retry)
    }

    /// Whether it has no session.
    pub(super) fn is_offline(&self) -> bool {
        !self.member.connected
    }
}

/// Where a cluster stands that was ordered what it is to run; `is_late` says that this was too long ago.
pub(super) fn ordered(member: &MemberState, row: &Row, is_late: bool) -> Standing {
    let found = member.row;
    // The fleet is told of a row after it is stored: until then it speaks about the one before.
    let is_current = found.number() == row.number;
    match found.state() {
        DeploymentState::Available if is_current => Standing::Done,
        // What failed when it was heard last is not known to do better.
        DeploymentState::Failed | DeploymentState::Offline if is_current && found.is_failing() => {
            Standing::Failed
        }
        DeploymentState::Offline if is_current && found.was_available() => Standing::Lost {
            was_available: true,
        },
        _ if is_late && !found.was_available() => Standing::Failed,
        DeploymentState::Offline => Standing::Lost {
            was_available: false,
        },
        _ => Standing::InFlight,
    }
}

/// What a cluster runs that is to be ordered something else; `is_late` says that it was ordered that too long ago.
pub(super) fn runs(member: &MemberState, row: Option<&Row>, is_late: bool) -> Runs {
    let Some(row) = row.filter(|row| !row.tombstone) else {
        return Runs::Nothing;
    };
    let found = member.row;
    match found.state() {
        DeploymentState::Offline => Runs::Unheard,
        DeploymentState::Available if found.number() == row.number => Runs::Available,
        DeploymentState::Absent => Runs::Unheard,
        DeploymentState::Failed => Runs::Failing,
        _ if is_late && !found.was_available() => Runs::Failing,
        _ => Runs::Unavailable,
    }
}
