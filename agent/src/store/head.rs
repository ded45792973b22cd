//! A stored set without the bodies of its objects: what is read of one from a list, an event or a GET.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::{Value, json};
use stevedore_crds::v1alpha1::{
    LifecycleState, ObjectSetStatus, PreviousSet, StoredOrder, StoredTombstone,
};
use stevedore_proto_core::{DeletionPolicy, DeploymentUid, Tuple};

use super::convert::{self, Unreadable};
use crate::ports::{Origin, SetRef, StoredSet};

/// Keeps a directly used set until its objects are torn down.
pub const FINALIZER: &str = "stevedore.dev/teardown";

/// An `ObjectSet` or a `ClusterObjectSet`.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct SetHead {
    pub(crate) metadata: Metadata,
    #[serde(default)]
    pub(crate) spec: Spec,
    #[serde(default)]
    pub(crate) status: ObjectSetStatus,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Metadata {
    pub(crate) name: String,
    #[serde(default)]
    pub(crate) namespace: Option<String>,
    pub(crate) uid: String,
    #[serde(default)]
    pub(crate) generation: i64,
    #[serde(default)]
    pub(crate) resource_version: String,
    #[serde(default)]
    pub(crate) creation_timestamp: Option<jiff::Timestamp>,
    #[serde(default)]
    pub(crate) deletion_timestamp: Option<String>,
    #[serde(default)]
    pub(crate) finalizers: Vec<String>,
    #[serde(default)]
    pub(crate) owner_references: Vec<OwnerReference>,
    #[serde(default)]
    pub(crate) annotations: std::collections::BTreeMap<String, String>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Spec {
    #[serde(default)]
    pub(crate) phases: Vec<PhaseHead>,
    #[serde(default)]
    pub(crate) lifecycle_state: Option<LifecycleState>,
    #[serde(default)]
    pub(crate) previous: Vec<PreviousSet>,
    #[serde(default)]
    pub(crate) revision: Option<i64>,
    #[serde(default)]
    pub(crate) service_account_name: Option<String>,
    #[serde(default)]
    pub(crate) order: Option<StoredOrder>,
    #[serde(default)]
    pub(crate) target_namespace: Option<String>,
    #[serde(default)]
    pub(crate) tombstone: Option<StoredTombstone>,
}

#[derive(Debug, Clone, Deserialize)]
pub(crate) struct PhaseHead {
    #[serde(default, rename = "objects")]
    _objects: Vec<IgnoredAny>,
    #[serde(default)]
    pub(crate) secrets: Vec<String>,
}

impl SetHead {
    /// Which set this is.
    pub(crate) fn reference(&self) -> SetRef {
        SetRef {
            namespace: self.metadata.namespace.clone(),
            name: self.metadata.name.clone(),
            uid: self.metadata.uid.clone(),
        }
    }

    /// The deployment it belongs to: the order's, or a deployment of its own for a directly used set.
    pub(crate) fn deployment(&self) -> Result<DeploymentUid, Unreadable> {
        match &self.spec.order {
            Some(order) => convert::deployment(order),
            None => own_deployment(&self.metadata.uid),
        }
    }

    pub(crate) fn is_deleting(&self) -> bool {
        self.metadata.deletion_timestamp.is_some()
    }

    /// Whether it is being deleted so that its objects stay: `--cascade=orphan`. The garbage collector takes
    /// our owner references off them; whoever put one back would have it delete them.
    pub(crate) fn is_orphaning(&self) -> bool {
        self.is_deleting() && self.metadata.finalizers.iter().any(|name| name == "orphan")
    }

    pub(crate) fn has_finalizer(&self) -> bool {
        self.metadata
            .finalizers
            .iter()
            .any(|name| name == FINALIZER)
    }

    /// Whether the engine may have it: a directly used set only once it waits for its teardown.
    pub(crate) fn is_in_hand(&self) -> bool {
        self.spec.order.is_some() || self.has_finalizer()
    }

    /// Whether it is used directly and has to get our finalizer before the engine may have it.
    pub(crate) fn waits_for_finalizer(&self) -> bool {
        self.spec.order.is_none()
            && !self.is_deleting()
            && !self.has_finalizer()
            && self.spec.lifecycle_state != Some(LifecycleState::Archived)
    }

    /// Names of the Secrets that hold its objects of kind Secret.
    pub(crate) fn secrets(&self) -> impl Iterator<Item = &String> {
        self.spec.phases.iter().flat_map(|phase| &phase.secrets)
    }

    pub(crate) fn tombstone(&self) -> Result<Option<(Tuple, DeletionPolicy)>, Unreadable> {
        self.spec
            .tombstone
            .as_ref()
            .map(|stored| {
                Ok((
                    convert::tuple(&stored.tuple)?,
                    convert::policy(stored.deletion_policy),
                ))
            })
            .transpose()
    }

    /// What the engine takes. `predecessors` are the deployments of the sets in `spec.previous`.
    pub(crate) fn into_stored(
        self,
        predecessors: Vec<DeploymentUid>,
    ) -> Result<StoredSet, Unreadable> {
        let reference = self.reference();
        let tombstone = self.tombstone()?;
        let (deleting, orphaning) = (self.is_deleting(), self.is_orphaning());
        let spec = self.spec;
        let lifecycle = spec.lifecycle_state.unwrap_or_default();
        let (origin, number, has_content, paused, confined_to) = match &spec.order {
            Some(order) => {
                let tuple = convert::tuple(&order.tuple)?;
                let origin = Origin::Hub {
                    tuple,
                    tombstone: tombstone.map(|(tuple, _)| tuple),
                    deletion_policy: tombstone.map(|(_, policy)| policy).unwrap_or_default(),
                };
                let has_content = !order.content_digest.is_empty();
                (
                    origin,
                    convert::rank(&tuple),
                    has_content,
                    order.paused,
                    spec.target_namespace,
                )
            }
            None => {
                let origin = Origin::Standalone {
                    deleting,
                    orphaning,
                    predecessors,
                    owner: owner_reference(&reference),
                };
                let number = u64::try_from(spec.revision.unwrap_or(0)).unwrap_or(0);
                let confined_to = reference.namespace.clone().or(spec.target_namespace);
                (origin, number, true, false, confined_to)
            }
        };
        let lifecycle = match lifecycle {
            LifecycleState::Active if paused => LifecycleState::Paused,
            other => other,
        };
        Ok(StoredSet {
            reference,
            generation: self.metadata.generation,
            number,
            origin,
            account: spec.service_account_name,
            confined_to,
            lifecycle,
            has_content,
            status: self.status,
        })
    }
}

/// The deployment of a directly used set: the set is its own deployment.
pub(crate) fn own_deployment(uid: &str) -> Result<DeploymentUid, Unreadable> {
    uid.parse().map_err(|_| convert::unreadable_uid())
}

fn owner_reference(set: &SetRef) -> Value {
    let kind = if set.namespace.is_some() {
        "ObjectSet"
    } else {
        "ClusterObjectSet"
    };
    json!({
        "apiVersion": format!("{}/{}", stevedore_crds::GROUP, stevedore_crds::VERSION),
        "kind": kind,
        "name": set.name,
        "uid": set.uid,
        "controller": true,
        "blockOwnerDeletion": false,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn direct() -> SetHead {
        serde_json::from_value(json!({
            "metadata": {"name": "web-1", "namespace": "shop", "generation": 2,
                "uid": "0b5e0e5c-7d3f-4b8e-9a3e-5a7c1b2d3e4f"},
            "spec": {"revision": 3, "phases": [
                {"name": "a", "objects": [{"object": {"kind": "ConfigMap"}}], "secrets": ["objects-1"]}]},
        }))
        .unwrap()
    }

    #[test]
    fn a_directly_used_set_is_its_own_deployment_and_is_handed_over_once_it_has_the_finalizer() {
        let mut head = direct();
        assert_eq!(head.deployment().unwrap().to_string(), head.metadata.uid);
        assert!(!head.is_in_hand());
        head.metadata.finalizers.push(FINALIZER.into());
        assert!(head.is_in_hand());
        assert_eq!(head.secrets().collect::<Vec<_>>(), ["objects-1"]);
        let stored = head.into_stored(vec![]).unwrap();
        assert_eq!(
            (stored.number, stored.confined_to.as_deref()),
            (3, Some("shop"))
        );
        let Origin::Standalone { owner, .. } = stored.origin else {
            panic!("not a direct set");
        };
        assert_eq!(owner["blockOwnerDeletion"], false);
        assert_eq!(owner["kind"], "ObjectSet");
    }

    #[test]
    fn a_set_that_is_deleted_as_an_orphan_says_so() {
        let mut head = direct();
        head.metadata.finalizers = vec![FINALIZER.into(), "orphan".into()];
        assert!(!head.is_orphaning());
        head.metadata.deletion_timestamp = Some("2026-01-01T00:00:00Z".into());
        assert!(matches!(
            head.into_stored(vec![]).unwrap().origin,
            Origin::Standalone {
                deleting: true,
                orphaning: true,
                ..
            }
        ));
    }
}
