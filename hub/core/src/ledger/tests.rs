use proptest::prelude::*;

use stevedore_proto_core::{Digest, Features};

use super::*;
use crate::fixtures::{cluster, leadership};

const NOW: UnixMillis = UnixMillis(7);

fn ordered(seed: u8) -> Ordered {
    Ordered {
        revision: u64::from(seed),
        input: Digest::of(&[seed, 0]),
        content: Digest::of(&[seed, 1]),
        size: u64::from(seed) * 10,
        needs: match seed.is_multiple_of(5) {
            true => Features::PHASE_CLASSES,
            false => Features::NONE,
        },
        account: seed.is_multiple_of(2).then(|| "installer".into()),
        paused: seed.is_multiple_of(3),
    }
}

fn row(number: u64, seed: u8) -> Row {
    Row {
        number,
        ordered: Arc::new(ordered(seed)),
        previous: None,
        tombstone: false,
        disruptive: false,
    }
}

fn ledger(shards: Vec<Shard>) -> Ledger {
    Ledger {
        package: PackageIdentity {
            uid: PackageUid::from_bytes([1; 16]),
            namespace: None,
            name: "demo".into(),
        },
        shards,
    }
}

fn rollout() -> RolloutRecord {
    let wave = WaveRecord {
        name: "canary".into(),
        complete_since: Some(NOW),
        passed: true,
    };
    RolloutRecord {
        revision: 2,
        first: 3,
        waves: vec![wave],
        finished: false,
        retried: 4,
    }
}

fn any_shard() -> impl Strategy<Value = Shard> {
    let row = (
        1..100_u64,
        0..9_u8,
        proptest::option::of(0..9_u8),
        any::<[bool; 2]>(),
    );
    (
        prop::collection::btree_map(0..60_u8, row, 0..40),
        prop::collection::vec(1..50_u64, 0..4),
    )
        .prop_map(|(rows, firsts)| Shard {
            times: vec![OrderTime { number: 1, at: NOW }],
            rollout: rows.len().is_multiple_of(2).then(rollout),
            highest: 100,
            terms: firsts
                .into_iter()
                .enumerate()
                .map(|(at, first)| TermRecord {
                    leadership: leadership(1, at as u64 + 1),
                    first,
                })
                .collect(),
            rows: rows
                .into_iter()
                .map(|(id, (number, seed, previous, [tombstone, disruptive]))| {
                    let row = Row {
                        number,
                        ordered: Arc::new(ordered(seed)),
                        previous: previous.map(|seed| Arc::new(ordered(seed))),
                        tombstone,
                        disruptive,
                    };
                    (cluster(id), row)
                })
                .collect(),
        })
}

proptest! {
    #[test]
    fn a_shard_survives_being_stored(shard in any_shard()) {
        let stored = shard.encode();
        prop_assert!(stored.rows.len() <= 32 * shard.rows.len());
        prop_assert!(stored.contents.len() <= 9);
        prop_assert_eq!(stored.decode().unwrap(), shard);
    }

    #[test]
    fn any_stored_bytes_give_a_shard_or_an_error(rows in prop::collection::vec(any::<u8>(), 0..300), highest in any::<u64>()) {
        let stored = Stored { highest, contents: vec![ordered(1)], rows, ..Stored::default() };
        let _ = stored.decode();
    }
}

#[test]
fn a_row_above_the_highest_number_is_refused() {
    let mut shard = Shard {
        highest: 3,
        ..Shard::default()
    };
    shard.rows.insert(cluster(1), row(4, 1));
    assert_eq!(shard.encode().decode(), Err(Error::Number(cluster(1))));
}

#[test]
fn the_first_number_of_a_term_is_recorded_with_its_first_order_only() {
    let mut shard = Shard::default();
    shard.give(1, leadership(1, 1), NOW);
    shard.give(2, leadership(1, 1), NOW);
    shard.give(3, leadership(1, 2), NOW);
    let firsts: Vec<_> = shard.terms.iter().map(|term| term.first).collect();
    assert_eq!((firsts, shard.highest), (vec![1, 3], 3));
}

#[test]
fn terms_are_bounded_and_those_of_rows_are_kept() {
    let mut shard = Shard::default();
    shard.rows.insert(cluster(1), row(1, 1));
    for term in 1..=300 {
        shard.give(term, leadership(1, term), NOW);
    }
    assert_eq!(shard.terms.len(), MAX_TERMS);
    assert_eq!(shard.terms[0].first, 1);
    assert_eq!(shard.terms.last().map(|term| term.first), Some(300));
}

#[test]
fn orders_name_the_term_that_gave_their_number_and_their_own_digest() {
    let mut one = Shard::default();
    one.give(1, leadership(1, 1), NOW);
    one.rows.insert(cluster(1), row(1, 1));
    let mut two = Shard::default();
    two.give(2, leadership(1, 2), NOW);
    two.rows.insert(cluster(2), row(2, 2));
    let ledger = ledger(vec![one, two]);
    let epoch = leadership(1, 2).epoch;
    let orders = ledger.orders(epoch);
    assert_eq!(orders.len(), 2);
    for (at, (cluster, order)) in orders.iter().enumerate() {
        assert!(order.is_intact());
        assert_eq!(order.tuple.term.counter, at as u64 + 1);
        assert_eq!(order.deployment, ledger.package.key().deployment(cluster));
        assert!(ledger.history(epoch).gave(&order.tuple));
    }
    assert!(ledger.orders(leadership(2, 1).epoch).is_empty());
}

#[test]
fn a_tombstone_is_carried_out_also_when_the_package_was_paused() {
    let mut shard = Shard::default();
    shard.give(1, leadership(1, 1), NOW);
    shard.rows.insert(
        cluster(1),
        Row {
            tombstone: true,
            ..row(1, 3)
        },
    );
    let ledger = ledger(vec![shard]);
    let orders = ledger.orders(leadership(1, 1).epoch);
    assert!(ordered(3).paused && orders[0].1.is_tombstone() && !orders[0].1.settings.paused);
}

#[test]
fn times_are_kept_of_the_numbers_that_rows_have() {
    let mut shard = Shard::default();
    for number in 1..=300 {
        let given = UnixMillis(number * 10);
        shard.give(number, leadership(1, 1), given);
        shard.give(number, leadership(1, 1), UnixMillis(0));
        if number == 5 {
            shard.rows.insert(cluster(1), row(5, 1));
        }
    }
    assert_eq!(shard.times.len(), 2);
    let times = [5, 299, 300].map(|number| shard.given_at(number));
    assert_eq!(times, [Some(UnixMillis(50)), None, Some(UnixMillis(3000))]);
}
