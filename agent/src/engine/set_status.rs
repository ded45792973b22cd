//! The status of a deployment, as conditions and phases of its sets and as a report to the hub.

use stevedore_agent_core::key::ObjectKey;
use stevedore_agent_core::plan::Summary;
use stevedore_agent_core::removal::Removal;
use stevedore_agent_core::rollout::{self, Incident};
use stevedore_crds::condition::{
    self, ARCHIVED, AVAILABLE, IN_TRANSITION, PAUSED, READY, RECONCILING, STALLED, SUCCEEDED,
    Status, Update,
};
use stevedore_crds::v1alpha1::{
    ControlledObject, ObjectSetPhaseStatus, ObjectSetStatus, PhaseState as StoredState,
};
use stevedore_proto_core::status::{PhaseState, PhaseStatus, Truth, Verdict};
use stevedore_proto_core::{DeploymentStatus, DeploymentUid, Reason, Tuple};

/// Names of the phases of a set, with the objects of each.
pub(super) type NamedPhases = Vec<(String, Vec<ObjectKey>)>;

/// The most conditions that a set's status takes, and how many of them may be our own.
const CONDITIONS: usize = 32;
const OWN_CONDITIONS: usize = 8;

fn status_of(truth: Truth) -> Status {
    match truth {
        Truth::True => Status::True,
        Truth::False => Status::False,
        Truth::Unknown => Status::Unknown,
    }
}

fn state_of(state: PhaseState) -> StoredState {
    match state {
        PhaseState::Pending => StoredState::Pending,
        PhaseState::Progressing => StoredState::Progressing,
        PhaseState::Available => StoredState::Available,
        PhaseState::Blocked => StoredState::Blocked,
        PhaseState::Deleting => StoredState::Deleting,
        PhaseState::Gone => StoredState::Deleted,
    }
}

fn stored_phases(phases: &[PhaseStatus]) -> Vec<ObjectSetPhaseStatus> {
    let count = |number: u32| i32::try_from(number).unwrap_or(i32::MAX);
    phases
        .iter()
        .map(|phase| ObjectSetPhaseStatus {
            name: phase.name.clone(),
            state: state_of(phase.state),
            objects: count(phase.objects),
            ready: count(phase.ready),
        })
        .collect()
}

fn controlled(summary: &rollout::Summary) -> Vec<ControlledObject> {
    summary
        .controlled
        .iter()
        .map(|(key, record)| ControlledObject {
            kind: key.kind.kind().to_owned(),
            group: key.kind.group().to_owned(),
            version: key.kind.version().to_owned(),
            name: key.name.to_string(),
            namespace: key.namespace.as_deref().map(str::to_owned),
            uid: record.uid.to_string(),
            fingerprint: record
                .fingerprint
                .map_or_else(String::new, |print| print.to_string()),
        })
        .collect()
}

/// One status being changed.
struct Draft {
    status: ObjectSetStatus,
    generation: i64,
    now: jiff::Timestamp,
}

impl Draft {
    fn of(before: &ObjectSetStatus, generation: i64, now: jiff::Timestamp) -> Self {
        let mut status = before.clone();
        status.observed_generation = Some(generation);
        Self {
            status,
            generation,
            now,
        }
    }

    fn set(&mut self, type_: &str, status: impl Into<Status>, reason: &str, message: &str) {
        Update::new(type_, status, reason, message).apply(
            &mut self.status.conditions,
            self.generation,
            self.now,
        );
    }

    fn set_if(&mut self, on: bool, type_: &str, reason: &str, message: &str) {
        if on {
            self.set(type_, true, reason, message);
        } else {
            self.clear(type_);
        }
    }

    fn clear(&mut self, type_: &str) {
        condition::remove(&mut self.status.conditions, type_);
    }

    fn kstatus_conditions(&mut self, verdict: &Verdict, stuck: Option<&Reason>) {
        let (reason, message) = (verdict.reason.as_str(), &verdict.message);
        self.set(READY, status_of(verdict.status), reason, message);
        let working = verdict.status != Truth::True && stuck.is_none();
        self.set_if(working, RECONCILING, reason, message);
        let stuck_for = stuck.map_or("", Reason::as_str);
        self.set_if(stuck.is_some(), STALLED, stuck_for, message);
    }
}

