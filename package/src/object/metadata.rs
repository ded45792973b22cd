//! The metadata of an object: what of it a package may give, from the closed list of fields that every kind has.

use serde_json::{Map, Value};
use stevedore_proto_core::content::bounds;
use stevedore_proto_core::label;
use stevedore_proto_core::status::truncate;

use super::problem::Problems;
use crate::field::Field;
use crate::names::check_key;
use crate::violation::Reason;

/// What a package may give.
const GIVEN: [&str; 5] = ["annotations", "finalizers", "labels", "name", "namespace"];
/// What an API server writes, and passes over where somebody else gives it, as it stands in an object that was
/// exported. Left out, so that it is passed over everywhere.
const WRITTEN: [&str; 5] = [
    "creationTimestamp",
    "deletionGracePeriodSeconds",
    "deletionTimestamp",
    "generation",
    "selfLink",
];
/// What would be about another object, or about who owns it.
const REFUSED: [&str; 5] = [
    "generateName",
    "managedFields",
    "ownerReferences",
    "resourceVersion",
    "uid",
];
/// Whether a field of metadata is about an object of one cluster, and means nothing in a package.
pub(crate) fn is_of_one_cluster(field: &str) -> bool {
    WRITTEN.contains(&field) || REFUSED.contains(&field)
}

const FINALIZERS: &[&str] = &["metadata", "finalizers"];
/// Bytes of a key that is quoted.
const QUOTED: usize = 128;

/// Leaves out what only an API server writes, and refuses what a package must not give and what no metadata has.
pub(super) fn check(metadata: &mut Map<String, Value>, problems: &mut Problems) {
    // Null stays where it is: it says nothing, and content that was ordered before has it.
    metadata.retain(|field, value| value.is_null() || !WRITTEN.contains(&field.as_str()));
    for (field, value) in metadata.iter() {
        let known = |fields: &[&str]| fields.contains(&field.as_str());
        if known(&GIVEN) || known(&WRITTEN) || (known(&REFUSED) && is_empty(value)) {
            continue;
        }
        let what = if known(&REFUSED) {
            "must not be set".to_owned()
        } else {
            format!("unknown field{}", hint(field))
        };
        let what = format!("{}: {what}", path(field));
        problems.add(Reason::MetadataInvalid, &["metadata", field], what);
    }
    for (map, key) in [("labels", label::DEPLOYMENT), ("annotations", label::MARK)] {
        if metadata.get(map).and_then(|map| map.get(key)).is_some() {
            let what = format!("metadata.{map}[{key:?}]: must not be set");
            problems.add(Reason::MetadataInvalid, &["metadata", map, key], what);
        }
    }
    annotations(metadata, problems);
    finalizers(metadata.get("finalizers"), problems);
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        _ => false,
    }
}

/// A field of metadata, as people write its path.
fn path(field: &str) -> String {
    let word = |it: char| it.is_ascii_alphanumeric() || it == '_';
    let short = truncate(field.to_owned(), QUOTED);
    if !field.is_empty() && field.chars().all(word) {
        format!("metadata.{short}")
    } else {
        format!("metadata[{short:?}]")
    }
}

/// What was meant, as far as it can be told.
fn hint(field: &str) -> String {
    let alike = |known: &&&str| {
        known.eq_ignore_ascii_case(field) || known.trim_end_matches('s') == field.to_lowercase()
    };
    if let Some(known) = GIVEN.iter().find(alike) {
        format!("; did you mean {known}?")
    } else if field.contains(['/', '.']) {
        "; a label or an annotation is indented further".to_owned()
    } else {
        String::new()
    }
}

/// Checks annotations as Kubernetes does: their keys without regard to case, and the size of all of them.
fn annotations(metadata: &Map<String, Value>, problems: &mut Problems) {
    let Some(Value::Object(annotations)) = metadata.get("annotations") else {
        return;
    };
    let mut bytes = 0;
    for (key, value) in annotations {
        bytes += key.len() + value.as_str().map_or(0, str::len);
        let text = value.as_str().ok_or("must be text; quote it");
        let checked = [text.err(), check_key(&key.to_ascii_lowercase()).err()];
        for why in checked.into_iter().flatten() {
            let short = truncate(key.clone(), QUOTED);
            let what = format!("metadata.annotations[{short:?}]: {why}");
            let keys = ["metadata", "annotations", key];
            problems.add(Reason::AnnotationInvalid, &keys, what);
        }
    }
    if bytes > bounds::ANNOTATIONS {
        let limit = bounds::ANNOTATIONS;
        let what = format!("metadata.annotations: {bytes} bytes, the limit is {limit}");
        problems.add(
            Reason::AnnotationInvalid,
            &["metadata", "annotations"],
            what,
        );
    }
}

