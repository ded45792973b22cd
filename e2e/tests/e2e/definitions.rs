//! The definitions on a real API server: what they refuse, and with which words.

use kube::Client;
use serde_json::{Value, json};
use stevedore_fleet::install::{install_hub, install_member};
use stevedore_fleet::{ControlPlane, Extent, Fleet, progress::Lines};
use tokio::sync::OnceCell;

use stevedore_e2e::api::{create, delete, merge, ours};
use stevedore_e2e::harness::{WITHIN, await_state, run};
use stevedore_e2e::world::hub_account;

/// Who the tests are on their clusters.
const ADMIN: &str = "stevedore-admin";

/// A cluster with every definition, and nobody who acts on them.
pub(crate) async fn on_definitions() -> &'static ControlPlane {
    static FLEET: OnceCell<Fleet> = OnceCell::const_new();
    let fleet = FLEET
        .get_or_init(|| async {
            let builder = Fleet::builder().hub_extent(Extent::ApiServer);
            let fleet = builder.start(&Lines).await.expect("an API server");
            let client = fleet.hub().client();
            install_hub(&client).await.expect("the hub's definitions");
            install_member(&client)
                .await
                .expect("a member's definitions");
            fleet
        })
        .await;
    fleet.hub()
}

/// An administrator there.
async fn client() -> Client {
    on_definitions().await.client()
}

pub(crate) fn object(kind: &str, name: &str, spec: &Value) -> Value {
    json!({
        "apiVersion": "stevedore.dev/v1alpha1",
        "kind": kind,
        "metadata": {"name": name},
        "spec": spec,
    })
}

async fn made(collection: &str, kind: &str, name: &str, spec: &Value) -> String {
    made_by(&client().await, collection, kind, name, spec).await
}

async fn made_by(who: &Client, collection: &str, kind: &str, name: &str, spec: &Value) -> String {
    create(who, collection, &object(kind, name, spec))
        .await
        .expect("a valid object");
    format!("{collection}/{name}")
}

/// The API server's words about a change of `spec` that it must refuse.
async fn refused(path: &str, spec: &Value) -> String {
    refused_to(&client().await, path, spec).await
}

async fn refused_to(who: &Client, path: &str, spec: &Value) -> String {
    match merge(who, path, &json!({"spec": spec})).await {
        Err(kube::Error::Api(status)) if status.code == 422 => status.message.clone(),
        other => panic!("{path} took {spec}: {other:?}"),
    }
}

pub(crate) fn contains(message: &str, words: &str) {
    assert!(
        message.contains(words),
        "{message:?} does not say {words:?}"
    );
}

pub(crate) fn in_system(plural: &str) -> String {
    format!("/apis/stevedore.dev/v1alpha1/namespaces/stevedore-system/{plural}")
}

fn package() -> Value {
    json!({"kind": "ClusterPackage", "name": "lighthouse", "uid": "u-1"})
}

#[test]
fn the_identity_of_a_cluster_is_set_once() {
    run(async {
        let path = made(&ours("memberclusters"), "MemberCluster", "once", &json!({})).await;
        let client = client().await;
        merge(&client, &path, &json!({"spec": {"clusterUID": "a"}}))
            .await
            .expect("joining sets it");
        let words = "clusterUID is set once by joining and cannot be changed";
        contains(&refused(&path, &json!({"clusterUID": "b"})).await, words);
        contains(&refused(&path, &json!({"clusterUID": null})).await, words);
    });
}

#[test]
fn leaving_cannot_be_taken_back() {
    run(async {
        let spec = json!({"leaving": true});
        let path = made(&ours("memberclusters"), "MemberCluster", "leaving", &spec).await;
        let words = "leaving cannot be taken back";
        contains(&refused(&path, &json!({"leaving": false})).await, words);
        contains(&refused(&path, &json!({"leaving": null})).await, words);
    });
}

#[test]
fn a_placement_that_was_set_cannot_be_removed() {
    run(async {
        let spec = json!({"image": "registry.example/a:1", "placement": {"clusterNames": ["a"]}});
        let path = made(&ours("clusterpackages"), "ClusterPackage", "placed", &spec).await;
        let message = refused(&path, &json!({"placement": null})).await;
        contains(&message, "placement cannot be removed once it is set");
        contains(&message, "placement: {}");
        merge(
            &client().await,
            &path,
            &json!({"spec": {"placement": {"clusterNames": null}}}),
        )
        .await
        .expect("a placement that selects nothing is one");
    });
}

