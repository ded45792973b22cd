//! `PackageRevision`: one immutable content of a package, the rollout history.

use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// Names one package on the hub, and which incarnation of that name.
#[derive(
    Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, KubeSchema,
)]
#[serde(rename_all = "camelCase")]
pub struct PackageReference {
    /// `Package` or `ClusterPackage`.
    pub kind: PackageKind,
    /// Namespace of a `Package`; absent for a `ClusterPackage`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 63))]
    pub namespace: Option<String>,
    /// Name of the package.
    #[schemars(length(min = 1, max = 45))]
    pub name: String,
    /// UID of the package object, so that an old and a new package of one name stay apart.
    #[schemars(length(min = 1, max = 64))]
    pub uid: String,
}

/// The two kinds of packages.
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    Hash,
    PartialOrd,
    Ord,
    Serialize,
    Deserialize,
    JsonSchema,
)]
pub enum PackageKind {
    /// Cluster-scoped on the hub.
    #[default]
    ClusterPackage,
    /// Namespaced on the hub, confined to the namespace of the same name on members.
    Package,
}

impl PackageKind {
    /// The kind as it is written in manifests.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ClusterPackage => "ClusterPackage",
            Self::Package => "Package",
        }
    }
}

/// One immutable, numbered content of a package: image, config, component and unpacked files.
#[derive(CustomResource, Clone, Debug, Default, PartialEq, Serialize, Deserialize, KubeSchema)]
#[kube(
    group = "stevedore.dev",
    version = "v1alpha1",
    kind = "PackageRevision",
    plural = "packagerevisions",
    shortname = "stvpr",
    category = "stevedore",
    namespaced,
    derive = "PartialEq",
    doc = "One content of a package: the history that a roll back goes to. Made by the hub, never edited.",
    printcolumn(name = "Package", type_ = "string", json_path = ".spec.package.name"),
    printcolumn(name = "Number", type_ = "integer", json_path = ".spec.number"),
    printcolumn(name = "Image", type_ = "string", json_path = ".spec.image"),
    printcolumn(
        name = "Component",
        type_ = "string",
        json_path = ".spec.component",
        priority = 1
    ),
    printcolumn(
        name = "Change-Cause",
        type_ = "string",
        json_path = ".spec.changeCause",
        priority = 1
    ),
    printcolumn(
        name = "Age",
        type_ = "date",
        json_path = ".metadata.creationTimestamp"
    )
)]
#[x_kube(validation = Rule::new("self == oldSelf").message("a PackageRevision is immutable; change the package and the hub makes a new one"))]
#[serde(rename_all = "camelCase")]
pub struct PackageRevisionSpec {
    /// The package this is a content of.
    pub package: PackageReference,
    /// Number within the package, rising from 1. A label for people, not what agents compare.
    #[schemars(range(min = 1))]
    pub number: i64,
    /// The image as the package named it.
    #[schemars(length(min = 1, max = 512))]
    pub image: String,
    /// Digest that the image was resolved to, `sha256:` and 64 hex digits.
    #[schemars(length(max = 71))]
    pub image_digest: String,
    /// The config as the package gave it. Not confidential.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "crate::schema::config")]
    pub config: Option<Map<String, Value>>,
    /// The component as the package named it; absent means the root.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 63))]
    pub component: Option<String>,
    /// Digest over the unpacked files.
    #[schemars(length(max = 71))]
    pub content_digest: String,
    /// Names of the Secrets of type `stevedore.dev/content` in the system namespace that hold
    /// the compressed files, in order.
    #[schemars(length(max = 32), inner(length(max = 253)))]
    pub content_secrets: Vec<String>,
    /// Why it came about, from the annotation `kubernetes.io/change-cause` of the package.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 1024))]
    pub change_cause: Option<String>,
}
