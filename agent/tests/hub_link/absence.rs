//! Members that were away until their certificate expired.

use std::sync::Arc;

use stevedore_agent::hub_link::{Credentials, IdentityStore as _, LinkStatus};
use stevedore_hub_core::session::Report;
use stevedore_hub_grpc::server::Settings;
use stevedore_proto_core::exchange::ExchangeRefusal;
use stevedore_runtime::clock::Clock;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use crate::support::{Agent, CLUSTER, Hub, Watched, agent, hub, now, serve, start_with};

const DAY: i64 = 24 * 3600;

/// An agent that was started with this stored identity, and no token.
async fn back(identity: Credentials, clock: Clock) -> Agent {
    let store = Arc::new(Watched::default());
    store.save(identity.clone()).await.unwrap();
    start_with(identity, store, None, clock)
}

/// An agent whose certificate was given so many days ago, for 90.
async fn given(hub: &Hub, days_ago: i64) -> Agent {
    let member = hub.ports.join("one", CLUSTER);
    back(hub.given(member, days_ago * DAY), Clock::SYSTEM).await
}

#[tokio::test]
async fn a_member_that_was_away_for_a_hundred_days_comes_back_without_a_token() {
    let hub = hub(Settings::default()).await;
    let first = agent(&hub.invite("one")).await;
    let stored = first.store.load().await.unwrap().unwrap();
    drop(first);
    let (ports, authority, address) = hub.stop().await;

    let later = Clock::shifted(100 * DAY);
    let settings = Settings {
        clock: later,
        ..Settings::default()
    };
    let _hub = serve(address, ports, authority, settings).await;
    // A clock that stood still meanwhile is no hindrance, nor is one that has been set since.
    for clock in [later, Clock::SYSTEM, Clock::shifted(-now())] {
        let mut agent = back(stored.clone(), clock).await;
        agent.synced().await;
        agent.saved(2).await;
        let next = agent.store.load().await.unwrap().unwrap();
        assert!(next.key != stored.key && next == agent.dialer.credentials());
        assert_eq!(next.joined_with, stored.joined_with);
        assert_eq!(
            *agent.store.saves.borrow(),
            2,
            "it exchanged more than once"
        );
    }
}

#[tokio::test]
async fn an_agent_that_runs_while_its_certificate_expires_exchanges_it() {
    let hub = hub(Settings::default()).await;
    let mut agent = agent(&hub.invite("one")).await;
    agent.synced().await;
    let (ports, authority, address) = hub.stop().await;
    let settings = Settings {
        clock: Clock::shifted(100 * DAY),
        ..Settings::default()
    };
    let hub = serve(address, ports, authority, settings).await;
    agent.saved(2).await;
    agent.synced().await;
    assert_eq!(hub.sessions_begun(), 2);
}

#[tokio::test]
async fn a_certificate_that_expired_more_than_a_year_ago_needs_a_token_and_says_so_everywhere() {
    let hub = hub(Settings::default()).await;
    let mut agent = given(&hub, 90 + 366).await;
    agent.lacks("CertificateTooOld").await;
    agent.lacks("cluster join NAME").await;
    assert_eq!(*agent.status.borrow(), LinkStatus::CertificateExpired);
    let told = ExchangeRefusal::CertificateTooOld;
    hub.reported("the refusal", |report| {
        *report == Report::ExchangeRefused(told)
    })
    .await;
    assert_eq!(*agent.store.saves.borrow(), 1);
    drop(agent);

    let member = hub.ports.join("one", CLUSTER);
    let old = hub.given(member, (90 + 366) * DAY);
    let token = Some(hub.invite("one"));
    let store = Arc::new(Watched::default());
    start_with(old, store, token, Clock::SYSTEM).synced().await;
}

#[tokio::test]
async fn an_expired_certificate_of_a_member_that_was_forgotten_is_of_no_use() {
    let hub = hub(Settings::default()).await;
    let member = hub.ports.join("one", CLUSTER);
    let old = hub.given(member, 100 * DAY);
    hub.ports.forget("one");
    let mut agent = back(old, Clock::SYSTEM).await;
    agent.lacks("is revoked").await;
    assert_eq!(*agent.store.saves.borrow(), 1);
    assert_eq!(hub.sessions_begun(), 0);
}

#[tokio::test]
async fn a_member_that_is_accepted_again_exchanges_its_certificate_then() {
    let hub = hub(Settings::default()).await;
    let member = hub.ports.join("one", CLUSTER);
    hub.ports.accept("one", false);
    let mut agent = back(hub.given(member, 100 * DAY), Clock::SYSTEM).await;
    agent.lacks("NotAccepted").await;
    assert_eq!(hub.sessions_begun(), 0);
    hub.ports.accept("one", true);
    agent.synced().await;
    assert!(agent.readiness.missing().is_empty());
}

#[tokio::test]
async fn a_certificate_from_an_earlier_process_is_renewed_when_it_is_old_enough_and_once() {
    let hub = hub(Settings {
        stream_age: std::time::Duration::from_secs(1),
        ..Settings::default()
    })
    .await;
    // Given forty days ago and twenty: the first is due, whatever this member's clock says.
    for (days, saves) in [(40, 2), (20, 1)] {
        for clock in [
            Clock::SYSTEM,
            Clock::shifted(-now()),
            Clock::shifted(50 * DAY),
        ] {
            let member = hub.ports.join("one", CLUSTER);
            let begun = hub.sessions_begun();
            let agent = back(hub.given(member, days * DAY), clock).await;
            agent.saved(saves).await;
            // Three sessions later it still has asked for no other one.
            hub.sessions_reach(begun + 3).await;
            assert_eq!(*agent.store.saves.borrow(), saves, "{clock:?}");
        }
    }
}

#[tokio::test]
async fn a_stored_identity_is_used_also_when_this_members_clock_says_that_it_has_ended() {
    let hub = hub(Settings::default()).await;
    let first = agent(&hub.invite("one")).await;
    let stored = first.store.load().await.unwrap().unwrap();
    drop(first);
    let store = Arc::new(Watched::default());
    store.save(stored.clone()).await.unwrap();
    let mut agent = start_with(stored, store, None, Clock::shifted(60 * DAY));
    agent.synced().await;
    assert_eq!(*agent.store.saves.borrow(), 1);
}

/// Answers whoever connects with an alert that is neither encrypted nor signed: a certificate has expired.
async fn impostor() -> String {
    const ALERT: [u8; 7] = [21, 3, 3, 0, 2, 2, 45];
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    #[expect(clippy::disallowed_methods, reason = "it ends with the test")]
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let _ = stream.read(&mut [0; 1024]).await;
            let _ = stream.write_all(&ALERT).await;
        }
    });
    address
}

#[tokio::test]
async fn nobody_but_the_hub_can_call_a_certificate_expired() {
    let hub = hub(Settings::default()).await;
    let member = hub.ports.join("one", CLUSTER);
    let misled = Credentials {
        addresses: vec![impostor().await],
        ..hub.given(member, DAY)
    };
    let mut agent = back(misled, Clock::SYSTEM).await;
    let told = |status: &LinkStatus| match status {
        LinkStatus::Unreachable(why) => why.contains("CertificateExpired"),
        _ => false,
    };
    agent.stands("told by a stranger", told).await;
}
