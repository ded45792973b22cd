use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use stevedore_proto_core::{ContentRef, Digest, Features, Leadership, PackageUid};

use super::*;
use crate::fixtures::leadership;
use crate::fleet::{self, DeploymentState, MemberState};
use crate::history::{self, ActiveRevision, Revision};
use crate::ledger::{Ledger, Ordered, PackageIdentity};

mod kept;
mod properties;
mod rollouts;
mod world;

use world::{World, at_once, member};

fn cluster(seed: u16) -> ClusterUid {
    let mut bytes = [0; 16];
    bytes[..2].copy_from_slice(&seed.to_be_bytes());
    ClusterUid::from_bytes(bytes)
}

/// The only kept revision, which is what the spec asks for.
fn active(number: u64) -> ActiveRevision {
    let revision = Revision {
        number,
        image: "registry.example/demo".into(),
        config: None,
        component: None,
    };
    let spec_hash = revision.content_hash();
    history::active(&[revision], &spec_hash, None).unwrap()
}

/// A content of a revision; `bytes` differs when another renderer made it from the same inputs.
fn content(revision: u64, bytes: u8) -> Rendering {
    Rendering::Content {
        input: Digest::of(&revision.to_be_bytes()),
        content: ContentRef {
            digest: Digest::of(&[revision as u8, bytes]),
            size: 2,
        },
        needs: Features::NONE,
    }
}

/// A revision with its content.
fn rendering(revision: u64, bytes: u8) -> (ActiveRevision, Rendering) {
    (active(revision), content(revision, bytes))
}

#[test]
fn a_first_install_orders_every_target_with_one_number() {
    let mut world = World::new(3);
    world.want([0, 2], rendering(1, 0));
    let plan = world.settle();
    assert_eq!(
        plan.orders,
        BTreeMap::from([(cluster(0), Cause::Install), (cluster(2), Cause::Install)])
    );
    assert_eq!((world.row(0).number, world.row(2).number), (1, 1));
    assert_eq!(world.ledger.shards[0].terms.len(), 1);
}

#[test]
fn a_shard_holds_250_clusters_and_the_next_ones_go_into_another() {
    let mut world = World::new(501);
    world.want(0..501, rendering(1, 0));
    world.settle();
    let sizes: Vec<_> = world
        .ledger
        .shards
        .iter()
        .map(|shard| shard.rows.len())
        .collect();
    assert_eq!(sizes, [250, 250, 1]);
}

#[test]
fn only_deployments_whose_digest_changes_are_ordered() {
    let mut world = World::new(2);
    world.want([0, 1], rendering(1, 0));
    world.settle();
    if let Intent::Present { targets, .. } = &mut world.intent {
        targets.insert(cluster(1), content(2, 0));
    }
    let plan = world.settle();
    assert_eq!(plan.orders, BTreeMap::from([(cluster(1), Cause::Change)]));
    assert_eq!((world.row(0).number, world.row(1).number), (1, 2));
    assert_eq!(world.row(1).previous, Some(world.row(0).ordered));
}

#[test]
fn a_new_revision_with_the_same_content_changes_the_label_only() {
    let mut world = World::new(1);
    world.want([0], rendering(1, 0));
    world.settle();
    let Rendering::Content { content, .. } = content(1, 0) else {
        unreachable!()
    };
    let same = Rendering::Content {
        input: Digest::of(b"else"),
        content,
        needs: Features::NONE,
    };
    world.want([0], (active(2), same));
    let plan = world.settle();
    assert!(plan.orders.is_empty());
    assert_eq!((world.row(0).number, world.row(0).ordered.revision), (1, 2));
}

#[test]
fn another_renderer_alone_orders_nothing_until_the_next_real_change() {
    let mut world = World::new(1);
    world.want([0], rendering(1, 0));
    world.settle();
    world.want([0], rendering(1, 1));
    let plan = world.settle();
    assert_eq!(plan.pending_render, [cluster(0)]);
    assert!(plan.is_empty());
    world.want([0], rendering(2, 1));
    assert_eq!(world.settle().orders[&cluster(0)], Cause::Change);
}

#[test]
fn content_that_a_member_lacks_and_nobody_can_make_is_rendered_anew() {
    let mut world = World::new(1);
    world.want([0], rendering(1, 0));
    world.settle();
    world.want([0], rendering(1, 1));
    world.members.get_mut(&cluster(0)).unwrap().lacks_content = true;
    assert_eq!(world.settle().orders[&cluster(0)], Cause::Rerendered);
}

#[test]
fn a_cluster_that_leaves_the_placement_gets_a_tombstone_and_its_row_goes_when_it_is_done() {
    let mut world = World::new(2);
    world.want([0, 1], rendering(1, 0));
    world.settle();
    world.want([0], rendering(1, 0));
    assert_eq!(
        world.settle().orders,
        BTreeMap::from([(cluster(1), Cause::Removal)])
    );
    assert!(world.row(1).tombstone);
    world.members.get_mut(&cluster(1)).unwrap().torn_down = Some(1);
    assert!(
        world.plan().is_empty(),
        "an older tombstone's end says nothing"
    );
    world.members.get_mut(&cluster(1)).unwrap().torn_down = Some(2);
    assert_eq!(world.settle().dropped, [cluster(1)]);
    world.want([0, 1], rendering(1, 0));
    world.settle();
    assert_eq!(
        world.row(1).number,
        3,
        "above every number that was ever given"
    );
}

