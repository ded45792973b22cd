//! Members whose clock is wrong.

use std::sync::Arc;
use std::time::Duration;

use stevedore_agent::hub_link::{IdentityStore as _, LinkStatus};
use stevedore_hub_core::session::Report;
use stevedore_hub_grpc::server::Settings;
use stevedore_proto_core::clock::ClockOffset;
use stevedore_runtime::clock::Clock;

use crate::support::{
    CLUSTER, Hub, PACKAGE, Watched, agent_with, content, hub, now, obtain, start_with,
};

/// How far a member's clock is ahead, in seconds.
fn offsets() -> [i64; 5] {
    [600, -600, 25 * 3600, -25 * 3600, -now() + 60]
}

/// What the hub heard last of a member's clock.
fn said(hub: &Hub) -> ClockOffset {
    let reports = hub.ports.reports();
    let all = reports.borrow();
    let time = all.iter().rev().find_map(|(_, report)| match report {
        Report::Connected { time, .. } => *time,
        _ => None,
    });
    ClockOffset::between(time.expect("a time"), Clock::SYSTEM.unix_millis())
}

#[tokio::test]
async fn a_member_with_a_wrong_clock_joins_works_and_comes_back_and_both_sides_name_it() {
    for ahead in offsets() {
        let hub = hub(Settings::default()).await;
        let clock = Clock::shifted(ahead);
        let mut agent = agent_with(&hub.invite("one"), clock).await;
        agent.synced().await;
        let (deployment, tuple) = hub.ports.order(CLUSTER, PACKAGE, Some(&content(1_000)));
        hub.sessions.changed(CLUSTER, [deployment]);
        hub.reported(
            "the ack",
            |report| matches!(report, Report::Progress { tuple: at, .. } if *at == tuple),
        )
        .await;
        for offset in [agent.clock.offset().expect("it was heard"), said(&hub)] {
            let wrong = offset.ahead_seconds().abs_diff(ahead);
            assert!(offset.is_skew() && wrong < 60, "{ahead}: {offset}");
        }
        let stored = agent.store.load().await.unwrap().unwrap();
        drop(agent);
        // Started again with what is stored.
        let store = Arc::new(Watched::default());
        let identity = {
            store.save(stored).await.unwrap();
            obtain(store.as_ref(), None, clock).await
        };
        let mut agent = start_with(identity.unwrap(), store, None, clock);
        agent.synced().await;
        assert_eq!(*agent.store.saves.borrow(), 1, "{ahead}");
    }
}

#[tokio::test]
async fn a_clock_that_agrees_is_named_by_nobody() {
    let hub = hub(Settings::default()).await;
    let mut agent = agent_with(&hub.invite("one"), Clock::shifted(-60)).await;
    agent.synced().await;
    assert!(!agent.clock.offset().expect("it was heard").is_skew());
    assert!(!said(&hub).is_skew());
}

#[tokio::test]
async fn a_member_whose_clock_is_ahead_does_not_renew_without_pause() {
    let hub = hub(Settings {
        stream_age: Duration::from_secs(1),
        // A life that the member's clock is beyond from the first moment on.
        member_seconds: 24 * 3600,
        ..Settings::default()
    })
    .await;
    let agent = agent_with(&hub.invite("one"), Clock::shifted(25 * 3600)).await;
    hub.sessions_reach(3).await;
    assert_eq!(*agent.store.saves.borrow(), 1);
}

#[tokio::test]
async fn a_hub_whose_certificate_has_expired_is_refused_whatever_the_members_clock_shows() {
    let day = 24 * 3600;
    // Its certificate ended ten days ago, as that of a hub whose key was stolen may have.
    let hub = hub(Settings {
        clock: Clock::shifted(-100 * day),
        ..Settings::default()
    })
    .await;
    let member = hub.ports.join("one", CLUSTER);
    for ahead in [0, -now() + 60, -50 * day] {
        let store = Arc::new(Watched::default());
        let clock = Clock::shifted(ahead);
        let mut agent = start_with(hub.given(member, 0), store, None, clock);
        let refused = |status: &LinkStatus| match status {
            LinkStatus::Unreachable(why) => why.contains("has expired by the clock of this member"),
            _ => false,
        };
        agent.stands("refusing the hub", refused).await;
    }
    assert_eq!(hub.sessions_begun(), 0);
}

#[tokio::test]
async fn a_clock_that_is_months_ahead_is_named_as_what_may_be_wrong() {
    let hub = hub(Settings::default()).await;
    let far = Clock::shifted(100 * 24 * 3600);
    let store = Watched::default();
    let error = obtain(&store, Some(&hub.invite("one")), far).await;
    let error = format!("{:#}", anyhow::Error::new(error.unwrap_err()));
    assert!(error.contains("if the clock is wrong, set it"), "{error}");
}
