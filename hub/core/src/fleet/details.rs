//! The details of one deployment: its order and its reports, and the state and the failure that follow from them.

use stevedore_proto_core::ledger::{ObservedRow, ObservedState};
use stevedore_proto_core::status::{MappedCondition, PhaseState, Truth};
use stevedore_proto_core::{ClusterUid, DeploymentStatus, Reason, Stage, Tuple};

use crate::session::{FreezeReason, Report};

use super::row::{DeploymentState, Row};

/// What was ordered, for one cluster of a package.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Assignment {
    /// The order; absent while nothing was ordered.
    pub tuple: Option<Tuple>,
    /// Whether it is a tombstone.
    pub tombstone: bool,
    /// Whether the placement selects the cluster now.
    pub targeted: bool,
}

/// Whether one member has a session, and in which state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Contact {
    /// It has a session now.
    pub connected: bool,
    /// It was heard since this hub started.
    pub heard: bool,
    /// It has met a newer or another leadership than ours.
    pub fenced: Option<FreezeReason>,
    /// It has a session, and its API server does not answer.
    pub is_api_server_silent: bool,
    /// Statuses of sessions before this incarnation do not count: the agent says all of them again.
    pub since: u64,
}

/// Why a deployment is not available.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Failure {
    /// What kind of trouble.
    pub reason: Reason,
    /// For people.
    pub message: String,
}

impl Failure {
    pub(crate) fn new(reason: Reason, message: impl Into<String>) -> Self {
        Self {
            reason,
            message: message.into(),
        }
    }
}

/// What tells one failure from another of the same reason. API servers put into their words what differs from member
/// to member of one and the same fault: names of stored sets, UIDs in quoted values.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Subject {
    /// The order as a whole: the member does not take it.
    Order,
    /// An object, and the field of it that the API server names.
    Object {
        /// `Kind namespace/name`.
        object: String,
        /// Its path; empty where none is named.
        field: String,
    },
    /// Only the words say.
    Words(String),
}

/// What was ordered and reported of one deployment.
#[derive(Debug, Clone, Default)]
pub struct Details {
    pub(super) assignment: Option<Assignment>,
    /// The session since which the member counted when this was ordered; 0 before its first one with this hub.
    ordered_in: u64,
    /// (incarnation, sequence) of the last report.
    pub(super) position: (u64, u64),
    pub(super) reached: Option<(Tuple, Stage)>,
    pub(super) status: Option<Box<DeploymentStatus>>,
    pub(super) refused: Option<(Tuple, Reason, String)>,
    pub(super) frozen: Option<FreezeReason>,
    /// Of the member's [`Contact`].
    pub(super) fenced: Option<FreezeReason>,
    /// Of the member's [`Contact`].
    pub(super) is_api_server_silent: bool,
    /// Of the member's [`Contact`].
    pub(super) since: u64,
    pub(super) available_once: Option<Tuple>,
    /// An earlier process of the hub found this order failing, and not on its way.
    failing_before: Option<Tuple>,
    pub(super) lacks_content: Option<Tuple>,
}

impl Details {
    /// The row that these details amount to.
    pub(super) fn row(&self, contact: Contact) -> Row {
        Row {
            number: self.ordered().map_or(0, |tuple| tuple.number),
            state: self.state(contact),
            targeted: self.assignment.is_some_and(|assigned| assigned.targeted),
            tombstone: self.is_tombstone(),
            updated: self.is_updated(),
            was_available: self.was_available(),
            failing: self.is_failing(),
            unheard: self.is_unheard(),
        }
    }

    /// Takes what is ordered for a member with this contact.
    pub(super) fn assign(&mut self, assignment: Option<Assignment>, contact: Contact) {
        let before = std::mem::replace(&mut self.assignment, assignment);
        if self.ordered() != before.and_then(|assignment| assignment.tuple) {
            self.ordered_in = contact.since;
        }
    }

    /// Takes what an earlier process of the hub knew of the newest order.
    pub(super) fn remember(&mut self, observed: &ObservedRow) {
        let ordered = self.ordered().filter(|it| it.number == observed.number);
        match observed.state {
            ObservedState::Available => self.available_once = ordered.or(self.available_once),
            ObservedState::Failing => self.failing_before = ordered,
            _ => {}
        }
    }

