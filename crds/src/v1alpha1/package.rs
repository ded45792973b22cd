//! `Package` and `ClusterPackage`: a package image, its config and the clusters it goes to.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use kube::{CustomResource, KubeSchema};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{LabelSelector, Rollout, WAVES, WaveStatus};

/// Declares one of the two package kinds: they differ in scope only.
macro_rules! package_kind {
    ($spec:ident, $kind:literal, $plural:literal, $short:literal, $doc:literal $(, $scope:ident)?) => {
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
            status = "PackageStatus",
            derive = "PartialEq",
            doc = $doc,
            printcolumn(name = "Available", type_ = "string", json_path = ".status.conditions[?(@.type=='Available')].status"),
            printcolumn(name = "Status", type_ = "string", json_path = ".status.conditions[?(@.type=='Ready')].reason"),
            printcolumn(name = "Progressing", type_ = "string", json_path = ".status.conditions[?(@.type=='Progressing')].status", priority = 1),
            printcolumn(name = "Unpacked", type_ = "string", json_path = ".status.conditions[?(@.type=='Unpacked')].status", priority = 1),
            printcolumn(name = "Invalid", type_ = "string", json_path = ".status.conditions[?(@.type=='Invalid')].status", priority = 1),
            printcolumn(name = "Targeted", type_ = "integer", json_path = ".status.counts.targeted"),
            printcolumn(name = "Updated", type_ = "integer", json_path = ".status.counts.updated"),
            printcolumn(name = "Ready", type_ = "integer", json_path = ".status.counts.available"),
            printcolumn(name = "Offline", type_ = "integer", json_path = ".status.counts.offline", priority = 1),
            printcolumn(name = "Held", type_ = "integer", json_path = ".status.counts.held", priority = 1),
            printcolumn(name = "Ineligible", type_ = "integer", json_path = ".status.counts.ineligible", priority = 1),
            printcolumn(name = "Revision", type_ = "integer", json_path = ".status.revision"),
            printcolumn(name = "Component", type_ = "string", json_path = ".spec.component", priority = 1),
            printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp"),
            printcolumn(name = "Message", type_ = "string", json_path = ".status.conditions[?(@.type=='Ready')].message", priority = 1),
            validation = Rule::new("size(self.metadata.name) <= 45").message("the name of a package has at most 45 characters")
        )]
        #[x_kube(validation = Rule::new("!has(oldSelf.placement) || has(self.placement)")
            .message("placement cannot be removed once it is set, since that would move the package to the hub's own cluster; to select no cluster use placement: {}"))]
        #[serde(rename_all = "camelCase")]
        pub struct $spec {
            /// Reference of the package image; a tag is resolved to a digest once per change of
            /// this field. A tag whose image cannot be used is looked at again every ten minutes,
            /// and whenever the annotation `stevedore.dev/pull-again` changes.
            #[schemars(length(min = 1, max = 512))]
            pub image: String,
            /// Values for the package's config schema. Not confidential: it is stored and shown
            /// in the clear; put secrets into Secret manifests. At most 32 levels deep and
            /// 65536 characters of JSON.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            #[schemars(schema_with = "crate::schema::config")]
            pub config: Option<Map<String, Value>>,
            /// Which component of the image is installed: the name of a folder below its
            /// `components/`. Absent means the root, what is beside that folder.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            #[schemars(length(min = 1, max = 63), regex(pattern = r"^[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?$"))]
            pub component: Option<String>,
            /// Suspends the package everywhere: objects are watched and reported, but nothing is
            /// created, changed, repaired or deleted until it is false again.
            #[serde(default, skip_serializing_if = "std::ops::Not::not")]
            pub paused: bool,
            /// Which clusters get the package. Absent means the hub's own cluster; `{}` selects
            /// none. Cannot be removed once set.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            pub placement: Option<Placement>,
            /// How clusters are changed: in which order, how many at a time, and what stops that. Absent means one
            /// cluster first, then the rest with at most a tenth unavailable, and a halt at the first failure.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            pub rollout: Option<Rollout>,
            /// Service account on the member that everything of this package is done as. Looked
            /// up in the package's namespace, or in the agent's for a cluster package. Without
            /// one the member's policy decides.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            #[schemars(length(min = 1, max = 253))]
            pub service_account_name: Option<String>,
            /// How many old PackageRevisions are kept for rolling back; 10 by default.
            #[serde(default = "default_history", skip_serializing_if = "is_default_history")]
            #[schemars(range(min = 0, max = 100))]
            pub revision_history_limit: i32,
        }
    };
}

package_kind!(
    PackageSpec,
    "Package",
    "packages",
    "stvp",
    "A package whose objects all live in the namespace of the same name on each cluster.",
    namespaced
);
package_kind!(
    ClusterPackageSpec,
    "ClusterPackage",
    "clusterpackages",
    "stvcp",
    "A package that may hold cluster-scoped objects and objects of many namespaces."
);

