//! Writes and statuses of a cluster, as its audit log shows them.

use serde_json::Value;
use stevedore_fleet::{AuditEntry, ControlPlane};

/// Everything that was asked of a cluster so far, in the order of the answers.
pub(crate) fn entries(cluster: &ControlPlane) -> Vec<AuditEntry> {
    let entries = cluster.audit().read_new();
    entries.expect("the audit log can be read")
}

/// What was written by packages' accounts in a namespace, dry-runs left out, in the order of the answers.
pub(crate) fn package_writes(cluster: &ControlPlane, namespace: &str) -> Vec<AuditEntry> {
    let ours = |entry: &AuditEntry| {
        entry.impersonated_user.is_some()
            && entry.is_write()
            && !entry.is_dry_run()
            && entry.code() < 300
            && entry
                .object_ref
                .as_ref()
                .is_some_and(|object| object.namespace == namespace)
    };
    entries(cluster).into_iter().filter(ours).collect()
}

/// What a member's agent wrote, as itself or as an account, Events and dry-runs left out.
pub(crate) fn agent_writes(member: &ControlPlane) -> Vec<AuditEntry> {
    let counts = |entry: &AuditEntry| {
        let object = entry.object_ref.as_ref();
        entry.user.username.ends_with(":stevedore-agent")
            && entry.is_write()
            && !entry.is_dry_run()
            && object.is_some_and(|object| object.resource != "events")
    };
    entries(member).into_iter().filter(counts).collect()
}

/// Every status of our kinds that was written on a cluster for an object of this name, or whose name begins so,
/// in the order of the answers.
pub(crate) fn statuses(cluster: &ControlPlane, resource: &str, name: &str) -> Vec<Value> {
    let shows = |entry: &AuditEntry| {
        entry.object_ref.as_ref().is_some_and(|object| {
            object.resource == resource
                && object.subresource == "status"
                && object.name.starts_with(name)
        })
    };
    let written = entries(cluster).into_iter().filter(shows);
    written.filter_map(|entry| entry.response_object).collect()
}
