//! Definitions of the hub: members, packages, revisions, actions and ledgers.

use serde_json::{Value, json};

use super::{
    client, contains, made, made_by, object, on_definitions, policy_refuses, refused, refused_to,
};
use stevedore_e2e::api::{create, in_system, merge, ours};
use stevedore_e2e::harness::run;
use stevedore_e2e::world::hub_account;

/// Who the tests are on their clusters.
const ADMIN: &str = "stevedore-admin";

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
fn an_action_is_immutable_and_names_what_its_verb_needs() {
    run(async {
        let target = json!({"kind": "ClusterPackage", "name": "lighthouse"});
        let spec = json!({"package": target, "verb": "Pin", "revision": 1, "requestedBy": ADMIN});
        let path = made(&in_system("packageactions"), "PackageAction", "pin", &spec).await;
        contains(
            &refused(&path, &json!({"revision": 2})).await,
            "a PackageAction is immutable",
        );
        for (name, named, wanted) in [
            ("a", json!({"verb": "Pin"}), "needs a revision"),
            (
                "b",
                json!({"verb": "Resume", "revision": 1}),
                "needs a revision",
            ),
            (
                "c",
                json!({"verb": "Approve", "revision": 1}),
                "need a wave",
            ),
            (
                "d",
                json!({"verb": "Retry", "revision": 1, "wave": "w"}),
                "need a wave",
            ),
            (
                "e",
                json!({"verb": "Skip", "revision": 1}),
                "Skip needs a cluster",
            ),
        ] {
            let mut spec = json!({"package": target, "requestedBy": ADMIN});
            for (field, value) in named.as_object().expect("fields") {
                spec[field] = value.clone();
            }
            let action = object("PackageAction", name, &spec);
            let made = create(&client().await, &in_system("packageactions"), &action).await;
            contains(&made.expect_err(name).to_string(), wanted);
        }
    });
}

#[test]
fn nobody_signs_an_action_as_somebody_else() {
    run(async {
        let actions = in_system("packageactions");
        let target = json!({"kind": "ClusterPackage", "name": "lighthouse"});
        let spec = json!({"package": target, "verb": "Release", "requestedBy": "ada"});
        let forged = object("PackageAction", "forged", &spec);
        let words = policy_refuses(&client().await, &actions, &forged, "stevedore-requester").await;
        contains(&words, ADMIN);
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
