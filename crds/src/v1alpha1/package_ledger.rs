//! `PackageLedger`: the durable table of what each cluster was ordered to run.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, MicroTime, Time};
use kube::{CustomResource, KubeSchema};
use serde::{Deserialize, Serialize};

use super::{PackageReference, WAVES};

/// One shard of a package's deployments. Orders are durable here before they are sent.
#[derive(CustomResource, Clone, Debug, Default, PartialEq, Serialize, Deserialize, KubeSchema)]
#[kube(
    group = "stevedore.dev",
    version = "v1alpha1",
    kind = "PackageLedger",
    plural = "packageledgers",
    shortname = "stvl",
    category = "stevedore",
    namespaced,
    status = "PackageLedgerStatus",
    derive = "PartialEq",
    doc = "What each cluster was ordered to run of one package. Written by the hub; outlives the package until every cluster is torn down.",
    printcolumn(name = "Package", type_ = "string", json_path = ".spec.package.name"),
    printcolumn(name = "Shard", type_ = "integer", json_path = ".spec.shard"),
    printcolumn(name = "Highest", type_ = "integer", json_path = ".spec.highestNumber"),
    printcolumn(
        name = "Age",
        type_ = "date",
        json_path = ".metadata.creationTimestamp"
    )
)]
#[x_kube(
    // `package` is a word of CEL: the API server wants it escaped.
    validation = Rule::new("self.__package__ == oldSelf.__package__ && self.shard == oldSelf.shard").message("package and shard of a ledger are immutable"),
    validation = Rule::new("self.highestNumber >= oldSelf.highestNumber").message("highestNumber never falls: a number that was given once is not given again")
)]
#[serde(rename_all = "camelCase")]
pub struct PackageLedgerSpec {
    /// The package whose deployments these are.
    pub package: PackageReference,
    /// Which shard this is, from 0.
    #[schemars(range(min = 0, max = 1000))]
    pub shard: i32,
    /// The highest order number that was ever given in this shard.
    #[schemars(range(min = 0))]
    pub highest_number: i64,
    /// The first order number of each hub leadership (term), oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 256))]
    pub terms: Vec<LedgerTerm>,
    /// When the order numbers of rows were given, oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 256))]
    pub times: Vec<LedgerTime>,
    /// How far the rollout is; in the first shard only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rollout: Option<LedgerRollout>,
    /// Distinct contents that rows name by index.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 1000))]
    pub contents: Vec<LedgerContent>,
    /// Rows, packed and base64 encoded; `stevedore fleet status` shows them.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    #[schemars(length(max = 16384))]
    pub rows: String,
}

/// A counter with a random id: epoch of the hub's history, or term of one leadership.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct Fence {
    /// Rises by one each time.
    #[schemars(range(min = 0))]
    pub counter: i64,
    /// Random, a UUID.
    #[schemars(length(max = 36))]
    pub id: String,
}

/// The numbers one hub leadership gave begin here.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct LedgerTerm {
    /// Epoch in which the term was held.
    pub epoch: Fence,
    /// The leadership.
    pub term: Fence,
    /// First order number that it gave in this shard.
    pub first_number: i64,
}

/// When one order number was given.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct LedgerTime {
    /// The number.
    #[schemars(range(min = 0))]
    pub number: i64,
    /// When it was given.
    pub at: MicroTime,
}

/// How far the rollout of one revision is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct LedgerRollout {
    /// Number of the PackageRevision that is rolled out.
    #[schemars(range(min = 0))]
    pub revision: i64,
    /// Orders from this number on are part of it.
    #[schemars(range(min = 0))]
    pub first_number: i64,
    /// Its waves, in their order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = WAVES + 1))]
    pub waves: Vec<LedgerWave>,
    /// Whether nothing was left to be ordered.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub finished: bool,
    /// Sequence of the last `Retry` that was carried out.
    #[serde(default, skip_serializing_if = "is_zero")]
    #[schemars(range(min = 0))]
    pub retried: i64,
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "the signature serde demands"
)]
fn is_zero(value: &i64) -> bool {
    *value == 0
}

/// How far one wave is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct LedgerWave {
    /// What the package calls it.
    #[schemars(length(max = 127))]
    pub name: String,
    /// Since when all of it has been available.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub complete_since: Option<MicroTime>,
    /// Whether it stayed so for as long as it has to.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub passed: bool,
}

/// One distinct content and its settings that were ordered.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct LedgerContent {
    /// Number of the PackageRevision it was rendered from.
    pub revision: i64,
    /// Digest of everything the renderer read.
    #[schemars(length(max = 71))]
    pub input: String,
    /// Digest of the rendered content.
    #[schemars(length(max = 71))]
    pub content: String,
    /// Size of the rendered content in bytes.
    #[serde(default)]
    #[schemars(range(min = 0))]
    pub size: i64,
    /// Service account that was ordered; absent for the member's default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 253))]
    pub account: Option<String>,
    /// Features that an agent must have to be sent the content.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64), inner(length(max = 64)))]
    pub needs: Vec<String>,
    /// Whether the order was to look on and write nothing.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub paused: bool,
}

/// What clusters reported, batched; may lag behind by up to 30 seconds.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct PackageLedgerStatus {
    /// The generation of `spec` that this status speaks about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// `Drained` names the clusters that a removed package still waits for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "crate::schema::conditions")]
    pub conditions: Vec<Condition>,
    /// Observed order number and state per row, packed and base64 encoded.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    #[schemars(length(max = 16384))]
    pub observed: String,
    /// What is wrong on clusters that are not available.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 250))]
    pub details: Vec<DeploymentDetail>,
}

/// Why one deployment is not available.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct DeploymentDetail {
    /// Name of the MemberCluster.
    #[schemars(length(max = 63))]
    pub cluster: String,
    /// The phase that is being worked on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 63))]
    pub phase: Option<String>,
    /// Machine-readable reason.
    #[schemars(length(max = 64))]
    pub reason: String,
    /// What is wrong and where, for people.
    #[schemars(length(max = 512))]
    pub message: String,
    /// Since when.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<Time>,
}
