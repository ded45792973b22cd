//! Rollouts: in which order the clusters of a package are changed, how many at a time, and what stops that.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::LabelSelector;

/// Most waves that a package may have, those of a label's values included.
pub const WAVES: usize = 32;
/// Longest soak time and longest deadline, in seconds: 30 days.
pub const LONGEST_SECONDS: i32 = 2_592_000;

/// How a package is rolled out.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new(format!("!has(self.waves) || self.waves.map(w, has(w.label) ? w.label.values.size() : 1).sum() <= {WAVES}"))
    .message(kube::core::Message::Message(format!("a package has at most {WAVES} waves, those of a label's values included"))))]
pub struct Rollout {
    /// Groups of clusters that follow one another; clusters of no wave come last. A wave begins when the one before it
    /// is done: every cluster of it is available with what it was ordered. Absent means that the first cluster goes
    /// alone, and that first installs wait for nothing; an empty list means that all clusters are one wave.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = WAVES), extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["name"]))]
    pub waves: Option<Vec<RolloutWave>>,
    /// Most clusters that are working on an order at a time, as a number or a percentage; at least one. Absent means
    /// that only `maxUnavailable` limits them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "crate::schema::amount")]
    pub max_concurrent: Option<IntOrString>,
    /// Most clusters whose deployment may be unavailable because of a change, as a number or a percentage of all
    /// clusters; 10% when absent. At least one, and never all of two or more. What is not available anyway, or not
    /// installed, is changed without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "crate::schema::amount")]
    pub max_unavailable: Option<IntOrString>,
    /// How many clusters may fail before nothing more is changed, as a number or a percentage of those that the
    /// rollout changes; 0 when absent. A halted rollout goes on when fewer fail, or with another spec.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "crate::schema::amount")]
    pub max_failures: Option<IntOrString>,
    /// For how long a wave has to stay available before the next one begins.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = LONGEST_SECONDS))]
    pub min_ready_seconds: Option<i32>,
    /// For how long a cluster may work on an order before it counts as failed; 600 when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = LONGEST_SECONDS))]
    pub progress_deadline_seconds: Option<i32>,
    /// What a cluster that was disconnected before it was ordered anything means to its wave; `Skip` when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub offline: Option<OfflinePolicy>,
}

/// What a disconnected cluster means to its wave. It is changed when it is back, whatever this says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum OfflinePolicy {
    /// The wave does not wait for it, as long as half of the wave is heard.
    Skip,
    /// The wave waits for it.
    Wait,
    /// It counts as failed.
    Count,
}

/// One wave; without a field that selects clusters it takes all that are left.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("[has(self.clusterSelector), has(self.clusterNames), has(self.clusters), has(self.label)].filter(x, x).size() <= 1")
    .message("a wave has one of clusterSelector, clusterNames, clusters and label"))]
pub struct RolloutWave {
    /// What status, commands and approvals call it.
    #[schemars(
        length(min = 1, max = 63),
        regex(pattern = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$")
    )]
    pub name: String,
    /// Takes clusters by their labels.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cluster_selector: Option<LabelSelector>,
    /// Takes clusters by their names.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 1000), inner(length(min = 1, max = 63)), extend("x-kubernetes-list-type" = "set"))]
    pub cluster_names: Option<Vec<String>>,
    /// Takes so many clusters, as a number or a percentage of those that the rollout changes; at least one.
    /// Connected ones before others, then by name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "crate::schema::amount")]
    pub clusters: Option<IntOrString>,
    /// Makes one wave of each of a label's values, in the order given; each is called `NAME/VALUE`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<WaveLabel>,
    /// As `rollout.maxConcurrent`, of the wave's clusters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "crate::schema::amount")]
    pub max_concurrent: Option<IntOrString>,
    /// As `rollout.maxFailures`, of the wave's clusters; both limits hold.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "crate::schema::amount")]
    pub max_failures: Option<IntOrString>,
    /// In place of `rollout.minReadySeconds`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = LONGEST_SECONDS))]
    pub min_ready_seconds: Option<i32>,
    /// Somebody has to approve the wave: a PackageAction `Approve`, or `stevedore rollout approve`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approval: Option<WaveApproval>,
}

/// A label whose values make waves.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct WaveLabel {
    /// Key of a label of MemberClusters.
    #[schemars(length(min = 1, max = 317))]
    pub key: String,
    /// Its values, in the order of their waves.
    #[schemars(length(min = 1, max = WAVES), inner(length(max = 63)), extend("x-kubernetes-list-type" = "set"))]
    pub values: Vec<String>,
}

/// When a wave has to be approved.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum WaveApproval {
    /// Before anything of it is changed.
    Before,
    /// When it is done, before the next one begins.
    After,
}

/// How far one wave is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct WaveStatus {
    /// What the spec calls it; `canary` and `rest` where the spec has none.
    #[schemars(length(max = 127))]
    pub name: String,
    /// Clusters that the rollout changes in this wave.
    pub targeted: i32,
    /// Of those, clusters that were ordered the change.
    pub updated: i32,
    /// Of those, clusters that are available with it.
    pub available: i32,
    /// Of those, clusters that fail with it, or work on it for too long.
    pub failed: i32,
    /// Of those, clusters without a session.
    pub offline: i32,
    /// What the wave waits for: `Passed` (nothing), `Clusters`, `Soaking`, `Approval`, `TooFewHeard`, `EarlierWave` or
    /// `Halted`. More may be added.
    #[schemars(length(max = 63))]
    pub gate: String,
    /// Since when it waits for that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<Time>,
    /// Until when it is `Soaking`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Time>,
}
