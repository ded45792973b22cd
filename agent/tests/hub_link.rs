//! The agent's link against the hub's own server, over real TLS on loopback. Only Kubernetes is in memory.

#![allow(
    clippy::unwrap_used,
    reason = "helpers of tests end the test as tests do"
)]

#[path = "hub_link/absence.rs"]
mod absence;
#[path = "hub_link/clocks.rs"]
mod clocks;
#[path = "hub_link/support.rs"]
mod support;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use stevedore_agent::hub_link::{Credentials, IdentityStore, JoinError, LinkStatus, MemoryStore};
use stevedore_hub_core::session::Report;
use stevedore_hub_grpc::server::Settings;
use stevedore_proto_core::join::JoinToken;
use stevedore_proto_core::message::CloseReason;
use stevedore_proto_core::{ClusterUid, Content, Digest, PackageUid, Stage, limit};

use stevedore_runtime::clock::Clock;

use support::{CLUSTER, PACKAGE, Watched, agent, content, hub, obtain, serve, start, start_with};

#[tokio::test]
async fn a_joined_agent_makes_orders_durable_and_acknowledges_them_whatever_their_size() {
    let hub = hub(Settings::default()).await;
    let mut agent = agent(&hub.invite("one")).await;
    agent.synced().await;
    // One that travels with its order, one that is fetched.
    for size in [1_000, 3 * limit::INLINE_CONTENT] {
        let content = content(size);
        let (deployment, tuple) = hub.ports.order(CLUSTER, PACKAGE, Some(&content));
        hub.sessions.changed(CLUSTER, [deployment]);
        hub.reported("the ack", |report| {
            matches!(report, Report::Progress { tuple: at, stage: Stage::Received, .. } if *at == tuple)
        })
        .await;
        let orders = agent.orders.stored.lock().unwrap();
        let (order, bytes, carried) = &orders[&deployment];
        assert_eq!(order.tuple, tuple);
        assert_eq!(bytes.as_deref(), Some(content.to_bytes().as_slice()));
        assert_eq!(carried.unwrap().trace_id(), order.trace_id());
    }
}

#[tokio::test]
async fn a_content_is_fetched_once_there_is_room_beside_those_that_are_not_stored_yet() {
    let hub = hub(Settings::default()).await;
    let mut agent = agent(&hub.invite("one")).await;
    agent.synced().await;
    let order = |id, content: &Content| {
        let package = PackageUid::from_bytes([id; 16]);
        let (deployment, _) = hub.ports.order(CLUSTER, package, Some(content));
        agent.orders.held_up.send_modify(|held_up| {
            held_up.extend((id < 3).then_some(deployment));
        });
        hub.sessions.changed(CLUSTER, [deployment]);
        deployment
    };
    // Room for two of them. The third one is lost, which is told as soon as it is asked for.
    let large = limit::CONTENT / 4 * 3;
    let two = [order(1, &content(large)), order(2, &content(large + 1))];
    agent.storing(&two).await;
    let third = content(large + 2);
    order(3, &third);
    hub.ports.lose(&third);
    for id in 4..8 {
        agent.storing(&[order(id, &content(100))]).await;
    }
    let refused = |report: &Report| matches!(report, Report::Refused { .. });
    let refusal = |(_, report): &(ClusterUid, Report)| refused(report);
    assert!(!hub.ports.reports().borrow().iter().any(refusal));
    agent.orders.held_up.send_modify(BTreeSet::clear);
    hub.reported("that there is no third", refused).await;
}

#[tokio::test]
async fn an_agent_joins_only_the_hub_that_its_token_names() {
    let hub = hub(Settings::default()).await;
    let other = self::hub(Settings::default()).await;
    let misled = JoinToken {
        addresses: vec![other.address.to_string()],
        ..hub.invite("one")
    };
    let store = MemoryStore::default();
    let error = obtain(&store, Some(&misled), Clock::SYSTEM)
        .await
        .unwrap_err();
    assert!(
        matches!(&error, JoinError::Dial(_)) && format!("{error:?}").contains("Foreign"),
        "{error:?}"
    );
    assert_eq!(store.load().await, Ok(None));
}

#[tokio::test]
async fn a_stored_identity_needs_no_token_and_a_new_token_replaces_it() {
    let hub = hub(Settings::default()).await;
    let store = Watched::default();
    let no_token = obtain(&store, None, Clock::SYSTEM).await.unwrap_err();
    assert!(matches!(no_token, JoinError::NoToken));

    let token = hub.invite("one");
    let first = obtain(&store, Some(&token), Clock::SYSTEM).await.unwrap();
    assert_eq!(obtain(&store, None, Clock::SYSTEM).await.unwrap(), first);
    assert_eq!(
        obtain(&store, Some(&token), Clock::SYSTEM).await.unwrap(),
        first,
        "the used token was used again"
    );
    assert_eq!(Credentials::from_data(&first.to_data()), Ok(first.clone()));

    let elsewhere = obtain(&MemoryStore::default(), Some(&token), Clock::SYSTEM)
        .await
        .unwrap_err();
    assert_eq!(elsewhere.reason(), Some("TokenUsed"));

    // Forgotten and invited again: the old identity is of no use, the new token is taken.
    hub.ports.forget("one");
    let second = obtain(&store, Some(&hub.invite("one")), Clock::SYSTEM)
        .await
        .unwrap();
    assert_ne!(first, second);
    start(second, Arc::new(store)).synced().await;
}

