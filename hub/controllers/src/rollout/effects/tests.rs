use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use stevedore_hub_core::fleet::Contact;
use stevedore_hub_core::ledger::{PackageIdentity, Shard};
use stevedore_proto_core::PackageUid;

use super::Effect::*;
use super::*;
use crate::mock_api;

const EAST: ClusterUid = ClusterUid::from_bytes([1; 16]);
const KEPT: Object = Object::Ending { is_kept: true };

fn row(tombstone: bool) -> Row {
    Row {
        number: 1,
        ordered: Arc::new(mock_api::ordered()),
        previous: None,
        tombstone,
        disruptive: false,
    }
}

fn shard(rows: &[Row]) -> Shard {
    let rows = rows.iter().map(|row| (EAST, row.clone()));
    Shard {
        rows: rows.collect(),
        ..Shard::default()
    }
}

/// A ledger of one shard with these rows.
fn ledger(rows: &[Row]) -> Ledger {
    let mut ledger = Ledger::new(PackageIdentity {
        uid: PackageUid::from_bytes([9; 16]),
        namespace: None,
        name: "fleet".to_owned(),
    });
    ledger.shards.push(shard(rows));
    ledger
}

/// A plan that leaves these rows.
fn plan(rows: &[Row]) -> Plan {
    Plan {
        shards: BTreeMap::from([(0, shard(rows))]),
        ..Plan::default()
    }
}

fn of(object: Object, intent: &Intent, ledger: &Ledger, plan: &Plan, contact: Contact) -> Effects {
    effects(&Situation {
        object,
        intent,
        ledger,
        plan,
        is_published: true,
        contacts: &Contacts::from([(EAST, contact)]),
        knows_contacts: false,
    })
}

/// An intent that needs no content.
fn keep() -> Intent {
    Intent::Keep {
        paused: false,
        targets: BTreeSet::new(),
    }
}

fn at(effects: &Effects, effect: Effect) -> Option<usize> {
    effects.list.iter().position(|one| *one == effect)
}

fn heard(connected: bool) -> Contact {
    Contact {
        connected,
        heard: true,
        ..Contact::default()
    }
}

#[test]
fn a_finalizer_comes_before_the_first_order_and_a_ledger_before_anybody_is_told() {
    let (before, plan) = (ledger(&[row(false)]), plan(&[row(false)]));
    let all = of(Object::Present, &keep(), &before, &plan, heard(true));
    let order = [AddFinalizer, StoreShard(0), Assign, Publish, ShowStatus];
    let order: Vec<_> = order.iter().map(|effect| at(&all, *effect)).collect();
    assert!(
        order.iter().all(Option::is_some) && order.is_sorted(),
        "{all:?}"
    );
    assert_eq!(at(&all, CollectHistory), Some(all.list.len() - 1));
}

#[test]
fn a_package_that_orders_nothing_gets_no_finalizer_and_one_without_a_change_is_not_told_again() {
    let all = of(
        Object::Present,
        &keep(),
        &ledger(&[]),
        &Plan::default(),
        heard(true),
    );
    assert_eq!(at(&all, AddFinalizer), None);
    assert_eq!(at(&all, Publish), None);
    assert!(at(&all, Assign).is_some());
}

#[test]
fn what_was_stored_before_a_failure_is_told_and_nothing_is_removed() {
    let (before, plan) = (ledger(&[row(true)]), plan(&[]));
    let all = of(KEPT, &Intent::Removed, &before, &plan, heard(false));
    let owed = all.list.iter().filter(|one| one.is_owed_after_failure());
    let owed: Vec<_> = owed.copied().collect();
    assert_eq!(owed, [Assign, Publish, NotePlan, ShowLeaving]);
}

#[test]
fn a_package_goes_when_its_tombstones_are_durable_and_no_connected_member_is_left_with_one() {
    let removed = Intent::Removed;
    let ends = |rows: &[Row], contact| {
        let all = of(KEPT, &removed, &ledger(rows), &Plan::default(), contact);
        (at(&all, RemoveFinalizer).is_some(), all.end_waits)
    };
    assert_eq!(ends(&[row(false)], heard(false)), (false, false));
    assert_eq!(ends(&[row(true)], heard(true)), (false, false));
    assert_eq!(ends(&[row(true)], heard(false)), (true, false));
    // A hub that has just started asks again until the member was heard.
    assert_eq!(ends(&[row(true)], Contact::default()), (false, true));
    assert_eq!(ends(&[], Contact::default()), (true, false));
}

#[test]
fn history_goes_before_the_object_and_the_ledger_last_with_its_last_row() {
    let removed = Intent::Removed;
    let (before, last) = (ledger(&[row(true)]), plan(&[]));
    let all = of(KEPT, &removed, &before, &last, heard(true));
    let end = &all.list[all.list.len() - 3..];
    let expected = [RemoveHistory, RemoveFinalizer, RemoveLedger];
    assert_eq!(end, expected, "{all:?}");
    // Its object is gone already: nothing is left that could still be shown.
    let all = of(Object::None, &removed, &before, &last, heard(true));
    let end = &all.list[all.list.len() - 3..];
    assert_eq!(end, [RemoveHistory, RemoveLedger, Forget], "{all:?}");
}
