use stevedore_hub_core::session::Report;
use stevedore_proto_core::content::Phase;
use stevedore_proto_core::message::CloseReason;
use stevedore_proto_core::{Content, PackageUid, Stage, ToAgent, ToHub};

use crate::support::{SOON, cluster, hello, hub, is, open, session};

fn content(name: &str) -> Content {
    Content {
        phases: vec![Phase {
            name: name.into(),
            objects: vec![],
            ..Phase::default()
        }],
        ..Content::default()
    }
}

#[tokio::test]
async fn orders_reach_only_their_cluster_and_acks_reach_the_hub() {
    let hub = hub().await;
    let (_, one) = hub.member("one", cluster(1)).await;
    let (_, two) = hub.member("two", cluster(2)).await;
    let (mut one, mut two) = (session(&one, 1).await, session(&two, 2).await);
    two.until(|message| matches!(message, ToAgent::SnapshotComplete { .. }))
        .await;

    let package = PackageUid::from_bytes([7; 16]);
    let (deployment, tuple) = hub
        .ports
        .order(cluster(1), package, Some(&content("first")));
    hub.sessions.changed(cluster(1), [deployment]);
    hub.sessions.changed(cluster(2), [deployment]);
    let order = one
        .until(|message| matches!(message, ToAgent::Order(_)))
        .await;
    let ToAgent::Order(order) = order else {
        unreachable!()
    };
    assert_eq!(
        (order.order.deployment, order.order.tuple),
        (deployment, tuple)
    );
    assert_eq!(
        order.content.as_deref(),
        Some(content("first").to_bytes().as_slice())
    );
    assert_eq!(order.traceparent, Some(order.order.traceparent()));

    one.send(ToHub::Ack {
        deployment,
        tuple,
        stage: Stage::Received,
    })
    .await;
    let progress = |report: &Report| matches!(report, Report::Progress { tuple: at, stage: Stage::Received, .. } if *at == tuple);
    let mut reports = hub.ports.reports();
    let seen = reports.wait_for(|all| {
        all.iter()
            .any(|(of, report)| *of == cluster(1) && progress(report))
    });
    tokio::time::timeout(SOON, seen)
        .await
        .expect("no progress was reported")
        .unwrap();

    two.heartbeat().await;
    let next = two.until(|_| true).await;
    assert_eq!(next, ToAgent::Beat, "another cluster's order was sent");
}

#[tokio::test]
async fn a_content_that_is_slow_to_read_delays_its_own_order_only() {
    let hub = hub().await;
    let (_, channel) = hub.member("one", cluster(1)).await;
    let mut stream = session(&channel, 1).await;
    hub.ports.withhold(&content("slow"));
    let order = |package: u8, name| {
        let package = PackageUid::from_bytes([package; 16]);
        hub.ports.order(cluster(1), package, Some(&content(name))).0
    };
    let (slow, quick) = (order(1, "slow"), order(2, "quick"));
    hub.sessions.changed(cluster(1), [slow, quick]);
    let of = |deployment| {
        move |message: &ToAgent| {
            assert!(
                !matches!(message, ToAgent::Order(order) if order.order.deployment != deployment)
            );
            matches!(message, ToAgent::Order(_))
        }
    };
    stream.until(of(quick)).await;
    stream.heartbeat().await;
    stream.until(|message| *message == ToAgent::Beat).await;
    hub.ports.give();
    stream.until(of(slow)).await;
}

#[tokio::test]
async fn the_first_message_must_be_a_hello() {
    let hub = hub().await;
    let (_, channel) = hub.member("one", cluster(1)).await;
    let mut stream = open(&channel).await.unwrap();
    stream.heartbeat().await;
    is(&stream.closed().await, CloseReason::ProtocolError);
}

#[tokio::test]
async fn a_newer_session_supersedes_and_two_instances_are_a_duplicate_identity() {
    let hub = hub().await;
    let (_, channel) = hub.member("one", cluster(1)).await;
    let mut first = session(&channel, 1).await;
    let mut second = session(&channel, 2).await;
    is(&first.closed().await, CloseReason::Superseded);
    let mut first = session(&channel, 1).await;
    is(&second.closed().await, CloseReason::Superseded);

    let mut twin = open(&channel).await.unwrap();
    twin.send(ToHub::Hello(Box::new(hello(2)))).await;
    let close = twin.closed().await;
    is(&close, CloseReason::DuplicateIdentity);
    assert!(close.retry_after >= 590_000, "{}", close.retry_after);
    first.heartbeat().await;
    first.until(|message| *message == ToAgent::Beat).await;

    let duplicate = |report: &Report| matches!(report, Report::DuplicateIdentity { .. });
    assert!(
        hub.ports
            .reports()
            .borrow()
            .iter()
            .any(|(_, report)| duplicate(report))
    );
}

#[tokio::test]
async fn sessions_end_with_a_word_when_the_hub_stops_leading() {
    let hub = hub().await;
    let (_, channel) = hub.member("one", cluster(1)).await;
    let mut stream = session(&channel, 1).await;
    hub.ports.follow("other.example:8443");
    hub.sessions.members_changed();
    let close = stream.closed().await;
    is(&close, CloseReason::NotLeader);
    assert_eq!(close.redirect.as_deref(), Some("other.example:8443"));
}
