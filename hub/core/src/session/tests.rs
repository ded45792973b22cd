use std::collections::BTreeSet;
use std::sync::Arc;

use stevedore_proto_core::message::{Close, CloseReason, Hello, Page, Welcome};
use stevedore_proto_core::{
    ClusterUid, ContentRef, DeploymentUid, Digest, Environment, Epoch, EpochId, Held, InstanceId,
    Leadership, Order, OrderBody, PackageRef, PackageUid, Reason, Settings, Stage, Term, TermId,
    ToAgent, ToHub, Tuple, held, limit,
};

use super::*;

mod content;
mod hostile;

const FIRST: Connection = Connection(1);

fn leadership() -> Leadership {
    Leadership {
        epoch: Epoch {
            counter: 1,
            id: EpochId::from_bytes([1; 16]),
        },
        term: Term {
            counter: 2,
            id: TermId::from_bytes([2; 16]),
        },
    }
}

fn wanted(package: u8, number: u64, content: &str, size: u64) -> DesiredOrder {
    let package = PackageUid::from_bytes([package; 16]);
    let deployment = DeploymentUid::derive(&package, &ClusterUid::from_bytes([9; 16]));
    let Leadership { epoch, term } = leadership();
    let body = OrderBody::Apply(ContentRef {
        digest: Digest::of(content.as_bytes()),
        size,
    });
    let mut order = Order {
        deployment,
        package: PackageRef {
            namespace: None,
            name: "demo".into(),
            uid: package,
            revision: number,
        },
        tuple: Tuple {
            epoch,
            term,
            number,
            digest: Digest::of(b""),
        },
        settings: Settings::default(),
        body,
    };
    order.tuple.digest = order.digest();
    let history = History::new(epoch, vec![TermStart { term, first: 1 }]);
    DesiredOrder {
        order: Arc::new(order),
        history: Arc::new(history),
        finished: false,
    }
}

fn orders(all: &[DesiredOrder]) -> ClusterOrders {
    let orders = all
        .iter()
        .map(|wanted| (wanted.order.deployment, wanted.clone()))
        .collect();
    ClusterOrders {
        loaded: true,
        leadership: leadership(),
        orders,
    }
}

fn instance(id: u8) -> InstanceId {
    InstanceId::from_bytes([id; 16])
}

fn hello(by: InstanceId, held: &[&DesiredOrder]) -> ToHub {
    ToHub::Hello(Box::new(Hello {
        version: 1,
        oldest_version: 1,
        features: vec![],
        instance: by,
        incarnation: 0,
        sequence: 0,
        agent_version: "test".into(),
        seen: None,
        root: held::root(
            held.iter()
                .map(|wanted| (wanted.order.deployment, wanted.order.tuple)),
        ),
        held: held.len() as u32,
        environment: Environment::default(),
        time: None,
    }))
}

fn page(request: u32, held: &[&DesiredOrder], contents: &[&str]) -> ToHub {
    let entry = |wanted: &&DesiredOrder| Held {
        deployment: wanted.order.deployment,
        package: wanted.order.package.clone(),
        tuple: wanted.order.tuple,
        content: wanted.order.content(),
        stage: Stage::Received,
    };
    ToHub::Page(Page {
        request,
        index: 0,
        last: true,
        held: held.iter().map(entry).collect(),
        contents: contents
            .iter()
            .map(|content| Digest::of(content.as_bytes()))
            .collect(),
    })
}

fn ack(wanted: &DesiredOrder) -> ToHub {
    let (deployment, tuple) = (wanted.order.deployment, wanted.order.tuple);
    ToHub::Ack {
        deployment,
        tuple,
        stage: Stage::Received,
    }
}

struct Harness {
    member: Member,
    orders: ClusterOrders,
}

impl Harness {
    fn new(all: &[DesiredOrder]) -> Self {
        Self {
            member: Member::new(Pace::default()),
            orders: orders(all),
        }
    }

    fn step(&mut self, event: Event, now: u64) -> Vec<Action> {
        self.member.step(event, &self.orders, now)
    }

    fn hears(&mut self, connection: Connection, message: ToHub, now: u64) -> Vec<Action> {
        self.step(Event::Message(connection, Box::new(message)), now)
    }

    fn opens(&mut self, connection: Connection, message: ToHub, now: u64) -> Vec<Action> {
        self.step(Event::Opened(connection), now);
        self.hears(connection, message, now)
    }
}

/// Orders among actions, and whether their content goes with them.
fn sent(actions: &[Action]) -> Vec<(u64, bool)> {
    let order = |action: &Action| match action {
        Action::SendOrder {
            order,
            with_content,
            ..
        } => Some((order.tuple.number, *with_content)),
        _ => None,
    };
    actions.iter().filter_map(order).collect()
}