impl From<PackageSpec> for ClusterPackageSpec {
    /// Both kinds have the same fields; code that serves both works on this one.
    fn from(spec: PackageSpec) -> Self {
        let PackageSpec {
            image,
            config,
            component,
            paused,
            placement,
            rollout,
            service_account_name,
            revision_history_limit,
        } = spec;
        Self {
            image,
            config,
            component,
            paused,
            placement,
            rollout,
            service_account_name,
            revision_history_limit,
        }
    }
}

/// Most fields of a config; the definitions bound that.
pub const CONFIG_FIELDS: usize = 1024;
/// Most levels of maps and lists of a config, itself included. The admission policy `stevedore-config` bounds that,
/// and the hub where there is none.
pub const CONFIG_DEPTH: usize = 32;
/// Most characters of a config as JSON; bounded in the same way.
pub const CONFIG_SIZE: usize = 65_536;

/// History limit when a package names none, as in Package Operator.
pub const DEFAULT_REVISION_HISTORY_LIMIT: i32 = 10;

fn default_history() -> i32 {
    DEFAULT_REVISION_HISTORY_LIMIT
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "the signature serde demands"
)]
fn is_default_history(value: &i32) -> bool {
    *value == DEFAULT_REVISION_HISTORY_LIMIT
}

/// Which clusters a package goes to; terms are ANDed and a placement without terms selects none.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct Placement {
    /// Selects by the labels of MemberClusters; the empty selector selects all of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cluster_selector: Option<LabelSelector>,
    /// Selects by the names of MemberClusters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 1000), inner(length(min = 1, max = 63)), extend("x-kubernetes-list-type" = "set"))]
    pub cluster_names: Option<Vec<String>>,
}

/// What the hub has observed of a package across its clusters.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct PackageStatus {
    /// The generation of `spec` that this status speaks about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// `Unpacked`, `Invalid`, `Available`, `Progressing`, `Paused` and the kstatus summaries. `Available` speaks
    /// about what was ordered: while that is not what `spec` asks for, its `observedGeneration` is an earlier one,
    /// and `Ready` says why.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "crate::schema::conditions")]
    pub conditions: Vec<Condition>,
    /// Number of the PackageRevision that clusters are ordered to run: the one of `spec`, the one that the package
    /// is pinned at, or the newest of those that stay while what `spec` asks for is not unpacked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revision: Option<i64>,
    /// The image of that revision, by digest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 640))]
    pub resolved_image: Option<String>,
    /// How many clusters are in which state.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub counts: Option<PackageCounts>,
    /// The waves of what is rolled out, in their order; none while nothing is.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = WAVES + 1))]
    pub waves: Vec<WaveStatus>,
    /// The worst failures: one entry for one fault, however many clusters have it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 10))]
    pub failures: Vec<FailureGroup>,
    /// Why selected clusters are ineligible, grouped by message: they do not meet the package's constraints.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 10))]
    pub ineligible: Vec<FailureGroup>,
    /// When the counts were last found to be different from before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub as_of: Option<Time>,
}

/// Numbers of clusters by state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct PackageCounts {
    /// Clusters that the placement selects.
    pub targeted: i32,
    /// Clusters that report the newest order as accepted; none while that is not what `spec` asks for.
    pub updated: i32,
    /// Clusters where the newest order is available.
    pub available: i32,
    /// Clusters that are working on the newest order.
    pub progressing: i32,
    /// Clusters that report a blocker or a failing probe, refused the order, or for which nothing can be rendered.
    pub failed: i32,
    /// Clusters whose state is unknown: without a session, or with an agent that has not spoken since it started.
    pub offline: i32,
    /// Clusters where the package is still being torn down.
    pub removing: i32,
    /// Selected clusters that were to be changed, and are held (`spec.hold` of their MemberCluster) or skipped in this
    /// rollout. No other of these numbers but `targeted` counts them; they keep what they run.
    #[serde(default)]
    pub held: i32,
    /// Selected clusters that do not meet the package's constraints, and that no other of these numbers but `targeted`
    /// counts: they get nothing, and keep what they run.
    #[serde(default)]
    pub ineligible: i32,
}

/// One failure and the clusters that have it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct FailureGroup {
    /// Machine-readable reason, for example `ProbeFailure` or `CollisionDetected`.
    #[schemars(length(max = 64))]
    pub reason: String,
    /// What is wrong and where, for people.
    #[schemars(length(max = 1024))]
    pub message: String,
    /// How many clusters report it.
    pub count: i32,
    /// Some of those clusters.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 5), inner(length(max = 63)))]
    pub clusters: Vec<String>,
}
