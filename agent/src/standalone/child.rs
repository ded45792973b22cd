//! The sets of one deployment, as far as the controller reads them.

use std::collections::BTreeSet;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use serde::Deserialize;
use serde_json::value::RawValue;
use stevedore_client::decode::{Unreadable, decode, part};
use stevedore_crds::condition;
use stevedore_crds::v1alpha1::LifecycleState;

use crate::store::set_object::SetObject;

/// Annotation of a set: hash of the template that it was made from.
pub(crate) const HASH: &str = "stevedore.dev/hash";
/// Annotation of a set that is paused because its deployment is.
pub(crate) const PAUSED_BY_PARENT: &str = "stevedore.dev/paused-by-parent";
/// Label of a set: the deployment that made it.
pub(crate) const OBJECT_DEPLOYMENT: &str = "stevedore.dev/object-deployment";

/// Group, kind, namespace and name of an object.
type Identity = (String, String, String, String);

/// One set.
#[derive(Debug, Clone)]
pub(crate) struct Child {
    pub(crate) head: SetObject,
    pub(crate) revision: i64,
    /// Objects that the set names inline.
    names: BTreeSet<Identity>,
    /// It has objects that stand in Secrets, which are not read here.
    has_secrets: bool,
}

#[derive(Deserialize)]
struct Bodies {
    spec: BodiesSpec,
}

#[derive(Deserialize)]
struct BodiesSpec {
    #[serde(default)]
    phases: Vec<BodiesPhase>,
}

#[derive(Deserialize)]
struct BodiesPhase {
    #[serde(default)]
    objects: Vec<Body>,
}

#[derive(Deserialize)]
struct Body {
    object: Object,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Object {
    api_version: String,
    kind: String,
    metadata: Named,
}

#[derive(Deserialize)]
struct Named {
    #[serde(default)]
    name: String,
    #[serde(default)]
    namespace: Option<String>,
}

impl Child {
    /// Reads a set; `None` when it is not one that the deployment `owner` made. One that somebody else controls
    /// may be whatever it is.
    pub(crate) fn read(set: &RawValue, owner: &str) -> Result<Option<Self>, Box<Unreadable>> {
        let references: Vec<OwnerReference> =
            part(set, &["metadata", "ownerReferences"]).unwrap_or_default();
        let controlled = references
            .iter()
            .any(|reference| reference.controller == Some(true) && reference.uid == owner);
        if !controlled {
            return Ok(None);
        }
        match decode(set).and_then(|head| Ok((head, decode(set)?))) {
            Ok((head, bodies)) => Ok(Self::new(head, bodies)),
            Err(why) => Unreadable::new(set, why).map_or(Ok(None), |set| Err(Box::new(set))),
        }
    }

    fn new(head: SetObject, bodies: Bodies) -> Option<Self> {
        let revision = head.spec.revision.filter(|revision| *revision > 0)?;
        if head.spec.order.is_some() {
            return None;
        }
        let default_namespace = head.metadata.namespace.clone().unwrap_or_default();
        let objects = bodies
            .spec
            .phases
            .into_iter()
            .flat_map(|phase| phase.objects);
        let names = objects
            .map(|Body { object }| {
                let group = object
                    .api_version
                    .split_once('/')
                    .map_or("", |(group, _)| group);
                let namespace = object
                    .metadata
                    .namespace
                    .unwrap_or_else(|| default_namespace.clone());
                (
                    group.to_owned(),
                    object.kind,
                    namespace,
                    object.metadata.name,
                )
            })
            .collect();
        let has_secrets = head.spec.has_secrets();
        Some(Self {
            head,
            revision,
            names,
            has_secrets,
        })
    }

    pub(crate) fn name(&self) -> &str {
        &self.head.metadata.name
    }

    pub(crate) fn hash(&self) -> Option<&str> {
        self.head.metadata.annotations.get(HASH).map(String::as_str)
    }

    pub(crate) fn lifecycle(&self) -> LifecycleState {
        self.head.spec.lifecycle_state.unwrap_or_default()
    }

    pub(crate) fn is_paused_by_parent(&self) -> bool {
        self.lifecycle() == LifecycleState::Paused
            && self
                .head
                .metadata
                .annotations
                .contains_key(PAUSED_BY_PARENT)
    }

    /// Whether the condition is True and speaks about the set as it is now.
    pub(crate) fn is_true(&self, type_: &str) -> bool {
        let found = condition::find(&self.head.status.conditions, type_);
        found.is_some_and(|condition| {
            condition.status == "True"
                && condition.observed_generation == Some(self.head.metadata.generation)
        })
    }

    pub(crate) fn is_available(&self) -> bool {
        self.is_true(condition::AVAILABLE)
    }

    /// Whether it is known that nothing that this set controls is named by `newer`. Cluster-scoped objects
    /// of a cluster-wide set have no namespace on either side; one whose namespace is defaulted has it in
    /// both.
    pub(crate) fn is_disjoint_from(&self, newer: &Self) -> bool {
        self.head.status.observed_generation.is_some()
            && self.head.status.controller_of.iter().all(|controlled| {
                let in_secret = controlled.group.is_empty() && controlled.kind == "Secret";
                let same = |name: &Identity| {
                    let (group, kind, namespace, object) = name;
                    *group == controlled.group
                        && *kind == controlled.kind
                        && *object == controlled.name
                        && controlled
                            .namespace
                            .as_ref()
                            .is_none_or(|known| known == namespace)
                };
                !(in_secret && newer.has_secrets || newer.names.iter().any(same))
            })
    }
}
