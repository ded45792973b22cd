//! Tests that schemas and checks have the same bounds.

use serde_json::{Value, json};
use stevedore_proto_core::content::bounds;

use super::agreement::{MANIFEST, full, is_right, is_wrong, with};
use crate::limit;
use crate::manifest::constraints::MAX_CONSTRAINTS;
use crate::manifest::parse::CASE_NAME_BYTES;

/// A text of so many letters.
fn letters(count: usize) -> Value {
    json!("a".repeat(count))
}

/// So many of something.
fn many(count: usize, one: impl Fn(usize) -> Value) -> Value {
    (0..count).map(one).collect()
}

/// At its bound a field is right, and wrong beyond it.
fn bounded(pointer: &str, bound: usize, value: impl Fn(usize) -> Value) {
    let text = |count| with(full(), pointer, Some(value(count)));
    is_right(MANIFEST, &text(bound), &format!("{bound} in {pointer}"));
    is_wrong(
        MANIFEST,
        &text(bound + 1),
        &format!("{bound} + 1 in {pointer}"),
    );
}

#[test]
fn texts_have_the_same_bounds_in_both() {
    let probes = "/spec/availabilityProbes/0";
    let term = format!("{probes}/selector/selector/matchExpressions/0");
    for (pointer, bound) in [
        ("/metadata/name", bounds::LABEL_VALUE),
        ("/spec/phases/0/name", bounds::PHASE_NAME),
        ("/spec/phases/0/class", bounds::LABEL_VALUE),
        (&format!("{probes}/selector/kind/group"), bounds::GROUP),
        (&format!("{probes}/selector/kind/kind"), bounds::KIND),
        (&format!("{term}/key"), bounds::LABEL_KEY),
        (&format!("{term}/values/0"), bounds::LABEL_VALUE),
        (
            &format!("{probes}/probes/0/condition/type"),
            bounds::CONDITION_TYPE,
        ),
        (
            &format!("{probes}/probes/0/condition/status"),
            bounds::CONDITION_STATUS,
        ),
        (
            &format!("{probes}/probes/1/fieldsEqual/fieldA"),
            bounds::FIELD_PATH,
        ),
        (
            "/spec/filter/conditions/0/name",
            limit::CONDITION_NAME_BYTES,
        ),
        ("/spec/filter/paths/0/glob", limit::GLOB_BYTES),
        ("/test/template/0/name", CASE_NAME_BYTES),
    ] {
        bounded(pointer, bound, letters);
    }
    let most = stevedore_cel::MAX_SOURCE_BYTES;
    let rule = |count: usize| json!(format!("true{}", " ".repeat(count - 4)));
    bounded(&format!("{probes}/probes/2/cel/rule"), most, rule);
    bounded("/spec/filter/conditions/0/expression", most, rule);
    bounded("/spec/filter/paths/0/expression", most, rule);
}

#[test]
fn lists_have_the_same_bounds_in_both() {
    let probes = "/spec/availabilityProbes";
    let selector = format!("{probes}/0/selector/selector");
    let named = |number: usize| json!({"name": format!("a{number}")});
    bounded("/spec/phases", bounds::PHASES, |count| many(count, named));
    bounded("/test/template", limit::VIOLATIONS, |count| {
        many(count, named)
    });
    let probe = || json!({"condition": {"type": "A"}});
    let entry = |_| json!({"selector": {"kind": {"kind": "A"}}, "probes": [probe()]});
    bounded(probes, bounds::PROBE_ENTRIES, |count| many(count, entry));
    bounded(&format!("{probes}/0/probes"), bounds::PROBES, |count| {
        many(count, |_| probe())
    });
    let terms = bounds::SELECTOR_TERMS;
    bounded(&format!("{selector}/matchLabels"), terms, |count| {
        let labels = (0..count).map(|number| (format!("a{number}"), json!("b")));
        Value::Object(labels.collect())
    });
    let pointer = format!("{selector}/matchExpressions");
    bounded(&pointer, terms, |count| {
        many(count, |_| json!({"key": "a", "operator": "Exists"}))
    });
    bounded(&format!("{pointer}/0/values"), terms, |count| {
        many(count, |_| json!("a"))
    });
    bounded("/spec/filter/conditions", limit::FILTERS, |count| {
        many(
            count,
            |number| json!({"name": format!("a{number}"), "expression": "true"}),
        )
    });
    bounded("/spec/filter/paths", limit::FILTERS, |count| {
        many(count, |_| json!({"glob": "a", "expression": "true"}))
    });
    bounded("/spec/constraints", MAX_CONSTRAINTS, |count| {
        many(count, |_| json!({"uniqueInScope": {}}))
    });
    bounded("/spec/images", limit::IMAGES, |count| {
        many(
            count,
            |number| json!({"name": format!("a{number}"), "image": "b"}),
        )
    });
}
