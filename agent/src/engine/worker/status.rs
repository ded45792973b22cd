//! Publication of a deployment's status: as statuses of its sets, as the report to the hub, as Events.

use std::sync::Arc;

use stevedore_agent_core::plan::Summary;
use stevedore_agent_core::rollout::{Author, Incident, Rollout, earlier};
use stevedore_agent_core::set::{Ending, SetHead, SetRef};
use stevedore_crds::condition::{self, AVAILABLE};
use stevedore_crds::v1alpha1::ObjectSetStatus;
use stevedore_proto_core::status::{Blocker, Interference, PhaseStatus, Truth};
use stevedore_proto_core::{Millis, Reason, Stage, Tuple};

use super::{Completion, Worker};
use crate::engine::status_writer::Next;
use crate::engine::{cel, set_status};
use crate::ports::SetEvent;

/// While requests are completed one after the other, it is told no more often.
const PAUSE: Millis = 20;

impl Worker {
    /// Writes and reports what has changed; gives the time to come back if nothing happens, which is no later
    /// than `wake`.
    pub(super) fn publish_status(&mut self, mut wake: Option<Millis>) -> Option<Millis> {
        let now = self.now();
        if self.stale || self.core.is_idle() {
            return wake;
        }
        let pause_ends = self.published_at.saturating_add(PAUSE);
        let pauses = self.acting > 0 && self.published_at > 0 && now < pause_ends;
        if pauses && !self.has_turned() {
            return earlier(wake, Some(pause_ends));
        }
        self.published_at = now;
        let mut summary = self.core.summary();
        if self.mailbox.evaluator().quarantine.is_on() {
            summary.blockers.push(Blocker {
                reason: Reason::ProbeQuarantined,
                object: String::new(),
                message: format!(
                    "a CEL probe of this package took longer than {:?} and is not evaluated again \
                     until the content changes or the agent starts anew",
                    cel::LIMIT
                ),
                field: String::new(),
            });
        }
        if !is_conclusive(&summary) {
            return wake;
        }
        for (set, desired) in self.desired_statuses(&summary) {
            match self.statuses.set_desired(&set.uid, desired, now) {
                Next::Write(status) => {
                    let left_out = set_status::left_out(&summary);
                    if left_out > 0 {
                        tracing::warn!(
                            set = set.name,
                            left_out,
                            "more conditions are mapped than a status takes"
                        );
                    }
                    self.write(set, *status);
                }
                Next::At(at) => wake = earlier(wake, Some(at)),
                Next::Nothing => {}
            }
        }
        self.report(&summary);
        self.record_events(&summary);
        wake
    }

    /// It became available, or stopped being so, since that was told last.
    fn has_turned(&self) -> bool {
        let is = self.core.rollout().is_some_and(Rollout::is_available);
        let was = self.was_available.as_ref().is_some_and(|(_, was)| *was);
        is != was
    }

    /// The statuses that the accepted set (or the newest, where a person archived it) and every set on its way
    /// out should have.
    fn desired_statuses(&self, summary: &Summary) -> Vec<(SetRef, ObjectSetStatus)> {
        let time = jiff::Timestamp::now();
        let heads = self.core.heads().iter();
        heads
            .filter_map(|head| {
                let before = self.statuses.stored(&head.set.uid)?;
                let is_accepted = summary.accepted.as_ref() == Some(&head.set.uid);
                let desired = if is_accepted || self.is_set_aside(summary, head) {
                    set_status::accepted(before, head.generation, summary, time)
                } else if self.is_ending(head) {
                    let phases = self.leaving_phases(head);
                    set_status::ending(before, head.generation, summary, &phases, time)
                } else {
                    return None;
                };
                Some((head.set.clone(), desired))
            })
            .collect()
    }

    fn is_newest(&self, head: &SetHead) -> bool {
        self.newest().is_some_and(|newest| newest.set == head.set)
    }

    /// Nothing is rolled out, for a person archived the newest order.
    fn is_set_aside(&self, summary: &Summary, head: &SetHead) -> bool {
        let is_order = head
            .order
            .as_ref()
            .is_some_and(|order| order.tombstone.is_none());
        summary.accepted.is_none() && is_order && self.is_newest(head)
    }

