//! Kinds that come later, vanish, or are away.

use std::time::{Duration, Instant};

use kube::api::{DeleteParams, Patch, PatchParams};
use serde_json::{Value, json};
use stevedore_fleet::{AuditEntry, AuditReader, ControlPlane};

use super::sets::{available, delete, exists, gone, objects, says};
use super::support::{
    Agent, SYSTEM, api, config_map, create, eventually, namespace, restarting, run,
};

/// Kubernetes' own record of who serves the group of the gates.
const SERVICE: &str = "v1.gates.example";

/// Packages may do anything with gates.
async fn grant(cluster: &ControlPlane) {
    let name = json!({"name": "gates"});
    let rbac = "rbac.authorization.k8s.io";
    let role = json!({"apiVersion": format!("{rbac}/v1"), "kind": "ClusterRole", "metadata": name,
        "rules": [{"apiGroups": ["gates.example"], "resources": ["gates"], "verbs": ["*"]}]});
    let binding = json!({"apiVersion": format!("{rbac}/v1"), "kind": "ClusterRoleBinding", "metadata": name,
        "roleRef": {"apiGroup": rbac, "kind": "ClusterRole", "name": "gates"},
        "subjects": [{"kind": "ServiceAccount", "namespace": SYSTEM, "name": "stevedore-packages"}]});
    for (kind, object) in [("ClusterRole", role), ("ClusterRoleBinding", binding)] {
        let there = api(cluster, kind, None).get_opt("gates").await;
        if there.expect("an answer").is_none() {
            create(cluster, object).await;
        }
    }
}

/// What an operator makes.
async fn define(cluster: &ControlPlane) {
    let schema = json!({"type": "object", "properties": {
        "spec": {"type": "object", "properties": {"open": {"type": "boolean"}}}}});
    let version = json!({"name": "v1", "served": true, "storage": true, "schema": {"openAPIV3Schema": schema}});
    let definition = json!({"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": "gates.gates.example"},
        "spec": {"group": "gates.example", "scope": "Cluster", "versions": [version],
            "names": {"kind": "Gate", "plural": "gates", "singular": "gate"}}});
    create(cluster, definition).await;
    eventually("gates are served", || async {
        let listed = api(cluster, "Gate", None).list(&Default::default()).await;
        listed.map(drop).map_err(|error| error.to_string())
    })
    .await;
}

async fn undefine(cluster: &ControlPlane) {
    let definitions = api(cluster, "CustomResourceDefinition", None);
    definitions
        .delete("gates.gates.example", &DeleteParams::default())
        .await
        .expect("the definition goes");
    let kind = "CustomResourceDefinition";
    gone(cluster, kind, None, "gates.gates.example").await;
}

/// A pattern, of which an operator makes a kind; then a gate of that kind, written with a namespace that such an object
/// does not have, and its keeper.
fn set(name: &str, namespace: &str) -> Value {
    let mut pattern = config_map(namespace, "pattern", "gate");
    pattern["metadata"]["labels"] = json!({"gate": "pattern"});
    let gate = json!({"apiVersion": "gates.example/v1", "kind": "Gate",
        "metadata": {"name": name, "namespace": namespace}, "spec": {"open": true}});
    let rule = "has(self.metadata.annotations) && has(self.metadata.annotations.made)";
    json!({"apiVersion": "stevedore.dev/v1alpha1", "kind": "ClusterObjectSet",
    "metadata": {"name": name},
    "spec": {"revision": 1,
        "availabilityProbes": [{
            "selector": {"kind": {"group": "", "kind": "ConfigMap"},
                "selector": {"matchLabels": {"gate": "pattern"}}},
            "probes": [{"cel": {"rule": rule, "message": "no kind was made of it yet"}}]}],
        "phases": [
            {"name": "patterns", "objects": objects([pattern])},
            {"name": "gates", "objects": objects([gate, config_map(namespace, "keeper", "gate")])},
        ]}})
}

/// Says that a kind was made of the pattern.
async fn mark_made(cluster: &ControlPlane, namespace: &str) {
    let made = json!({"metadata": {"annotations": {"made": "yes"}}});
    let maps = api(cluster, "ConfigMap", Some(namespace));
    maps.patch("pattern", &PatchParams::default(), &Patch::Merge(&made))
        .await
        .expect("annotated");
}

async fn delete_maps(cluster: &ControlPlane, namespace: &str) {
    let maps = api(cluster, "ConfigMap", Some(namespace));
    for name in ["keeper", "pattern"] {
        maps.delete(name, &DeleteParams::default())
            .await
            .expect("deleted");
    }
}

/// Readings of discovery and of lists of gates by the agent.
fn searches(audit: &mut AuditReader) -> usize {
    let entries = audit.read_new().expect("the log can be read");
    let by_agent = |entry: &&AuditEntry| entry.user.username.ends_with(":stevedore-agent");
    let searches = entries.iter().filter(by_agent).filter(|entry| {
        entry.request_uri == "/apis" || entry.request_uri.starts_with("/apis/gates.example")
    });
    searches.count()
}

