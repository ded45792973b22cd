//! The rules of a package for its objects.

use crate::manifest::ManifestPhase;

/// What the package demands of each object.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rules<'a> {
    /// Name in the manifest.
    pub package: &'a str,
    /// Name of the `Package` or `ClusterPackage`.
    pub instance: &'a str,
    /// Namespace of the `Package`; none for a `ClusterPackage`.
    pub namespace: Option<&'a str>,
    /// Phases of the manifest; none where it does not say which there are.
    pub phases: Option<&'a [ManifestPhase]>,
}
