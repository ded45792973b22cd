use serde_json::{Value, json};
use stevedore_crds::v1alpha1::{ClusterPackage, ClusterPackageSpec, PackageKind};
use stevedore_hub_core::ledger::Shard;

use super::*;
use crate::mock_api::{self, Request, SYSTEM, fleet};
use crate::rollout::ledger_object;

/// A ledger as the hub makes it.
fn ledger(package: &PackageIdentity, highest: u64) -> PackageLedger {
    let shard = Shard {
        highest,
        ..Shard::default()
    };
    let mut object = PackageLedger::new(
        &package.record_name(0),
        ledger_object::spec(package, 0, &shard),
    );
    object.metadata.namespace = Some(SYSTEM.to_owned());
    object.metadata.uid = Some("ledger".to_owned());
    object
}

/// An API server with these ledgers.
fn server(there: Vec<PackageLedger>) -> impl Fn(&Request) -> (u16, Value) + Send + Sync {
    move |request| {
        let (verb, path) = request.what.split_once(' ').unwrap();
        let name = path.rsplit('/').next().unwrap();
        let found = there.iter().find(|one| one.name_any() == name);
        match (verb, name) {
            ("POST", "events") => (201, request.body.clone()),
            ("POST", _) => mock_api::status(409, "AlreadyExists"),
            (_, "packageledgers") => (200, json!({"metadata": {}, "items": there})),
            _ => match found {
                Some(found) => (200, json!(found)),
                None => mock_api::missing(name),
            },
        }
    }
}

#[tokio::test]
async fn ledgers_that_do_not_fit_are_shown_and_left_out() {
    let mut gone = fleet(None);
    gone.name = "gone".to_owned();
    gone.uid = PackageUid::from_bytes([1; 16]);
    let mut renamed = ledger(&gone, 9);
    renamed.metadata.name = Some("forged".to_owned());
    let mut kind = ledger(&gone, 9);
    kind.spec.package.kind = PackageKind::Package;
    let mut uid = ledger(&gone, 9);
    uid.spec.package.uid = "u-1".to_owned();
    let mut elsewhere = ledger(&gone, 9);
    elsewhere.metadata.namespace = Some("tenant".to_owned());
    // Of the UID of a package that is there, and is another one.
    let other = ledger(&fleet(Some("tenant")), 9);
    let there = vec![
        renamed,
        kind,
        uid,
        elsewhere,
        other,
        ledger(&fleet(None), 3),
        ledger(&gone, 4),
    ];
    let (hub, requests) = mock_api::hub(server(there)).await;
    let mut package = ClusterPackage::new("fleet", ClusterPackageSpec::default());
    package.metadata.uid = Some(fleet(None).uid.to_string());
    hub.packages.cluster.apply(package);
    let loaded = load(&hub).await.unwrap();
    let highest: Vec<_> = loaded
        .values()
        .map(|stored| (stored.ledger.package.clone(), stored.ledger.highest()))
        .collect();
    assert_eq!(highest, [(gone, 4), (fleet(None), 3)]);
    let events = requests.of("POST");
    let reasons: Vec<_> = events.iter().map(|event| &event.body["reason"]).collect();
    let expected = [
        "WrongName",
        "WrongPackageKind",
        "WrongPackageUID",
        "WrongNamespace",
        "OtherPackage",
    ];
    assert_eq!(reasons, expected);
}

#[tokio::test]
async fn a_foreign_object_with_the_name_of_a_ledger_is_named_and_never_written() {
    let mut foreign = ledger(&fleet(Some("tenant")), 9);
    foreign.metadata.name = Some(fleet(None).record_name(0));
    foreign.spec.package.name = "other".to_owned();
    let (hub, requests) = mock_api::hub(server(vec![foreign])).await;
    let package = fleet(None);
    let mut stored = StoredLedger::new(package.clone());
    let error = stored
        .store(&hub.api.client, SYSTEM, 0, &Shard::default())
        .await;
    let error = error.unwrap_err();
    assert!(matches!(&error, Error::Foreign { name, .. } if *name == package.record_name(0)));
    let error = reload(&hub, &package).await.unwrap_err();
    assert!(matches!(error, Error::Foreign { .. }), "{error}");
    assert_eq!(requests.of("PUT"), []);
}

#[tokio::test]
async fn a_ledger_with_a_gap_is_not_ordered_from_as_if_it_ended_there() {
    let package = fleet(None);
    let mut second = ledger(&package, 9);
    second.metadata.name = Some(package.record_name(1));
    second.spec = ledger_object::spec(&package, 1, &Shard::default());
    let (hub, _) = mock_api::hub(server(vec![second])).await;
    assert!(load(&hub).await.unwrap().is_empty());
    assert!(hub.orders.is_unreadable(&package));
    let error = reload(&hub, &package).await.unwrap_err();
    let words = error.to_string();
    assert!(words.contains("shard 0 is missing before it"), "{words}");

    // Whoever removes what is left has decided that there is no ledger.
    let (hub, _) = mock_api::hub(server(vec![])).await;
    let name = package.record_name(1);
    let noted = Some(package.clone());
    hub.orders
        .note_unreadable(name, "it was there".to_owned(), noted);
    assert!(reload(&hub, &package).await.unwrap().objects.is_empty());
}
