//! Status.

use stevedore_proto_core::status::{
    Attribution, Blocker, Interference, MappedCondition, PhaseState, PhaseStatus, Truth, Verdict,
    cap,
};
use stevedore_proto_core::{DeploymentStatus, DeploymentUid, Reason, Stage, limit};

use super::{Error, fixed, list, present, text};
use crate::v1;

impl TryFrom<v1::Stage> for Stage {
    type Error = Error;

    fn try_from(stage: v1::Stage) -> Result<Self, Error> {
        match stage {
            v1::Stage::Unspecified => Err(Error::Malformed("stage")),
            v1::Stage::Received => Ok(Self::Received),
            v1::Stage::Applied => Ok(Self::Applied),
            v1::Stage::Available => Ok(Self::Available),
            v1::Stage::Deleted => Ok(Self::Deleted),
        }
    }
}

/// What is not known yet is Unknown.
fn truth(truth: v1::Truth) -> Truth {
    match truth {
        v1::Truth::True => Truth::True,
        v1::Truth::False => Truth::False,
        v1::Truth::Unknown | v1::Truth::Unspecified => Truth::Unknown,
    }
}

/// A verdict whose reason is in this vocabulary.
fn verdict(verdict: v1::Verdict, reason: impl Fn(&str) -> Reason) -> Result<Verdict, Error> {
    Ok(Verdict {
        status: truth(verdict.status()),
        reason: reason(&text(verdict.reason, limit::REASON, "verdict.reason")?),
        message: text(verdict.message, cap::MESSAGE, "verdict.message")?,
    })
}

impl TryFrom<v1::PhaseStatus> for PhaseStatus {
    type Error = Error;

    fn try_from(phase: v1::PhaseStatus) -> Result<Self, Error> {
        let state = match phase.state() {
            v1::PhaseState::Unspecified => return Err(Error::Malformed("phase.state")),
            v1::PhaseState::Pending => PhaseState::Pending,
            v1::PhaseState::Progressing => PhaseState::Progressing,
            v1::PhaseState::Available => PhaseState::Available,
            v1::PhaseState::Blocked => PhaseState::Blocked,
            v1::PhaseState::Deleting => PhaseState::Deleting,
            v1::PhaseState::Gone => PhaseState::Gone,
        };
        Ok(Self {
            name: text(phase.name, cap::PHASE_NAME, "phase.name")?,
            state,
            objects: phase.objects,
            ready: phase.ready,
            message: text(phase.message, cap::DETAIL, "phase.message")?,
        })
    }
}

impl TryFrom<v1::Blocker> for Blocker {
    type Error = Error;

    fn try_from(blocker: v1::Blocker) -> Result<Self, Error> {
        Ok(Self {
            reason: Reason::parse(&text(blocker.reason, limit::REASON, "blocker.reason")?),
            object: text(blocker.object, cap::OBJECT, "blocker.object")?,
            message: text(blocker.message, cap::DETAIL, "blocker.message")?,
            field: text(blocker.field, cap::FIELD, "blocker.field")?,
        })
    }
}

impl TryFrom<v1::Attribution> for Attribution {
    type Error = Error;

    fn try_from(attribution: v1::Attribution) -> Result<Self, Error> {
        let kind = match attribution.kind() {
            v1::Interference::Unspecified => return Err(Error::Malformed("attribution.kind")),
            v1::Interference::Drift => Interference::Drift,
            v1::Interference::Contention => Interference::Contention,
        };
        Ok(Self {
            kind,
            object: text(attribution.object, cap::OBJECT, "attribution.object")?,
            manager: text(attribution.manager, cap::MANAGER, "attribution.manager")?,
        })
    }
}

impl TryFrom<v1::MappedCondition> for MappedCondition {
    type Error = Error;

    fn try_from(condition: v1::MappedCondition) -> Result<Self, Error> {
        Ok(Self {
            r#type: text(condition.r#type, cap::CONDITION_TYPE, "condition.type")?,
            verdict: verdict(
                present(condition.verdict, "condition.verdict")?,
                Reason::opaque,
            )?,
        })
    }
}

impl TryFrom<v1::DeploymentStatus> for DeploymentStatus {
    type Error = Error;

    fn try_from(status: v1::DeploymentStatus) -> Result<Self, Error> {
        Ok(Self {
            stage: status.stage().try_into()?,
            deployment: DeploymentUid::from_bytes(fixed(&status.deployment, "status.deployment")?),
            observed: present(status.observed, "status.observed")?.try_into()?,
            available: verdict(
                present(status.available, "status.available")?,
                Reason::parse,
            )?,
            phases: list(status.phases, limit::PHASES, "status.phases")?,
            blockers: list(status.blockers, cap::BLOCKERS, "status.blockers")?,
            attributions: list(
                status.attributions,
                cap::ATTRIBUTIONS,
                "status.attributions",
            )?,
            conditions: list(status.conditions, cap::CONDITIONS, "status.conditions")?,
        })
    }
}
