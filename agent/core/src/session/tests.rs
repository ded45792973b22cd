mod harness;

use std::sync::Arc;

use stevedore_proto_core::message::{Close, CloseReason};
use stevedore_proto_core::{
    ClusterUid, ContentRef, DeploymentUid, Digest, OrderBody, Reason, Stage, ToAgent, ToHub,
    content, held,
};

use super::*;
use harness::*;

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

#[test]
fn a_silent_api_server_is_told_at_once_with_every_beat_and_in_the_next_hello() {
    let silences = |actions: &[Action]| -> Vec<Option<u64>> {
        let silence = |action: &Action| match action {
            Action::Send(
                _,
                ToHub::Heartbeat {
                    api_server_silent, ..
                },
            ) => Some(*api_server_silent),
            Action::Send(_, ToHub::Hello(hello)) => Some(hello.api_server_silent),
            _ => None,
        };
        actions.iter().filter_map(silence).collect()
    };
    let mut harness = Harness::up(Recovered::default());
    assert_eq!(
        silences(&harness.step(Event::ApiServer { silent: None })),
        []
    );
    harness.now = 30_000;
    harness.on_frame(ToAgent::Beat);
    let silent = Some(22_000);
    let told = harness.step(Event::ApiServer { silent });
    assert_eq!(silences(&told), [silent]);
    harness.now += 11_999;
    assert_eq!(silences(&harness.step(Event::Tick)), [Some(34_000)]);
    harness.step(Event::Disconnected(Connection(1)));
    harness.now += 1_000;
    harness.step(Event::Tick);
    let hello = harness.step(Event::Connected(Connection(2)));
    assert_eq!(silences(&hello), [Some(35_003)]);
    harness.step(Event::Message(Connection(2), welcome(2)));
    let told = harness.step(Event::ApiServer { silent: None });
    assert_eq!(silences(&told), [None]);
}
