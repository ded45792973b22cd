//! `ObjectSet` and `ClusterObjectSet`: an immutable set of objects in ordered, probed phases.
//!
//! Fields and conditions are Package Operator's. On the hub path every accepted order is one
//! `ClusterObjectSet`; it carries the order's tuple in `spec.order`.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Fence, ObjectSetTemplate};
use crate::schema::immutable;

/// What the agent does with a set.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum LifecycleState {
    /// Rolled out, and drift is repaired.
    #[default]
    Active,
    /// Watched and reported; nothing is written.
    Paused,
    /// Torn down (but for what newer sets hold) and kept as history.
    Archived,
}

/// Names a set of the same scope and namespace.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct PreviousSet {
    /// Name of the set.
    #[schemars(length(min = 1, max = 253))]
    pub name: String,
}

/// Declares one of the two kinds of sets: that of a hub's orders has fields, columns and rules of its own.
macro_rules! set_kind {
    (
        $spec:ident, $kind:literal, $plural:literal, $short:literal, $doc:literal $(, $scope:ident)?;
        columns($($first:tt)*) ($($middle:tt)*);
        rules($($rule:expr),*);
        revision($revision:literal) account($account:literal);
        $($(#[$meta:meta])* pub $field:ident: $type:ty,)*
    ) => {
        #[doc = $doc]
        #[derive(CustomResource, Clone, Debug, Default, PartialEq, Serialize, Deserialize, KubeSchema)]
        #[kube(
            group = "stevedore.dev",
            version = "v1alpha1",
            kind = $kind,
            plural = $plural,
            shortname = $short,
            category = "stevedore",
            $($scope,)?
            status = "ObjectSetStatus",
            derive = "PartialEq",
            doc = $doc,
            $($first)*
            printcolumn(name = "Available", type_ = "string", json_path = ".status.conditions[?(@.type=='Available')].status"),
            printcolumn(name = "Paused", type_ = "string", json_path = ".status.conditions[?(@.type=='Paused')].status"),
            printcolumn(name = "Archived", type_ = "string", json_path = ".status.conditions[?(@.type=='Archived')].status", priority = 1),
            printcolumn(name = "Succeeded", type_ = "string", json_path = ".status.conditions[?(@.type=='Succeeded')].status", priority = 1),
            printcolumn(name = "InTransition", type_ = "string", json_path = ".status.conditions[?(@.type=='InTransition')].status", priority = 1),
            $($middle)*
            printcolumn(name = "Revision", type_ = "integer", json_path = ".spec.revision"),
            printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp")
        )]
        #[x_kube(
            validation = immutable("phases"),
            validation = immutable("availabilityProbes"),
            validation = immutable("successDelaySeconds"),
            validation = immutable("previous"),
            validation = Rule::new("!has(oldSelf.revision) || (has(self.revision) && self.revision == oldSelf.revision)").message("revision is immutable once it is set"),
            validation = immutable("serviceAccountName"),
            validation = Rule::new("!has(oldSelf.lifecycleState) || oldSelf.lifecycleState != 'Archived' || (has(self.lifecycleState) && self.lifecycleState == 'Archived')").message("an archived set is never revived; make a new one")
            $(, validation = $rule)*
        )]
        #[serde(rename_all = "camelCase")]
        pub struct $spec {
            /// Phases, probes and the success delay.
            #[serde(flatten)]
            pub template: ObjectSetTemplate,
            /// `Active` when absent.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            pub lifecycle_state: Option<LifecycleState>,
            /// Older sets whose objects this one may take over.
            #[serde(default, skip_serializing_if = "Vec::is_empty")]
            #[schemars(length(max = 64))]
            pub previous: Vec<PreviousSet>,
            #[doc = $revision]
            #[serde(default, skip_serializing_if = "Option::is_none")]
            #[schemars(range(min = 0))]
            pub revision: Option<i64>,
            #[doc = $account]
            #[serde(default, skip_serializing_if = "Option::is_none")]
            #[schemars(length(min = 1, max = 253))]
            pub service_account_name: Option<String>,
            $($(#[$meta])* pub $field: $type,)*
        }
    };
}

set_kind!(
    ObjectSetSpec,
    "ObjectSet",
    "objectsets",
    "stvos",
    "An immutable set of objects in ordered, probed phases, confined to its namespace.",
    namespaced;
    columns() ();
    rules();
    revision("Number of this set within its deployment; the highest is the wanted one.")
    account("Service account in the set's namespace that everything is done as.");
);
set_kind!(
    ClusterObjectSetSpec,
    "ClusterObjectSet",
    "clusterobjectsets",
    "stvcos",
    "An immutable set of objects in ordered, probed phases. Every order accepted from a hub is one.";
    columns(printcolumn(name = "Package", type_ = "string", json_path = ".spec.order.package.name"),)
        (printcolumn(name = "Order", type_ = "integer", json_path = ".spec.order.tuple.number"),);
    rules(
        Rule::new("has(self.order) == has(oldSelf.order) && (!has(self.order) || self.order == oldSelf.order)").message("order is immutable: a new order is a new set"),
        immutable("targetNamespace"),
        Rule::new("!has(oldSelf.tombstone) || (has(self.tombstone) && self.tombstone == oldSelf.tombstone)").message("tombstone is set once: a deployment that is being torn down is never revived"),
        Rule::new("!has(self.tombstone) || has(self.order)").message("only a set that a hub ordered has a tombstone; delete the set instead")
    );
    revision("Number of this set within its deployment; for a set that a hub ordered, the number of\nthe PackageRevision, which is a label for people.")
    account("Service account that everything is done as: in `targetNamespace` if there is one,\notherwise in the agent's namespace.");
    /// The hub's order that this set stores. Absent for a set that is used directly.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub order: Option<StoredOrder>,
    /// Confines every object to this namespace, for a namespaced package.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 63))]
    pub target_namespace: Option<String>,
    /// The order that tears this deployment down. Set once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tombstone: Option<StoredTombstone>,
);

