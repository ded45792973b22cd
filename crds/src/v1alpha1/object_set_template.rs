//! The template of an object set: phases of objects, and probes.

use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use stevedore_proto_core::content::bounds;

use super::LabelSelector;

/// What a set consists of; shared by sets and by the template of deployments.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct ObjectSetTemplate {
    /// Phases in the order in which they are rolled out; torn down in reverse.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = bounds::PHASES))]
    pub phases: Vec<ObjectSetPhaseTemplate>,
    /// When objects count as available. An object that no probe selects is available as soon as
    /// it is applied.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = bounds::PROBE_ENTRIES))]
    pub availability_probes: Vec<ObjectSetProbe>,
    /// How long the set must be available before it counts as succeeded, in seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = bounds::SUCCESS_DELAY_SECONDS))]
    pub success_delay_seconds: Option<i32>,
}

/// One phase: objects that are applied together and must be available before the next phase.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct ObjectSetPhaseTemplate {
    /// Name of the phase, unique within the set.
    #[schemars(length(min = 1, max = bounds::PHASE_NAME))]
    pub name: String,
    /// Who runs the phase. Absent or `default` means the agent. It knows no other class: it
    /// writes nothing of such a phase, says so (`NoSuchPhaseClass`), and later phases wait.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(
        length(max = 63),
        regex(pattern = r"^([A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?)?$")
    )]
    pub class: Option<String>,
    /// Component of a package that the phase belongs to. A phase without one and the phases of
    /// components that follow it begin together; each of those waits only for the earlier ones
    /// of its own component, and the next phase without one for all of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253))]
    pub component: Option<String>,
    /// Objects of the phase. Objects of kind Secret must not stand here, see `secrets`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = bounds::OBJECTS))]
    pub objects: Vec<ObjectSetObject>,
    /// Names of immutable Secrets of type `stevedore.dev/objects` that hold the phase's objects
    /// of kind Secret. Looked for in the set's namespace, or in the agent's namespace for a
    /// ClusterObjectSet.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64), inner(length(min = 1, max = 253)))]
    pub secrets: Vec<String>,
}

/// One object of a phase.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("!(self.object.apiVersion == 'v1' && self.object.kind == 'Secret')")
    .message("objects of kind Secret are never inline: store them in a Secret of type stevedore.dev/objects and name it in the phase's secrets"))]
pub struct ObjectSetObject {
    /// The object itself.
    #[schemars(schema_with = "crate::schema::embedded_resource")]
    pub object: Value,
    /// What to do when the object exists and is not ours.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub collision_protection: Option<CollisionProtection>,
    /// Conditions of the object that are copied to the set.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = bounds::CONDITION_MAPPINGS))]
    pub condition_mappings: Vec<ConditionMapping>,
}

/// What to do with an object that exists and is not ours. `Prevent` when absent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum CollisionProtection {
    /// Never take over an existing object.
    #[default]
    Prevent,
    /// Take over an object that no controller owns.
    IfNoController,
    /// Take over any object.
    None,
}

/// Copies one condition of an object to the set.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct ConditionMapping {
    /// Condition type on the object.
    #[schemars(length(min = 1, max = bounds::CONDITION_TYPE))]
    pub source_type: String,
    /// Condition type on the set: `prefix/Name`.
    #[schemars(
        length(min = 1, max = bounds::CONDITION_TYPE),
        regex(pattern = bounds::MAPPED_TYPE)
    )]
    pub destination_type: String,
}

/// Probes for the objects that a selector names.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct ObjectSetProbe {
    /// Which objects are probed.
    pub selector: ProbeSelector,
    /// Probes that must all pass.
    #[schemars(length(min = 1, max = bounds::PROBES))]
    pub probes: Vec<Probe>,
}

/// Which objects a probe is for; terms are ANDed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("has(self.kind) || has(self.selector)").message("a probe selects by kind, by labels or by both"))]
pub struct ProbeSelector {
    /// Objects of this kind.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<ProbeKind>,
    /// Objects with these labels.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub selector: Option<LabelSelector>,
}

/// A group and kind.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct ProbeKind {
    /// API group, empty for the core group.
    #[serde(default)]
    #[schemars(length(max = bounds::GROUP))]
    pub group: String,
    /// Kind.
    #[schemars(length(min = 1, max = bounds::KIND))]
    pub kind: String,
}

/// One probe: exactly one of its fields is set.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("[has(self.condition), has(self.fieldsEqual), has(self.cel)].filter(x, x).size() == 1")
    .message("a probe has exactly one of condition, fieldsEqual and cel"))]
pub struct Probe {
    /// Passes when the object has this condition.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub condition: Option<ConditionProbe>,
    /// Passes when two fields of the object are equal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fields_equal: Option<FieldsEqualProbe>,
    /// Passes when a CEL expression over `self` is true.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cel: Option<CelProbe>,
}

/// Passes when the object's condition of this type has this status at the current generation.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct ConditionProbe {
    /// Condition type.
    #[serde(rename = "type")]
    #[schemars(length(min = 1, max = bounds::CONDITION_TYPE))]
    pub type_: String,
    /// Wanted status, `True` when absent.
    #[serde(default = "status_true")]
    #[schemars(length(min = 1, max = bounds::CONDITION_STATUS))]
    pub status: String,
}

fn status_true() -> String {
    "True".into()
}

/// Passes when both fields exist and are equal.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct FieldsEqualProbe {
    /// Dotted path of one field, for example `.spec.replicas`.
    #[schemars(length(min = 1, max = bounds::FIELD_PATH))]
    pub field_a: String,
    /// Dotted path of the other field.
    #[schemars(length(min = 1, max = bounds::FIELD_PATH))]
    pub field_b: String,
}

/// Passes when the rule is true; the object is `self`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct CelProbe {
    /// CEL expression of type bool.
    #[schemars(length(min = 1, max = bounds::RULE))]
    pub rule: String,
    /// What to report when the rule is false.
    #[schemars(length(min = 1, max = bounds::PROBE_MESSAGE))]
    pub message: String,
}
