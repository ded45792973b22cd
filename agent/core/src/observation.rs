//! Observations of objects: what is kept of one is enough to decide, and nothing of its content.

use serde_json::Value;
use stevedore_proto_core::content::ConditionMapping;
use stevedore_proto_core::status::{MappedCondition, Truth, Verdict};
use stevedore_proto_core::{DeploymentUid, Reason, label};

use crate::drift::{self, FieldPath, Fingerprint};
use crate::key::ObjectKey;
use crate::mark::{Marking, ShortHash, label_of};
use crate::probe::{Found, Probed, Probes, RunRule, find_condition};
use crate::propagation::Propagation;

/// Whose an object says it is, by its mark.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Owner {
    /// It has no valid mark.
    Nobody,
    /// A deployment, with the order that last wrote it and the content that order wanted.
    Deployment {
        /// Owner.
        uid: DeploymentUid,
        /// Order that last wrote the object.
        order: u64,
        /// What that order wanted.
        content: ShortHash,
    },
}

/// One observation of an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Observation {
    /// UID.
    pub uid: Box<str>,
    /// resourceVersion.
    pub resource_version: Box<str>,
    /// Whose it is.
    pub owner: Owner,
    /// Value of the deployment label, if it is a deployment's.
    pub labelled: Option<DeploymentUid>,
    /// See [`drift::fingerprint`]; absent when our managedFields entry is.
    pub fingerprint: Option<Fingerprint>,
    /// Controlling owner reference, `Kind name`.
    pub controller: Option<Box<str>>,
    /// It is being deleted; the finalizers that hold it, joined.
    pub terminating: Option<Box<str>>,
    /// How it is deleted.
    pub propagation: Propagation,
    /// A namespace is active, a definition is established; true for every other kind.
    pub established: bool,
    /// What the probes said.
    pub probed: Probed,
    /// Conditions to be copied to the package.
    pub mapped: Box<[MappedCondition]>,
    /// The latest writer beside us.
    pub other_manager: Option<Box<str>>,
    /// See [`drift::left_to_others`].
    pub left_to_others: u64,
    /// See [`drift::string_data`].
    pub string_data: Box<[Box<str>]>,
}

/// The rules by which an object is observed: what the desired content says about it.
#[derive(Debug, Clone, Copy, Default)]
pub struct ObservationRules<'a> {
    /// Probes of the content.
    pub probes: Option<&'a Probes>,
    /// Fields left to others.
    pub ignore: &'a [FieldPath],
    /// Conditions to copy.
    pub mappings: &'a [ConditionMapping],
}

fn text<'a>(value: &'a Value, pointer: &str) -> Option<&'a str> {
    value.pointer(pointer).and_then(Value::as_str)
}

impl Observation {
    /// Observes an object; `None` when it has no UID or resourceVersion.
    pub fn of(
        object: &Value,
        key: &ObjectKey,
        rules: ObservationRules<'_>,
        run: &mut dyn RunRule,
    ) -> Option<Self> {
        let owner = match Marking::of(object, key).mark() {
            Some(mark) => Owner::Deployment {
                uid: mark.deployment,
                order: mark.order,
                content: mark.content,
            },
            None => Owner::Nobody,
        };
        Some(Self {
            uid: text(object, "/metadata/uid")?.into(),
            resource_version: text(object, "/metadata/resourceVersion")?.into(),
            owner,
            labelled: label_of(object, label::DEPLOYMENT).and_then(|uid| uid.parse().ok()),
            fingerprint: drift::fingerprint(object, rules.ignore),
            controller: controller(object),
            terminating: terminating(object),
            propagation: Propagation::of(object),
            established: established(object, key),
            probed: match rules.probes {
                Some(probes) => probes.evaluate(&key.kind, object, run),
                None => Probed::NotYet,
            },
            mapped: mapped(object, rules.mappings),
            other_manager: drift::last_other_manager(object).map(Box::from),
            left_to_others: drift::left_to_others(object, rules.ignore),
            string_data: drift::string_data(object, &key.kind),
        })
    }

    /// Whether this observation is of a later state than `other`. resourceVersions are numbers that rise over the
    /// whole cluster; where they are not, only a different one counts as later.
    pub fn is_later_than(&self, other: &Self) -> bool {
        let number = |seen: &Self| seen.resource_version.parse::<u128>().ok();
        match (number(self), number(other)) {
            (Some(mine), Some(theirs)) => mine > theirs,
            _ => self.resource_version != other.resource_version,
        }
    }
}