    fn state(&self, contact: Contact) -> DeploymentState {
        let Some(assignment) = self.assignment else {
            return DeploymentState::Absent;
        };
        if assignment.tombstone {
            return if self.torn_down().is_some() && !assignment.targeted {
                DeploymentState::Absent
            } else {
                DeploymentState::Removing
            };
        }
        if !assignment.targeted {
            return if assignment.tuple.is_some() {
                DeploymentState::Removing
            } else {
                DeploymentState::Absent
            };
        }
        if !contact.connected || contact.is_api_server_silent {
            return DeploymentState::Offline;
        }
        if contact.fenced.is_some() || self.frozen.is_some() || self.refusal().is_some() {
            return DeploymentState::Failed;
        }
        match self.current_status() {
            Some(status)
                if status.stage == Stage::Available && status.available.status == Truth::True =>
            {
                DeploymentState::Available
            }
            Some(status) if self.is_stuck(status) => DeploymentState::Failed,
            None if self.is_unheard() => DeploymentState::Offline,
            _ => DeploymentState::Progressing,
        }
    }

    /// Takes what the member says of this deployment.
    pub(super) fn report(&mut self, report: &Report) {
        match report {
            Report::Progress { tuple, stage, .. } => {
                self.reached = Some((*tuple, *stage));
                self.refused = None;
            }
            Report::Refused {
                tuple,
                reason,
                message,
                ..
            } => self.refused = Some((*tuple, reason.clone(), message.clone())),
            Report::Frozen { reason, .. } => self.frozen = Some(*reason),
            Report::Thawed(_) => self.frozen = None,
            Report::ContentMissing { tuple, .. } => self.lacks_content = Some(*tuple),
            Report::Status {
                incarnation,
                sequence,
                status,
            } => {
                let position = (*incarnation, *sequence);
                if position <= self.position {
                    return;
                }
                self.position = position;
                self.reached = Some((status.observed, status.stage));
                // What it works on it has accepted since, even where the acknowledgement was lost.
                self.refused
                    .take_if(|(refused, ..)| *refused == status.observed);
                self.status = Some(status.clone());
            }
            _ => {}
        }
    }

    /// The newest order.
    pub fn ordered(&self) -> Option<Tuple> {
        self.assignment.and_then(|assignment| assignment.tuple)
    }

    fn was_available(&self) -> bool {
        self.available_once.is_some() && self.available_once == self.ordered()
    }

    fn is_tombstone(&self) -> bool {
        self.assignment
            .is_some_and(|assignment| assignment.tombstone)
    }

    fn is_updated(&self) -> bool {
        !self.is_tombstone()
            && self.ordered().is_some()
            && self.reached.map(|(tuple, _)| tuple) == self.ordered()
    }

    /// The number of the tombstone, once it is done.
    pub(super) fn torn_down(&self) -> Option<u64> {
        let Assignment {
            tuple: Some(ordered),
            tombstone: true,
            ..
        } = self.assignment?
        else {
            return None;
        };
        let (tuple, stage) = self.reached?;
        (tuple == ordered && stage == Stage::Deleted).then_some(ordered.number)
    }

    /// The last report, if it speaks about the newest order, and the agent's process still stands by it.
    pub fn current_status(&self) -> Option<&DeploymentStatus> {
        self.last_status().filter(|_| self.position.0 >= self.since)
    }

    fn last_status(&self) -> Option<&DeploymentStatus> {
        self.status
            .as_deref()
            .filter(|status| Some(status.observed) == self.ordered())
    }

    /// Whether it is not known how the member stands to the newest order: only an earlier process of the agent spoke
    /// about that, or it was given before the member's first session with this hub, which has heard nothing since.
    fn is_unheard(&self) -> bool {
        let has_spoken = self.position.0 > 0 && self.position.0 >= self.since;
        let is_from_before = self.last_status().is_some() || self.ordered_in == 0;
        self.ordered().is_some() && !has_spoken && is_from_before
    }

    /// Whether the newest order failed when the member was heard last.
    fn is_failing(&self) -> bool {
        let is_remembered = self.failing_before.is_some() && self.failing_before == self.ordered();
        self.frozen.is_some()
            || self.refusal().is_some()
            || match self.last_status() {
                Some(status) => self.is_stuck(status),
                None => is_remembered,
            }
    }

    /// Whether it needs attention: blocked, or unavailable for more than probes that have yet to pass for the
    /// first time.
    fn is_stuck(&self, status: &DeploymentStatus) -> bool {
        let is_ordered = |tuple: Option<Tuple>| tuple.is_some() && tuple == self.ordered();
        let was_there = self.was_available() || is_ordered(self.failing_before);
        is_blocked(status)
            || (is_unavailable(status)
                && (was_there || status.available.reason != Reason::ProbeFailure))
    }

