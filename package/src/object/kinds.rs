//! Kinds, and what is known about them without asking an API server.

use stevedore_proto_core::label;

use super::problem::Problem;
use crate::manifest::{ORIGINAL_GROUP, OWN_GROUP};
use crate::violation::Reason;

/// Built-in cluster-scoped kinds, by group.
const CLUSTER_SCOPED: &[(&str, &str)] = &[
    ("", "ComponentStatus Namespace Node PersistentVolume"),
    (
        "admissionregistration.k8s.io",
        "MutatingAdmissionPolicy MutatingAdmissionPolicyBinding MutatingWebhookConfiguration \
         ValidatingAdmissionPolicy ValidatingAdmissionPolicyBinding ValidatingWebhookConfiguration",
    ),
    ("apiextensions.k8s.io", "CustomResourceDefinition"),
    ("apiregistration.k8s.io", "APIService"),
    (
        "certificates.k8s.io",
        "CertificateSigningRequest ClusterTrustBundle",
    ),
    (
        "flowcontrol.apiserver.k8s.io",
        "FlowSchema PriorityLevelConfiguration",
    ),
    ("networking.k8s.io", "IPAddress IngressClass ServiceCIDR"),
    ("node.k8s.io", "RuntimeClass"),
    (
        "rbac.authorization.k8s.io",
        "ClusterRole ClusterRoleBinding",
    ),
    ("resource.k8s.io", "DeviceClass ResourceSlice"),
    ("scheduling.k8s.io", "PriorityClass"),
    (
        "storage.k8s.io",
        "CSIDriver CSINode StorageClass VolumeAttachment VolumeAttributesClass",
    ),
];

/// Built-in namespaced kinds, by group.
const NAMESPACED: &[(&str, &str)] = &[
    (
        "",
        "ConfigMap Endpoints Event LimitRange PersistentVolumeClaim Pod PodTemplate ReplicationController \
         ResourceQuota Secret Service ServiceAccount",
    ),
    (
        "apps",
        "ControllerRevision DaemonSet Deployment ReplicaSet StatefulSet",
    ),
    ("autoscaling", "HorizontalPodAutoscaler"),
    ("batch", "CronJob Job"),
    ("coordination.k8s.io", "Lease"),
    ("discovery.k8s.io", "EndpointSlice"),
    ("networking.k8s.io", "Ingress NetworkPolicy"),
    ("policy", "PodDisruptionBudget"),
    ("rbac.authorization.k8s.io", "Role RoleBinding"),
];

/// Whether an object asks for a package, in Package Operator's words or in ours.
pub(crate) fn is_package(group: &str, kind: &str) -> bool {
    [label::ORIGINAL_PREFIX, label::PREFIX].contains(&group)
        && matches!(kind, "Package" | "ClusterPackage")
}

/// Whether a table has a kind.
pub(super) fn listed(table: &[(&str, &str)], group: &str, kind: &str) -> bool {
    let mut of_group = table.iter().filter(|(known, _)| *known == group);
    of_group.any(|(_, kinds)| kinds.split(' ').any(|known| known == kind))
}

pub(crate) fn is_cluster_scoped(group: &str, kind: &str) -> bool {
    listed(CLUSTER_SCOPED, group, kind) || (is_package(group, kind) && kind == "ClusterPackage")
}

pub(crate) fn is_namespaced(group: &str, kind: &str) -> bool {
    listed(NAMESPACED, group, kind) || (is_package(group, kind) && kind == "Package")
}

/// Whether it is the kind whose values are kept apart, and never shown.
pub(crate) fn is_secret(group: &str, kind: &str) -> bool {
    group.is_empty() && kind == "Secret"
}

/// Refuses kinds that a package cannot hold: those of Package Operator and our own, and lists.
pub(super) fn check(group: &str, kind: &str) -> Result<(), Problem> {
    let below = |domain: &str| group == domain || group.ends_with(&format!(".{domain}"));
    if group == ORIGINAL_GROUP || group == OWN_GROUP {
        let what = format!("{kind} belongs into manifest.yaml, not among the objects");
        return Err((Reason::NotSupported, what));
    }
    let is_ours = below(label::ORIGINAL_PREFIX) || below(label::PREFIX);
    if is_ours && !is_package(group, kind) {
        let what = format!("{kind} of group {group:?} in a package is not supported");
        return Err((Reason::NotSupported, what));
    }
    if group.is_empty() && kind == "List" {
        let what = "a List; write its items as documents of their own".to_owned();
        return Err((Reason::NotSupported, what));
    }
    Ok(())
}