fn close(actions: &[Action]) -> Option<(Connection, CloseReason, u64)> {
    actions.iter().find_map(|action| match action {
        Action::Send(
            connection,
            ToAgent::Close(Close {
                reason,
                retry_after,
                ..
            }),
        ) => Some((*connection, reason.clone(), *retry_after)),
        _ => None,
    })
}

fn lists(actions: &[Action]) -> Option<u32> {
    actions.iter().find_map(|action| match action {
        Action::Send(_, ToAgent::List { request, .. }) => Some(*request),
        _ => None,
    })
}

fn incarnation(actions: &[Action]) -> Option<u64> {
    actions.iter().find_map(|action| match action {
        Action::Send(_, ToAgent::Welcome(Welcome { incarnation, .. })) => Some(*incarnation),
        _ => None,
    })
}

fn is_synced(actions: &[Action]) -> bool {
    actions
        .iter()
        .any(|action| matches!(action, Action::Send(_, ToAgent::SnapshotComplete { .. })))
}

fn reports(actions: &[Action], wanted: impl Fn(&Report) -> bool) -> usize {
    actions
        .iter()
        .filter(|action| matches!(action, Action::Report(report) if wanted(report)))
        .count()
}

#[test]
fn nothing_is_said_before_the_ledgers_are_loaded() {
    let mut harness = Harness::new(&[wanted(1, 1, "a", 1)]);
    harness.orders.loaded = false;
    let actions = harness.opens(FIRST, hello(instance(1), &[]), 0);
    assert!(
        matches!(
            close(&actions),
            Some((FIRST, CloseReason::NotLoaded, 2_000))
        ),
        "{actions:?}"
    );
    assert_eq!(harness.member.session(), None);
}

#[test]
fn a_member_in_sync_costs_one_digest_and_gets_no_order() {
    let a = wanted(1, 1, "a", 1);
    let mut harness = Harness::new(std::slice::from_ref(&a));
    let actions = harness.opens(FIRST, hello(instance(1), &[&a]), 0);
    assert_eq!((sent(&actions), lists(&actions)), (vec![], None));
    assert!(is_synced(&actions));
}

#[test]
fn words_about_what_is_not_ordered_are_not_kept() {
    let ours = wanted(1, 1, "ours", 3);
    let mut harness = Harness::new(std::slice::from_ref(&ours));
    let mut hello = hello(instance(1), &[]);
    if let ToHub::Hello(hello) = &mut hello {
        hello.incarnation = u64::MAX;
        hello.held = 1;
        hello.root = Digest::of(b"something else");
    }
    assert!(lists(&harness.opens(FIRST, hello, 0)).is_some());
    for package in 2..200 {
        harness.hears(FIRST, ack(&wanted(package, 1, "theirs", 3)), 1);
    }
    let dirty = harness.member.live.as_ref().map(|live| live.dirty.len());
    assert_eq!(dirty, Some(1), "while a listing is waited for");
}

#[test]
fn a_poison_order_is_shown_and_not_sent_again_until_it_changes() {
    let (bad, good) = (wanted(1, 1, "bad", 3), wanted(1, 2, "good", 4));
    let other = wanted(2, 1, "other", 5);
    let mut harness = Harness::new(&[bad.clone(), other.clone()]);
    assert_eq!(
        sent(&harness.opens(FIRST, hello(instance(1), &[]), 0)).len(),
        2
    );
    let nack = ToHub::Nack {
        deployment: bad.order.deployment,
        tuple: bad.order.tuple,
        reason: Reason::TooLarge,
        message: String::new(),
    };
    let actions = harness.hears(FIRST, nack, 10);
    assert_eq!(
        reports(&actions, |report| matches!(report, Report::Refused { .. })),
        1
    );
    harness.hears(FIRST, ack(&other), 20);
    let in_flight = &harness.member.live.as_ref().unwrap().in_flight;
    assert!(in_flight.is_empty(), "it delays nobody");
    assert_eq!(sent(&harness.step(Event::Reloaded, 30)), vec![]);
    harness.orders = orders(&[good.clone(), other]);
    let actions = harness.step(Event::Changed(BTreeSet::from([good.order.deployment])), 40);
    assert_eq!(sent(&actions), [(2, true)]);
}

