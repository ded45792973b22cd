use std::collections::BTreeSet;

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use serde_json::Value;
use stevedore_crds::v1alpha1::{ClusterPackage, ClusterPackageSpec};
use stevedore_package::files::PackageFiles;

use super::*;
use crate::mock_api::{self, Request, Requests, fleet, revision};
use crate::package::any_package::PackageLike as _;

fn object() -> ClusterPackage {
    let mut package = ClusterPackage::new("fleet", ClusterPackageSpec::default());
    package.metadata.uid = Some(fleet(None).uid.to_string());
    package.metadata.finalizers = Some(vec!["stevedore.dev/teardown".to_owned()]);
    package
}

fn package() -> AnyPackage {
    object().view().unwrap()
}

/// What was pulled for the package.
fn pulled() -> Pulled {
    let mut files = PackageFiles::new();
    let manifest = "apiVersion: manifests.package-operator.run/v1alpha1\nkind: PackageManifest\n\
         metadata: {name: fleet}\nspec:\n  scopes: [Cluster]\n  phases: [{name: one}]\n";
    files.insert("manifest.yaml", manifest.into()).unwrap();
    Pulled {
        digest: Digest::of(b"image"),
        files,
    }
}

fn spec() -> PackageRevisionSpec {
    revision(&fleet(None), 1, &[&mock_api::content(b"part")]).spec
}

/// An API server that has these objects already.
async fn beside(there: Vec<PackageRevision>) -> (Arc<Hub>, Requests) {
    let server = move |request: &Request| -> (u16, Value) {
        let (verb, path) = request.what.split_once(' ').unwrap();
        let name = match verb {
            "POST" => request.body["metadata"]["name"].as_str().unwrap(),
            _ => path.rsplit('/').next().unwrap(),
        };
        let found = there
            .iter()
            .find(|one| one.metadata.name.as_deref() == Some(name));
        match (verb, found) {
            ("POST", None) => {
                let mut made = request.body.clone();
                made["metadata"]["uid"] = name.into();
                made["metadata"]["namespace"] = mock_api::SYSTEM.into();
                (201, made)
            }
            ("POST", Some(_)) => mock_api::status(409, "AlreadyExists"),
            (_, None) => mock_api::status(404, "NotFound"),
            (_, Some(found)) => (200, serde_json::to_value(found).unwrap()),
        }
    };
    mock_api::hub(server).await
}

/// An object that has the name of a revision and is none.
fn squatter(number: u64) -> PackageRevision {
    let mut object = revision(&fleet(None), number, &[]);
    object.spec.number = 5000;
    object
}

#[tokio::test]
async fn names_that_foreign_objects_have_are_left_out_whatever_number_they_say() {
    let (hub, requests) = beside(vec![squatter(2), squatter(3)]).await;
    hub.revisions
        .apply(revision(&fleet(None), 1, &[&mock_api::content(b"part")]));
    hub.revisions.apply(squatter(2));
    let number = create(&hub, &package(), spec()).await.unwrap();
    assert_eq!(number, 4);
    let kept = hub.revisions.history(&fleet(None));
    let kept: BTreeSet<_> = kept.iter().map(|revision| revision.number).collect();
    assert_eq!(kept, BTreeSet::from([1, 4]));
    assert_eq!(requests.of("POST").len(), 3);
}

#[tokio::test]
async fn when_too_many_names_are_taken_the_first_is_named() {
    let (hub, requests) = beside((1..=100).map(squatter).collect()).await;
    let error = create(&hub, &package(), spec()).await.unwrap_err();
    let Error::NamesTaken { first } = error else {
        panic!("{error}");
    };
    assert_eq!(first, fleet(None).record_name(1));
    assert_eq!(requests.of("POST").len(), NAMES);
}

#[tokio::test]
async fn a_revision_of_the_package_that_the_watch_has_yet_to_tell_of_is_counted() {
    let own = revision(&fleet(None), 1, &[&mock_api::content(b"part")]);
    let (hub, requests) = beside(vec![own]).await;
    let error = create(&hub, &package(), spec()).await.unwrap_err();
    assert!(matches!(error, Error::NotSeen(_)), "{error}");
    assert_eq!(requests.of("POST").len(), 1);
    assert_eq!(create(&hub, &package(), spec()).await.unwrap(), 2);
}

#[tokio::test]
async fn a_package_without_a_number_left_says_so() {
    let (hub, requests) = beside(vec![]).await;
    let part = mock_api::content(b"part");
    hub.revisions
        .apply(revision(&fleet(None), provenance::MAX_NUMBER, &[&part]));
    let error = create(&hub, &package(), spec()).await.unwrap_err();
    assert!(matches!(error, Error::NoNumber), "{error}");
    assert_eq!(requests.of("POST"), []);
}

#[tokio::test]
async fn nothing_is_kept_for_a_package_that_went_or_changed_while_it_was_pulled() {
    let mut deleted = object();
    deleted.metadata.deletion_timestamp = Some(Time(Timestamp::UNIX_EPOCH));
    let mut other = object();
    other.spec.image = "registry.example/fleet:2".to_owned();
    for now in [None, Some(deleted), Some(other)] {
        let (hub, requests) = beside(vec![]).await;
        if let Some(now) = now {
            hub.packages.cluster.apply(now);
        }
        let error = keep(&hub, &package(), pulled()).await.unwrap_err();
        assert!(matches!(error, Error::Outdated), "{error}");
        assert_eq!(requests.of(""), []);
    }
    let (hub, requests) = beside(vec![]).await;
    hub.packages.cluster.apply(object());
    keep(&hub, &package(), pulled()).await.unwrap();
    assert_eq!(requests.of("POST").len(), 2);
}
