//! Content that stays: nothing is ordered by a spec whose own content is not there, whatever ended the pin.

use proptest::prelude::*;

use super::*;
use crate::history::Pin;

/// A package with its history, from its spec to its ledger.
struct Story {
    world: World,
    /// Which image the spec names.
    image: u8,
    account: Option<String>,
    paused: bool,
    placement: BTreeSet<u16>,
    revisions: Vec<Revision>,
    pin: Option<Pin>,
    /// Labels and facts of members that the content is rendered with.
    facts: u8,
}

impl Story {
    /// Nothing but a package that names the first image.
    fn new(clusters: u16) -> Self {
        Self {
            world: World::new(clusters),
            image: 1,
            account: None,
            paused: false,
            placement: (0..clusters).collect(),
            revisions: vec![],
            pin: None,
            facts: 0,
        }
    }

    /// One that was upgraded to the second image and undone.
    fn undone(clusters: u16) -> Self {
        let mut story = Self::new(clusters);
        for image in [1, 2] {
            story.image = image;
            story.unpack(image);
            story.store_plan();
        }
        story.undo(1);
        story.store_plan();
        story
    }

    fn spec_hash(&self) -> Digest {
        Self::revision(0, self.image).content_hash()
    }

    fn revision(number: u64, image: u8) -> Revision {
        Revision {
            number,
            image: image.to_string(),
            config: None,
            component: None,
        }
    }

    /// An image is unpacked, also one that the spec named when the pull began and does not any more.
    fn unpack(&mut self, image: u8) {
        let newest = history::newest(&self.revisions).map_or(0, |newest| newest.number);
        self.revisions.push(Self::revision(newest + 1, image));
    }

    fn undo(&mut self, revision: u64) {
        self.pin = Some(Pin {
            revision,
            spec_hash: self.spec_hash(),
        });
    }

    fn active(&self) -> Option<ActiveRevision> {
        history::active(&self.revisions, &self.spec_hash(), self.pin.as_ref())
    }

    fn content_of(&self, number: u64) -> Rendering {
        let of_number = |revision: &&Revision| revision.number == number;
        let revision = self.revisions.iter().find(of_number).unwrap();
        content(revision.image.parse().unwrap(), self.facts)
    }

    fn store_plan(&mut self) -> Plan {
        let selected = self.placement.iter().copied().map(cluster);
        self.world.intent = match self.active() {
            Some(revision) => Intent::Present {
                revision,
                paused: self.paused,
                account: self.account.clone(),
                targets: selected
                    .map(|cluster| (cluster, self.content_of(revision.number())))
                    .collect(),
            },
            None => Intent::Keep {
                paused: self.paused,
                targets: selected.collect(),
            },
        };
        self.world.store_plan()
    }

    fn runs(&self, at: u16) -> u64 {
        self.world.row(at).ordered.revision
    }
}

#[test]
fn what_was_undone_is_not_ordered_again_before_the_next_content_is_there() {
    let mut story = Story::undone(2);
    let before = story.world.ledger.clone();
    for image in [3, 4] {
        story.image = image;
        assert!(
            story.store_plan().is_empty(),
            "image {image} is not unpacked"
        );
    }
    story.pin = None;
    assert!(
        story.store_plan().is_empty(),
        "the end of the pin is written down"
    );
    assert_eq!(story.world.ledger, before);
    story.unpack(3);
    assert!(
        story.store_plan().is_empty(),
        "the spec names another one by now"
    );
    story.unpack(4);
    assert_eq!(story.store_plan().orders.len(), 2);
    assert_eq!((story.runs(0), story.runs(1)), (4, 4));
}

#[test]
fn a_release_orders_nothing_before_the_content_of_the_spec_is_there() {
    let mut story = Story::undone(1);
    story.image = 3;
    story.undo(1);
    story.store_plan();
    story.pin = None;
    assert!(story.store_plan().is_empty());
    story.unpack(3);
    story.store_plan();
    assert_eq!(story.runs(0), 3);
}

#[test]
fn without_content_members_come_and_go_and_nothing_new_is_ordered() {
    let mut story = Story::undone(2);
    story.image = 3;
    story.account = Some("other".into());
    story.facts = 1;
    story.world.members.insert(cluster(2), member());
    story.placement = BTreeSet::from([1, 2]);
    let plan = story.store_plan();
    assert_eq!(plan.orders, BTreeMap::from([(cluster(0), Cause::Removal)]));
    assert!(story.world.ledger.row(&cluster(2)).is_none());
    assert_eq!(story.world.row(1).ordered.account, None);
    story.unpack(3);
    let plan = story.store_plan();
    let causes = BTreeMap::from([(cluster(1), Cause::Change), (cluster(2), Cause::Install)]);
    assert_eq!(plan.orders, causes);
}

