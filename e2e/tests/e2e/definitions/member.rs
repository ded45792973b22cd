//! Definitions of a member: sets, deployments and the policy.

use serde_json::{Value, json};

use super::{client, contains, made, object, refused};
use stevedore_e2e::api::{create, in_system, merge, ours};
use stevedore_e2e::harness::run;

fn set() -> Value {
    let map = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a", "namespace": "default"}});
    let fence = json!({"counter": 1, "id": "x"});
    json!({
        "phases": [{"name": "one", "objects": [{"object": map}]}],
        "revision": 1,
        "serviceAccountName": "packages",
        "order": {
            "deployment": "d-1",
            "package": {"name": "lighthouse", "uid": "u-1"},
            "tuple": {"epoch": fence, "term": fence, "number": 3, "digest": "sha256:1"},
            "contentDigest": "sha256:2",
        },
    })
}

#[test]
fn what_was_ordered_cannot_be_changed_on_a_member() {
    run(async {
        let path = made(
            &ours("clusterobjectsets"),
            "ClusterObjectSet",
            "ordered",
            &set(),
        )
        .await;
        for (change, words) in [
            (json!({"phases": []}), "phases is immutable"),
            (json!({"phases": null}), "phases is immutable"),
            (
                json!({"serviceAccountName": "admin"}),
                "serviceAccountName is immutable",
            ),
            (
                json!({"targetNamespace": "kube-system"}),
                "targetNamespace is immutable",
            ),
            (
                json!({"successDelaySeconds": 1}),
                "successDelaySeconds is immutable",
            ),
            (
                json!({"revision": 2}),
                "revision is immutable once it is set",
            ),
            (
                json!({"order": {"tuple": {"number": 2}}}),
                "order is immutable",
            ),
            (json!({"order": null}), "order is immutable"),
        ] {
            contains(&refused(&path, &change).await, words);
        }
    });
}

#[test]
fn a_tombstone_is_set_once_and_only_on_an_order() {
    run(async {
        let path = made(
            &ours("clusterobjectsets"),
            "ClusterObjectSet",
            "ended",
            &set(),
        )
        .await;
        let mut tuple = set()["order"]["tuple"].take();
        tuple["number"] = json!(4);
        let change = json!({"spec": {"tombstone": {"tuple": tuple}}});
        merge(&client().await, &path, &change)
            .await
            .expect("the first tombstone");
        let words = "tombstone is set once";
        contains(&refused(&path, &json!({"tombstone": null})).await, words);
        contains(
            &refused(&path, &json!({"tombstone": {"tuple": {"number": 5}}})).await,
            words,
        );

        let direct = json!({"phases": set()["phases"]});
        let path = made(
            &ours("clusterobjectsets"),
            "ClusterObjectSet",
            "direct",
            &direct,
        )
        .await;
        let words = "only a set that a hub ordered has a tombstone";
        contains(&refused(&path, &change["spec"]).await, words);
    });
}

#[test]
fn an_archived_set_is_never_revived() {
    run(async {
        let spec = json!({"lifecycleState": "Archived"});
        for (plural, kind) in [
            ("clusterobjectsets", "ClusterObjectSet"),
            ("objectsets", "ObjectSet"),
        ] {
            let collection = match kind {
                "ObjectSet" => in_system(plural),
                _ => ours(plural),
            };
            let path = made(&collection, kind, "archived", &spec).await;
            let words = "an archived set is never revived";
            contains(
                &refused(&path, &json!({"lifecycleState": "Active"})).await,
                words,
            );
            contains(
                &refused(&path, &json!({"lifecycleState": null})).await,
                words,
            );
        }
    });
}

#[test]
fn secrets_are_never_inline_in_a_set() {
    run(async {
        let secret = json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "a", "namespace": "default"}});
        let spec = json!({"phases": [{"name": "one", "objects": [{"object": secret}]}]});
        let set = object("ClusterObjectSet", "secret", &spec);
        let error = create(&client().await, &ours("clusterobjectsets"), &set).await;
        let message = error.expect_err("an inline secret").to_string();
        contains(&message, "objects of kind Secret are never inline");
    });
}

#[test]
fn a_probe_is_one_of_three() {
    run(async {
        let kind = json!({"kind": {"kind": "ConfigMap"}});
        let cel = json!({"rule": "true", "message": "m"});
        let both = json!({"cel": cel, "fieldsEqual": {"fieldA": ".a", "fieldB": ".b"}});
        for (probe, words) in [
            (
                json!({"selector": kind, "probes": [both]}),
                "exactly one of condition, fieldsEqual and cel",
            ),
            (
                json!({"selector": {}, "probes": [{"cel": cel}]}),
                "a probe selects by kind, by labels or by both",
            ),
        ] {
            let set = object(
                "ClusterObjectSet",
                "probes",
                &json!({"availabilityProbes": [probe]}),
            );
            let error = create(&client().await, &ours("clusterobjectsets"), &set).await;
            contains(&error.expect_err("no valid probe").to_string(), words);
        }
    });
}

#[test]
fn the_selector_of_an_object_deployment_is_immutable() {
    run(async {
        let spec = json!({
            "selector": {"matchLabels": {"app": "a"}},
            "template": {"metadata": {"labels": {"app": "a"}}, "spec": {}},
        });
        let collection = ours("clusterobjectdeployments");
        let path = made(&collection, "ClusterObjectDeployment", "selected", &spec).await;
        let change = json!({"selector": {"matchLabels": {"app": "b"}}});
        contains(&refused(&path, &change).await, "selector is immutable");
    });
}

#[test]
fn there_is_one_member_policy() {
    run(async {
        let policy = object("MemberPolicy", "other", &json!({}));
        let error = create(&client().await, &ours("memberpolicies"), &policy).await;
        let message = error.expect_err("a second policy").to_string();
        contains(
            &message,
            "there is one MemberPolicy and its name is default",
        );
    });
}
