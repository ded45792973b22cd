//! A package whose spec asks for what cannot be had keeps what it ran before, whatever ended the pin.

use serde_json::{Value, json};

use stevedore_e2e::api::{core, get, list, ours, printed};
use stevedore_e2e::draft::{Draft, is_observed, members};
use stevedore_e2e::harness::{WITHIN, alone, await_state};
use stevedore_e2e::world::{SMALL, World, seen_on};

const NAME: &str = "held";

/// A package that was undone to its first revision, on one member.
struct Scene<'a> {
    world: &'a World,
    draft: Draft,
    /// An image that nobody pushed.
    absent: String,
}

impl<'a> Scene<'a> {
    async fn undone(world: &'a World) -> Self {
        let draft = Draft::new(NAME, &["only"])
            .namespace("only")
            .config_map("map", "only", "one");
        let scene = Self {
            world,
            absent: format!("{}/nobody/pushed", world.fleet.registry().address()),
            draft,
        };
        let image = scene.draft.push(world, "1").await;
        scene.draft.order(world, &image, &members()).await;
        scene.runs(1, "one").await;
        scene.change(&scene.edition("two").await).await;
        scene.runs(2, "two").await;
        // The status says it a moment later: that of a hub that has just started, up to two seconds.
        scene.draft.available(world, 1).await;
        world.stevedore(["rollout", "undo", NAME]).await.ok();
        scene.runs(3, "one").await;
        scene
    }

    /// An image of the package with another value, which is its tag too.
    async fn edition(&self, value: &str) -> String {
        let draft = self.draft.clone().config_map("map", "only", value);
        draft.push(self.world, value).await
    }

    async fn change(&self, image: &str) {
        let spec = json!({"image": image});
        self.draft.change(self.world, &spec).await;
    }

    /// Waits until the member runs this value, and it was ordered with this number.
    async fn runs(&self, number: i64, value: &str) {
        let what = format!("{value} was ordered with number {number}");
        let client = self.world.cluster("member-1").client();
        let map = core(NAME, "configmaps", "map");
        seen_on(&client, &what, WITHIN, &map, |map| {
            map["data"]["value"] == value
        })
        .await;
        assert_eq!(self.highest().await, number, "{what}");
    }

    /// The highest number that was ever ordered: nothing is ordered without a higher one.
    async fn highest(&self) -> i64 {
        let ledger = self.world.ledger(NAME).await;
        ledger["spec"]["highestNumber"].as_i64().expect("a number")
    }

    /// The newest spec was planned with, nothing was ordered by it, and the member runs this value.
    async fn keeps(&self, number: i64, value: &str) {
        let (what, path) = ("the newest spec was planned with", self.draft.path());
        let package = self.world.seen(what, &path, is_observed).await;
        assert_eq!(self.highest().await, number, "{}", package["status"]);
        let map = core(NAME, "configmaps", "map");
        let map = get(&self.world.cluster("member-1").client(), &map).await;
        assert_eq!(map.expect("it is there")["data"]["value"], value);
    }
}

#[test]
fn what_was_undone_is_not_ordered_again_before_the_next_content_is_there() {
    alone(SMALL, async |world| {
        let scene = Scene::undone(world).await;
        let draft = &scene.draft;
        scene.change(&scene.absent).await;
        draft
            .says(world, "Unpacked", "False", "ImagePullBackOff")
            .await;
        scene.keeps(3, "one").await;
        pin_has_ended(&scene).await;
        is_told(&scene, "ImagePullBackOff").await;

        // The next spec meets a hub that knows only what is stored.
        let broken = draft
            .clone()
            .file("broken.yaml.gotmpl", "a: {{ nosuchfunction }}\n");
        world
            .hub_starts_again(async || broken.upgrade(world, "broken").await)
            .await;
        world.sessions(1).await;
        draft.says(world, "Invalid", "True", "LoadError").await;
        scene.keeps(3, "one").await;
        is_told(&scene, "LoadError").await;

        scene.change(&format!("{}:next", scene.absent)).await;
        scene.change(&scene.edition("three").await).await;
        scene.runs(4, "three").await;
        let package = draft.available(world, 1).await;
        assert_eq!(package["status"]["revision"], 3, "{package}");
        assert_eq!(package["status"]["counts"]["updated"], 1, "{package}");
        let explained = ["explain", NAME, "--cluster", "member-1"];
        world.stevedore(explained).await.ok();
    });
}

#[test]
fn what_a_hub_that_starts_finds_undone_stays_so_until_the_next_content_is_there() {
    alone(SMALL, async |world| {
        let scene = Scene::undone(world).await;
        world
            .hub_starts_again(async || scene.change(&scene.absent).await)
            .await;
        world.sessions(1).await;
        let draft = &scene.draft;
        draft
            .says(world, "Unpacked", "False", "ImagePullBackOff")
            .await;
        scene.keeps(3, "one").await;
        pin_has_ended(&scene).await;

        // As well when it is held again, and released.
        let undo = ["rollout", "undo", NAME, "--to-revision", "1"];
        world.stevedore(undo).await.ok();
        world.stevedore(["rollout", "release", NAME]).await.ok();
        draft
            .change(world, &json!({"revisionHistoryLimit": 9}))
            .await;
        draft
            .says(world, "Unpacked", "False", "ImagePullBackOff")
            .await;
        scene.keeps(3, "one").await;
        scene.change(&scene.edition("three").await).await;
        scene.runs(4, "three").await;
        draft.available(world, 1).await;
    });
}

/// It is written down that the pin ended: no hub that starts later believes that it holds.
async fn pin_has_ended(scene: &Scene<'_>) {
    let actions = list(&scene.world.client(), &ours("packageactions")).await;
    let states = actions.iter().map(|action| &action["status"]["state"]);
    let states: Vec<_> = states.collect();
    assert_eq!(states, ["Ended"], "{actions:?}");
}

/// Whoever looks at the package learns that what runs is not what its spec asks for, and why.
async fn is_told(scene: &Scene<'_>, reason: &str) {
    let world = scene.world;
    let columns = ["Available", "Status", "Updated", "Ready", "Revision"];
    let expected = [json!("True"), json!(reason), json!(0), json!(1), json!(1)];
    // A hub that has just started hears of the member first.
    await_state("kubectl tells it", WITHIN, || async {
        let row = printed(&world.client(), &scene.draft.path()).await;
        match columns.map(|name| row.get(name).cloned().unwrap_or_default()) == expected {
            true => Ok(()),
            false => Err(format!("{row:?}")),
        }
    })
    .await;

    let said = world.stevedore(["fleet", "status"]).await.ok();
    let line = said.lines().find(|line| line.starts_with(NAME));
    let line = line.expect("the package is listed");
    assert!(
        line.contains(reason) && line.contains("revision 1 stays"),
        "{said}"
    );
    let one = world.stevedore(["fleet", "status", NAME]).await;
    assert!(one.err.contains("revision 1 stays"), "{one:?}");
    let explain = ["explain", NAME, "--cluster", "member-1"];
    let said = world.stevedore(explain).await;
    assert_eq!(said.code, Some(3), "{said:?}");
    assert!(
        said.out.contains(reason) && said.out.contains("revision 1 stays"),
        "{said:?}"
    );
    let said = world
        .stevedore(explain.into_iter().chain(["-o", "json"]))
        .await;
    let explained: Value = serde_json::from_str(&said.out).expect("JSON");
    assert_eq!(explained["standing"], "Outdated", "{said:?}");
}