/// Finalizers are applied, and hold the object at its end until somebody takes them off.
fn finalizers(finalizers: Option<&Value>, problems: &mut Problems) {
    let list = match finalizers {
        None | Some(Value::Null) => return,
        Some(Value::Array(list)) => list,
        Some(_) => {
            let what = "metadata.finalizers: must be a list";
            problems.add(Reason::MetadataInvalid, FINALIZERS, what);
            return;
        }
    };
    for (number, name) in list.iter().enumerate() {
        let checked = name.as_str().ok_or("must be text").and_then(check_key);
        if let Err(why) = checked {
            let what = format!("metadata.finalizers[{number}]: {why}");
            let field = Field::of(FINALIZERS).item(number);
            problems.push((Reason::MetadataInvalid, what), field);
        }
    }
    let has = |name: &str| list.iter().any(|it| it == name);
    if has("orphan") && has("foregroundDeletion") {
        let what = "metadata.finalizers: orphan and foregroundDeletion exclude each other";
        problems.add(Reason::MetadataInvalid, FINALIZERS, what);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// What is left of metadata, and what is wrong with it.
    fn checked(metadata: Value) -> (Value, Vec<String>) {
        let Value::Object(mut metadata) = metadata else {
            unreachable!()
        };
        let mut problems = Problems::default();
        check(&mut metadata, &mut problems);
        let found = problems.0.into_iter().map(|it| it.problem.1).collect();
        (metadata.into(), found)
    }

    #[test]
    fn a_field_that_no_metadata_has_is_refused_by_its_path_with_what_was_meant() {
        for (field, said) in [
            (
                "app.kubernetes.io/managed-by",
                r#"metadata["app.kubernetes.io/managed-by"]: unknown field; a label or an annotation is indented further"#,
            ),
            (
                "annotation",
                "metadata.annotation: unknown field; did you mean annotations?",
            ),
            (
                "Labels",
                "metadata.Labels: unknown field; did you mean labels?",
            ),
            ("clusterName", "metadata.clusterName: unknown field"),
            ("", r#"metadata[""]: unknown field"#),
            ("a\u{1b}[31m", r#"metadata["a\u{1b}[31m"]: unknown field"#),
        ] {
            for value in [json!("x"), Value::Null] {
                let (_, found) = checked(json!({"name": "a", (field): value}));
                assert_eq!(found, [said], "{field:?}");
            }
        }
        let (_, found) = checked(json!({("x".repeat(100_000)): 1}));
        assert!(found[0].len() < 200, "{}", found[0].len());
    }

    #[test]
    fn what_an_exported_object_has_is_left_out_and_what_is_about_another_one_refused() {
        let exported = json!({"name": "a", "creationTimestamp": "2026-01-01T00:00:00Z", "generation": 7,
            "selfLink": "/api", "deletionTimestamp": "2026-01-01T00:00:00Z", "deletionGracePeriodSeconds": 30});
        assert_eq!(checked(exported), (json!({"name": "a"}), vec![]));
        let silent = json!({"name": "a", "creationTimestamp": null, "uid": null, "ownerReferences": [],
            "resourceVersion": "", "generateName": ""});
        assert_eq!(checked(silent.clone()), (silent, vec![]), "digests stay");
        for (field, value) in [
            ("uid", json!("u")),
            ("resourceVersion", json!("1")),
            ("generateName", json!("a-")),
            ("ownerReferences", json!([{"name": "x"}])),
            ("managedFields", json!([{"manager": "kubectl"}])),
        ] {
            let (_, found) = checked(json!({"name": "a", (field): value}));
            assert_eq!(found, [format!("metadata.{field}: must not be set")]);
        }
    }

    #[test]
    fn finalizers_are_qualified_names() {
        let good = json!({"finalizers": ["example.org/cascade", "foregroundDeletion"]});
        assert_eq!(checked(good.clone()), (good, vec![]));
        for (finalizers, said) in [
            (
                json!("example.org/a"),
                "metadata.finalizers: must be a list",
            ),
            (json!([1]), "metadata.finalizers[0]: must be text"),
            (
                json!(["example.org/"]),
                "metadata.finalizers[0]: its name is empty",
            ),
            (
                json!(["orphan", "foregroundDeletion"]),
                "metadata.finalizers: orphan and foregroundDeletion exclude each other",
            ),
        ] {
            let (_, found) = checked(json!({"finalizers": finalizers}));
            assert_eq!(found, [said]);
        }
    }

    #[test]
    fn annotations_are_checked_as_kubernetes_checks_them() {
        let with = |annotations: Value| checked(json!({"annotations": annotations})).1;
        assert_eq!(with(json!({"Example.ORG/a": "b"})), Vec::<String>::new());
        assert_eq!(with(json!({"a b": "c"})).len(), 1);
        assert_eq!(with(json!({"a": 1})).len(), 1);
        let of = |bytes: usize| with(json!({"a": "x".repeat(bytes - 1)}));
        assert_eq!(of(bounds::ANNOTATIONS), Vec::<String>::new());
        assert_eq!(of(bounds::ANNOTATIONS + 1).len(), 1);
    }
}