/// What the agent accepted from a hub.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct StoredOrder {
    /// UID of the deployment: this package on this cluster.
    #[schemars(length(min = 1, max = 64))]
    pub deployment: String,
    /// The package on the hub.
    pub package: StoredPackage,
    /// What is compared before another order is accepted.
    pub tuple: StoredTuple,
    /// Digest over the delivered content; kept as a value, never computed again. Empty for a
    /// tombstone that is stored as a set of its own.
    #[schemars(length(max = 71))]
    pub content_digest: String,
    /// Size of the delivered content in bytes.
    #[serde(default)]
    #[schemars(range(min = 0))]
    pub content_size: i64,
    /// The hub wants this deployment watched and reported, but not written.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub paused: bool,
}

/// The order that tears a deployment down.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct StoredTombstone {
    /// What is compared before another order is accepted.
    pub tuple: StoredTuple,
    /// What happens to the objects. `Delete` when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deletion_policy: Option<TombstonePolicy>,
}

/// What a tombstone does with the objects of its deployment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum TombstonePolicy {
    /// They are deleted in reverse phase order.
    #[default]
    Delete,
    /// They are released and stay.
    Orphan,
}

/// The package on the hub that an order belongs to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct StoredPackage {
    /// Namespace of the package on the hub; absent for a ClusterPackage.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 63))]
    pub namespace: Option<String>,
    /// Name of the package on the hub.
    #[schemars(length(min = 1, max = 63))]
    pub name: String,
    /// UID of the package on the hub.
    #[schemars(length(min = 1, max = 64))]
    pub uid: String,
}

/// Epoch, term, order number and digest: what is compared before an order is accepted.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct StoredTuple {
    /// Epoch of the hub's history.
    pub epoch: Fence,
    /// Leadership of the hub that gave the number.
    pub term: Fence,
    /// Order number.
    #[schemars(range(min = 0))]
    pub number: i64,
    /// Digest of the order.
    #[schemars(length(max = 71))]
    pub digest: String,
}

/// What the agent has observed of a set.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct ObjectSetStatus {
    /// The generation of `spec` that this status speaks about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// `Available`, `InTransition`, `Succeeded`, `Paused`, `Archived`, the kstatus summaries
    /// and mapped conditions.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "crate::schema::conditions")]
    pub conditions: Vec<Condition>,
    /// State of each phase, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64))]
    pub phases: Vec<ObjectSetPhaseStatus>,
    /// The objects that this set controls now.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 1000))]
    pub controller_of: Vec<ControlledObject>,
}

/// State of one phase.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct ObjectSetPhaseStatus {
    /// Name of the phase.
    #[schemars(length(max = 63))]
    pub name: String,
    /// Where the phase is.
    pub state: PhaseState,
    /// How many objects the phase has.
    pub objects: i32,
    /// How many of them pass their probes at their current generation.
    pub ready: i32,
}

/// Where a phase is. More states may be added.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum PhaseState {
    /// Not reached yet.
    #[default]
    Pending,
    /// Being applied, or its probes do not pass yet.
    Progressing,
    /// Every object passes its probes.
    Available,
    /// Cannot go on; the set's condition `Available` names the reason.
    Blocked,
    /// Being torn down.
    Deleting,
    /// Every object is confirmed gone.
    Deleted,
}

/// One object that a set controls.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct ControlledObject {
    /// Kind of the object.
    #[schemars(length(max = 63))]
    pub kind: String,
    /// API group, empty for the core group.
    #[serde(default)]
    #[schemars(length(max = 253))]
    pub group: String,
    /// API version within the group.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    #[schemars(length(max = 63))]
    pub version: String,
    /// Name of the object.
    #[schemars(length(max = 253))]
    pub name: String,
    /// Namespace of the object; absent for cluster-scoped ones.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 63))]
    pub namespace: Option<String>,
    /// UID of the object that was created or adopted.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    #[schemars(length(max = 64))]
    pub uid: String,
    /// Hash over our managedFields entry, the mark and the UID after our last write; a
    /// different one means that somebody took or removed a field of ours.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    #[schemars(length(max = 64))]
    pub fingerprint: String,
}