    fn is_ending(&self, head: &SetHead) -> bool {
        match head.ending {
            Ending::No => false,
            Ending::Tombstone { .. } => self.is_newest(head),
            Ending::Deleting | Ending::Orphaning => true,
        }
    }

    fn leaving_phases(&self, head: &SetHead) -> Vec<PhaseStatus> {
        self.phases
            .get(&head.set.uid)
            .map(|phases| set_status::leaving_phases(phases, self.core.removal()))
            .unwrap_or_default()
    }

    fn write(&mut self, set: SetRef, status: ObjectSetStatus) {
        let store = Arc::clone(&self.ports.store);
        self.in_flight.push(Box::pin(async move {
            let uid = set.uid.clone();
            match store.write_status(&set, &status).await {
                Ok(()) => Completion::Status(uid, Ok(status)),
                Err(failure) => {
                    tracing::warn!(set = set.name, %failure, "status was not written");
                    Completion::Status(uid, Err(failure))
                }
            }
        }));
    }

    /// What the report speaks about: the tombstone, the accepted order of a hub, or the newest one where a
    /// person archived it.
    fn observed(&self, summary: &Summary) -> Option<(Tuple, Vec<PhaseStatus>)> {
        if let Some(tombstone) = self.tombstone() {
            return Some((tombstone, self.leaving_phases(self.newest()?)));
        }
        let head = match summary.accepted.as_deref() {
            Some(uid) => self.stored(uid)?,
            None => self.newest()?,
        };
        Some((head.order.as_ref()?.tuple, Vec::new()))
    }

    fn report(&mut self, summary: &Summary) {
        let Some((observed, leaving)) = self.observed(summary) else {
            return;
        };
        let report = set_status::report(self.uid, observed, summary, leaving);
        if self.statuses.reported.as_ref() != Some(&report) {
            self.ports.reporter.report(report.clone());
            self.statuses.reported = Some(report);
        }
    }

    fn record_events(&mut self, summary: &Summary) {
        let Some(set) = summary
            .accepted
            .as_deref()
            .and_then(|uid| self.stored(uid))
            .map(|head| head.set.clone())
        else {
            return;
        };
        let available = summary.available.status == Truth::True;
        let was = match &self.was_available {
            Some((uid, was)) if *uid == set.uid => *was,
            // Seen for the first time: what its stored status says is no news.
            _ => self
                .statuses
                .stored(&set.uid)
                .is_some_and(|status| condition::is_true(&status.conditions, AVAILABLE)),
        };
        if was != available {
            let event = SetEvent {
                warning: !available,
                reason: if available {
                    Reason::Available
                } else {
                    Reason::Unavailable
                },
                message: summary.available.message.clone(),
            };
            self.ports.events.record(&set, event);
        }
        self.was_available = Some((set.uid.clone(), available));
        let Some(rollout) = &summary.rollout else {
            return;
        };
        for incident in &rollout.incidents {
            if self.recorded.contains(incident) {
                continue;
            }
            let event = SetEvent {
                warning: true,
                reason: match incident.kind {
                    Interference::Drift => Reason::Drift,
                    Interference::Contention => Reason::Contention,
                },
                message: incident_event(incident),
            };
            self.ports.events.record(&set, event);
        }
        self.recorded.clone_from(&rollout.incidents);
    }
}

fn incident_event(incident: &Incident) -> String {
    let object = &incident.object;
    let who = match &incident.author {
        Author::Deleter => return format!("{object} was deleted, and is put back"),
        Author::Untraced => "somebody who left no trace",
        Author::Manager(manager) => manager,
    };
    match incident.kind {
        Interference::Drift => format!("{who} changed {object}, which is put back"),
        Interference::Contention => {
            format!("{who} keeps changing {object}; it is put back less and less often")
        }
    }
}

/// While objects are still being read there is nothing to report: an agent that starts must not report that what runs does not.
fn is_conclusive(summary: &Summary) -> bool {
    let preparing = summary.available.reason == Reason::Preparing && summary.blockers.is_empty();
    let looking = summary
        .rollout
        .as_ref()
        .is_some_and(|rollout| !rollout.known);
    summary.stage == Stage::Deleted || !(preparing || looking)
}
