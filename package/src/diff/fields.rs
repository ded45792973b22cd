//! The fields in which two values differ.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;

/// A field that differs.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct FieldChange {
    /// Dotted, as in `kubectl explain`: `spec.replicas`. An item of a list of things with names is called by its name,
    /// `spec.template.spec.containers[web].image`, and any other one by its number, `rules[0]`.
    pub field: String,
    /// Absent where the field is new.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub before: Option<Value>,
    /// Absent where the field goes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub after: Option<Value>,
}

/// Adds the fields below `path` that differ. Things with names that stay in their order are compared by name, other
/// lists item by item where they have as many, and else as a whole: what their items mean is not known here.
pub(super) fn compare(
    path: &str,
    before: Option<&Value>,
    after: Option<&Value>,
    found: &mut Vec<FieldChange>,
) {
    match (before, after) {
        (one, other) if one == other => {}
        (Some(Value::Object(one)), Some(Value::Object(other))) => {
            let added = other.keys().filter(|key| !one.contains_key(*key));
            let mut keys: Vec<&String> = one.keys().chain(added).collect();
            keys.sort();
            for key in keys {
                compare(&below(path, key), one.get(key), other.get(key), found);
            }
        }
        (Some(Value::Array(one)), Some(Value::Array(other))) => {
            if let Some((one, other)) = by_name(one, other) {
                let added = other.iter().filter(|(name, _)| !one.contains_key(*name));
                for name in one.keys().chain(added.map(|(name, _)| name)) {
                    let (before, after) = (one.get(name), other.get(name));
                    let (before, after) = (before.map(|it| it.1), after.map(|it| it.1));
                    compare(&item_path(path, name), before, after, found);
                }
            } else if one.len() == other.len() {
                for (at, (one, other)) in one.iter().zip(other).enumerate() {
                    compare(&format!("{path}[{at}]"), Some(one), Some(other), found);
                }
            } else {
                found.push(change(path, before, after));
            }
        }
        (before, after) => found.push(change(path, before, after)),
    }
}

fn change(path: &str, before: Option<&Value>, after: Option<&Value>) -> FieldChange {
    FieldChange {
        field: path.to_owned(),
        before: before.cloned(),
        after: after.cloned(),
    }
}

/// Items by name, each with its number.
type Named<'v> = BTreeMap<&'v str, (usize, &'v Value)>;

/// Both lists by the names of their items, where all have one, none twice, and what is in both is in the same order.
fn by_name<'v>(one: &'v [Value], other: &'v [Value]) -> Option<(Named<'v>, Named<'v>)> {
    let named = |items: &'v [Value]| {
        let mut found = Named::new();
        for (at, item) in items.iter().enumerate() {
            let name = item.get("name")?.as_str()?;
            if found.insert(name, (at, item)).is_some() {
                return None;
            }
        }
        Some(found)
    };
    let (one, other) = (named(one)?, named(other)?);
    let mut places: Vec<(usize, usize)> = one
        .iter()
        .filter_map(|(name, (before, _))| other.get(name).map(|(after, _)| (*before, *after)))
        .collect();
    places.sort_unstable();
    places
        .is_sorted_by_key(|(_, after)| *after)
        .then_some((one, other))
}

/// Whether a key or name is written as it is, and cannot be taken for the number of an item.
fn is_word(key: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    key.chars().all(plain) && key.chars().any(|c| !c.is_ascii_digit())
}

fn below(path: &str, key: &str) -> String {
    match (path.is_empty(), is_word(key)) {
        (true, true) => key.to_owned(),
        (false, true) => format!("{path}.{key}"),
        (_, false) => format!("{path}[{key:?}]"),
    }
}

fn item_path(path: &str, name: &str) -> String {
    match is_word(name) {
        true => format!("{path}[{name}]"),
        false => format!("{path}[{name:?}]"),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn fields(before: &Value, after: &Value) -> Vec<String> {
        let mut found = Vec::new();
        compare("", Some(before), Some(after), &mut found);
        found.into_iter().map(|change| change.field).collect()
    }

    #[test]
    fn things_with_names_are_compared_by_name_wherever_they_are() {
        let list = |items: &[(&str, u32)]| {
            let items = items.iter();
            let items = items.map(|(name, port)| json!({"name": name, "port": port}));
            json!({"list": items.collect::<Vec<_>>()})
        };
        let before = list(&[("a", 1), ("b", 2)]);
        let after = list(&[("new one", 0), ("a", 1), ("b", 3), ("7", 4)]);
        let expected = ["list[b].port", "list[\"7\"]", "list[\"new one\"]"];
        assert_eq!(fields(&before, &after), expected);
        assert_eq!(
            fields(&before, &list(&[("b", 2), ("a", 1)])).len(),
            4,
            "by number"
        );
        assert_eq!(
            fields(&before, &list(&[("b", 2), ("c", 3), ("a", 1)])),
            ["list"]
        );
        assert_eq!(
            fields(&before, &list(&[("a", 1), ("a", 2)])),
            ["list[1].name"]
        );
    }

    #[test]
    fn other_lists_are_compared_item_by_item_or_as_a_whole() {
        let before = json!({"a": [1, 2], "b": [1], "c": []});
        let after = json!({"a": [1, 3], "b": [1, 2], "d": null});
        assert_eq!(fields(&before, &after), ["a[1]", "b", "c", "d"]);
    }

    #[test]
    fn keys_that_are_no_words_are_quoted() {
        let before = json!({"data": {"a.b": 1, "": 1, "0": 1, "x\u{1b}": 1}});
        let expected = [
            "data[\"\"]",
            "data[\"0\"]",
            "data[\"a.b\"]",
            "data[\"x\\u{1b}\"]",
        ];
        let after = json!({"data": {"a.b": 2, "": 2, "0": 2, "x\u{1b}": 2}});
        assert_eq!(fields(&before, &after), expected);
    }
}
