//! The problems of one object.

use crate::field::Field;
use crate::violation::{Reason, Violation};

/// A rule that is broken, and what exactly is wrong.
pub(crate) type Problem = (Reason, String);

/// Something that is wrong with an object, and the field that it is about.
#[derive(Debug)]
pub(crate) struct Fault {
    pub(crate) problem: Problem,
    pub(crate) field: Field,
}

impl Fault {
    /// The violation of the object in this document of a file.
    pub(crate) fn at(self, path: &str, index: usize) -> Violation {
        let (reason, details) = self.problem;
        let violation = Violation::new(reason, details).at(path, index);
        violation.about(self.field)
    }
}

/// What is wrong with an object, as it is found.
#[derive(Debug, Default)]
pub(super) struct Problems(pub(super) Vec<Fault>);

impl Problems {
    /// Adds what is wrong with the field below these keys.
    pub(super) fn add(&mut self, reason: Reason, keys: &[&str], what: impl Into<String>) {
        self.push((reason, what.into()), Field::of(keys));
    }

    pub(super) fn push(&mut self, problem: Problem, field: Field) {
        self.0.push(Fault { problem, field });
    }
}
