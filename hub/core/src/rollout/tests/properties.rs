//! Properties of plans, whatever happens to a package and in whatever order.

use proptest::prelude::*;

use super::*;

/// One arbitrary change of the world.
#[derive(Debug, Clone)]
enum Change {
    Want(BTreeSet<u16>, u64, u8),
    Keep(BTreeSet<u16>),
    Pause(bool),
    Remove,
    TearDown(u16),
    Freeze(u16, bool),
    Forget(u16),
    Join(u16),
    Term,
    Raise,
}

fn change() -> impl Strategy<Value = Change> {
    prop_oneof![
        4 => (prop::collection::btree_set(0..6_u16, 0..6), 1..4_u64, 0..2_u8)
            .prop_map(|(set, revision, bytes)| Change::Want(set, revision, bytes)),
        1 => prop::collection::btree_set(0..6_u16, 0..6).prop_map(Change::Keep),
        1 => any::<bool>().prop_map(Change::Pause),
        1 => Just(Change::Remove),
        1 => (0..6_u16).prop_map(Change::TearDown),
        1 => (0..6_u16, any::<bool>()).prop_map(|(at, value)| Change::Freeze(at, value)),
        1 => (0..6_u16).prop_map(Change::Forget),
        1 => (0..6_u16).prop_map(Change::Join),
        1 => Just(Change::Term),
        1 => Just(Change::Raise),
    ]
}

fn perform(world: &mut World, change: &Change) {
    match change {
        Change::Want(set, revision, bytes) => world.want(
            set.iter()
                .copied()
                .filter(|at| world.members.contains_key(&cluster(*at)))
                .collect::<Vec<_>>(),
            rendering(*revision, *bytes),
        ),
        Change::Keep(set) => {
            let targets = set.iter().copied().map(cluster);
            world.intent = Intent::Keep {
                paused: false,
                targets: targets
                    .filter(|cluster| world.members.contains_key(cluster))
                    .collect(),
            };
        }
        Change::Pause(value) => world.pause(*value),
        Change::Remove => world.intent = Intent::Removed,
        Change::TearDown(at) => {
            let number = world.ledger.row(&cluster(*at)).map(|row| row.number);
            if let Some(member) = world.members.get_mut(&cluster(*at)) {
                member.torn_down = number;
            }
        }
        Change::Freeze(at, value) => {
            if let Some(member) = world.members.get_mut(&cluster(*at)) {
                member.frozen = *value;
            }
        }
        Change::Forget(at) => {
            world.members.remove(&cluster(*at));
            match &mut world.intent {
                Intent::Present { targets, .. } => drop(targets.remove(&cluster(*at))),
                Intent::Keep { targets, .. } => drop(targets.remove(&cluster(*at))),
                Intent::Removed | Intent::Vanished => {}
            }
        }
        Change::Join(at) => {
            world.members.entry(cluster(*at)).or_insert_with(member);
        }
        Change::Term => world.leadership.term.counter += 1,
        Change::Raise => world.leadership = leadership(world.leadership.epoch.counter + 1, 1),
    }
}

proptest! {
    #[test]
    fn numbers_only_rise_and_name_one_digest_and_only_tombstones_tear_down(
        changes in prop::collection::vec(change(), 1..30)
    ) {
        let mut world = World::new(4);
        let mut given: BTreeMap<(ClusterUid, u64), stevedore_proto_core::Digest> = BTreeMap::new();
        for change in &changes {
            perform(&mut world, change);
            let before = world.ledger.clone();
            // A dropped row may be wanted again at once: that is a second plan, then there is peace.
            world.store_plan();
            let plan = world.store_plan();
            for (cluster, row) in before.rows() {
                if world.members.contains_key(&cluster) && world.ledger.row(&cluster).is_none() {
                    prop_assert!(row.tombstone, "a row went without a tombstone");
                }
                if let Some(now) = world.ledger.row(&cluster) {
                    prop_assert!(now.number >= row.number);
                    let frozen = world.members[&cluster].frozen
                        && before.history(world.leadership.epoch).term_of(row.number).is_some();
                    prop_assert!(!frozen || now.number == row.number);
                }
            }
            prop_assert!(plan.orders.is_empty() || plan.orders.values().all(|cause| *cause == Cause::Install));
            prop_assert!(world.plan().is_empty());
            for (cluster, order) in world.ledger.orders(world.leadership.epoch) {
                let digest = given.entry((cluster, order.tuple.number)).or_insert(order.tuple.digest);
                prop_assert_eq!(*digest, order.tuple.digest);
                prop_assert!(order.is_intact());
            }
            for shard in &world.ledger.shards {
                prop_assert_eq!(&shard.encode().decode().unwrap(), shard);
            }
        }
    }
}
