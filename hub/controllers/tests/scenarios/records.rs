//! The hub's records about itself: its CA, and the addresses that it publishes.

use stevedore_crds::record;
use stevedore_hub_controllers::leadership::records;

use super::api_server::{Reaction, on_write};
use super::world::World;

fn made(name: &str) -> records::Material {
    (format!("certificate of {name}"), format!("key of {name}"))
}

#[tokio::test(start_paused = true)]
async fn the_authority_is_made_once_and_kept_for_every_hub_that_follows() {
    let mut world = World::with_members(&[]).await;
    let hub = world.loaded().await;
    let first = records::certificate_authority(&hub, || made("one")).await;
    assert_eq!(first.unwrap(), made("one"));
    world.crash().await;
    let hub = world.loaded().await;
    let second = records::certificate_authority(&hub, || made("other")).await;
    assert_eq!(second.unwrap(), made("one"));
}

#[tokio::test(start_paused = true)]
async fn of_two_hubs_that_make_an_authority_at_once_both_use_the_one_that_is_kept() {
    let mut world = World::with_members(&[]).await;
    let hub = world.loaded().await;
    let (one, other) = tokio::join!(
        records::certificate_authority(&hub, || made("one")),
        records::certificate_authority(&hub, || made("other")),
    );
    assert_eq!(one.unwrap(), other.unwrap());
    let creations = world.writes_since(0);
    let creations = creations.iter().filter(|call| call.name == record::CA);
    let mut codes: Vec<_> = creations.map(|call| call.code).collect();
    codes.sort_unstable();
    assert_eq!(codes, [200, 409]);
}

#[tokio::test(start_paused = true)]
async fn addresses_are_published_when_they_change_and_only_then() {
    let mut world = World::with_members(&[]).await;
    let hub = world.loaded().await;
    let place = world.api.place();
    for address in ["a.example:443", "a.example:443", "b.example:443"] {
        let addresses = [address.to_owned()];
        let published = records::publish_addresses(&hub, &addresses, "pem", "sha256:0");
        published.await.unwrap();
    }
    assert_eq!(
        world.story_since(place),
        ["create configmaps", "replace configmaps"]
    );
    let map = world.api.get("configmaps", record::HUB).unwrap();
    assert_eq!(map["data"][record::HUB_ADDRESSES], "b.example:443");
    // A conflict is an error, and not swallowed: whoever publishes ends, and is started again.
    world.api.set_rule(on_write(1, Reaction::Refuse(409)));
    let addresses = ["c.example:443".to_owned()];
    let refused = records::publish_addresses(&hub, &addresses, "pem", "sha256:0").await;
    assert!(refused.is_err());
}
