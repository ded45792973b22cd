use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use serde_json::{Value, json};
use stevedore_crds::v1alpha1::{ClusterPackage, ClusterPackageSpec};

use super::*;
use crate::mock_api::{self, SYSTEM, fleet};

fn revision(package: &PackageIdentity, number: u64) -> PackageRevision {
    mock_api::revision(package, number, &[&mock_api::content(b"part")])
}

fn numbers(revisions: &Revisions, package: &PackageIdentity) -> Vec<u64> {
    let history = revisions.history(package);
    history.iter().map(|revision| revision.number).collect()
}

#[test]
fn a_package_has_the_revisions_that_fit_it_and_no_other() {
    let revisions = Revisions::new(SYSTEM);
    let (cluster, tenant) = (fleet(None), fleet(Some("tenant")));
    revisions.apply(revision(&cluster, 1));
    revisions.apply(revision(&tenant, 2));
    let forge = |uid: &str, change: &dyn Fn(&mut PackageRevision)| {
        let mut forged = revision(&cluster, 3);
        forged.metadata.uid = Some(uid.to_owned());
        change(&mut forged);
        let found = revisions.verify(&forged);
        revisions.apply(forged);
        found.map(|_| ())
    };
    for (at, (expected, change)) in [
        (
            Mismatch::Namespace,
            &(|it: &mut PackageRevision| it.metadata.namespace = Some("tenant".into()))
                as &dyn Fn(&mut PackageRevision),
        ),
        (Mismatch::Name, &|it| {
            it.metadata.name = Some("fleet-3".into());
        }),
        (Mismatch::Name, &|it| it.spec.number = 4),
        (Mismatch::Number, &|it| it.spec.number = i64::MAX),
        (Mismatch::Kind, &|it| {
            it.spec.package = mock_api::reference(&fleet(Some("tenant")));
            it.spec.package.kind = Default::default();
        }),
        (Mismatch::PackageUid, &|it| it.spec.package.uid = "u".into()),
        (Mismatch::Digest, &|it| it.spec.content_digest.clear()),
        (Mismatch::Digest, &|it| it.spec.image_digest.clear()),
        (Mismatch::ContentSecret, &|it| {
            it.spec.content_secrets = vec!["stevedore-ca".into()];
        }),
    ]
    .into_iter()
    .enumerate()
    {
        assert_eq!(forge(&at.to_string(), change), Err(expected));
    }
    assert_eq!(numbers(&revisions, &cluster), [1]);
    assert_eq!(numbers(&revisions, &tenant), [2]);
    // What is not believed keeps its Secrets all the same.
    assert!(revisions.content_secrets().contains("stevedore-ca"));
}

#[test]
fn a_revision_that_went_is_of_nobody() {
    let revisions = Revisions::new(SYSTEM);
    revisions.apply(revision(&fleet(None), 1));
    revisions.apply(revision(&fleet(None), 2));
    revisions.delete(&revision(&fleet(None), 1));
    assert_eq!(numbers(&revisions, &fleet(None)), [2]);
    revisions.delete(&revision(&fleet(None), 2));
    assert!(lock(&revisions.state).by_package.is_empty());
}

/// A hub that knows the package `fleet`, and what it writes about this object when it is looked at twice.
async fn writes(object: PackageRevision) -> (Arc<Hub>, Vec<mock_api::Request>) {
    let answer = object.clone();
    let server = move |request: &mock_api::Request| {
        if request.what.ends_with("/events") {
            return (201, request.body.clone());
        }
        (200, serde_json::to_value(&answer).unwrap())
    };
    let (hub, requests) = mock_api::hub(server).await;
    let mut package = ClusterPackage::new("fleet", ClusterPackageSpec::default());
    package.metadata.uid = Some(fleet(None).uid.to_string());
    hub.cluster_packages.apply(package);
    let uid = write::uid(&object).to_owned();
    hub.revisions.apply(object);
    for _ in 0..2 {
        assert_eq!(reconcile(Arc::clone(&hub), uid.clone()).await, None);
    }
    (hub, requests.of(""))
}

#[tokio::test]
async fn a_revision_that_is_not_believed_is_shown_once_and_left_alone() {
    let mut unknown = fleet(None);
    unknown.uid = stevedore_proto_core::PackageUid::from_bytes([1; 16]);
    let mut forged = revision(&fleet(None), 1000);
    forged.metadata.namespace = Some("tenant".to_owned());
    for (object, reason) in [
        (forged, "WrongNamespace"),
        (revision(&unknown, 1), "UnknownPackage"),
        (revision(&fleet(Some("tenant")), 1), "OtherPackage"),
    ] {
        let namespace = object.namespace().unwrap();
        let (_, written) = writes(object.clone()).await;
        let [event] = written.as_slice() else {
            panic!("{written:?}");
        };
        let events = format!("POST /apis/events.k8s.io/v1/namespaces/{namespace}/events");
        assert_eq!(event.what, events);
        assert_eq!(event.body["reason"], reason);
        assert_eq!(event.body["regarding"]["uid"], json!(object.metadata.uid));
    }
}

#[tokio::test]
async fn a_revision_of_a_known_package_is_not_shown() {
    let (_, written) = writes(revision(&fleet(None), 1)).await;
    assert_eq!(written, []);
}

#[tokio::test]
async fn a_revision_that_is_not_believed_and_is_asked_to_go_is_let_go_and_nothing_else_is_touched()
{
    let mut forged = revision(&fleet(None), 1000);
    forged.metadata.namespace = Some("tenant".to_owned());
    forged.metadata.deletion_timestamp = Some(Time(jiff::Timestamp::UNIX_EPOCH));
    let (_, written) = writes(forged.clone()).await;
    let name = forged.name_any();
    let object = format!("/apis/stevedore.dev/v1alpha1/namespaces/tenant/packagerevisions/{name}");
    for request in written.iter().filter(|one| !one.what.starts_with("POST")) {
        assert_eq!(request.what, format!("PATCH {object}"));
        let left = request
            .body
            .as_array()
            .and_then(|operations| operations.last());
        let left = left.map_or(&Value::Null, |operation| &operation["value"]);
        assert_eq!(*left, json!([]), "{request:?}");
    }
    assert!(written.iter().any(|one| one.what.starts_with("PATCH")));
}

#[tokio::test]
async fn only_a_revision_of_a_known_package_wakes_anybody_up_for_that_package() {
    let (hub, _) = mock_api::hub(|_| mock_api::status(404, "NotFound")).await;
    let mut package = ClusterPackage::new("fleet", ClusterPackageSpec::default());
    package.metadata.uid = Some(fleet(None).uid.to_string());
    hub.cluster_packages.apply(package);
    changed(&hub, &revision(&fleet(Some("tenant")), 1));
    assert!(hub.to_plan.is_empty() && hub.to_pull.is_empty());
    changed(&hub, &revision(&fleet(None), 1));
    assert!(!hub.to_plan.is_empty() && !hub.to_pull.is_empty());
}
