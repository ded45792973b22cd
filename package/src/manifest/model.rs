//! The manifest of a package, as it was read and checked.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;
use stevedore_proto_core::content::ProbeEntry;

use crate::config::Schema;

/// Where a package may be installed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize)]
pub enum Scope {
    /// By a `ClusterPackage`.
    Cluster,
    /// By a `Package`, into its namespace.
    Namespaced,
}

/// An image a package's objects use.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct ManifestImage {
    /// Name under `.images`.
    pub name: String,
    /// Reference, usually with a tag.
    pub image: String,
}

/// A configuration a package ships to test its templates with.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(default)]
pub struct TestCase {
    /// Name of the case.
    pub name: String,
    /// What templates see.
    pub context: TestContext,
}

/// What templates see in a test.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(default)]
pub struct TestContext {
    /// The package.
    pub package: TestPackage,
    /// Its configuration.
    pub config: Option<Value>,
    /// The cluster's facts.
    pub environment: Option<Value>,
}

/// The package in a test.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(default)]
pub struct TestPackage {
    /// Its metadata.
    pub metadata: TestMetadata,
    /// Its image.
    pub image: String,
}

/// Metadata of the package in a test.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default)]
pub struct TestMetadata {
    /// Name.
    pub name: String,
    /// Namespace; none for a `ClusterPackage`.
    pub namespace: Option<String>,
    /// Labels.
    pub labels: BTreeMap<String, String>,
    /// Annotations.
    pub annotations: BTreeMap<String, String>,
}

/// A manifest that was checked.
#[derive(Debug, Clone)]
pub struct PackageManifest {
    /// The package's own name: the value of the package label.
    pub name: String,
    /// Where it may be installed; not empty.
    pub scopes: Vec<Scope>,
    /// Names of the phases, in order.
    pub phases: Vec<String>,
    /// What must hold of objects before the next phase starts.
    pub availability_probes: Vec<ProbeEntry>,
    /// Schema of the configuration.
    pub config: Option<Schema>,
    /// `.images` of templates: `repository@digest` by name.
    pub images: BTreeMap<String, String>,
    /// Template tests.
    pub tests: Vec<TestCase>,
}
