//! Schema fragments that `schemars` cannot derive.

use kube::core::{Message, Rule};
use schemars::{Schema, SchemaGenerator, json_schema};

use crate::v1alpha1::{CONFIG_FIELDS, FACT_ENTRIES, FACT_VALUE};

/// The config of a package: a free-form JSON object, of which unknown fields are kept as they are. A definition can
/// bound how many fields it has; its depth and size are bounded by the admission policy `stevedore-config`.
pub(crate) fn config(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "object",
        "maxProperties": CONFIG_FIELDS,
        "x-kubernetes-preserve-unknown-fields": true,
    })
}

/// A number of clusters, or a percentage of them.
pub(crate) fn amount(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "x-kubernetes-int-or-string": true,
        "anyOf": [{"type": "integer"}, {"type": "string"}],
        "minimum": 0,
        "maximum": 100_000,
        "maxLength": 4,
        "pattern": "^(100|[1-9]?[0-9])%$",
    })
}

/// Keys and values that a member reports of itself.
pub(crate) fn facts(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "object",
        "maxProperties": FACT_ENTRIES,
        "additionalProperties": {"type": "string", "maxLength": FACT_VALUE},
    })
}

/// A whole Kubernetes object (`apiVersion`, `kind`, `metadata` and anything else).
pub(crate) fn embedded_resource(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "object",
        "x-kubernetes-embedded-resource": true,
        "x-kubernetes-preserve-unknown-fields": true,
    })
}

/// `metav1.Condition`s as a list map keyed by `type`, so that several writers can each own one.
pub(crate) fn conditions(generator: &mut SchemaGenerator) -> Schema {
    let item =
        generator.subschema_for::<k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition>();
    json_schema!({
        "type": "array",
        "description": "The state in the form that kubectl wait, Flux and kstatus read.",
        "items": item,
        "maxItems": 32,
        "x-kubernetes-list-type": "map",
        "x-kubernetes-list-map-keys": ["type"],
    })
}

/// A rule that a field keeps its presence and its value.
pub(crate) fn immutable(field: &str) -> Rule {
    Rule::new(format!(
        "has(self.{field}) == has(oldSelf.{field}) && (!has(self.{field}) || self.{field} == oldSelf.{field})"
    ))
    .message(Message::Message(format!("{field} is immutable")))
}
