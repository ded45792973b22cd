//! The labels of an object: completed, and checked as Kubernetes checks them.

use serde_json::{Map, Value};
use stevedore_proto_core::label;

use super::problem::Problems;
use super::rules::Rules;
use crate::names::{check_key, check_value};
use crate::violation::Reason;

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
        problems.add(Reason::LabelsInvalid, "metadata.labels: must be a map");
        return;
    };
    for (key, value) in labels.iter() {
        let checked = value.as_str().ok_or("must be text").and_then(check_value);
        for why in [check_key(key).err(), checked.err()].into_iter().flatten() {
            problems.add(
                Reason::LabelsInvalid,
                format!("metadata.labels[{key:?}]: {why}"),
            );
        }
    }
    labels.insert(label::PACKAGE.to_owned(), rules.package.into());
    labels.insert(label::INSTANCE.to_owned(), rules.instance.into());
}
