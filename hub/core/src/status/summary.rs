//! The status of a package as it is written down.

use stevedore_proto_core::status::Truth;

use crate::fleet::{Counts, Failure};

/// One condition as it should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Condition {
    /// Condition type.
    pub r#type: String,
    /// Whether it holds.
    pub status: Truth,
    /// One CamelCase word.
    pub reason: String,
    /// For people.
    pub message: String,
}

impl Condition {
    /// A condition.
    pub fn new(
        r#type: &str,
        status: Truth,
        reason: impl Into<String>,
        message: impl Into<String>,
    ) -> Self {
        Self {
            r#type: r#type.to_owned(),
            status,
            reason: reason.into(),
            message: message.into(),
        }
    }

    /// A condition whose reason is a failure.
    pub(super) fn of(r#type: &str, status: Truth, failure: Failure) -> Self {
        Self::new(r#type, status, failure.reason, failure.message)
    }
}

/// One failure and the clusters that have it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FailureGroup {
    /// What is wrong.
    pub failure: Failure,
    /// How many clusters have it.
    pub count: usize,
    /// Names of some of them.
    pub clusters: Vec<String>,
}

/// Everything a package's status says.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Summary {
    /// Conditions that should be there.
    pub conditions: Vec<Condition>,
    /// Whether `Available` speaks about the newest spec: whether that, and no earlier one, is what was ordered.
    pub is_in_force: bool,
    /// Counters.
    pub counts: Counts,
    /// The commonest failures first.
    pub failures: Vec<FailureGroup>,
    /// Why clusters are ineligible, the commonest reason first.
    pub ineligible: Vec<FailureGroup>,
}
