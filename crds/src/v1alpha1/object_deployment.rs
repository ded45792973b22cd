//! `ObjectDeployment` and `ClusterObjectDeployment`: make and retire object sets, without a hub.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::{CustomResource, KubeSchema};
use serde::{Deserialize, Serialize};

use super::{LabelSelector, ObjectSetTemplate};

/// Declares one of the two deployment kinds: they differ in scope only.
macro_rules! deployment_kind {
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
            status = "ObjectDeploymentStatus",
            derive = "PartialEq",
            doc = $doc,
            printcolumn(name = "Available", type_ = "string", json_path = ".status.conditions[?(@.type=='Available')].status"),
            printcolumn(name = "Progressing", type_ = "string", json_path = ".status.conditions[?(@.type=='Progressing')].status"),
            printcolumn(name = "Paused", type_ = "string", json_path = ".status.conditions[?(@.type=='Paused')].status"),
            printcolumn(name = "Revision", type_ = "integer", json_path = ".status.revision"),
            printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp"),
            validation = Rule::new("size(self.metadata.name) <= 45").message("the name of a deployment has at most 45 characters")
        )]
        #[x_kube(validation = Rule::new("self.selector == oldSelf.selector").message("selector is immutable"))]
        #[serde(rename_all = "camelCase")]
        pub struct $spec {
            /// How many old sets are kept, 10 by default.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            #[schemars(range(min = 0, max = 100))]
            pub revision_history_limit: Option<i32>,
            /// Which sets belong to this deployment; must match the template's labels.
            pub selector: LabelSelector,
            /// The set that is wanted.
            pub template: ObjectDeploymentTemplate,
            /// Suspends the deployment and its sets.
            #[serde(default, skip_serializing_if = "std::ops::Not::not")]
            pub paused: bool,
        }
    };
}

deployment_kind!(
    ObjectDeploymentSpec,
    "ObjectDeployment",
    "objectdeployments",
    "stvod",
    "Rolls one object set out after the other within a namespace and retires old ones.",
    namespaced
);
deployment_kind!(
    ClusterObjectDeploymentSpec,
    "ClusterObjectDeployment",
    "clusterobjectdeployments",
    "stvcod",
    "Rolls one cluster object set out after the other and retires old ones."
);

/// Metadata and content of the sets that a deployment makes.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct ObjectDeploymentTemplate {
    /// Labels and annotations of the sets.
    #[serde(default)]
    pub metadata: TemplateMetadata,
    /// Content of the sets.
    pub spec: DeployedSet,
}

/// Labels and annotations that a made object gets.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct TemplateMetadata {
    /// Labels of the sets.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(extend("maxProperties" = 64))]
    pub labels: BTreeMap<String, String>,
    /// Annotations of the sets.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(extend("maxProperties" = 64))]
    pub annotations: BTreeMap<String, String>,
}

/// What a deployment's sets consist of.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct DeployedSet {
    /// Phases, probes and the success delay.
    #[serde(flatten)]
    pub template: ObjectSetTemplate,
    /// Service account that everything is done as.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253))]
    pub service_account_name: Option<String>,
}

/// What the agent has observed of a deployment.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct ObjectDeploymentStatus {
    /// The generation of `spec` that this status speaks about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// `Available`, `Progressing`, `Paused`, the kstatus summaries and mapped conditions.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "crate::schema::conditions")]
    pub conditions: Vec<Condition>,
    /// Rises when the name of a new set was already taken by a different one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub collision_count: Option<i32>,
    /// Hash of the template that the newest set was made from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 64))]
    pub template_hash: Option<String>,
    /// Revision of the newest set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revision: Option<i64>,
}
