//! The labels of an object: completed, and checked as Kubernetes checks them.

use serde_json::{Map, Value};
use stevedore_proto_core::label;

use super::problem::Problems;
use super::rules::Rules;
use crate::names::{check_key, check_value};
use crate::violation::Reason;

/// Package Operator loses all labels of an object that has such a one, without a word.
const NOT_TEXT: &str =
    "must be text, and is read as a number, a boolean or something else; quote it";

/// Adds the labels every object of a package carries, and checks all of them.
pub(super) fn complete(
    metadata: &mut Map<String, Value>,
    rules: &Rules<'_>,
    problems: &mut Problems,
) {
    if metadata.get("labels").is_none_or(Value::is_null) {
        metadata.insert("labels".to_owned(), Value::Object(Map::new()));
    }
    let Some(Value::Object(labels)) = metadata.get_mut("labels") else {
        let what = "metadata.labels: must be a map";
        problems.add(Reason::LabelsInvalid, &["metadata", "labels"], what);
        return;
    };
    for (key, value) in labels.iter() {
        let checked = value.as_str().ok_or(NOT_TEXT).and_then(check_value);
        for why in [check_key(key).err(), checked.err()].into_iter().flatten() {
            let what = format!("metadata.labels[{key:?}]: {why}");
            problems.add(Reason::LabelsInvalid, &["metadata", "labels", key], what);
        }
    }
    labels.insert(label::PACKAGE.to_owned(), rules.package.into());
    labels.insert(label::INSTANCE.to_owned(), rules.instance.into());
}