#[test]
fn a_tuple_of_a_lost_history_freezes_the_deployment_and_is_reported_once() {
    let ours = wanted(1, 3, "ours", 4);
    let mut lost = wanted(1, 2, "lost", 4);
    let mut order = (*lost.order).clone();
    order.tuple.term = Term {
        counter: 2,
        id: TermId::from_bytes([7; 16]),
    };
    lost.order = Arc::new(order);
    let mut harness = Harness::new(std::slice::from_ref(&ours));
    let request = lists(&harness.opens(FIRST, hello(instance(1), &[&lost]), 0)).unwrap();
    let actions = harness.hears(FIRST, page(request, &[&lost], &[]), 1);
    assert_eq!(sent(&actions), vec![]);
    let is_frozen = |report: &Report| matches!(report, Report::Frozen { .. });
    assert_eq!(reports(&actions, is_frozen), 1);
    assert_eq!(reports(&harness.step(Event::Reloaded, 2), is_frozen), 0);
}

#[test]
fn only_an_ack_moves_what_the_hub_believes_and_silence_leads_to_a_repetition() {
    let a = wanted(1, 1, "a", 1);
    let mut harness = Harness::new(std::slice::from_ref(&a));
    harness.opens(FIRST, hello(instance(1), &[]), 0);
    let beat = |held: &[&DesiredOrder]| ToHub::Heartbeat {
        root: held::root(
            held.iter()
                .map(|wanted| (wanted.order.deployment, wanted.order.tuple)),
        ),
        sequence: 0,
    };
    assert_eq!(sent(&harness.hears(FIRST, beat(&[]), 12_000)), vec![]);
    assert_eq!(sent(&harness.hears(FIRST, beat(&[]), 20_000)), [(1, true)]);
    harness.hears(FIRST, ack(&a), 20_100);
    let actions = harness.hears(FIRST, beat(&[&a]), 24_000);
    assert_eq!((sent(&actions), lists(&actions)), (vec![], None));
    assert!(
        lists(&harness.hears(FIRST, beat(&[]), 36_000)).is_some(),
        "the roots differ"
    );
}

#[test]
fn a_full_queue_leads_to_a_listing_and_every_order_still_arrives() {
    let all: Vec<_> = (1..=100)
        .map(|package| wanted(package, 1, "c", 1))
        .collect();
    let mut harness = Harness::new(&all);
    let actions = harness.opens(FIRST, hello(instance(1), &[]), 0);
    assert_eq!(sent(&actions).len(), Pace::default().window);
    assert_eq!(
        lists(&harness.step(Event::Overflow(FIRST), 1)),
        None,
        "the queue drains first"
    );
    let request = lists(&harness.step(Event::Tick, 1_001)).unwrap();
    let mut held: Vec<&DesiredOrder> = all.iter().take(10).collect();
    let mut actions = harness.hears(FIRST, page(request, &held, &["c"]), 1_002);
    while !sent(&actions).is_empty() {
        let mut next = Vec::new();
        for action in &actions {
            if let Action::SendOrder { order, .. } = action {
                let wanted = all
                    .iter()
                    .find(|wanted| wanted.order.deployment == order.deployment)
                    .unwrap();
                held.push(wanted);
                next.extend(harness.hears(FIRST, ack(wanted), 1_003));
            }
        }
        actions = next;
    }
    assert_eq!(held.len(), all.len());
}

#[test]
fn a_silent_member_is_lost_within_thirty_seconds_and_a_quick_return_is_not_noticed() {
    let mut harness = Harness::new(&[]);
    harness.opens(FIRST, hello(instance(1), &[]), 0);
    let is_lost = |report: &Report| *report == Report::Lost;
    let actions = harness.step(Event::Tick, 28_000);
    assert!(
        matches!(close(&actions), Some((FIRST, CloseReason::Silent, _))),
        "{actions:?}"
    );
    assert_eq!(reports(&actions, is_lost), 1);

    let mut harness = Harness::new(&[]);
    harness.opens(FIRST, hello(instance(1), &[]), 0);
    harness.step(Event::Closed(FIRST), 1_000);
    harness.opens(Connection(2), hello(instance(1), &[]), 2_000);
    assert_eq!(reports(&harness.step(Event::Tick, 20_000), is_lost), 0);
    harness.step(Event::Closed(FIRST), 21_000);
    assert_eq!(
        harness.member.session(),
        Some(Connection(2)),
        "a late end of an old stream ends nothing"
    );
    harness.step(Event::Closed(Connection(2)), 22_000);
    assert_eq!(reports(&harness.step(Event::Tick, 30_000), is_lost), 1);
}

#[test]
fn a_newer_stream_supersedes_and_incarnations_rise() {
    let mut harness = Harness::new(&[]);
    assert_eq!(
        incarnation(&harness.opens(FIRST, hello(instance(1), &[]), 0)),
        Some(1)
    );
    let actions = harness.opens(Connection(2), hello(instance(2), &[]), 10);
    assert_eq!(incarnation(&actions), Some(2));
    assert!(
        matches!(close(&actions), Some((FIRST, CloseReason::Superseded, _))),
        "{actions:?}"
    );
    assert_eq!(
        harness.hears(FIRST, hello(instance(1), &[]), 20),
        vec![],
        "frames of an ended session count for nothing"
    );
}

