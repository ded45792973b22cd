//! Presets: the phase of well-known kinds, and how it shows that they are ready.
//!
//! Phases and their order are Package Operator's (package-operator.run, `kickstart`).

use serde_json::{Value, json};

/// Phases in their order; the last is for kinds that nobody knows.
pub(super) const PHASES: [&str; 8] = [
    "namespaces",
    "policies",
    "rbac",
    "crds",
    "storage",
    "deploy",
    "publish",
    "other",
];

/// Kinds by phase and group.
const KINDS: &[(&str, &str, &str)] = &[
    ("namespaces", "", "Namespace"),
    ("policies", "", "LimitRange ResourceQuota"),
    ("policies", "autoscaling", "HorizontalPodAutoscaler"),
    ("policies", "networking.k8s.io", "NetworkPolicy"),
    ("policies", "policy", "PodDisruptionBudget"),
    ("policies", "scheduling.k8s.io", "PriorityClass"),
    ("rbac", "", "ServiceAccount"),
    (
        "rbac",
        "rbac.authorization.k8s.io",
        "ClusterRole ClusterRoleBinding Role RoleBinding",
    ),
    ("crds", "apiextensions.k8s.io", "CustomResourceDefinition"),
    ("storage", "", "PersistentVolume PersistentVolumeClaim"),
    ("storage", "storage.k8s.io", "StorageClass"),
    ("deploy", "", "ConfigMap Pod Secret Service"),
    (
        "deploy",
        "apps",
        "DaemonSet Deployment ReplicaSet StatefulSet",
    ),
    ("deploy", "batch", "CronJob Job"),
    (
        "publish",
        "admissionregistration.k8s.io",
        "MutatingWebhookConfiguration ValidatingWebhookConfiguration",
    ),
    ("publish", "apiregistration.k8s.io", "APIService"),
    ("publish", "networking.k8s.io", "Ingress"),
    ("publish", "route.openshift.io", "Route"),
];

/// Other kinds that are ready as soon as they exist.
const READY_AT_ONCE: &[(&str, &str)] = &[
    ("", "Endpoints"),
    ("discovery.k8s.io", "EndpointSlice"),
    ("networking.k8s.io", "IngressClass"),
    ("storage.k8s.io", "CSIDriver CSINode CSIStorageCapacity"),
    (
        "admissionregistration.k8s.io",
        "ValidatingAdmissionPolicy ValidatingAdmissionPolicyBinding",
    ),
];

/// Kinds in the table of phases that are not ready at once, and have no probe that fits all of them.
const WITHOUT_PROBE: &[(&str, &str)] = &[("", "Pod")];

fn names(kinds: &str, kind: &str) -> bool {
    kinds.split(' ').any(|known| known == kind)
}

/// Index of the phase of a kind.
pub(super) fn phase(group: &str, kind: &str) -> usize {
    let known = KINDS
        .iter()
        .find(|(_, of, kinds)| *of == group && names(kinds, kind));
    let phase = known.map_or("other", |(phase, ..)| phase);
    let at = PHASES.iter().position(|name| *name == phase);
    at.unwrap_or(PHASES.len() - 1)
}

/// Whether a kind may take a while to be ready, and nothing is known of how that shows.
pub(super) fn lacks_probe(group: &str, kind: &str) -> bool {
    let listed = |table: &[(&str, &str)]| {
        let mut of_group = table.iter().filter(|(of, _)| *of == group);
        of_group.any(|(_, kinds)| names(kinds, kind))
    };
    if probes(group, kind).is_some() || listed(READY_AT_ONCE) {
        return false;
    }
    let known = KINDS
        .iter()
        .any(|(_, of, kinds)| *of == group && names(kinds, kind));
    !known || listed(WITHOUT_PROBE)
}

/// The probes of a kind.
///
/// A kind has none that becomes ready only by what a later phase brings: a PersistentVolumeClaim may be bound no earlier
/// than a pod uses it (`WaitForFirstConsumer`). Counters of a status are absent where they are 0, so none is compared by
/// `fieldsEqual`.
pub(super) fn probes(group: &str, kind: &str) -> Option<Value> {
    let condition = |name: &str| json!({"condition": {"type": name, "status": "True"}});
    let rule = |rule: &str, message: &str| json!({"cel": {"rule": rule, "message": message}});
    let count = |field: &str| format!("(has(self.status.{field}) ? self.status.{field} : 0)");
    let available = || {
        let is_available = format!("{} == self.spec.replicas", count("availableReplicas"));
        rule(&is_available, "not every replica is available yet")
    };
    Some(match (group, kind) {
        ("apps", "Deployment") => {
            let is_updated = format!("{} == {}", count("updatedReplicas"), count("replicas"));
            json!([
                condition("Available"),
                rule(&is_updated, "not every replica is updated yet")
            ])
        }
        ("apps", "StatefulSet") => {
            // With OnDelete a person takes the pods down, and those below a partition stay as they are: the revision
            // before stays the current one for as long as that is wanted.
            let partition = "self.spec.updateStrategy.rollingUpdate.partition";
            let is_updated = format!(
                "self.spec.updateStrategy.type == 'OnDelete' || (has(self.spec.updateStrategy.rollingUpdate) \
                 && has({partition}) && {partition} > 0 && {} >= self.spec.replicas - {partition}) \
                 || self.status.updateRevision == self.status.currentRevision",
                count("updatedReplicas")
            );
            json!([
                available(),
                rule(&is_updated, "not every replica is updated yet")
            ])
        }
        ("apps", "ReplicaSet") => json!([available()]),
        ("apps", "DaemonSet") => {
            // Until its controller has looked at it, no pod is wanted.
            let is_available = format!(
                "has(self.status.observedGeneration) && self.status.desiredNumberScheduled == {}",
                count("numberAvailable")
            );
            json!([rule(&is_available, "not on every node available yet")])
        }
        ("apiextensions.k8s.io", "CustomResourceDefinition") => json!([condition("Established")]),
        ("apiregistration.k8s.io", "APIService") => json!([condition("Available")]),
        ("batch", "Job") => json!([condition("Complete")]),
        ("route.openshift.io", "Route") => json!([rule(
            "self.status.ingress.all(i, i.conditions.exists(c, c.type == 'Admitted' && c.status == 'True'))",
            "no router has admitted it yet",
        )]),
        _ => return None,
    })
}
