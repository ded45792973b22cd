//! Faults at every durable write of a story: it ends in the same state all the same.
//!
//! Each story is told once without a fault. Then it is told again for every durable write in it: the write is
//! refused, or its answer is lost, or the process ends before or after it and another one takes over. Agents fail
//! the test when an order number is given twice, or falls.

use stevedore_crds::record;
use stevedore_hub_core::ports::{JoinRefusal, Redemption};
use stevedore_proto_core::join::JoinSecret;

use super::api_server::{Reaction, Verb, on_write};
use super::registry::files;
use super::world::World;
use super::{seed, state};

/// Something that a hub does for people.
#[derive(Debug, Clone, Copy)]
enum Story {
    Install,
    Upgrade,
    Undo,
    Removal,
    Join,
    Raise,
}

impl Story {
    /// What is there before it begins.
    async fn world(self) -> World {
        let members = ["east", "west"];
        match self {
            Self::Install => {
                let world = World::with_members(&members).await;
                world.registry.push("v1", &files("one"));
                world
            }
            Self::Undo => {
                let mut world = World::with_package(&members).await;
                upgrade(&mut world).await;
                world.settled().await;
                world
            }
            Self::Join => {
                let world = World::with_package(&members).await;
                seed::invitation(&world.api, "north", &secret(), i64::MAX);
                world
            }
            Self::Upgrade | Self::Removal | Self::Raise => World::with_package(&members).await,
        }
    }

    /// Begins it, and waits until it is done.
    async fn happens(self, world: &mut World) {
        match self {
            Self::Install => {
                seed::package(&world.api, "demo", &world.registry.image("v1"));
                world.everywhere("demo", 1).await;
            }
            Self::Upgrade => upgrade(world).await,
            Self::Undo => {
                seed::action(&world.api, "undo", "demo", "Pin", Some(1));
                world.everywhere("demo", 1).await;
            }
            Self::Removal => {
                seed::delete(&world.api, "clusterpackages", "demo");
                world.gone("clusterpackages", "demo").await;
            }
            Self::Join => {
                let redemption = Redemption {
                    name: "north".parse().unwrap(),
                    secret: secret(),
                    cluster: seed::cluster(9),
                };
                if world.join(redemption.clone()).await == Err(JoinRefusal::TokenUsed) {
                    // Nobody knows whether the answer that was lost let the cluster in: people invite it again.
                    seed::invite_again(&world.api, "north");
                    world.join(redemption).await.unwrap();
                }
                world.everywhere("demo", 1).await;
            }
            Self::Raise => {
                seed::ask_for_raise(&world.api, record::RAISE_REQUEST, "why not");
                world.census("why not", record::RAISE_READY).await;
                seed::ask_for_raise(&world.api, record::RAISE_CONFIRM, "why not");
                world.census("why not", record::RAISE_DONE).await;
                world.everywhere_in_epoch(2).await;
            }
        }
    }

    /// Tells it once for every write in it, with each of these reactions to the write.
    async fn ends_the_same(self, reactions: &[fn(Verb) -> Reaction]) {
        let mut before = self.world().await;
        before.halt().await;
        let mut world = before.copy().await;
        let place = world.api.place();
        self.happens(&mut world).await;
        let expected = world.settled().await;
        let writes = world.writes_since(place);
        assert!(writes.len() > 3, "{writes:?}");
        let mut faults = vec![];
        for (at, write) in writes.iter().enumerate() {
            for reaction in reactions.iter().map(|reaction| reaction(write.verb)) {
                let case = format!("{reaction:?} at write {} ({write})", at + 1);
                let mut world = before.copy().await;
                world.api.set_rule(on_write(at + 1, reaction));
                self.happens(&mut world).await;
                let found = world.settled().await;
                world.halt().await;
                if let Some(difference) = state::difference(&expected, &found) {
                    faults.push(format!("{case}:\n{difference}"));
                }
            }
        }
        assert!(faults.is_empty(), "{self:?}\n{}", faults.join("\n"));
    }

    async fn ends_the_same_after_a_crash(self) {
        self.ends_the_same(&[|_| Reaction::CrashBefore, |_| Reaction::CrashAfter])
            .await;
    }

    async fn ends_the_same_after_a_refusal(self) {
        let refused = |verb| match verb {
            // What is created cannot have changed since it was read.
            Verb::Create => Reaction::Refuse(503),
            _ => Reaction::Refuse(409),
        };
        self.ends_the_same(&[refused, |_| Reaction::LoseAnswer])
            .await;
    }
}

async fn upgrade(world: &mut World) {
    let image = world.registry.push("v2", &files("two"));
    seed::set_image(&world.api, "demo", &image);
    world.everywhere("demo", 2).await;
}

fn secret() -> JoinSecret {
    JoinSecret::from_bytes([7; 32])
}

#[tokio::test(start_paused = true)]
async fn an_install_ends_the_same_after_a_crash_at_any_write() {
    Story::Install.ends_the_same_after_a_crash().await;
}

#[tokio::test(start_paused = true)]
async fn an_install_ends_the_same_when_any_write_is_refused_or_its_answer_lost() {
    Story::Install.ends_the_same_after_a_refusal().await;
}

#[tokio::test(start_paused = true)]
async fn an_upgrade_ends_the_same_after_a_crash_at_any_write() {
    Story::Upgrade.ends_the_same_after_a_crash().await;
}

#[tokio::test(start_paused = true)]
async fn an_upgrade_ends_the_same_when_any_write_is_refused_or_its_answer_lost() {
    Story::Upgrade.ends_the_same_after_a_refusal().await;
}

#[tokio::test(start_paused = true)]
async fn an_undo_ends_the_same_after_a_crash_at_any_write() {
    Story::Undo.ends_the_same_after_a_crash().await;
}

#[tokio::test(start_paused = true)]
async fn an_undo_ends_the_same_when_any_write_is_refused_or_its_answer_lost() {
    Story::Undo.ends_the_same_after_a_refusal().await;
}

#[tokio::test(start_paused = true)]
async fn a_removal_ends_the_same_after_a_crash_at_any_write() {
    Story::Removal.ends_the_same_after_a_crash().await;
}

#[tokio::test(start_paused = true)]
async fn a_removal_ends_the_same_when_any_write_is_refused_or_its_answer_lost() {
    Story::Removal.ends_the_same_after_a_refusal().await;
}

#[tokio::test(start_paused = true)]
async fn a_join_ends_the_same_after_a_crash_at_any_write() {
    Story::Join.ends_the_same_after_a_crash().await;
}

#[tokio::test(start_paused = true)]
async fn a_join_ends_the_same_when_any_write_is_refused_or_its_answer_lost() {
    Story::Join.ends_the_same_after_a_refusal().await;
}

#[tokio::test(start_paused = true)]
async fn a_raise_ends_the_same_after_a_crash_at_any_write() {
    Story::Raise.ends_the_same_after_a_crash().await;
}

#[tokio::test(start_paused = true)]
async fn a_raise_ends_the_same_when_any_write_is_refused_or_its_answer_lost() {
    Story::Raise.ends_the_same_after_a_refusal().await;
}
