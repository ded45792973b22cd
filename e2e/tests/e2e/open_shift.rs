//! Members of OpenShift, as far as the facts go that an agent reads there.

use kube::Client;
use serde_json::{Value, json};

use stevedore_e2e::api::{create, create_namespace, merge, ours};
use stevedore_e2e::harness::{WITHIN, await_state};
use stevedore_e2e::world::World;
use stevedore_fleet::install::allow_open_shift;

const CLUSTER_VERSION: &str = "/apis/config.openshift.io/v1/clusterversions";

fn history(version: &str) -> Value {
    json!({"status": {"history": [{"state": "Completed", "version": version}]}})
}

/// Makes a member one of OpenShift: the rights that its owner gives the agent, and what the agent then reads.
pub(crate) async fn become_open_shift(client: &Client, version: &str) {
    create_namespace(client, "openshift-config").await;
    let allowed = allow_open_shift(client).await;
    allowed.expect("the rights are given");
    let any = json!({"type": "object", "x-kubernetes-preserve-unknown-fields": true});
    let definition = json!({
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": "clusterversions.config.openshift.io"},
        "spec": {
            "group": "config.openshift.io",
            "scope": "Cluster",
            "names": {
                "kind": "ClusterVersion",
                "listKind": "ClusterVersionList",
                "plural": "clusterversions",
                "singular": "clusterversion",
            },
            "versions": [{
                "name": "v1", "served": true, "storage": true, "schema": {"openAPIV3Schema": any},
            }],
        },
    });
    let definitions = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
    let defined = create(client, definitions, &definition).await;
    defined.expect("it is defined");
    let mut version = history(version);
    version["apiVersion"] = "config.openshift.io/v1".into();
    version["kind"] = "ClusterVersion".into();
    version["metadata"] = json!({"name": "version"});
    await_state("its version is stored", WITHIN, || async {
        let created = create(client, CLUSTER_VERSION, &version).await;
        created.map(drop).map_err(|error| error.to_string())
    })
    .await;
}

/// Waits until a member's record shows this version of OpenShift.
pub(crate) async fn shows(world: &World, member: &str, version: &str) {
    let path = format!("{}/{member}", ours("memberclusters"));
    let what = format!("{member} shows {version}");
    world
        .seen(&what, &path, |member| {
            member["status"]["environment"]["openShift"]["version"] == version
        })
        .await;
}

/// Has the platform of a member upgraded.
pub(crate) async fn upgrade_open_shift(client: &Client, version: &str) {
    let path = format!("{CLUSTER_VERSION}/version");
    let upgraded = merge(client, &path, &history(version)).await;
    upgraded.expect("another version");
}