fn controller(object: &Value) -> Option<Box<str>> {
    object
        .pointer("/metadata/ownerReferences")?
        .as_array()?
        .iter()
        .find(|owner| owner.get("controller").and_then(Value::as_bool) == Some(true))
        .map(|owner| {
            format!(
                "{} {}",
                text(owner, "/kind").unwrap_or("?"),
                text(owner, "/name").unwrap_or("?")
            )
            .into()
        })
}

fn terminating(object: &Value) -> Option<Box<str>> {
    text(object, "/metadata/deletionTimestamp")?;
    let of = |pointer: &str| {
        object
            .pointer(pointer)
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .collect::<Vec<_>>()
    };
    let mut finalizers = of("/metadata/finalizers");
    if text(object, "/kind") == Some("Namespace") {
        finalizers.extend(of("/spec/finalizers"));
    }
    Some(finalizers.join(", ").into())
}

fn established(object: &Value, key: &ObjectKey) -> bool {
    if key.kind.is_namespace() {
        text(object, "/status/phase") != Some("Terminating")
    } else if key.kind.is_definition() {
        ["Established", "NamesAccepted"].iter().all(|type_| {
            matches!(find_condition(object, type_), Found::Current(condition)
                if condition.get("status").and_then(Value::as_str) == Some("True"))
        })
    } else {
        true
    }
}

fn mapped(object: &Value, mappings: &[ConditionMapping]) -> Box<[MappedCondition]> {
    mappings
        .iter()
        .filter_map(|mapping| {
            let Found::Current(condition) = find_condition(object, &mapping.source_type) else {
                return None;
            };
            Some(MappedCondition {
                r#type: mapping.destination_type.clone(),
                verdict: Verdict {
                    status: match text(condition, "/status") {
                        Some("True") => Truth::True,
                        Some("False") => Truth::False,
                        _ => Truth::Unknown,
                    },
                    reason: Reason::opaque(text(condition, "/reason").unwrap_or_default()),
                    message: text(condition, "/message").unwrap_or_default().to_owned(),
                },
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::probe::RunInline;
    use serde_json::json;

    fn observe(object: &Value) -> Observation {
        let key = ObjectKey::of(object).unwrap();
        Observation::of(object, &key, ObservationRules::default(), &mut RunInline).unwrap()
    }

    #[test]
    fn deletion_controller_and_establishment_are_noticed() {
        let seen = observe(
            &json!({"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
            "metadata": {"name": "x", "uid": "u", "resourceVersion": "5", "deletionTimestamp": "2026-01-01T00:00:00Z",
                "finalizers": ["a", "b"], "ownerReferences": [{"kind": "Boss", "name": "b", "controller": true}]},
            "status": {"conditions": [{"type": "Established", "status": "True"}]}}),
        );
        assert_eq!(seen.terminating.as_deref(), Some("a, b"));
        assert_eq!(seen.controller.as_deref(), Some("Boss b"));
        assert!(!seen.established);
        assert_eq!(seen.fingerprint, None);
    }

    #[test]
    fn later_is_decided_by_the_number_of_the_resource_version() {
        let at = |version: &str| {
            observe(&json!({"apiVersion": "v1", "kind": "ConfigMap",
                "metadata": {"name": "x", "uid": "u", "resourceVersion": version}}))
        };
        assert!(at("10").is_later_than(&at("9")));
        assert!(!at("9").is_later_than(&at("10")));
        assert!(!at("9").is_later_than(&at("9")));
    }

    #[test]
    fn mapped_conditions_are_copied_unless_outdated() {
        let object = json!({"apiVersion": "g/v1", "kind": "K",
            "metadata": {"name": "x", "uid": "u", "resourceVersion": "1", "generation": 2},
            "status": {"conditions": [
                {"type": "A", "status": "True", "reason": "Fine", "message": "m"},
                {"type": "B", "status": "True", "observedGeneration": 1}]}});
        let mappings = ["A", "B"].map(|source| ConditionMapping {
            source_type: source.into(),
            destination_type: format!("example.org/{source}"),
        });
        let key = ObjectKey::of(&object).unwrap();
        let rules = ObservationRules {
            mappings: &mappings,
            ..ObservationRules::default()
        };
        let seen = Observation::of(&object, &key, rules, &mut RunInline).unwrap();
        assert_eq!(seen.mapped.len(), 1);
        assert_eq!(seen.mapped[0].r#type, "example.org/A");
    }
}
