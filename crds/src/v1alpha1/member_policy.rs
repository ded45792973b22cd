//! `MemberPolicy`: what the owner of a member cluster allows.

use kube::{CustomResource, KubeSchema};
use serde::{Deserialize, Serialize};

/// The cluster owner's rules for everything the agent does here. There is one, named `default`.
#[derive(
    CustomResource, Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema,
)]
#[kube(
    group = "stevedore.dev",
    version = "v1alpha1",
    kind = "MemberPolicy",
    plural = "memberpolicies",
    shortname = "stvmp",
    category = "stevedore",
    derive = "PartialEq",
    doc = "What the owner of this cluster allows packages to do. A singleton named default.",
    printcolumn(name = "DefaultAccount", type_ = "string", json_path = ".spec.defaultServiceAccount"),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp"),
    validation = Rule::new("self.metadata.name == 'default'").message("there is one MemberPolicy and its name is default")
)]
#[serde(rename_all = "camelCase")]
pub struct MemberPolicySpec {
    /// Name of the service account that a package uses when it names none. Looked up in the
    /// agent's namespace for cluster packages and in the target namespace for namespaced ones.
    /// Without a policy and without a name in the package, the package is blocked (`NoAccount`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253))]
    pub default_service_account: Option<String>,
}
