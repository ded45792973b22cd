//! Condition types and reasons, and the one way to set a condition.
//!
//! Types and reasons that Package Operator has keep its names; `Ready`, `Reconciling` and
//! `Stalled` stand beside them so that Flux, `kubectl wait` and kstatus tools are right without
//! help.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use stevedore_proto_core::status::shorten;

/// Longest message of a condition in bytes; [`Update::apply`] takes the middle out of longer ones. metav1 allows
/// 32,768, but a status row is read by people.
pub const MAX_MESSAGE: usize = 1024;

/// Everything that was promised is there and healthy.
pub const AVAILABLE: &str = "Available";
/// Work is under way towards the newest content.
pub const PROGRESSING: &str = "Progressing";
/// The image was pulled and unpacked.
pub const UNPACKED: &str = "Unpacked";
/// The package or its config cannot be used as it is.
pub const INVALID: &str = "Invalid";
/// Work is suspended by `spec.paused` or `lifecycleState: Paused`.
pub const PAUSED: &str = "Paused";
/// Some objects are not yet, or no longer, controlled by this set.
pub const IN_TRANSITION: &str = "InTransition";
/// The set was rolled out completely once; never unset.
pub const SUCCEEDED: &str = "Succeeded";
/// The set was torn down and is kept as history.
pub const ARCHIVED: &str = "Archived";
/// The agent of this cluster has a live session; `Unknown` when it was lost.
pub const CONNECTED: &str = "Connected";
/// Nothing about this cluster needs attention.
pub const HEALTHY: &str = "Healthy";
/// Every deployment of a leaving cluster is gone.
pub const DRAINED: &str = "Drained";
/// kstatus summary: usable now.
pub const READY: &str = "Ready";
/// kstatus summary: a controller is working on the newest generation.
pub const RECONCILING: &str = "Reconciling";
/// kstatus summary: it will not get better without a change.
pub const STALLED: &str = "Stalled";

/// Reason: the object is there, and whoever acts on it cannot decode it.
pub const UNREADABLE: &str = "Unreadable";

/// One condition as a controller wants it to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Update {
    /// Condition type, one of the constants of this module or a mapped `prefix/Name`.
    pub type_: String,
    /// `True`, `False` or `Unknown`.
    pub status: Status,
    /// CamelCase reason, never empty.
    pub reason: String,
    /// One or more sentences for people.
    pub message: String,
}

/// The three values of a condition's status.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// It holds.
    True,
    /// It does not hold.
    False,
    /// It cannot be known now.
    Unknown,
}

impl Status {
    /// The text that the API uses.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::True => "True",
            Self::False => "False",
            Self::Unknown => "Unknown",
        }
    }
}

impl From<bool> for Status {
    fn from(value: bool) -> Self {
        if value { Self::True } else { Self::False }
    }
}

impl Update {
    /// A condition of this type with this status, reason and message.
    pub fn new(
        type_: impl Into<String>,
        status: impl Into<Status>,
        reason: impl Into<String>,
        message: impl Into<String>,
    ) -> Self {
        Self {
            type_: type_.into(),
            status: status.into(),
            reason: reason.into(),
            message: message.into(),
        }
    }

    /// Puts this condition into `conditions`, keeping the list sorted by type and
    /// `lastTransitionTime` when the status did not change.
    /// Returns whether anything but `observedGeneration` changed.
    pub fn apply(
        &self,
        conditions: &mut Vec<Condition>,
        generation: i64,
        now: jiff::Timestamp,
    ) -> bool {
        let message = shorten(self.message.clone(), MAX_MESSAGE);
        match conditions.binary_search_by(|c| c.type_.as_str().cmp(&self.type_)) {
            Ok(at) => {
                let old = &mut conditions[at];
                old.observed_generation = Some(generation);
                let same_status = old.status == self.status.as_str();
                if same_status && old.reason == self.reason && old.message == message {
                    return false;
                }
                if !same_status {
                    old.status = self.status.as_str().into();
                    old.last_transition_time = Time(now);
                }
                old.reason.clone_from(&self.reason);
                old.message = message;
                true
            }
            Err(at) => {
                conditions.insert(
                    at,
                    Condition {
                        type_: self.type_.clone(),
                        status: self.status.as_str().into(),
                        reason: self.reason.clone(),
                        message,
                        observed_generation: Some(generation),
                        last_transition_time: Time(now),
                    },
                );
                true
            }
        }
    }
}