/// The status of the accepted set.
pub(super) fn accepted(
    before: &ObjectSetStatus,
    generation: i64,
    summary: &Summary,
    now: jiff::Timestamp,
) -> ObjectSetStatus {
    let mut draft = Draft::of(before, generation, now);
    let verdict = &summary.available;
    draft.set(
        AVAILABLE,
        status_of(verdict.status),
        verdict.reason.as_str(),
        &verdict.message,
    );
    let unavailable = verdict.status != Truth::True;
    let mut reasons = summary.blockers.iter().map(|blocker| &blocker.reason);
    let mut stuck = reasons.find(|reason| unavailable && reason.is_permanent());
    if summary.accepted.is_none() {
        // A person archived it: nothing is enforced until a person or a newer order says otherwise.
        stuck = Some(&verdict.reason);
        draft
            .status
            .conditions
            .retain(|condition| !condition.type_.contains('/'));
    }
    draft.kstatus_conditions(verdict, stuck);
    if let Some(rollout) = &summary.rollout {
        draft.set_if(
            rollout.in_transition,
            IN_TRANSITION,
            IN_TRANSITION,
            "some objects are not controlled by this set",
        );
        draft.set_if(rollout.paused, PAUSED, PAUSED, "nothing is written");
        if rollout.succeeded {
            draft.set(SUCCEEDED, true, "RolloutSuccess", "rolled out completely");
        }
        draft
            .status
            .conditions
            .retain(|condition| !condition.type_.contains('/'));
        for mapped in rollout.mapped.iter().take(CONDITIONS - OWN_CONDITIONS) {
            let verdict = &mapped.verdict;
            draft.set(
                &mapped.r#type,
                status_of(verdict.status),
                verdict.reason.as_str(),
                &verdict.message,
            );
        }
        keep_transition_times(before, &mut draft.status);
        draft.status.phases = stored_phases(&rollout.phases);
        draft.status.controller_of = controlled(rollout);
    }
    draft.status
}

/// How many mapped conditions find no place in a status.
pub(super) fn left_out(summary: &Summary) -> usize {
    summary.rollout.as_ref().map_or(0, |rollout| {
        rollout
            .mapped
            .len()
            .saturating_sub(CONDITIONS - OWN_CONDITIONS)
    })
}

/// Mapped conditions are made anew each time; one that kept its status keeps its time.
fn keep_transition_times(before: &ObjectSetStatus, status: &mut ObjectSetStatus) {
    for condition in &mut status.conditions {
        let same = condition::find(&before.conditions, &condition.type_)
            .filter(|known| known.status == condition.status);
        if let Some(known) = same {
            condition.last_transition_time = known.last_transition_time.clone();
        }
    }
}

/// The status of a set that is being torn down.
pub(super) fn ending(
    before: &ObjectSetStatus,
    generation: i64,
    summary: &Summary,
    phases: &[PhaseStatus],
    now: jiff::Timestamp,
) -> ObjectSetStatus {
    let mut draft = Draft::of(before, generation, now);
    for type_ in [AVAILABLE, IN_TRANSITION, PAUSED] {
        draft.clear(type_);
    }
    draft
        .status
        .conditions
        .retain(|condition| !condition.type_.contains('/'));
    let verdict = Verdict {
        status: Truth::False,
        // What holds it up is a transition, and told at once.
        reason: summary
            .blockers
            .first()
            .map_or(Reason::TearingDown, |blocker| blocker.reason.clone()),
        message: summary.available.message.clone(),
    };
    draft.kstatus_conditions(&verdict, None);
    if !phases.is_empty() {
        draft.status.phases = stored_phases(phases);
    }
    draft.status
}

/// The status of a set that was taken away and is kept as history.
pub(super) fn archived(
    before: &ObjectSetStatus,
    generation: i64,
    now: jiff::Timestamp,
) -> ObjectSetStatus {
    let mut draft = Draft::of(before, generation, now);
    for type_ in [AVAILABLE, IN_TRANSITION, PAUSED, RECONCILING, STALLED] {
        draft.clear(type_);
    }
    draft
        .status
        .conditions
        .retain(|condition| !condition.type_.contains('/'));
    draft.set(ARCHIVED, true, ARCHIVED, "superseded and kept as history");
    draft.set(READY, false, ARCHIVED, "superseded and kept as history");
    draft.status.controller_of = Vec::new();
    for phase in &mut draft.status.phases {
        phase.state = StoredState::Deleted;
        phase.ready = 0;
    }
    draft.status
}

