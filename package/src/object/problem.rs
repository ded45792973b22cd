//! The problems of one object.

use crate::violation::Reason;

/// Something that is wrong with an object.
pub(crate) type Problem = (Reason, String);

/// What is wrong with an object, as it is found.
#[derive(Debug, Default)]
pub(super) struct Problems(pub(super) Vec<Problem>);

impl Problems {
    pub(super) fn add(&mut self, reason: Reason, what: impl Into<String>) {
        self.0.push((reason, what.into()));
    }
}
