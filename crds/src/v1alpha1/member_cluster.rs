//! `MemberCluster`: the hub's record of one member.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use kube::{CustomResource, KubeSchema};
use serde::{Deserialize, Serialize};

/// What the hub knows of one member cluster, and whether it may take part.
///
/// Deleting the object means *forget*: the cluster's certificate is revoked, its rows are
/// dropped and its workloads are left alone. To empty the cluster first, set `leaving`.
#[derive(CustomResource, Clone, Debug, Default, PartialEq, Serialize, Deserialize, KubeSchema)]
#[kube(
    group = "stevedore.dev",
    version = "v1alpha1",
    kind = "MemberCluster",
    plural = "memberclusters",
    shortname = "stvmc",
    category = "stevedore",
    status = "MemberClusterStatus",
    derive = "PartialEq",
    doc = "One member cluster of the fleet: who it is, whether it takes part, and how it is.",
    printcolumn(name = "Connected", type_ = "string", json_path = ".status.conditions[?(@.type=='Connected')].status"),
    printcolumn(name = "Healthy", type_ = "string", json_path = ".status.conditions[?(@.type=='Healthy')].status"),
    printcolumn(name = "Kubernetes", type_ = "string", json_path = ".status.environment.kubernetesVersion"),
    printcolumn(name = "Agent", type_ = "string", json_path = ".status.agentVersion"),
    printcolumn(name = "Leaving", type_ = "boolean", json_path = ".spec.leaving", priority = 1),
    printcolumn(name = "Hold", type_ = "string", json_path = ".spec.hold.reason", priority = 1),
    printcolumn(name = "ClusterUID", type_ = "string", json_path = ".spec.clusterUID", priority = 1),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp"),
    validation = Rule::new("size(self.metadata.name) <= 63").message("the name of a member cluster has at most 63 characters")
)]
#[x_kube(
    validation = Rule::new("!has(oldSelf.clusterUID) || (has(self.clusterUID) && self.clusterUID == oldSelf.clusterUID)")
        .message("clusterUID is set once by joining and cannot be changed; remove the cluster and join it again"),
    validation = Rule::new("!has(oldSelf.leaving) || !oldSelf.leaving || (has(self.leaving) && self.leaving)")
        .message("leaving cannot be taken back; delete the MemberCluster when it is drained and join the cluster again")
)]
#[serde(rename_all = "camelCase")]
pub struct MemberClusterSpec {
    /// UID of the member's `kube-system` namespace. Written by joining, never by people.
    #[serde(
        default,
        rename = "clusterUID",
        skip_serializing_if = "Option::is_none"
    )]
    #[schemars(length(min = 1, max = 64))]
    pub cluster_uid: Option<String>,
    /// Whether the cluster may have a session. Absent means yes: the join token was the
    /// consent. `false` ends a running session within 5 seconds and refuses new ones.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accepted: Option<bool>,
    /// Freezes the cluster: while this is there, nothing is ordered, changed or torn down on it by the hub. What it runs
    /// is still repaired by its agent, and packages are counted as held there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hold: Option<Hold>,
    /// Empties the cluster: placement no longer selects it, every deployment on it is torn
    /// down, then the condition `Drained` becomes True. Cannot be taken back.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub leaving: bool,
}

/// Why a cluster is held.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct Hold {
    /// Why, for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 1024))]
    pub reason: Option<String>,
}

/// What the hub has observed of a member cluster; written on transitions only.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct MemberClusterStatus {
    /// The generation of `spec` that this status speaks about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// `Connected`, `Healthy`, `Drained` and the kstatus summaries.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "crate::schema::conditions")]
    pub conditions: Vec<Condition>,
    /// Facts about the cluster that packages may read as `.environment`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub environment: Option<Environment>,
    /// Version of the agent that connected last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 128))]
    pub agent_version: Option<String>,
    /// Since when the agent has no session; absent while it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub offline_since: Option<Time>,
}

/// Most entries of one map that a member reports of itself.
pub const FACT_ENTRIES: usize = 64;
/// Most characters of one of its values.
pub const FACT_VALUE: usize = 1024;

/// Stable facts about a member cluster, as its agent reports them. Packages read them as `.environment`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct Environment {
    /// `gitVersion` of the member's API server, for example `v1.36.3`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 128))]
    pub kubernetes_version: Option<String>,
    /// `os/arch` of the member's API server, for example `linux/amd64`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 128))]
    pub platform: Option<String>,
    /// What there is of OpenShift.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub open_shift: Option<OpenShift>,
    /// The proxy of the whole cluster, as OpenShift has it; addresses without credentials.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proxy: Option<Proxy>,
    /// What there is of HyperShift.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hyper_shift: Option<HyperShift>,
    /// What the agent looked for and did not find: `OpenShift`, `Proxy`, `HyperShift`, and what later releases look
    /// for. What is neither here nor above is not known: the agent is older, or lacks the right to look.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16), inner(length(max = 63)), extend("x-kubernetes-list-type" = "set"))]
    pub absent: Vec<String>,
}

/// What is known of an OpenShift cluster.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct OpenShift {
    /// Version of the last completed update, for example `4.17.3`; absent while there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 128))]
    pub version: Option<String>,
    /// What the service that manages the cluster says about it; absent where none does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub managed: Option<ManagedOpenShift>,
}

/// What the service that manages an OpenShift cluster says about it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct ManagedOpenShift {
    /// Free keys and values.
    #[serde(default)]
    #[schemars(schema_with = "crate::schema::facts")]
    pub data: BTreeMap<String, String>,
}

/// The proxy between a cluster and the world.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct Proxy {
    /// `HTTP_PROXY`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 4096))]
    pub http_proxy: Option<String>,
    /// `HTTPS_PROXY`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 4096))]
    pub https_proxy: Option<String>,
    /// `NO_PROXY`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 4096))]
    pub no_proxy: Option<String>,
}

/// What is known of the control planes that a cluster holds for others.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct HyperShift {
    /// The clusters whose control planes are here.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 128))]
    pub hosted_clusters: Vec<HostedCluster>,
}

/// A cluster whose control plane another one holds. A `Package` in the namespace of that control plane sees it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct HostedCluster {
    /// Namespace of the `HostedCluster`.
    #[schemars(length(max = 253))]
    pub namespace: String,
    /// Its name.
    #[schemars(length(max = 253))]
    pub name: String,
    /// Its labels.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(schema_with = "crate::schema::facts")]
    pub labels: BTreeMap<String, String>,
    /// Its annotations.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(schema_with = "crate::schema::facts")]
    pub annotations: BTreeMap<String, String>,
    /// Where its control plane may run.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(schema_with = "crate::schema::facts")]
    pub node_selector: BTreeMap<String, String>,
}
