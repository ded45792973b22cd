//! Labels of the cluster that a rendering needs and does not find: that is no fault of the package.

use stevedore_cel::{Error, Program};

use super::context::Context;

const LABELS: [&str; 2] = ["cluster", "labels"];

/// Whether these keys from the root of the context lead to a label of the cluster.
pub(super) fn is_one(path: &[String]) -> bool {
    path.len() == LABELS.len() + 1 && path.iter().zip(LABELS).all(|(key, known)| key == known)
}

/// Whether the evaluation failed where the condition reads a label that the cluster does not have.
pub(super) fn is_missing(condition: &Program, context: &Context, error: &Error) -> bool {
    let is_absent = |path: &Vec<String>| {
        let label = path.get(..=LABELS.len()).filter(|path| is_one(path));
        label.is_some_and(|label| {
            let mut keys = label.iter();
            let found = keys.try_fold(context.value(), |value, key| value.get(key));
            found.is_none()
        })
    };
    matches!(error, Error::Evaluation(_)) && condition.reads().iter().any(is_absent)
}
