//! The content of an order: objects in phases, and the probes that gate them.
//!
//! Names and meaning are those of Package Operator's `ObjectSetTemplateSpec`. [`Content::to_bytes`] is the
//! only form that is hashed, sent and stored; the accepted digest is kept as a value beside what is stored
//! and never computed again from objects an API server answered with.
//!
//! That form has sorted keys: the fields of each type here stand in the order in which they are written, that of
//! their names.

pub mod bounds;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::canonical;
use crate::digest::Digest;
use crate::feature::Features;
use crate::limit;
use crate::order::ContentRef;

/// Objects in ordered phases, gated by availability probes.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Content {
    /// Which probes an object has to pass before the next phase starts.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub availability_probes: Vec<ProbeEntry>,
    /// Applied one after the other; at most [`limit::PHASES`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub phases: Vec<Phase>,
    /// Seconds every probe has to pass before the whole counts as succeeded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub success_delay_seconds: Option<u32>,
}

/// Objects that are applied together.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Phase {
    /// Whose phases run it; absent for the agent's own. See [`Phase::delegated_to`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub class: Option<String>,
    /// The component that it is a phase of; absent for one of the root. A phase without a component, and the phases
    /// of components right after it, begin together: each waits for all phases before them, and a phase of a component
    /// for those of the same component among them too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub component: Option<String>,
    /// Unique within the content.
    pub name: String,
    /// In the order they are applied.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub objects: Vec<PhaseObject>,
}

/// The class of phases that the agent runs itself, as it does those without one.
pub const OWN_CLASS: &str = "default";

impl Phase {
    /// The class of somebody else that runs it; none when the agent does.
    pub fn delegated_to(&self) -> Option<&str> {
        let class = self.class.as_deref();
        class.filter(|class| !matches!(*class, "" | OWN_CLASS))
    }
}

/// One object of a phase.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PhaseObject {
    /// How an existing foreign object is treated; absent means [`CollisionProtection::Prevent`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub collision_protection: Option<CollisionProtection>,
    /// Conditions copied from the object to the package.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub condition_mappings: Vec<ConditionMapping>,
    /// The object as it is applied.
    #[serde(serialize_with = "canonical::sorted")]
    pub object: Value,
}

/// How an existing foreign object is treated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
pub enum CollisionProtection {
    /// Only objects we created are ours.
    #[default]
    Prevent,
    /// An object without a controller may be adopted.
    IfNoController,
    /// Any object may be adopted.
    None,
}

/// Copies one condition from an object to the package.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ConditionMapping {
    /// Condition type on the package.
    pub destination_type: String,
    /// Condition type on the object.
    pub source_type: String,
}

/// Probes for the objects a selector finds.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ProbeEntry {
    /// All of them have to pass.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub probes: Vec<Probe>,
    /// Which objects; kind and labels are ANDed.
    pub selector: ProbeSelector,
}

/// Which objects are probed.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ProbeSelector {
    /// By kind.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<KindSelector>,
    /// By labels.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub selector: Option<LabelSelector>,
}

impl ProbeSelector {
    /// Whether an object of this group and kind is probed.
    pub fn selects(&self, group: &str, kind: &str, object: &Value) -> bool {
        let is_kind = |selected: &KindSelector| selected.group == group && selected.kind == kind;
        self.kind.as_ref().is_none_or(is_kind)
            && self
                .selector
                .as_ref()
                .is_none_or(|labels| labels.matches(&labels_of(object)))
    }
}

fn labels_of(object: &Value) -> BTreeMap<String, String> {
    object
        .pointer("/metadata/labels")
        .and_then(Value::as_object)
        .into_iter()
        .flatten()
        .filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned())))
        .collect()
}

/// A kind in a group, whatever the version.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
pub struct KindSelector {
    /// API group; empty for the core group.
    #[serde(default)]
    pub group: String,
    /// Kind.
    pub kind: String,
}

/// A Kubernetes label selector.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LabelSelector {
    /// Expressions, ANDed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub match_expressions: Vec<LabelExpression>,
    /// Equalities, ANDed.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub match_labels: BTreeMap<String, String>,
}

/// One expression of a label selector.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LabelExpression {
    /// Label key.
    pub key: String,
    /// How values are compared.
    pub operator: LabelOperator,
    /// Values, for `In` and `NotIn`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub values: Vec<String>,
}

/// How a label's value is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum LabelOperator {
    /// The value is one of these.
    In,
    /// The value is none of these, or the label is absent.
    NotIn,
    /// The label is present.
    Exists,
    /// The label is absent.
    DoesNotExist,
}

