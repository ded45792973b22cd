use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use serde_json::{Value, json};
use stevedore_crds::v1alpha1::{ClusterPackage, ClusterPackageSpec};
use stevedore_hub_core::ledger::PackageIdentity;

use super::*;
use crate::mock_api::{self, fleet};
use crate::watch::entry::Watched as _;

fn revision(package: &PackageIdentity, number: u64) -> PackageRevision {
    mock_api::revision(package, number, &[&mock_api::content(b"part")])
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
    hub.packages.cluster.apply(package);
    let uid = object.uid_of().expect("a UID");
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