#[tokio::test]
async fn an_identity_that_cannot_be_saved_yet_is_kept_for_its_token_is_used_up() {
    let hub = hub(Settings::default()).await;
    let store = Watched::default();
    store.failures.store(2, Ordering::Relaxed);
    let token = hub.invite("one");
    let received = obtain(&store, Some(&token), Clock::SYSTEM).await.unwrap();
    assert_eq!(store.load().await, Ok(Some(received)));
    let again = obtain(&MemoryStore::default(), Some(&token), Clock::SYSTEM).await;
    assert_eq!(again.unwrap_err().reason(), Some("TokenUsed"));
}

#[tokio::test]
async fn a_forgotten_member_is_told_so() {
    let hub = hub(Settings::default()).await;
    let mut agent = agent(&hub.invite("one")).await;
    agent.synced().await;
    hub.ports.forget("one");
    hub.sessions.members_changed();
    let revoked = |status: &LinkStatus| {
        matches!(
            status,
            LinkStatus::Refused {
                reason: CloseReason::Revoked,
                ..
            }
        )
    };
    agent.stands("revoked", revoked).await;
}

#[tokio::test]
async fn a_renewal_keeps_the_session_and_the_next_one_uses_the_new_certificate() {
    let hub = hub(Settings {
        member_seconds: 6,
        ..Settings::default()
    })
    .await;
    let mut agent = agent(&hub.invite("one")).await;
    let first = agent.dialer.credentials();
    agent.synced().await;
    // The first one was saved when joining.
    agent.saved(2).await;
    assert_eq!(
        (hub.sessions_begun(), agent.status.borrow().clone()),
        (1, LinkStatus::Synced),
        "the session was dropped"
    );
    assert_ne!(
        agent.store.load().await.unwrap().unwrap().key,
        first.key,
        "the key was kept"
    );

    // The session ends with the certificate it was made with, and comes back with the next one.
    hub.reported("a second session", |report| {
        matches!(report, Report::Connected { incarnation: 2, .. })
    })
    .await;
    agent.synced().await;
    let lost = |(_, report): &(ClusterUid, Report)| matches!(report, Report::Lost);
    assert!(
        !hub.ports.reports().borrow().iter().any(lost),
        "the member counted as lost"
    );
}

/// An identity of another hub, at the address of this one.
fn foreign(address: String) -> Credentials {
    let key = rcgen::KeyPair::generate().unwrap();
    let certificate = rcgen::CertificateParams::default()
        .self_signed(&key)
        .unwrap()
        .der()
        .to_vec();
    Credentials {
        chain: vec![certificate.clone()],
        key: key.serialize_der(),
        authorities: vec![certificate],
        addresses: vec![address],
        joined_with: Digest::of(b"an older token"),
    }
}

#[tokio::test]
async fn an_agent_whose_hub_was_set_up_anew_says_so_and_joins_it_with_a_new_token_while_it_runs() {
    let hub = hub(Settings::default()).await;
    let store = Arc::new(Watched::default());
    let foreign = foreign(hub.address.to_string());
    store.save(foreign.clone()).await.unwrap();
    let mut agent = start(foreign, store);
    agent
        .stands("another hub's", |status| {
            matches!(status, LinkStatus::ForeignHub(_))
        })
        .await;
    agent.lacks("there is no new join token").await;
    assert_eq!(*agent.store.saves.borrow(), 1);
    drop(agent);

    let store = Arc::new(Watched::default());
    let foreign = self::foreign(hub.address.to_string());
    let token = Some(hub.invite("one"));
    start_with(foreign, store, token, Clock::SYSTEM)
        .synced()
        .await;
}

#[tokio::test]
async fn a_revoked_agent_joins_again_with_a_new_token_while_it_runs() {
    let hub = hub(Settings::default()).await;
    let mut agent = agent(&hub.invite("one")).await;
    let first = agent.dialer.credentials();
    agent.synced().await;
    hub.ports.forget("one");
    // The first answer cannot be saved, and the token can be used once.
    agent.store.failures.store(1, Ordering::Relaxed);
    *agent.token.lock().unwrap() = Some(hub.invite("one"));
    hub.sessions.members_changed();
    agent.saved(2).await;
    agent.synced().await;
    assert_ne!(agent.dialer.credentials(), first);
}

#[tokio::test]
async fn an_agent_comes_back_when_its_hub_does() {
    let hub = hub(Settings::default()).await;
    let mut agent = agent(&hub.invite("one")).await;
    agent.synced().await;
    let (ports, authority, address) = hub.stop().await;
    let gone = |status: &LinkStatus| !matches!(status, LinkStatus::Synced | LinkStatus::Connected);
    agent.stands("without its hub", gone).await;

    let again = serve(address, ports, authority, Settings::default()).await;
    agent.synced().await;
    let (deployment, _) = again.ports.order(CLUSTER, PACKAGE, None);
    again.sessions.changed(CLUSTER, [deployment]);
    again
        .reported("the ack", |report| {
            matches!(report, Report::Progress { .. })
        })
        .await;
}