#[test]
fn unusable_content_changes_nothing_where_something_runs() {
    let mut world = World::new(2);
    world.want([0], rendering(1, 0));
    world.settle();
    world.want([0, 1], (active(2), Rendering::Unusable));
    assert!(world.plan().is_empty());
}

#[test]
fn what_is_not_rendered_yet_is_not_resumed_with_what_it_had() {
    let mut world = World::new(2);
    world.want([0, 1], rendering(1, 0));
    world.settle();
    world.pause(true);
    world.settle();
    world.pause(false);
    world.want([0, 1], (active(2), Rendering::Pending));
    assert!(world.plan().is_empty());
    world.want([0, 1], rendering(2, 0));
    assert_eq!(world.plan().orders.len(), 2);
}

#[test]
fn pausing_keeps_the_content_and_holds_back_everything_new() {
    let mut world = World::new(3);
    world.want([0, 1], rendering(1, 0));
    world.settle();
    world.want([0, 2], rendering(2, 0));
    world.pause(true);
    let plan = world.settle();
    assert_eq!(
        plan.orders.keys().copied().collect::<BTreeSet<_>>(),
        BTreeSet::from([cluster(0), cluster(1)])
    );
    assert!(world.row(0).ordered.paused && world.row(0).ordered.revision == 1);
    assert!(!world.row(1).tombstone && world.ledger.row(&cluster(2)).is_none());
    world.pause(false);
    world.settle();
    assert!(world.row(1).tombstone && !world.row(0).ordered.paused);
    assert_eq!(
        (world.row(0).ordered.revision, world.row(2).ordered.revision),
        (2, 2)
    );
}

#[test]
fn removal_goes_before_pause() {
    let mut world = World::new(1);
    world.want([0], rendering(1, 0));
    world.pause(false);
    world.settle();
    world.pause(true);
    world.settle();
    world.intent = Intent::Removed;
    assert_eq!(world.settle().orders[&cluster(0)], Cause::Removal);
}

#[test]
fn a_frozen_deployment_gets_nothing_until_the_epoch_is_raised() {
    let mut world = World::new(2);
    world.want([0, 1], rendering(1, 0));
    world.settle();
    world.members.get_mut(&cluster(0)).unwrap().frozen = true;
    world.want([0, 1], rendering(2, 0));
    assert_eq!(world.settle().orders.len(), 1);
    world.leadership = leadership(2, 1);
    world.floor = 40;
    let plan = world.settle();
    assert_eq!(
        plan.orders,
        BTreeMap::from([
            (cluster(0), Cause::Change),
            (cluster(1), Cause::EpochRaised)
        ])
    );
    assert_eq!((world.row(0).number, world.row(1).number), (41, 41));
    assert_eq!(world.row(1).ordered.revision, 2);
}

#[test]
fn a_plan_is_made_again_when_its_moment_comes() {
    let at = |wake_at| Plan {
        wake_at,
        ..Plan::default()
    };
    let now = UnixMillis(5_000);
    assert_eq!(at(None).requeue_after(now), None);
    for (wake_at, after) in [(7_500, 2_500), (5_000, 0), (1, 0)] {
        let requeue = at(Some(UnixMillis(wake_at))).requeue_after(now);
        assert_eq!(requeue, Some(Duration::from_millis(after)));
    }
}

#[test]
fn a_new_term_alone_orders_nothing() {
    let mut world = World::new(1);
    world.want([0], rendering(1, 0));
    world.settle();
    world.leadership = leadership(1, 2);
    assert!(world.plan().is_empty());
}

#[test]
fn the_row_of_a_forgotten_cluster_is_dropped_without_a_tombstone() {
    let mut world = World::new(2);
    world.want([0, 1], rendering(1, 0));
    world.settle();
    world.members.remove(&cluster(1));
    world.want([0], rendering(1, 0));
    let plan = world.settle();
    assert!(plan.orders.is_empty() && plan.dropped == [cluster(1)]);
    assert_eq!(world.ledger.highest(), 1);
}

#[test]
fn a_cluster_whose_member_cannot_be_read_keeps_what_it_runs_until_the_package_is_removed() {
    let mut world = World::new(2);
    world.want([0, 1], rendering(1, 0));
    world.settle();
    // What cannot be read is not selected.
    world.members.get_mut(&cluster(1)).unwrap().unreadable = true;
    world.want([0], rendering(2, 0));
    let orders = world.settle().orders;
    assert_eq!(orders, BTreeMap::from([(cluster(0), Cause::Change)]));
    world.pause(true);
    world.settle();
    world.leadership = leadership(2, 2);
    world.settle();
    assert!(!world.row(1).tombstone && world.row(1).ordered.revision == 1);
    world.intent = Intent::Removed;
    world.settle();
    assert!(world.row(1).tombstone);
}

#[test]
fn a_package_that_vanished_is_not_torn_down_but_its_tombstones_go_on() {
    let mut world = World::new(3);
    world.want([0, 1, 2], rendering(1, 0));
    world.settle();
    world.want([0, 1], rendering(1, 0));
    world.settle();
    world.intent = Intent::Vanished;
    assert!(world.settle().is_empty());
    world.members.get_mut(&cluster(2)).unwrap().torn_down = Some(world.row(2).number);
    assert_eq!(world.settle().dropped, [cluster(2)]);
    world.members.get_mut(&cluster(1)).unwrap().leaving = true;
    let orders = world.settle().orders;
    assert_eq!(orders, BTreeMap::from([(cluster(1), Cause::Removal)]));
    assert!(!world.row(0).tombstone);
}
