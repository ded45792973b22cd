//! The manifest of a package, as it was read and checked.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;
use stevedore_proto_core::content::ProbeEntry;

use super::constraints::Constraints;
use super::filter::Filter;
use crate::config::Schema;
use crate::warning::Warnings;

/// Where a package may be installed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize)]
pub enum Scope {
    /// By a `ClusterPackage`.
    Cluster,
    /// By a `Package`, into its namespace.
    Namespaced,
}

/// A phase of a package.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ManifestPhase {
    /// Its name, unique within the package.
    pub name: String,
    /// Who runs it; none for the agent, which is also what the class `default` says.
    pub class: Option<String>,
}

/// An image a package's objects use: its name under `.images`, and its reference, usually with a tag.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default)]
pub(crate) struct ManifestImage {
    pub(crate) name: String,
    pub(crate) image: String,
}

/// A lock file as it is: whether its entries are right is not said.
#[derive(Debug, Clone)]
pub(crate) struct Written {
    pub(crate) path: &'static str,
    /// By name, in the order of the file; a name may be there twice.
    pub(crate) images: Vec<(String, LockedImage)>,
}

/// What a manifest says of images, and what its lock file holds, whether or not the two agree.
#[derive(Debug, Clone)]
pub(crate) struct Unlocked {
    /// The file that the manifest is in.
    pub(crate) path: &'static str,
    pub(crate) api_version: String,
    pub(crate) has_components: bool,
    pub(crate) images: Vec<ManifestImage>,
    /// None where there is no lock file.
    pub(crate) lock: Option<Written>,
}

/// An image as the lock file has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LockedImage {
    /// The reference that the manifest names.
    pub image: String,
    /// What it meant when the lock file was written.
    pub digest: String,
}

/// A configuration a package ships to test its templates with.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(default)]
pub(crate) struct TestCase {
    pub(crate) name: String,
    pub(crate) context: TestContext,
}

/// What templates see in a test.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(default)]
pub(crate) struct TestContext {
    pub(crate) package: TestPackage,
    pub(crate) config: Option<Value>,
    pub(crate) environment: Option<Value>,
    pub(crate) cluster: Option<TestCluster>,
}

/// The cluster in a test.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default)]
pub(crate) struct TestCluster {
    pub(crate) name: Option<String>,
    pub(crate) labels: BTreeMap<String, String>,
}

/// The package in a test.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(default)]
pub(crate) struct TestPackage {
    pub(crate) metadata: TestMetadata,
    pub(crate) image: String,
}

/// Metadata of the package in a test; no namespace is that of a `ClusterPackage`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default)]
pub(crate) struct TestMetadata {
    pub(crate) name: String,
    pub(crate) namespace: Option<String>,
    pub(crate) labels: BTreeMap<String, String>,
    pub(crate) annotations: BTreeMap<String, String>,
}

/// A manifest that was checked.
#[derive(Debug, Clone)]
pub struct PackageManifest {
    /// The package's own name, or that of the component's folder: the value of the package label.
    pub name: String,
    /// Whether what is in its folder `components` are components.
    pub has_components: bool,
    /// Where it may be installed; not empty.
    pub scopes: Vec<Scope>,
    /// The phases, in order.
    pub phases: Vec<ManifestPhase>,
    /// What must hold of objects before the next phase starts.
    pub availability_probes: Vec<ProbeEntry>,
    /// Schema of the configuration.
    pub config: Option<Schema>,
    /// What decides which objects are left out.
    pub(crate) filter: Filter,
    /// Where it may be installed besides.
    pub constraints: Constraints,
    /// The images of the lock file, by name.
    pub images: BTreeMap<String, LockedImage>,
    /// Template tests.
    pub(crate) tests: Vec<TestCase>,
    /// What its author should look at, in manifest and lock file.
    pub(crate) warnings: Warnings,
}

impl PackageManifest {
    /// About how many bytes its compiled expressions take in memory.
    pub(crate) fn bytes(&self) -> usize {
        self.filter.bytes() + self.config.as_ref().map_or(0, Schema::rule_bytes)
    }
}
