//! The availability probes of a manifest, as its schema has them.

use serde_json::json;
use stevedore_proto_core::content::bounds;

use super::assembly::{OTHERS, Row, row};
use super::forms::{any_text, expression, text};

/// `spec.availabilityProbes` and what is below it.
pub(super) fn rows() -> Vec<Row> {
    let groups = [selectors(), labels(), checks()];
    groups.into_iter().flatten().collect()
}

fn selectors() -> Vec<Row> {
    vec![
        row(
            "spec.availabilityProbes",
            "When objects are ready. What no entry selects is ready as soon as it exists.",
            json!({"maxItems": bounds::PROBE_ENTRIES}),
        ),
        row(
            "spec.availabilityProbes[]",
            "Objects, and what must hold of each.",
            json!({"required": ["selector", "probes"]}),
        ),
        row(
            "spec.availabilityProbes[].selector",
            "Which objects; of kind and labels both have to fit.",
            json!({"minProperties": 1}),
        ),
        row(
            "spec.availabilityProbes[].selector.kind",
            "By kind, whatever the version.",
            json!({"required": ["kind"]}),
        ),
        row(
            "spec.availabilityProbes[].selector.kind.group",
            "The API group; empty for the core group.",
            text(0, bounds::GROUP),
        ),
        row(
            "spec.availabilityProbes[].selector.kind.kind",
            "The kind.",
            text(1, bounds::KIND),
        ),
    ]
}

fn labels() -> Vec<Row> {
    let compared = json!({"type": "string", "enum": ["In", "NotIn", "Exists", "DoesNotExist"]});
    // What compares with values has some, and nothing else has.
    let values = json!([{
        "if": {"properties": {"operator": {"enum": ["In", "NotIn"]}}},
        "then": {"required": ["values"], "properties": {"values": {"minItems": 1}}},
        "else": {"properties": {"values": {"maxItems": 0}}},
    }]);
    vec![
        row(
            "spec.availabilityProbes[].selector.selector",
            "By labels.",
            json!({}),
        ),
        row(
            "spec.availabilityProbes[].selector.selector.matchLabels",
            "Labels that an object has to have.",
            json!({"type": "object", OTHERS: {"type": "string"}, "maxProperties": bounds::SELECTOR_TERMS}),
        ),
        row(
            "spec.availabilityProbes[].selector.selector.matchExpressions",
            "Expressions, all of which have to hold.",
            json!({"maxItems": bounds::SELECTOR_TERMS}),
        ),
        row(
            "spec.availabilityProbes[].selector.selector.matchExpressions[]",
            "An expression about one label.",
            json!({"required": ["key", "operator"], "allOf": values}),
        ),
        row(
            "spec.availabilityProbes[].selector.selector.matchExpressions[].key",
            "The key of the label.",
            text(1, bounds::LABEL_KEY),
        ),
        row(
            "spec.availabilityProbes[].selector.selector.matchExpressions[].operator",
            "How it is compared.",
            compared,
        ),
        row(
            "spec.availabilityProbes[].selector.selector.matchExpressions[].values",
            "Values, for In and NotIn.",
            json!({"type": "array", "items": text(0, bounds::LABEL_VALUE), "maxItems": bounds::SELECTOR_TERMS}),
        ),
    ]
}

fn checks() -> Vec<Row> {
    let path = json!({"type": "string", "pattern": "[^.]", "maxLength": bounds::FIELD_PATH});
    vec![
        row(
            "spec.availabilityProbes[].probes",
            "All of them have to pass.",
            json!({"minItems": 1, "maxItems": bounds::PROBES}),
        ),
        row(
            "spec.availabilityProbes[].probes[]",
            "One of fieldsEqual, condition and cel; of several the first in this order counts.",
            json!({"minProperties": 1}),
        ),
        row(
            "spec.availabilityProbes[].probes[].condition",
            "A condition of the object has a status, at its newest generation.",
            json!({"required": ["type"]}),
        ),
        row(
            "spec.availabilityProbes[].probes[].condition.type",
            "The type of the condition.",
            text(1, bounds::CONDITION_TYPE),
        ),
        row(
            "spec.availabilityProbes[].probes[].condition.status",
            "The status it has to have. In quotes: it is a text.",
            json!({"type": "string", "minLength": 1, "maxLength": bounds::CONDITION_STATUS, "default": "True"}),
        ),
        row(
            "spec.availabilityProbes[].probes[].fieldsEqual",
            "Two fields of the object are there and equal.",
            json!({"required": ["fieldA", "fieldB"]}),
        ),
        row(
            "spec.availabilityProbes[].probes[].fieldsEqual.fieldA",
            "The one field, as .status.replicas.",
            path.clone(),
        ),
        row(
            "spec.availabilityProbes[].probes[].fieldsEqual.fieldB",
            "The other field.",
            path,
        ),
        row(
            "spec.availabilityProbes[].probes[].cel",
            "An expression over the object is true.",
            json!({"required": ["rule"]}),
        ),
        row(
            "spec.availabilityProbes[].probes[].cel.rule",
            "The expression in CEL; the object is self.",
            expression(),
        ),
        row(
            "spec.availabilityProbes[].probes[].cel.message",
            "What is said while it is not true.",
            any_text(),
        ),
    ]
}
