//! Labels, annotations and names on member objects.

/// Prefix of everything of ours.
pub const PREFIX: &str = "stevedore.dev";
/// Prefix of the original's package annotations, which are accepted as well.
pub const ORIGINAL_PREFIX: &str = "package-operator.run";

/// Label on rendered objects: the name in the package's manifest.
pub const PACKAGE: &str = "stevedore.dev/package";
/// Label on rendered objects: the name of the `Package` or `ClusterPackage`.
pub const INSTANCE: &str = "stevedore.dev/instance";
/// Label on every member object of ours: the deployment UID.
pub const DEPLOYMENT: &str = "stevedore.dev/deployment";

/// Annotation that holds our ownership mark.
pub const MARK: &str = "stevedore.dev/mark";

/// Package annotation, below either prefix: the phase of an object.
pub const PHASE: &str = "phase";
/// Package annotation, below either prefix: a CEL expression that decides whether an object is rendered.
pub const CONDITION: &str = "condition";
/// Package annotation, below either prefix: how an existing foreign object is treated.
pub const COLLISION_PROTECTION: &str = "collision-protection";
/// Package annotation, below either prefix: condition types copied to the package.
pub const CONDITION_MAP: &str = "condition-map";

/// Field manager of the agent.
pub const FIELD_MANAGER: &str = "stevedore";
/// Namespace of hub and agent unless told otherwise.
pub const SYSTEM_NAMESPACE: &str = "stevedore-system";

/// The two spellings of a package annotation, ours first.
pub fn package_annotation(name: &str) -> [String; 2] {
    [
        format!("{PREFIX}/{name}"),
        format!("{ORIGINAL_PREFIX}/{name}"),
    ]
}
