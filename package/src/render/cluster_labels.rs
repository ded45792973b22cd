//! Labels of the cluster that a rendering needs and does not find: that is no fault of the package.

use stevedore_cel::{Error, Program};

use super::context::Context;

const LABELS: [&str; 2] = ["cluster", "labels"];

/// Whether these keys from the root of the context lead to a label of the cluster.
pub(super) fn is_one(path: &[String]) -> bool {
    path.len() == LABELS.len() + 1 && path.iter().zip(LABELS).all(|(key, known)| key == known)
}

/// The label that the condition reads and the cluster does not have, where that is why the evaluation failed.
pub(super) fn missing(condition: &Program, context: &Context, error: &Error) -> Option<String> {
    let absent = |path: &Vec<String>| {
        let label = path.get(..=LABELS.len()).filter(|path| is_one(path))?;
        let mut keys = label.iter();
        let found = keys.try_fold(context.value(), |value, key| value.get(key));
        found.is_none().then(|| label[LABELS.len()].clone())
    };
    let failed = matches!(error, Error::Evaluation(_));
    failed.then(|| condition.reads().iter().find_map(absent))?
}

/// What is told of a rendering that lacks a label: which one, and where it is read.
pub(super) fn details(label: &str, place: &str) -> String {
    format!("the cluster has no label {label:?}: {place}")
}
