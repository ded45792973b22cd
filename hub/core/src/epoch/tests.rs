use super::*;

fn ids(seed: u8) -> (EpochId, TermId) {
    (
        EpochId::from_bytes([seed; 16]),
        TermId::from_bytes([seed; 16]),
    )
}

#[test]
fn a_leadership_takes_the_next_term_of_the_same_epoch() {
    let first = Record::take_term(None, ids(1).0, ids(1).1);
    assert_eq!(
        (
            first.leadership.epoch.counter,
            first.leadership.term.counter
        ),
        (1, 1)
    );
    let second = Record::take_term(Some(&first), ids(2).0, ids(2).1);
    assert_eq!(second.leadership.epoch, first.leadership.epoch);
    assert_eq!(
        (second.leadership.term.counter, second.leadership.term.id),
        (2, ids(2).1)
    );
}

#[test]
fn a_raise_is_above_everything_members_hold() {
    let before = Record::take_term(None, ids(1).0, ids(1).1);
    let package = PackageUid::from_bytes([5; 16]);
    let summary = CensusSummary {
        epoch_floor: 7,
        floors: BTreeMap::from([(package, 41)]),
        ..CensusSummary::default()
    };
    let raised = before.raise("first", &summary, ids(3).0, ids(3).1);
    assert_eq!(
        (
            raised.leadership.epoch.counter,
            raised.leadership.term.counter
        ),
        (8, 1)
    );
    assert_eq!(raised.floors[&package], 41);
    let again = raised.raise("second", &CensusSummary::default(), ids(4).0, ids(4).1);
    assert_eq!(
        (again.leadership.epoch.counter, again.floors[&package]),
        (9, 41)
    );
}

#[test]
fn a_request_to_raise_is_followed_once_also_when_the_hub_ends_before_it_answers() {
    let (summary, next) = (CensusSummary::default(), ids(7));
    let before = Record::take_term(None, ids(1).0, ids(1).1);
    let raised = before.raise("r", &summary, next.0, next.1);
    assert_eq!(raised.leadership.epoch.counter, 2);
    let stored = Record::from_data(&raised.to_data()).unwrap();
    let after = Record::take_term(stored.as_ref(), ids(8).0, ids(8).1);
    assert_eq!(after.raise("r", &summary, ids(9).0, ids(9).1), after);
    let other = after.raise("another", &summary, ids(9).0, ids(9).1);
    assert_eq!(other.leadership.epoch.counter, 3);
}

#[test]
fn a_raise_is_above_the_ledgers_where_the_record_was_lost() {
    let package = crate::ledger::PackageIdentity {
        uid: PackageUid::from_bytes([5; 16]),
        namespace: None,
        name: "demo".into(),
    };
    let mut ledger = Ledger::new(package);
    let mut leadership = Record::take_term(None, ids(1).0, ids(1).1).leadership;
    leadership.epoch.counter = 6;
    let mut shard = crate::ledger::Shard::default();
    shard.give(1, leadership, crate::moment::UnixMillis(0));
    ledger.shards = vec![shard];
    let mut summary = CensusSummary::default();
    summary.count([&ledger]);
    let lost = Record::take_term(None, ids(2).0, ids(2).1);
    let raised = lost.raise("r", &summary, ids(3).0, ids(3).1);
    assert_eq!(raised.leadership.epoch.counter, 7);
}

#[test]
fn a_member_that_names_absurd_numbers_does_not_count_for_a_raise() {
    let held = |package: u8, epoch: u64, number: u64| {
        let package = PackageUid::from_bytes([package; 16]);
        let cluster = stevedore_proto_core::ClusterUid::from_bytes([1; 16]);
        let (epoch_id, term_id) = ids(9);
        Held {
            deployment: stevedore_proto_core::DeploymentUid::derive(&package, &cluster),
            package: stevedore_proto_core::PackageRef {
                namespace: None,
                name: "demo".into(),
                uid: package,
                revision: 1,
            },
            tuple: stevedore_proto_core::Tuple {
                epoch: Epoch {
                    counter: epoch,
                    id: epoch_id,
                },
                term: Term {
                    counter: 1,
                    id: term_id,
                },
                number,
                digest: stevedore_proto_core::Digest::of(b""),
            },
            content: None,
            stage: stevedore_proto_core::Stage::Received,
        }
    };
    let census = |held: Held, finding| Census {
        highest: Some(held.tuple.leadership()),
        entries: vec![crate::session::CensusEntry { held, finding }],
    };
    let mut summary = CensusSummary::default();
    summary.add("east", Some(&census(held(1, 3, 7), Finding::Behind)));
    summary.add(
        "west",
        Some(&census(held(1, u64::MAX, u64::MAX), Finding::Behind)),
    );
    summary.add("north", Some(&census(held(2, 1, 5), Finding::Unknown)));
    let known = PackageUid::from_bytes([1; 16]);
    assert_eq!(summary.floors, BTreeMap::from([(known, 7)]));
    let raised =
        Record::take_term(None, ids(1).0, ids(1).1).raise("r", &summary, ids(2).0, ids(2).1);
    assert_eq!(raised.leadership.epoch.counter, 4);
    assert_eq!(summary.lines.len(), 3, "all of them are shown");
}

#[test]
fn members_that_said_nothing_are_named_and_nothing_is_made_up_about_them() {
    let mut summary = CensusSummary::default();
    let nothing = Census {
        entries: vec![],
        highest: None,
    };
    summary.add("east", None);
    summary.add("north", Some(&nothing));
    summary.add("west", None);
    let expected = CensusSummary {
        missing: vec!["east".into(), "west".into()],
        ..CensusSummary::default()
    };
    assert_eq!(summary, expected);
}

#[test]
fn a_record_survives_being_stored_and_damage_is_not_guessed_away() {
    let mut record = Record::take_term(None, ids(1).0, ids(2).1);
    record.floors.insert(PackageUid::from_bytes([5; 16]), 41);
    record.floors.insert(PackageUid::from_bytes([6; 16]), 2);
    let mut data = record.to_data();
    assert_eq!(Record::from_data(&data), Ok(Some(record)));
    assert_eq!(Record::from_data(&BTreeMap::new()), Ok(None));
    data.insert(TERM.into(), "x".into());
    assert!(Record::from_data(&data).is_err());
    data.remove(TERM);
    assert!(Record::from_data(&data).is_err());
}
