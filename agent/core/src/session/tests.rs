use std::sync::Arc;

use stevedore_proto_core::message::{Close, CloseReason, OrderMessage, Welcome};
use stevedore_proto_core::{
    ClusterUid, ContentRef, DeploymentUid, Digest, Epoch, EpochId, Held, InstanceId, Leadership,
    Order, OrderBody, PackageRef, PackageUid, Reason, Settings, Stage, Term, TermId, ToAgent,
    ToHub, Tuple, content, held,
};

use super::*;

const CLUSTER: ClusterUid = ClusterUid::from_bytes([9; 16]);
const BYTES: &[u8] = b"content";

fn leadership() -> Leadership {
    Leadership {
        epoch: Epoch {
            counter: 1,
            id: EpochId::from_bytes([1; 16]),
        },
        term: Term {
            counter: 1,
            id: TermId::from_bytes([1; 16]),
        },
    }
}

fn order(number: u64, body: OrderBody) -> Order {
    let package = PackageUid::from_bytes([2; 16]);
    let Leadership { epoch, term } = leadership();
    let mut order = Order {
        deployment: DeploymentUid::derive(&package, &CLUSTER),
        package: PackageRef {
            namespace: None,
            name: "demo".into(),
            uid: package,
            revision: 1,
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
    order
}

fn apply(number: u64) -> Order {
    order(number, OrderBody::Apply(content::reference(BYTES)))
}

fn message(order: &Order, content: Option<&[u8]>) -> ToAgent {
    let content = content.map(Arc::from);
    ToAgent::Order(Box::new(OrderMessage {
        order: order.clone(),
        content,
        traceparent: None,
    }))
}

fn held(order: &Order) -> Held {
    Held {
        deployment: order.deployment,
        package: order.package.clone(),
        tuple: order.tuple,
        content: order.content(),
        stage: Stage::Received,
    }
}

struct Harness {
    session: Session,
    now: u64,
}

impl Harness {
    fn new(recovered: Recovered) -> Self {
        let identity = Identity {
            cluster: CLUSTER,
            instance: InstanceId::from_bytes([3; 16]),
            agent_version: "test".into(),
        };
        Self {
            session: Session::new(identity, recovered, Reconnect::default()),
            now: 0,
        }
    }

    /// With an open session.
    fn up(recovered: Recovered) -> Self {
        let mut harness = Self::new(recovered);
        harness.step(Event::Tick);
        harness.step(Event::Connected(Connection(1)));
        harness.on_frame(welcome(1));
        assert!(harness.session.is_up());
        harness
    }

    fn step(&mut self, event: Event) -> Vec<Action> {
        self.now += 1;
        self.session.step(event, self.now, 0)
    }

    fn on_frame(&mut self, message: ToAgent) -> Vec<Action> {
        self.step(Event::Message(Connection(1), message))
    }

    fn stored(&mut self, order: &Order) -> Vec<Action> {
        self.step(Event::Stored {
            deployment: order.deployment,
            tuple: order.tuple,
            result: Ok(()),
        })
    }
}

fn welcome(incarnation: u64) -> ToAgent {
    ToAgent::Welcome(Welcome {
        version: 1,
        features: vec![],
        incarnation,
        leadership: leadership(),
        heartbeat: 12_000,
        report: true,
        time: None,
    })
}

fn stores(actions: &[Action]) -> Vec<(u64, bool)> {
    let store = |action: &Action| match action {
        Action::Store { order, content, .. } => Some((order.tuple.number, content.is_some())),
        _ => None,
    };
    actions.iter().filter_map(store).collect()
}

fn acks(actions: &[Action]) -> Vec<(u64, Stage)> {
    let ack = |action: &Action| match action {
        Action::Send(_, ToHub::Ack { tuple, stage, .. }) => Some((tuple.number, *stage)),
        _ => None,
    };
    actions.iter().filter_map(ack).collect()
}

fn nacks(actions: &[Action]) -> Vec<Reason> {
    let nack = |action: &Action| match action {
        Action::Send(_, ToHub::Nack { reason, .. }) => Some(reason.clone()),
        _ => None,
    };
    actions.iter().filter_map(nack).collect()
}

fn says_hello(actions: &[Action]) -> bool {
    actions
        .iter()
        .any(|action| matches!(action, Action::Send(_, ToHub::Hello(_))))
}

#[test]
fn an_order_is_acknowledged_only_after_it_is_durable() {
    let mut harness = Harness::up(Recovered::default());
    let actions = harness.on_frame(message(&apply(1), Some(BYTES)));
    assert_eq!(
        (stores(&actions), acks(&actions)),
        (vec![(1, true)], vec![])
    );
    assert_eq!(harness.session.root(), held::root([]), "not held yet");
    assert_eq!(acks(&harness.stored(&apply(1))), [(1, Stage::Received)]);
}

#[test]
fn content_that_is_stored_is_not_fetched_and_lacking_content_is() {
    let contents = [Digest::of(BYTES)].into();
    let mut harness = Harness::up(Recovered {
        contents,
        ..Recovered::default()
    });
    assert_eq!(
        stores(&harness.on_frame(message(&apply(1), None))),
        [(1, false)]
    );

    let mut harness = Harness::up(Recovered::default());
    let actions = harness.on_frame(message(&apply(1), None));
    let (deployment, content) = (apply(1).deployment, content::reference(BYTES));
    assert!(
        actions.contains(&Action::Fetch {
            deployment,
            content
        }),
        "{actions:?}"
    );
    let result = Ok(Arc::from(BYTES));
    assert_eq!(
        stores(&harness.step(Event::Fetched {
            deployment,
            content: content.digest,
            result
        })),
        [(1, true)]
    );
}

#[test]
fn other_bytes_than_the_order_names_are_refused() {
    let mut harness = Harness::up(Recovered::default());
    let actions = harness.on_frame(message(&apply(1), Some(b"other")));
    assert_eq!(
        (nacks(&actions), stores(&actions)),
        (vec![Reason::DigestMismatch], vec![])
    );
    let mut forged = apply(1);
    forged.settings.account = Some("admin".into());
    assert_eq!(
        nacks(&harness.on_frame(message(&forged, Some(BYTES)))),
        [Reason::DigestMismatch]
    );
}

#[test]
fn an_order_for_another_cluster_is_refused() {
    let mut harness = Harness::up(Recovered::default());
    let mut other = apply(1);
    other.deployment = DeploymentUid::derive(&other.package.uid, &ClusterUid::from_bytes([8; 16]));
    other.tuple.digest = other.digest();
    assert_eq!(
        nacks(&harness.on_frame(message(&other, Some(BYTES)))),
        [Reason::WrongCluster]
    );
}

#[test]
fn a_lower_number_is_refused_and_what_is_held_stays() {
    let mut harness = Harness::up(Recovered {
        held: vec![held(&apply(5))],
        ..Recovered::default()
    });
    let before = harness.session.root();
    let actions = harness.on_frame(message(&order(4, OrderBody::Tombstone), None));
    assert_eq!(
        (nacks(&actions), stores(&actions)),
        (vec![Reason::HubRegressed], vec![])
    );
    let actions = harness.on_frame(message(&order(5, OrderBody::Tombstone), None));
    assert_eq!(
        (nacks(&actions), stores(&actions)),
        (vec![Reason::HubDiverged], vec![])
    );
    assert_eq!(harness.session.root(), before);
}

#[test]
fn while_an_order_is_stored_only_the_latest_of_the_newer_ones_waits() {
    let mut harness = Harness::up(Recovered::default());
    harness.on_frame(message(&apply(1), Some(BYTES)));
    assert_eq!(
        stores(&harness.on_frame(message(&apply(2), Some(BYTES)))),
        []
    );
    assert_eq!(
        stores(&harness.on_frame(message(&apply(3), Some(BYTES)))),
        []
    );
    assert_eq!(
        nacks(&harness.on_frame(message(&apply(2), Some(BYTES)))),
        [Reason::HubRegressed]
    );
    let actions = harness.stored(&apply(1));
    assert_eq!(
        (acks(&actions), stores(&actions)),
        (vec![(1, Stage::Received)], vec![(3, true)])
    );
}

#[test]
fn a_repeated_order_is_acknowledged_again_and_not_stored_again() {
    let mut harness = Harness::up(Recovered {
        held: vec![held(&apply(5))],
        ..Recovered::default()
    });
    let actions = harness.on_frame(message(&apply(5), Some(BYTES)));
    assert_eq!(
        (acks(&actions), stores(&actions)),
        (vec![(5, Stage::Received)], vec![])
    );
}

#[test]
fn an_empty_snapshot_changes_nothing() {
    let mut harness = Harness::up(Recovered {
        held: vec![held(&apply(5))],
        ..Recovered::default()
    });
    let before = harness.session.root();
    assert_eq!(
        harness.on_frame(ToAgent::SnapshotComplete {
            root: held::root([])
        }),
        [Action::Synced]
    );
    assert_eq!(harness.session.root(), before);
}

#[test]
fn stages_rise_and_deleted_is_for_tombstones() {
    let mut harness = Harness::up(Recovered {
        held: vec![held(&apply(5))],
        ..Recovered::default()
    });
    let (deployment, tuple) = (apply(5).deployment, apply(5).tuple);
    let mut progress = |stage| {
        acks(&harness.step(Event::Progress {
            deployment,
            tuple,
            stage,
        }))
    };
    assert_eq!(progress(Stage::Deleted), []);
    assert_eq!(progress(Stage::Available), [(5, Stage::Available)]);
    assert_eq!(progress(Stage::Applied), []);
}

#[test]
fn hello_waits_until_nothing_is_being_stored() {
    let mut harness = Harness::up(Recovered::default());
    harness.on_frame(message(&apply(1), Some(BYTES)));
    harness.step(Event::Disconnected(Connection(1)));
    harness.now += 1_000;
    harness.step(Event::Tick);
    assert!(!says_hello(&harness.step(Event::Connected(Connection(2)))));
    assert!(says_hello(&harness.stored(&apply(1))));
}

#[test]
fn another_identity_does_not_wait_as_long_as_the_former_one_was_told_to() {
    let mut harness = Harness::up(Recovered::default());
    let close = Close {
        reason: CloseReason::Revoked,
        message: String::new(),
        retry_after: 60_000,
        redirect: None,
    };
    harness.on_frame(ToAgent::Close(close));
    harness.now += 3_000;
    let dials = |actions: &[Action]| {
        let mut actions = actions.iter();
        actions.any(|action| matches!(action, Action::Connect { .. }))
    };
    assert!(!dials(&harness.step(Event::Tick)));
    assert!(dials(&harness.step(Event::Identified)));
}

#[test]
fn a_slow_store_does_not_keep_the_session_from_opening_and_is_acknowledged_in_it() {
    let mut harness = Harness::up(Recovered::default());
    harness.on_frame(message(&apply(1), Some(BYTES)));
    harness.step(Event::Disconnected(Connection(1)));
    harness.now += 1_000;
    harness.step(Event::Tick);
    harness.step(Event::Connected(Connection(2)));
    let wake = harness.session.wake_at().unwrap();
    assert!(wake - harness.now <= 2_000, "within what a hub waits");
    harness.now = wake;
    assert!(says_hello(&harness.step(Event::Tick)));
    harness.step(Event::Message(Connection(2), welcome(2)));
    assert!(harness.session.is_up());
    // The hub offers what the hello did not name; it is stored once.
    let again = message(&apply(1), Some(BYTES));
    let again = harness.step(Event::Message(Connection(2), again));
    assert_eq!((stores(&again), acks(&again)), (vec![], vec![]));
    assert_eq!(acks(&harness.stored(&apply(1))), [(1, Stage::Received)]);
}

#[test]
fn frames_of_an_earlier_connection_are_discarded() {
    let mut harness = Harness::up(Recovered::default());
    harness.step(Event::Disconnected(Connection(1)));
    harness.now += 1_000;
    harness.step(Event::Tick);
    harness.step(Event::Connected(Connection(2)));
    harness.step(Event::Message(Connection(2), welcome(2)));
    assert_eq!(
        stores(&harness.on_frame(message(&apply(1), Some(BYTES)))),
        []
    );
    let late = Event::Message(Connection(2), message(&apply(1), Some(BYTES)));
    assert_eq!(stores(&harness.step(late)), [(1, true)]);
}

#[test]
fn the_hub_decides_when_the_agent_comes_back() {
    let mut harness = Harness::up(Recovered::default());
    let close = Close {
        reason: CloseReason::NotLeader,
        message: String::new(),
        retry_after: 5_000,
        redirect: Some("hub-1.example:8443".into()),
    };
    harness.on_frame(ToAgent::Close(close));
    let at = harness.session.wake_at().unwrap();
    assert!(at >= harness.now + 5_000, "{at}");
    harness.now = at - 2;
    assert_eq!(harness.step(Event::Tick), []);
    let redirect = Some("hub-1.example:8443".to_owned());
    assert_eq!(
        harness.step(Event::Tick),
        [Action::Connect {
            connection: Connection(2),
            redirect
        }]
    );
}

#[test]
fn a_hub_that_falls_silent_is_given_up() {
    let mut harness = Harness::up(Recovered::default());
    harness.now += 40_000;
    assert!(
        harness
            .step(Event::Tick)
            .contains(&Action::Disconnect(Connection(1)))
    );
    assert!(!harness.session.is_up());
}

#[test]
fn content_above_the_limit_is_refused_before_it_is_fetched() {
    let size = stevedore_proto_core::limit::CONTENT as u64;
    let mut harness = Harness::up(Recovered::default());
    let over = order(
        1,
        OrderBody::Apply(ContentRef {
            digest: Digest::of(b""),
            size: size + 1,
        }),
    );
    assert_eq!(
        nacks(&harness.on_frame(message(&over, None))),
        [Reason::TooLarge]
    );
    let at = order(
        1,
        OrderBody::Apply(ContentRef {
            digest: Digest::of(b""),
            size,
        }),
    );
    assert_eq!(nacks(&harness.on_frame(message(&at, None))), []);
}