#[test]
fn a_kind_made_by_an_earlier_phase_stops_only_what_needs_it_when_it_comes_and_when_it_goes() {
    run(async {
        let cluster = &*restarting().await;
        grant(cluster).await;
        namespace(cluster, "made").await;
        let agent = Agent::start(cluster).await;

        // The operator has not been there yet: nothing is said of the kind before its phase is come to.
        create(cluster, set("made", "made")).await;
        let message = says(cluster, "made", "ProbeFailure").await;
        assert!(message.contains("phase \"patterns\""), "{message}");
        exists(cluster, "made", "pattern").await;

        // The phase is come to, and then the kind comes.
        mark_made(cluster, "made").await;
        let message = says(cluster, "made", "NoSuchKind").await;
        assert!(message.contains("Gate made/made"), "{message}");
        let defined = Instant::now();
        define(cluster).await;
        available(cluster, "made").await;
        assert!(
            defined.elapsed() < Duration::from_secs(60),
            "{:?}",
            defined.elapsed()
        );
        let gate = api(cluster, "Gate", None).get("made").await;
        gate.expect("cluster-scoped, as its kind turned out to be");

        // The operator is removed with its kind, while the agent is not there.
        agent.stop().await;
        undefine(cluster).await;
        delete_maps(cluster, "made").await;
        let agent = Agent::start(cluster).await;
        exists(cluster, "made", "keeper").await;
        exists(cluster, "made", "pattern").await;
        mark_made(cluster, "made").await;
        let message = says(cluster, "made", "NoSuchKind").await;
        assert!(
            message.contains("Gate made ") && !message.contains("ConfigMap"),
            "{message}"
        );

        // What has no kind is gone.
        delete(cluster, "made").await;
        gone(cluster, "ConfigMap", Some("made"), "pattern").await;
        agent.stop().await;
    });
}

/// Lets nobody serve the gates, which stay stored: what the API server says of an aggregated API that is away.
async fn divert(cluster: &ControlPlane) {
    let services = api(cluster, "APIService", None);
    let nowhere = json!({
        "metadata": {"labels": {"kube-aggregator.kubernetes.io/automanaged": null}},
        "spec": {"insecureSkipTLSVerify": true,
            "service": {"namespace": "default", "name": "nowhere", "port": 443}},
    });
    services
        .patch(SERVICE, &PatchParams::default(), &Patch::Merge(&nowhere))
        .await
        .expect("diverted");
    // Not asked of the gates themselves: the client repeats for minutes what is answered with 503.
    eventually("discovery says that gates are away", || async {
        let request = http::Request::get("/apis")
            .header(
                "accept",
                "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList",
            )
            .body(vec![])
            .expect("a request");
        let groups: Value = cluster.client().request(request).await.expect("discovery");
        let all = groups["items"].as_array().cloned().unwrap_or_default();
        let mut ours = all
            .iter()
            .filter(|group| group["metadata"]["name"] == "gates.example");
        match ours.next() {
            Some(group) if group["versions"][0]["freshness"] == "Stale" => Ok(()),
            other => Err(format!("{other:?}")),
        }
    })
    .await;
}

#[test]
fn an_aggregated_api_that_is_away_keeps_nothing_else_from_being_repaired_and_nothing_counts_as_gone()
 {
    run(async {
        let cluster = &*restarting().await;
        grant(cluster).await;
        namespace(cluster, "away").await;
        define(cluster).await;
        let agent = Agent::start(cluster).await;
        create(cluster, set("away", "away")).await;
        exists(cluster, "away", "pattern").await;
        mark_made(cluster, "away").await;
        available(cluster, "away").await;
        let gates = api(cluster, "Gate", None);
        let before = gates.get("away").await.expect("a gate");
        agent.stop().await;

        divert(cluster).await;
        delete_maps(cluster, "away").await;
        let mut audit = cluster.audit_from_now();
        let agent = Agent::start(cluster).await;
        exists(cluster, "away", "keeper").await;
        exists(cluster, "away", "pattern").await;
        mark_made(cluster, "away").await;
        let message = says(cluster, "away", "KindUnavailable").await;
        assert!(message.contains("Gate away"), "{message}");
        let searched = searches(&mut audit);
        assert!(searched <= 12, "{searched} searches");

        // The kind is served again; nobody had touched its object.
        let services = api(cluster, "APIService", None);
        let deleted = services.delete(SERVICE, &DeleteParams::default()).await;
        deleted.expect("the API server makes it anew");
        available(cluster, "away").await;
        let after = gates.get("away").await.expect("it is there");
        assert_eq!(after.metadata.uid, before.metadata.uid);
        assert_eq!(
            after.metadata.resource_version,
            before.metadata.resource_version
        );

        delete(cluster, "away").await;
        gone(cluster, "Gate", None, "away").await;
        undefine(cluster).await;
        agent.stop().await;
    });
}
