use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use serde_json::{Value, json};

use super::*;
use crate::mock_api::{self, Request, fleet, revision};

/// An API server that has these Secrets, answers `deleted` to a deletion of one, and lets revisions go.
fn server(
    stored: Vec<Secret>,
    deleted: (u16, Value),
) -> impl Fn(&Request) -> (u16, Value) + Send + Sync {
    move |request| {
        if request.what.starts_with("DELETE /api/") {
            return deleted.clone();
        }
        mock_api::secrets(&stored, request).unwrap_or_else(|| {
            let kept = revision(&fleet(None), 1, &[]);
            (200, serde_json::to_value(kept).unwrap())
        })
    }
}

fn success() -> (u16, Value) {
    (200, json!({"kind": "Status", "status": "Success"}))
}

fn path(secret: &Secret) -> String {
    let name = secret.name_any();
    format!("DELETE /api/v1/namespaces/stevedore-system/secrets/{name}")
}

fn preconditions(secret: &Secret) -> Value {
    json!({"uid": secret.metadata.uid, "resourceVersion": secret.metadata.resource_version})
}

#[test]
fn content_is_a_stray_when_it_is_old_and_nobody_names_it() {
    let package = fleet(None);
    let revisions = crate::package::revisions::Revisions::new(mock_api::SYSTEM);
    let kept = mock_api::content(b"kept");
    let stays = mock_api::content(b"stays");
    revisions.apply(revision(&package, 1, &[&kept]));
    // A revision that cannot be read needs what it names, whatever it is.
    let mut unreadable = json!(revision(&package, 2, &[&stays]));
    unreadable["spec"]["number"] = json!("two");
    revisions.objects().see(&unreadable);
    let named = revisions.content_secrets();
    let of = |name: &str, created: i64| {
        let created = Timestamp::from_second(created).unwrap();
        let secret = ObjectMeta {
            name: Some(name.to_owned()),
            creation_timestamp: Some(Time(created)),
            ..ObjectMeta::default()
        };
        is_stray(&secret, &named, Timestamp::from_second(100).unwrap())
    };
    assert!(of("content-lost", 99));
    assert!(!of("content-lost", 100));
    for secret in [&kept, &stays] {
        assert!(!of(&secret.name_any(), 99));
    }
    unreadable["metadata"]["uid"] = json!("another");
    unreadable["spec"]["contentSecrets"] = json!(7);
    revisions.objects().see(&unreadable);
    let named = revisions.content_secrets();
    assert!(named.contains("content-lost"), "it may be any");
}

#[tokio::test]
async fn a_revision_that_goes_takes_only_content_with_it_by_uid_and_version() {
    let ours = mock_api::content(b"ours");
    let mut other = mock_api::content(b"other");
    other.type_ = Some("Opaque".to_owned());
    let gone = mock_api::content(b"gone");
    let package = fleet(None);
    let kept = revision(&package, 1, &[&ours, &other, &gone]);
    let stored = vec![ours.clone(), other];
    let (hub, requests) = mock_api::hub(server(stored, success())).await;
    hub.revisions.apply(kept);
    everything(&hub, &package).await.unwrap();
    assert!(hub.revisions.of(&package).is_empty());
    let deleted = requests.of("DELETE /api/");
    let [deleted] = deleted.as_slice() else {
        panic!("{deleted:?}");
    };
    assert_eq!(deleted.what, path(&ours));
    assert_eq!(deleted.body["preconditions"], preconditions(&ours));
}

#[tokio::test]
async fn a_secret_that_is_named_by_no_digest_is_not_even_looked_for() {
    let mut odd = mock_api::content(b"odd");
    odd.metadata.name = Some("stevedore-ca".to_owned());
    let (hub, requests) = mock_api::hub(server(vec![odd], success())).await;
    let secrets: Api<Secret> = Api::namespaced(hub.api.client.clone(), mock_api::SYSTEM);
    remove_content(&secrets, "stevedore-ca").await.unwrap();
    assert_eq!(requests.of(""), []);
}

#[tokio::test]
async fn content_that_changed_in_between_stays_and_the_revision_is_gone_all_the_same() {
    let ours = mock_api::content(b"ours");
    let package = fleet(None);
    let kept = revision(&package, 1, &[&ours]);
    let conflict = mock_api::status(409, "Conflict");
    let (hub, requests) = mock_api::hub(server(vec![ours], conflict)).await;
    hub.revisions.apply(kept);
    everything(&hub, &package).await.unwrap();
    assert!(hub.revisions.of(&package).is_empty());
    assert_eq!(requests.of("DELETE /api/").len(), 1);
}

#[tokio::test]
async fn content_that_another_object_names_stays_even_if_that_one_is_forged() {
    let ours = mock_api::content(b"ours");
    let package = fleet(None);
    let mut forged = revision(&fleet(Some("tenant")), 7, &[&ours]);
    forged.metadata.name = Some("forged".to_owned());
    let (hub, requests) = mock_api::hub(server(vec![ours.clone()], success())).await;
    hub.revisions.apply(revision(&package, 1, &[&ours]));
    hub.revisions.apply(forged);
    everything(&hub, &package).await.unwrap();
    strays(&hub).await.unwrap();
    assert_eq!(requests.of("DELETE /api/"), []);
}

#[tokio::test]
async fn a_forged_revision_is_removed_with_nobody_and_neither_are_its_secrets() {
    let ours = mock_api::content(b"ours");
    let package = fleet(None);
    let mut forged = revision(&package, 7, &[&ours]);
    forged.metadata.namespace = Some("tenant".to_owned());
    let (hub, requests) = mock_api::hub(server(vec![ours], success())).await;
    hub.revisions.apply(forged);
    everything(&hub, &package).await.unwrap();
    assert_eq!(requests.of(""), []);
}

#[tokio::test]
async fn strays_are_content_by_their_name_too_and_go_by_uid_and_version() {
    let stray = mock_api::content(b"stray");
    let mut odd = mock_api::content(b"odd");
    odd.metadata.name = Some("content-odd".to_owned());
    let mut other = mock_api::content(b"other");
    other.type_ = Some("Opaque".to_owned());
    let (hub, requests) = mock_api::hub(server(vec![stray.clone(), odd, other], success())).await;
    strays(&hub).await.unwrap();
    let deleted = requests.of("DELETE");
    let [deleted] = deleted.as_slice() else {
        panic!("{deleted:?}");
    };
    assert_eq!(deleted.what, path(&stray));
    assert_eq!(deleted.body["preconditions"], preconditions(&stray));
}