/// The condition of this type, if there is one.
pub fn find<'a>(conditions: &'a [Condition], type_: &str) -> Option<&'a Condition> {
    conditions.iter().find(|c| c.type_ == type_)
}

/// What conditions say, without their words: types, statuses, and the generation that each speaks about.
pub fn said(conditions: &[Condition]) -> Vec<(&str, &str, Option<i64>)> {
    let mut said = Vec::with_capacity(conditions.len());
    for Condition {
        type_,
        status,
        observed_generation,
        ..
    } in conditions
    {
        said.push((type_.as_str(), status.as_str(), *observed_generation));
    }
    said
}

/// Whether the condition of this type is `True`.
pub fn is_true(conditions: &[Condition], type_: &str) -> bool {
    find(conditions, type_).is_some_and(|c| c.status == "True")
}

/// Removes what was said while the object could not be read.
pub fn remove_unreadable(conditions: &mut Vec<Condition>) {
    conditions.retain(|c| c.reason != UNREADABLE);
}

/// Removes the condition of this type; returns whether there was one.
pub fn remove(conditions: &mut Vec<Condition>, type_: &str) -> bool {
    let before = conditions.len();
    conditions.retain(|c| c.type_ != type_);
    conditions.len() != before
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> jiff::Timestamp {
        jiff::Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn transition_time_moves_only_when_the_status_changes() {
        let mut list = vec![];
        assert!(Update::new(READY, true, "Fine", "").apply(&mut list, 1, at(1)));
        assert!(Update::new(READY, true, "Fine", "more").apply(&mut list, 2, at(2)));
        assert_eq!(list[0].last_transition_time, Time(at(1)));
        assert!(Update::new(READY, Status::Unknown, "Lost", "").apply(&mut list, 2, at(3)));
        assert_eq!(list[0].last_transition_time, Time(at(3)));
    }

    #[test]
    fn the_same_condition_again_is_no_change() {
        let mut list = vec![];
        let update = Update::new(READY, false, "Why", "because");
        assert!(update.apply(&mut list, 1, at(1)));
        assert!(!update.apply(&mut list, 2, at(9)));
        assert_eq!(list[0].observed_generation, Some(2));
    }

    #[test]
    fn a_long_message_keeps_its_beginning_and_its_end() {
        let mut list = vec![];
        let long = format!(
            "spec.template: {}: field is immutable",
            "é".repeat(MAX_MESSAGE)
        );
        let update = Update::new(READY, false, "Long", long);
        assert!(update.apply(&mut list, 1, at(1)));
        let message = &list[0].message;
        assert!(message.len() <= MAX_MESSAGE && message.starts_with("spec.template: "));
        assert!(message.ends_with(": field is immutable"), "{message}");
        assert!(
            !update.apply(&mut list, 1, at(2)),
            "it is the same condition"
        );
    }

    #[test]
    fn conditions_stay_sorted_by_type() {
        let mut list = vec![];
        for type_ in [STALLED, AVAILABLE, READY] {
            Update::new(type_, true, "R", "").apply(&mut list, 1, at(1));
        }
        let types: Vec<_> = list.iter().map(|c| c.type_.as_str()).collect();
        assert_eq!(types, [AVAILABLE, READY, STALLED]);
        assert!(is_true(&list, READY) && remove(&mut list, READY) && find(&list, READY).is_none());
    }
}