/// Phases of a set on its way out.
pub(super) fn leaving_phases(phases: &NamedPhases, removal: Option<&Removal>) -> Vec<PhaseStatus> {
    let Some(removal) = removal else {
        return Vec::new();
    };
    phases
        .iter()
        .map(|(name, keys)| {
            let (state, gone) = removal.phase(keys.iter());
            PhaseStatus {
                name: name.clone(),
                state,
                objects: u32::try_from(keys.len()).unwrap_or(u32::MAX),
                ready: gone,
                message: String::new(),
            }
        })
        .collect()
}

/// The report to the hub.
pub(super) fn report(
    deployment: DeploymentUid,
    observed: Tuple,
    summary: &Summary,
    leaving: Vec<PhaseStatus>,
) -> DeploymentStatus {
    let rollout = summary.rollout.as_ref();
    DeploymentStatus {
        deployment,
        observed,
        stage: summary.stage,
        available: summary.available.clone(),
        phases: rollout.map_or(leaving, |rollout| rollout.phases.clone()),
        blockers: summary.blockers.clone(),
        attributions: rollout.map_or_else(Vec::new, |rollout| {
            let incidents = rollout.incidents.iter();
            incidents.map(Incident::attribution).collect()
        }),
        conditions: rollout.map_or_else(Vec::new, |rollout| rollout.mapped.clone()),
    }
    .bounded()
}

/// How soon a changed status is worth a write.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Urgency {
    /// Words or counts.
    Detail,
    /// What the next start of the agent goes by.
    Inventory,
    /// A phase or a reason, on the way.
    Step,
    /// What a condition says, or the generation.
    Transition,
}

/// What kind of change there is between two statuses; `None` when there is none.
pub(super) fn change(before: &ObjectSetStatus, after: &ObjectSetStatus) -> Option<Urgency> {
    if before == after {
        return None;
    }
    let said = |status: &ObjectSetStatus| -> Vec<_> {
        let conditions = status.conditions.iter();
        conditions
            .map(|one| (one.type_.clone(), one.status.clone()))
            .collect()
    };
    let steps = |status: &ObjectSetStatus| -> (Vec<_>, Vec<_>) {
        let (conditions, phases) = (status.conditions.iter(), status.phases.iter());
        (
            conditions.map(|one| one.reason.clone()).collect(),
            phases.map(|one| (one.name.clone(), one.state)).collect(),
        )
    };
    // A new set that is on its way says nothing yet, which is as true.
    let begins = before.conditions.is_empty() && !condition::is_true(&after.conditions, AVAILABLE);
    let turned =
        before.observed_generation != after.observed_generation || said(before) != said(after);
    if turned && !begins {
        Some(Urgency::Transition)
    } else if begins || steps(before) != steps(after) {
        Some(Urgency::Step)
    } else if before.controller_of != after.controller_of {
        Some(Urgency::Inventory)
    } else {
        Some(Urgency::Detail)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use stevedore_proto_core::Stage;
    use stevedore_proto_core::status::MappedCondition;

    #[test]
    fn as_many_conditions_are_copied_as_the_schema_takes_beside_our_own() {
        let verdict = Verdict {
            status: Truth::False,
            reason: Reason::opaque("R"),
            message: String::new(),
        };
        let mapped = |at: usize| MappedCondition {
            r#type: format!("example.org/{at}"),
            verdict: verdict.clone(),
        };
        let summary = Summary {
            accepted: Some("one".into()),
            stage: Stage::Applied,
            available: verdict.clone(),
            rollout: Some(rollout::Summary {
                in_transition: true,
                succeeded: true,
                paused: true,
                mapped: (0..40).map(mapped).collect(),
                ..rollout::Summary::default()
            }),
            removal: None,
            blockers: vec![],
        };
        let before = ObjectSetStatus::default();
        let status = accepted(&before, 1, &summary, jiff::Timestamp::UNIX_EPOCH);
        let own = status
            .conditions
            .iter()
            .filter(|condition| !condition.type_.contains('/'))
            .count();
        assert!((6..=OWN_CONDITIONS).contains(&own), "{own}");
        assert!(status.conditions.len() - own == CONDITIONS - OWN_CONDITIONS);
        assert_eq!(left_out(&summary), 40 - (CONDITIONS - OWN_CONDITIONS));
    }
}
