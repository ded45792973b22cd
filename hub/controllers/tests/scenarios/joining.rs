//! Join tokens: good once, for one name, until they end.

use jiff::Timestamp;
use stevedore_crds::record;
use stevedore_hub_core::ports::{Enrolments as _, JoinRefusal, Redemption};
use stevedore_proto_core::ClusterUid;
use stevedore_proto_core::join::JoinSecret;

use super::api_server::{Reaction, on_write};
use super::world::World;
use super::{seed, state};

fn secret() -> JoinSecret {
    JoinSecret::from_bytes([7; 32])
}

fn redemption(name: &str, cluster: ClusterUid) -> Redemption {
    Redemption {
        name: name.parse().unwrap(),
        secret: secret(),
        cluster,
    }
}

/// A hub with an invitation for `north`.
async fn invited() -> World {
    let world = World::with_members(&["east"]).await;
    seed::invitation(&world.api, "north", &secret(), i64::MAX);
    world
}

fn bound(world: &World, name: &str) -> Option<String> {
    let member = world.api.get("memberclusters", name).unwrap();
    member["spec"]["clusterUID"].as_str().map(str::to_owned)
}

#[tokio::test(start_paused = true)]
async fn a_token_is_spent_before_its_cluster_is_bound_and_lets_nobody_else_in() {
    let mut world = invited().await;
    world.settled().await;
    let place = world.api.place();
    let cluster = seed::cluster(9);
    world.join(redemption("north", cluster)).await.unwrap();
    assert_eq!(
        world.story_since(place),
        ["replace secrets", "patch memberclusters"]
    );
    assert_eq!(bound(&world, "north"), Some(cluster.to_string()));
    world
        .condition("memberclusters", "north", "Connected=True/")
        .await;

    let other = redemption("north", seed::cluster(8));
    assert_eq!(world.join(other).await, Err(JoinRefusal::TokenUsed));
    assert_eq!(bound(&world, "north"), Some(cluster.to_string()));
    world
        .condition("memberclusters", "north", "Connected=True/")
        .await;
}

#[tokio::test(start_paused = true)]
async fn of_two_calls_that_end_one_begun_join_at_once_one_succeeds() {
    let mut world = invited().await;
    world.settled().await;
    let hub = world.loaded().await;
    let asked = redemption("north", seed::cluster(9));
    // The token is spent, and nobody is bound.
    world.api.set_rule(on_write(2, Reaction::Refuse(503)));
    let begun = hub.redeem(asked.clone()).await;
    assert_eq!(begun, Err(JoinRefusal::NotLoaded));
    assert_eq!(bound(&world, "north"), None);
    world.api.clear_rule();
    let (one, other) = tokio::join!(hub.redeem(asked.clone()), hub.redeem(asked.clone()));
    let answers = [one, other].map(|answer| answer.map(drop));
    assert!(answers.contains(&Ok(())), "{answers:?}");
    assert!(
        answers.contains(&Err(JoinRefusal::TokenUsed)),
        "{answers:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn what_is_no_good_token_lets_nobody_in_and_is_not_spent() {
    let wrong = Redemption {
        secret: JoinSecret::from_bytes([8; 32]),
        ..redemption("north", seed::cluster(9))
    };
    let cases = [
        (wrong, JoinRefusal::TokenForeign),
        (
            redemption("nowhere", seed::cluster(9)),
            JoinRefusal::TokenForeign,
        ),
        (
            redemption("east", seed::cluster(9)),
            JoinRefusal::TokenForeign,
        ),
        // A member already, under another name.
        (
            redemption("north", seed::cluster(1)),
            JoinRefusal::AlreadyJoined,
        ),
    ];
    let mut world = invited().await;
    world.settled().await;
    for (redemption, refusal) in cases {
        let place = world.api.place();
        assert_eq!(world.join(redemption.clone()).await, Err(refusal));
        assert_eq!(
            world.story_since(place),
            Vec::<String>::new(),
            "{redemption:?}"
        );
    }
    // It is as good as before.
    world
        .join(redemption("north", seed::cluster(9)))
        .await
        .unwrap();
}

#[tokio::test(start_paused = true)]
async fn an_expired_token_is_refused_and_the_member_that_waits_says_so() {
    let mut world = World::with_members(&["east"]).await;
    let now = Timestamp::now().as_second();
    seed::invitation(&world.api, "north", &secret(), now - 1);
    let asked = world.join(redemption("north", seed::cluster(9))).await;
    assert_eq!(asked, Err(JoinRefusal::TokenExpired));
    world
        .condition("memberclusters", "north", "Connected=False/TokenExpired")
        .await;
}

#[tokio::test(start_paused = true)]
async fn a_member_that_is_not_accepted_cannot_join_and_its_token_stays_good() {
    let mut world = invited().await;
    seed::set(
        &world.api,
        "memberclusters",
        "north",
        "accepted",
        false.into(),
    );
    world.settled().await;
    let refused = world.join(redemption("north", seed::cluster(9))).await;
    assert_eq!(refused, Err(JoinRefusal::NotAccepted));
    seed::set(
        &world.api,
        "memberclusters",
        "north",
        "accepted",
        true.into(),
    );
    world.settled().await;
    world
        .join(redemption("north", seed::cluster(9)))
        .await
        .unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_token_that_somebody_labels_meanwhile_is_not_called_used() {
    let mut world = invited().await;
    world.settled().await;
    world.api.set_rule(on_write(1, Reaction::Refuse(409)));
    world
        .join(redemption("north", seed::cluster(9)))
        .await
        .unwrap();
    let codes: Vec<_> = world
        .writes_since(0)
        .iter()
        .filter(|write| write.name == record::join_token("north"))
        .map(|write| write.code)
        .collect();
    assert_eq!(codes, [409, 200]);
}

#[tokio::test(start_paused = true)]
async fn a_cluster_comes_back_under_its_name_with_a_new_token_while_it_has_no_session() {
    let mut world = invited().await;
    let cluster = seed::cluster(9);
    world.join(redemption("north", cluster)).await.unwrap();
    world
        .condition("memberclusters", "north", "Connected=True/")
        .await;
    seed::invite_again(&world.api, "north");
    let again = redemption("north", cluster);
    // A second identity beside a living one.
    assert_eq!(
        world.join(again.clone()).await,
        Err(JoinRefusal::AlreadyJoined)
    );
    world.agent("north").is_online = false;
    world
        .condition("memberclusters", "north", "Connected=Unknown/Lost")
        .await;
    world.join(again).await.unwrap();
    let before = state::conditions(&world.api.get("memberclusters", "north").unwrap());
    let stranger = redemption("north", seed::cluster(8));
    assert_eq!(world.join(stranger).await, Err(JoinRefusal::TokenUsed));
    // Who only knows a name changes nothing of how a joined member looks.
    let after = state::conditions(&world.api.get("memberclusters", "north").unwrap());
    assert_eq!(before, after);
}