    fn refusal(&self) -> Option<Failure> {
        let (tuple, reason, message) = self.refused.as_ref()?;
        (Some(*tuple) == self.ordered()).then(|| Failure::new(reason.clone(), message))
    }

    /// Why the deployment is not available, or what its teardown waits for; none while it is simply on its
    /// way, and none for a member without a session.
    pub fn failure(&self) -> Option<Failure> {
        if let Some(silent) = self.silence() {
            return Some(silent);
        }
        if let Some(frozen) = self.frozen.or(self.fenced) {
            let message = "what the member holds is not in this hub's history; nothing is ordered until an operator raises the epoch (stevedore hub raise-epoch)";
            return Some(Failure::new(frozen.reason().clone(), message));
        }
        self.refusal().or_else(|| {
            let status = self.current_status()?;
            (is_blocked(status) || is_unavailable(status)).then(|| failure_of(status))
        })
    }

    /// That the member's API server does not answer, where that is so: nothing of what it said before is known now.
    pub fn silence(&self) -> Option<Failure> {
        let message =
            "the API server of the cluster does not answer its agent; what runs there is not known";
        self.is_api_server_silent
            .then(|| Failure::new(Reason::ApiServerSilent, message))
    }

    /// What [`Self::failure`] is about.
    pub(crate) fn subject(&self, failure: &Failure) -> Subject {
        let words = || Subject::Words(failure.message.clone());
        if self.is_api_server_silent || self.frozen.or(self.fenced).is_some() {
            return words();
        }
        if self.refusal().is_some() {
            return Subject::Order;
        }
        let status = self.current_status();
        match status.and_then(|status| status.blockers.first()) {
            Some(blocker) if !blocker.object.is_empty() => Subject::Object {
                object: blocker.object.clone(),
                field: blocker.field.clone(),
            },
            _ => words(),
        }
    }

    /// The phase that is being worked on.
    pub fn phase(&self) -> Option<&str> {
        let status = self.current_status()?;
        status
            .phases
            .iter()
            .find(|phase| !matches!(phase.state, PhaseState::Available | PhaseState::Gone))
            .map(|phase| phase.name.as_str())
    }

    /// Conditions that objects mapped to the package.
    pub fn mapped_conditions(&self) -> &[MappedCondition] {
        self.current_status()
            .map_or(&[], |status| status.conditions.as_slice())
    }

    pub(super) fn observed(&self, cluster: ClusterUid) -> Option<ObservedRow> {
        if self.frozen.or(self.fenced).is_some() {
            return Some(ObservedRow {
                cluster,
                number: self.ordered().map_or(0, |tuple| tuple.number),
                state: ObservedState::Frozen,
            });
        }
        if let Some((tuple, _, _)) = self.refused.as_ref().filter(|_| self.refusal().is_some()) {
            return Some(ObservedRow {
                cluster,
                number: tuple.number,
                state: ObservedState::Refused,
            });
        }
        let (tuple, stage) = self.reached?;
        let failing = self
            .status
            .as_deref()
            .is_some_and(|status| status.observed == tuple && self.is_stuck(status));
        let state = match stage {
            Stage::Deleted => ObservedState::Deleted,
            _ if failing => ObservedState::Failing,
            Stage::Received => ObservedState::Received,
            Stage::Applied => ObservedState::Applied,
            Stage::Available => ObservedState::Available,
        };
        Some(ObservedRow {
            cluster,
            number: tuple.number,
            state,
        })
    }
}

/// Whether the member waits for something that a person has to do.
fn is_blocked(status: &DeploymentStatus) -> bool {
    !status.blockers.is_empty()
        || status
            .phases
            .iter()
            .any(|phase| phase.state == PhaseState::Blocked)
}

/// Whether the member says more than that it is on its way.
fn is_unavailable(status: &DeploymentStatus) -> bool {
    status.available.status == Truth::False && !status.available.reason.is_progress()
}

fn failure_of(status: &DeploymentStatus) -> Failure {
    if let Some(blocker) = status.blockers.first() {
        let message = if blocker.object.is_empty() {
            blocker.message.clone()
        } else {
            format!("{}: {}", blocker.object, blocker.message)
        };
        return Failure::new(blocker.reason.clone(), message);
    }
    let available = &status.available;
    Failure::new(available.reason.clone(), &available.message)
}