#[test]
fn a_package_name_has_at_most_45_characters() {
    run(async {
        let spec = json!({"image": "registry.example/a:1"});
        made(
            &ours("clusterpackages"),
            "ClusterPackage",
            &"a".repeat(45),
            &spec,
        )
        .await;
        let long = object("ClusterPackage", &"a".repeat(46), &spec);
        let error = create(&client().await, &ours("clusterpackages"), &long).await;
        let message = error.expect_err("one character too many").to_string();
        contains(&message, "the name of a package has at most 45 characters");
    });
}

#[test]
fn a_revision_is_immutable() {
    run(async {
        let spec = json!({
            "package": package(), "number": 1, "image": "registry.example/a:1",
            "imageDigest": "sha256:1", "contentDigest": "sha256:2", "contentSecrets": ["c"],
        });
        let hub = hub_account(on_definitions().await).await;
        let collection = in_system("packagerevisions");
        let path = made_by(&hub, &collection, "PackageRevision", "fixed", &spec).await;
        for change in [json!({"number": 2}), json!({"changeCause": "because"})] {
            contains(
                &refused_to(&hub, &path, &change).await,
                "a PackageRevision is immutable",
            );
        }
    });
}

#[test]
fn an_action_is_immutable_and_only_a_pin_names_a_revision() {
    run(async {
        let target = json!({"kind": "ClusterPackage", "name": "lighthouse"});
        let spec = json!({"package": target, "verb": "Pin", "revision": 1, "requestedBy": ADMIN});
        let path = made(&in_system("packageactions"), "PackageAction", "pin", &spec).await;
        contains(
            &refused(&path, &json!({"revision": 2})).await,
            "a PackageAction is immutable",
        );
        for (name, verb, revision) in [
            ("no-revision", "Pin", None),
            ("revision", "Release", Some(1)),
        ] {
            let mut spec = json!({"package": target, "verb": verb, "requestedBy": ADMIN});
            if let Some(revision) = revision {
                spec["revision"] = json!(revision);
            }
            let action = object("PackageAction", name, &spec);
            let error = create(&client().await, &in_system("packageactions"), &action).await;
            let message = error
                .expect_err("a pin without, or a release with a revision")
                .to_string();
            contains(&message, "Pin needs a revision, and only Pin has one");
        }
    });
}

#[test]
fn nobody_signs_an_action_as_somebody_else() {
    run(async {
        let client = client().await;
        let actions = in_system("packageactions");
        let target = json!({"kind": "ClusterPackage", "name": "lighthouse"});
        let spec = json!({"package": target, "verb": "Release", "requestedBy": "ada"});
        // The API server takes up a new policy within a moment, not at once.
        await_state("a forged action is refused", WITHIN, || async {
            let forged = object("PackageAction", "forged", &spec);
            match create(&client, &actions, &forged).await {
                Err(kube::Error::Api(status)) if status.code == 403 => Ok(status.message.clone()),
                Err(error) => Err(error.to_string()),
                Ok(_) => {
                    delete(&client, &format!("{actions}/forged")).await;
                    Err("it was taken".to_owned())
                }
            }
        })
        .await
        .find(ADMIN)
        .expect("the refusal names the requester");
    });
}

#[test]
fn a_ledger_keeps_its_package_and_never_gives_a_number_twice() {
    run(async {
        let spec = json!({"package": package(), "shard": 0, "highestNumber": 7});
        let hub = hub_account(on_definitions().await).await;
        let collection = in_system("packageledgers");
        let path = made_by(&hub, &collection, "PackageLedger", "ledger", &spec).await;
        contains(
            &refused_to(&hub, &path, &json!({"highestNumber": 6})).await,
            "highestNumber never falls",
        );
        for change in [json!({"shard": 1}), json!({"package": {"uid": "u-2"}})] {
            contains(
                &refused_to(&hub, &path, &change).await,
                "package and shard of a ledger are immutable",
            );
        }
    });
}

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
