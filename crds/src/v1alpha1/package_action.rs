//! `PackageAction`: one verb on one package, recorded apart from its spec.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::PackageKind;

/// One verb on one package. Lives in the package's namespace, or in the hub's system namespace
/// for a ClusterPackage. Immutable: to take a `Pin` back, create a `Release`.
#[derive(CustomResource, Clone, Debug, PartialEq, Serialize, Deserialize, KubeSchema)]
#[kube(
    group = "stevedore.dev",
    version = "v1alpha1",
    kind = "PackageAction",
    plural = "packageactions",
    shortname = "stvpa",
    category = "stevedore",
    namespaced,
    status = "PackageActionStatus",
    derive = "PartialEq",
    doc = "One verb on one package: Pin (roll back to a kept revision), or what happens to a rollout.",
    printcolumn(name = "Package", type_ = "string", json_path = ".spec.package.name"),
    printcolumn(name = "Verb", type_ = "string", json_path = ".spec.verb"),
    printcolumn(name = "Revision", type_ = "integer", json_path = ".spec.revision"),
    printcolumn(
        name = "Wave",
        type_ = "string",
        json_path = ".spec.wave",
        priority = 1
    ),
    printcolumn(
        name = "Cluster",
        type_ = "string",
        json_path = ".spec.cluster",
        priority = 1
    ),
    printcolumn(name = "State", type_ = "string", json_path = ".status.state"),
    printcolumn(
        name = "RequestedBy",
        type_ = "string",
        json_path = ".spec.requestedBy",
        priority = 1
    ),
    printcolumn(
        name = "Age",
        type_ = "date",
        json_path = ".metadata.creationTimestamp"
    )
)]
#[x_kube(
    validation = Rule::new("self == oldSelf").message("a PackageAction is immutable; create another one"),
    validation = Rule::new("self.verb == 'Release' || (self.verb == 'Resume') != has(self.revision)").message("every verb but Resume and Release needs a revision, and Resume has none"),
    validation = Rule::new("(self.verb in ['Approve', 'Promote']) == has(self.wave)").message("Approve and Promote need a wave, and only they have one"),
    validation = Rule::new("(self.verb == 'Skip') == has(self.cluster)").message("Skip needs a cluster, and only Skip has one")
)]
#[serde(rename_all = "camelCase")]
pub struct PackageActionSpec {
    /// The package that the verb acts on.
    pub package: ActionTarget,
    /// What to do. More verbs may be added.
    pub verb: ActionVerb,
    /// Number of the PackageRevision: the one to hold, for `Pin`; whose rejection is taken back, for `Release`; whose
    /// rollout is meant, for the others.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1))]
    pub revision: Option<i64>,
    /// Name of the wave that is approved or promoted, as `status.waves` of the package has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 127))]
    pub wave: Option<String>,
    /// Name of the MemberCluster that is skipped.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 63))]
    pub cluster: Option<String>,
    /// Why, for the record.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 1024))]
    pub reason: Option<String>,
    /// Who asks: the user name of whoever creates the action. The shipped admission policy
    /// `stevedore-requester` refuses any other.
    #[schemars(length(min = 1, max = 256))]
    pub requested_by: String,
}

/// The package that an action is about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct ActionTarget {
    /// `Package` (in the action's namespace) or `ClusterPackage`.
    pub kind: PackageKind,
    /// Name of the package.
    #[schemars(length(min = 1, max = 45))]
    pub name: String,
}

/// What an action does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum ActionVerb {
    /// Hold the package at a kept revision until image, config or another field of the content
    /// changes, or until a `Release`.
    Pin,
    /// End the pin that holds now; with a revision, end its rejection instead.
    Release,
    /// Approve one wave of a rollout. This and the verbs that follow end when another revision is rolled out.
    Approve,
    /// Wait no longer for one wave of a rollout: the next one may begin.
    Promote,
    /// Leave one cluster as it is, and wait for it no longer.
    Skip,
    /// Order once more what failed.
    Retry,
    /// Order nothing more of a rollout until a `Resume`.
    Pause,
    /// End every `Pause`.
    Resume,
    /// Order nothing more of a rollout.
    Abort,
    /// Order a revision nowhere, however often it comes to be the one that should run, until a `Release` that names
    /// it.
    Reject,
}

/// What became of an action; written by the hub.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct PackageActionStatus {
    /// Order in which the hub took the actions of one package; the highest wins.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sequence: Option<i64>,
    /// Whether it holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<ActionState>,
    /// Hash of the package's content fields when a pin was taken; the pin ends when it changes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 71))]
    pub spec_hash: Option<String>,
    /// When it ended or was refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<Time>,
    /// Why it ended or was refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 1024))]
    pub message: Option<String>,
    /// The generation of `spec` that this status speaks about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// `Ready` and `Stalled`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "crate::schema::conditions")]
    pub conditions: Vec<Condition>,
}

/// States of an action.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum ActionState {
    /// It is in force.
    Active,
    /// It did what it was for, or was superseded.
    Ended,
    /// It could not be done; the message says why.
    Refused,
}
