//! A set as the API server stores it, without the bodies of its objects: what is decoded from a list, an event or a
//! GET, and the head that decisions are made on.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use serde::Deserialize;
use serde::de::IgnoredAny;
use stevedore_agent_core::set::{Ending, HubOrder, Lifecycle, SetHead, SetRef};
use stevedore_crds::condition::{self, AVAILABLE};
use stevedore_crds::v1alpha1::{
    LifecycleState, ObjectSetStatus, PreviousSet, StoredOrder, StoredTombstone, TombstonePolicy,
};
use stevedore_proto_core::DeploymentUid;

use super::convert::{self, Unreadable};

/// Keeps a directly used set until its objects are torn down.
pub const FINALIZER: &str = "stevedore.dev/teardown";

/// Namespace (absent for what is cluster-wide) and name.
pub(crate) type Name = (Option<String>, String);

/// An `ObjectSet` or a `ClusterObjectSet`.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct SetObject {
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

impl Spec {
    pub(crate) fn has_secrets(&self) -> bool {
        self.phases.iter().any(|phase| !phase.secrets.is_empty())
    }
}

impl SetObject {
    /// Which set this is.
    pub(crate) fn reference(&self) -> SetRef {
        SetRef {
            namespace: self.metadata.namespace.clone(),
            name: self.metadata.name.clone(),
            uid: self.metadata.uid.as_str().into(),
        }
    }

    pub(crate) fn name(&self) -> Name {
        (self.metadata.namespace.clone(), self.metadata.name.clone())
    }

    /// The deployment it belongs to: the order's, or a deployment of its own for a directly used set.
    pub(crate) fn deployment(&self) -> Result<DeploymentUid, Unreadable> {
        match &self.spec.order {
            Some(order) => convert::deployment(order),
            None => self
                .metadata
                .uid
                .parse()
                .map_err(|_| convert::unreadable_uid()),
        }
    }

    pub(crate) fn is_deleting(&self) -> bool {
        self.metadata.deletion_timestamp.is_some()
    }

    fn has_finalizer(&self, name: &str) -> bool {
        self.metadata.finalizers.iter().any(|known| known == name)
    }

    fn ending(&self) -> Ending {
        match (&self.spec.order, &self.spec.tombstone) {
            (Some(_), Some(tombstone)) => Ending::Tombstone {
                orphan: tombstone.deletion_policy.unwrap_or_default() == TombstonePolicy::Orphan,
            },
            // The garbage collector takes our owner reference off the objects; whoever put one back would have it
            // delete them.
            (None, _) if self.is_deleting() && self.has_finalizer("orphan") => Ending::Orphaning,
            (None, _) if self.is_deleting() => Ending::Deleting,
            _ => Ending::No,
        }
    }

    fn order(&self) -> Result<Option<HubOrder>, Unreadable> {
        let Some(order) = &self.spec.order else {
            return Ok(None);
        };
        let tombstone = self.spec.tombstone.as_ref();
        Ok(Some(HubOrder {
            package: convert::package(&order.package, self.spec.revision)?,
            tuple: convert::tuple(&order.tuple)?,
            content: convert::content(order),
            tombstone: tombstone
                .map(|stored| convert::tuple(&stored.tuple))
                .transpose()?,
        }))
    }

    /// What is decided on. Deployments that it may take objects over from are not told by the set alone, and its
    /// status only whether it is available.
    pub(crate) fn head(&self) -> Result<SetHead, Unreadable> {
        let (spec, order) = (&self.spec, self.order()?);
        let paused = spec.order.as_ref().is_some_and(|order| order.paused);
        let target = &spec.target_namespace;
        Ok(SetHead {
            set: self.reference(),
            generation: self.metadata.generation,
            number: match &order {
                Some(order) => convert::rank(&order.tuple),
                None => u64::try_from(spec.revision.unwrap_or(0)).unwrap_or(0),
            },
            lifecycle: match spec.lifecycle_state.unwrap_or_default() {
                LifecycleState::Active if paused => Lifecycle::Paused,
                LifecycleState::Active => Lifecycle::Active,
                LifecycleState::Paused => Lifecycle::Paused,
                LifecycleState::Archived => Lifecycle::Archived,
            },
            ending: self.ending(),
            confined_to: match &order {
                Some(_) => target.clone(),
                None => self.metadata.namespace.clone().or_else(|| target.clone()),
            },
            order,
            has_finalizer: self.has_finalizer(FINALIZER),
            account: spec.service_account_name.clone(),
            secrets: spec
                .phases
                .iter()
                .flat_map(|phase| &phase.secrets)
                .cloned()
                .collect(),
            available: condition::is_true(&self.status.conditions, AVAILABLE),
            ..SetHead::default()
        })
    }
}
