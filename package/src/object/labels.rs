use serde_json::{Map, Value};
use stevedore_proto_core::label;

use super::{Problem, Rules};
use crate::violation::Reason;

/// Adds the labels every object of a package carries, and checks all of them.
pub(super) fn complete(
    metadata: &mut Map<String, Value>,
    rules: &Rules<'_>,
    problems: &mut Vec<Problem>,
) {
    if metadata.get("labels").is_none_or(Value::is_null) {
        metadata.insert("labels".to_owned(), Value::Object(Map::new()));
    }
    let Some(Value::Object(labels)) = metadata.get_mut("labels") else {
        problems.push((
            Reason::LabelsInvalid,
            "metadata.labels: must be a map".to_owned(),
        ));
        return;
    };
    for (key, value) in labels.iter() {
        let checked = value.as_str().ok_or("must be text").and_then(check_value);
        for why in [check_key(key).err(), checked.err()].into_iter().flatten() {
            problems.push((
                Reason::LabelsInvalid,
                format!("metadata.labels[{key:?}]: {why}"),
            ));
        }
    }
    labels.insert(label::PACKAGE.to_owned(), rules.package.into());
    labels.insert(label::INSTANCE.to_owned(), rules.instance.into());
}

/// A key of labels or annotations: an optional DNS prefix and a name.
pub(super) fn check_key(key: &str) -> Result<(), &'static str> {
    let (prefix, name) = match key.split_once('/') {
        Some((prefix, name)) => (Some(prefix), name),
        None => (None, key),
    };
    let label = |it: &str| {
        !it.is_empty()
            && it
                .bytes()
                .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
            && !it.starts_with('-')
            && !it.ends_with('-')
    };
    if prefix.is_some_and(|prefix| prefix.len() > 253 || !prefix.split('.').all(label)) {
        return Err("its prefix is not a DNS name");
    }
    if name.is_empty() {
        return Err("its name is empty");
    }
    check_value(name).map_err(|_| "its name is not letters, digits, '-', '_' and '.', or too long")
}

/// A label value: empty, or up to 63 letters, digits, `-`, `_` and `.`, beginning and ending with a letter or
/// digit.
pub(crate) fn check_value(value: &str) -> Result<(), &'static str> {
    if value.len() > 63 {
        return Err("it must be no longer than 63 characters");
    }
    let inner = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    let ends = [value.bytes().next(), value.bytes().last()];
    if value.bytes().all(inner)
        && ends
            .into_iter()
            .flatten()
            .all(|byte| byte.is_ascii_alphanumeric())
    {
        return Ok(());
    }
    Err("it must be letters, digits, '-', '_' and '.', and begin and end with a letter or digit")
}