#[test]
fn without_content_a_package_can_be_paused_and_not_resumed() {
    let mut story = Story::undone(1);
    (story.image, story.paused) = (3, true);
    assert_eq!(story.store_plan().orders.len(), 1);
    let row = story.world.row(0);
    assert!(row.ordered.paused && row.ordered.revision == 1);
    story.paused = false;
    assert!(story.store_plan().is_empty());
    story.unpack(3);
    story.store_plan();
    assert!(!story.world.row(0).ordered.paused);
}

/// One thing that happens to a package.
#[derive(Debug, Clone)]
enum Event {
    Edit(u8),
    Account(bool),
    Pause(bool),
    Place(BTreeSet<u16>),
    Unpack(u8),
    Undo(u64),
    Release,
    Collect(u64),
    Facts(u8),
    Raise,
    TearDown(u16),
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        3 => (1..4_u8).prop_map(Event::Edit),
        1 => any::<bool>().prop_map(Event::Account),
        1 => any::<bool>().prop_map(Event::Pause),
        1 => prop::collection::btree_set(0..4_u16, 0..4).prop_map(Event::Place),
        3 => (1..4_u8).prop_map(Event::Unpack),
        2 => (1..6_u64).prop_map(Event::Undo),
        1 => Just(Event::Release),
        1 => (1..6_u64).prop_map(Event::Collect),
        1 => (0..2_u8).prop_map(Event::Facts),
        1 => Just(Event::Raise),
        1 => (0..4_u16).prop_map(Event::TearDown),
    ]
}

fn happen(story: &mut Story, event: &Event) {
    match event {
        Event::Edit(image) => story.image = *image,
        Event::Account(other) => story.account = other.then(|| "other".into()),
        Event::Pause(paused) => story.paused = *paused,
        Event::Place(placement) => story.placement.clone_from(placement),
        Event::Unpack(image) => story.unpack(*image),
        Event::Undo(revision) => story.undo(*revision),
        Event::Release => story.pin = None,
        Event::Collect(number) => story.revisions.retain(|kept| kept.number != *number),
        Event::Facts(facts) => story.facts = *facts,
        Event::Raise => {
            let epoch = story.world.leadership.epoch.counter + 1;
            story.world.leadership = leadership(epoch, 1);
        }
        Event::TearDown(at) => {
            let number = story.world.ledger.row(&cluster(*at)).map(|row| row.number);
            let member = story.world.members.get_mut(&cluster(*at)).unwrap();
            member.torn_down = number;
        }
    }
}

/// Why a deployment may have another order although no content was there to be ordered.
fn is_excused(story: &Story, cluster: &ClusterUid, before: &Row, now: &Row, raised: bool) -> bool {
    let paused = Ordered {
        paused: true,
        ..Ordered::clone(&before.ordered)
    };
    let same = before.ordered == now.ordered;
    let left = !story
        .placement
        .iter()
        .any(|at| super::cluster(*at) == *cluster);
    let is_tombstone = same && now.tombstone && left && !story.paused;
    let is_pause = story.paused && *now.ordered == paused && !now.tombstone;
    let is_raise = raised && same && now.tombstone == before.tombstone;
    is_tombstone || is_pause || is_raise
}

proptest! {
    #[test]
    fn without_content_no_deployment_gets_another_order_but_a_tombstone_where_it_left(
        events in prop::collection::vec(event(), 1..40)
    ) {
        let mut story = Story::new(4);
        for event in &events {
            happen(&mut story, event);
            let before = story.world.ledger.clone();
            story.store_plan();
            let newest = history::newest(&story.revisions).map(Revision::content_hash);
            let is_there = newest == Some(story.spec_hash());
            let is_pinned = story.pin.is_some_and(|pin| {
                let kept = story.revisions.iter().any(|kept| kept.number == pin.revision);
                kept && pin.spec_hash == story.spec_hash()
            });
            if is_there || is_pinned {
                continue;
            }
            for (cluster, now) in story.world.ledger.rows() {
                let row = before.row(&cluster);
                prop_assert!(row.is_some(), "a cluster got its first order");
                let row = row.unwrap();
                let raised = before.history(story.world.leadership.epoch).term_of(row.number).is_none();
                prop_assert!(
                    now == row || is_excused(&story, &cluster, row, now, raised),
                    "{row:?} became {now:?}"
                );
            }
        }
    }
}