impl LabelSelector {
    /// Whether an object with these labels is selected. An empty selector selects everything.
    pub fn matches(&self, labels: &BTreeMap<String, String>) -> bool {
        self.match_labels
            .iter()
            .all(|(key, value)| labels.get(key) == Some(value))
            && self.match_expressions.iter().all(|expression| {
                let value = labels.get(&expression.key);
                match expression.operator {
                    LabelOperator::In => {
                        value.is_some_and(|value| expression.values.contains(value))
                    }
                    LabelOperator::NotIn => {
                        value.is_none_or(|value| !expression.values.contains(value))
                    }
                    LabelOperator::Exists => value.is_some(),
                    LabelOperator::DoesNotExist => value.is_none(),
                }
            })
    }
}

/// One probe; exactly one of the fields is meant. With several set, `fieldsEqual` goes before `condition`
/// before `cel`, as in the original.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Probe {
    /// A CEL expression over the object is true.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cel: Option<CelProbe>,
    /// A condition of the object has a status.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub condition: Option<ConditionProbe>,
    /// Two fields of the object are equal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fields_equal: Option<FieldsEqualProbe>,
}

/// A condition of the object has a status.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct ConditionProbe {
    /// Wanted status.
    #[serde(default = "wanted_status")]
    pub status: String,
    /// Condition type.
    pub r#type: String,
}

fn wanted_status() -> String {
    "True".into()
}

/// Two fields of the object are equal.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FieldsEqualProbe {
    /// Dotted path.
    pub field_a: String,
    /// Dotted path.
    pub field_b: String,
}

/// A CEL expression over the object is true.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct CelProbe {
    /// Shown while it is false.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub message: String,
    /// Expression over `self`.
    pub rule: String,
}

/// Content that is not what it should be.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// More bytes than an order may carry.
    #[error("content has {0} bytes, the limit is {max}", max = limit::CONTENT)]
    TooLarge(usize),
    /// More phases than an order may have.
    #[error("content has {0} phases, the limit is {max}", max = limit::PHASES)]
    TooManyPhases(usize),
    /// The bytes are not the digest's.
    #[error("content does not have the digest it is named by")]
    DigestMismatch,
    /// The bytes are not content.
    #[error("content cannot be read")]
    Undecodable(#[source] serde_json::Error),
}

impl Content {
    /// The canonical bytes: JSON, keys sorted, no white space, our own empty fields omitted. What is inside
    /// `object` is kept whole.
    pub fn to_bytes(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("content holds only JSON and text keys")
    }

    /// What an agent has to know to carry it out.
    pub fn needs(&self) -> Features {
        let needs = |(has, feature)| if has { feature } else { Features::NONE };
        let classes = self.phases.iter().any(|it| it.delegated_to().is_some());
        let components = self.phases.iter().any(|it| it.component.is_some());
        needs((classes, Features::PHASE_CLASSES)) | needs((components, Features::COMPONENTS))
    }

    /// Digest and size of the canonical bytes.
    pub fn reference(&self) -> ContentRef {
        reference(&self.to_bytes())
    }

    /// Reads delivered bytes, after checking size and digest against what the order names.
    ///
    /// # Errors
    /// When there are too many bytes or phases, the digest differs, or the bytes are not content.
    pub fn from_bytes(bytes: &[u8], expected: &ContentRef) -> Result<Self, Error> {
        verify(bytes, expected)?;
        Self::decode(bytes)
    }

    /// Reads bytes that were checked before, as [`verify`] does.
    ///
    /// # Errors
    /// When there are too many phases, or the bytes are not content.
    pub fn decode(bytes: &[u8]) -> Result<Self, Error> {
        let content: Self = serde_json::from_slice(bytes).map_err(Error::Undecodable)?;
        if content.phases.len() > limit::PHASES {
            return Err(Error::TooManyPhases(content.phases.len()));
        }
        Ok(content)
    }
}

/// Digest and size of bytes.
pub fn reference(bytes: &[u8]) -> ContentRef {
    ContentRef {
        digest: Digest::of(bytes),
        size: bytes.len() as u64,
    }
}

/// Checks delivered bytes against what the order names, without reading them.
///
/// # Errors
/// When there are too many bytes, or size or digest differ.
pub fn verify(bytes: &[u8], expected: &ContentRef) -> Result<(), Error> {
    if bytes.len() > limit::CONTENT {
        return Err(Error::TooLarge(bytes.len()));
    }
    if reference(bytes) != *expected {
        return Err(Error::DigestMismatch);
    }
    Ok(())
}

#[cfg(test)]
mod tests;