#[test]
fn only_the_same_process_with_nothing_lost_does_not_say_everything_anew() {
    let anew = |actions: &[Action]| {
        actions.iter().find_map(|action| match action {
            Action::Report(Report::Connected { anew, .. }) => Some(*anew),
            _ => None,
        })
    };
    let again = |by, incarnation, sequence| {
        let ToHub::Hello(mut hello) = hello(by, &[]) else {
            unreachable!("made above")
        };
        (hello.incarnation, hello.sequence) = (incarnation, sequence);
        ToHub::Hello(hello)
    };
    let mut harness = Harness::new(&[]);
    let mut opens = |at: u64, message| {
        harness.step(Event::Closed(Connection(at - 1)), at);
        anew(&harness.opens(Connection(at), message, at))
    };
    assert_eq!(opens(1, again(instance(1), 0, 0)), Some(true));
    assert_eq!(opens(2, again(instance(1), 1, 0)), Some(false));
    assert_eq!(
        opens(3, again(instance(1), 2, 1)),
        Some(true),
        "a report is lost"
    );
    assert_eq!(
        opens(4, again(instance(2), 0, 0)),
        Some(true),
        "another process"
    );
}

#[test]
fn of_two_instances_that_fight_the_longer_running_one_keeps_the_session() {
    let mut harness = Harness::new(&[]);
    harness.opens(Connection(1), hello(instance(1), &[]), 0);
    harness.opens(Connection(2), hello(instance(2), &[]), 1_000);
    harness.opens(Connection(3), hello(instance(1), &[]), 2_000);
    let actions = harness.opens(Connection(4), hello(instance(2), &[]), 3_000);
    assert!(
        matches!(
            close(&actions),
            Some((Connection(4), CloseReason::DuplicateIdentity, 600_000))
        ),
        "{actions:?}"
    );
    assert_eq!(harness.member.session(), Some(Connection(3)));
    let duplicate = Report::DuplicateIdentity {
        kept: instance(1),
        refused: instance(2),
    };
    assert_eq!(reports(&actions, |report| *report == duplicate), 1);
}

#[test]
fn a_member_that_met_a_newer_leadership_is_sent_nothing() {
    let mut harness = Harness::new(&[wanted(1, 1, "a", 1)]);
    let ToHub::Hello(mut hello) = hello(instance(1), &[]) else {
        unreachable!("made above")
    };
    let mut newer = leadership();
    newer.term = Term {
        counter: 3,
        id: TermId::from_bytes([3; 16]),
    };
    hello.seen = Some(newer);
    let actions = harness.opens(FIRST, ToHub::Hello(hello), 0);
    assert_eq!(sent(&actions), vec![]);
    let fenced = Report::Fenced {
        seen: newer,
        reason: FreezeReason::HubRegressed,
    };
    assert_eq!(reports(&actions, |report| *report == fenced), 1);
}

#[test]
fn an_agent_without_a_common_version_is_told_so() {
    let mut harness = Harness::new(&[]);
    let ToHub::Hello(mut hello) = hello(instance(1), &[]) else {
        unreachable!("made above")
    };
    (hello.version, hello.oldest_version) = (9, 8);
    let actions = harness.opens(FIRST, ToHub::Hello(hello), 0);
    assert!(
        matches!(
            close(&actions),
            Some((FIRST, CloseReason::UnsupportedVersion, _))
        ),
        "{actions:?}"
    );
}

#[test]
fn a_census_finds_what_the_hub_does_not_know() {
    let (known, unknown) = (wanted(1, 1, "a", 1), wanted(2, 1, "b", 1));
    let mut harness = Harness::new(std::slice::from_ref(&known));
    let first = lists(&harness.opens(FIRST, hello(instance(1), &[&known, &unknown]), 0)).unwrap();
    harness.hears(FIRST, page(first, &[&known, &unknown], &[]), 1);
    let request = lists(&harness.step(Event::Census, 2)).unwrap();
    let actions = harness.hears(FIRST, page(request, &[&known, &unknown], &[]), 3);
    let listing = actions.iter().find_map(|action| match action {
        Action::Report(Report::Listing(listing)) => Some(listing),
        _ => None,
    });
    let census = Census::of(listing.unwrap(), &harness.orders);
    let findings: Vec<_> = census.entries.iter().map(|entry| entry.finding).collect();
    assert_eq!(findings, [Finding::AsOrdered, Finding::Unknown]);
    assert_eq!(census.epoch_floor(0), 1);
    assert_eq!(
        sent(&actions),
        vec![],
        "what the hub does not know is left alone"
    );
}
