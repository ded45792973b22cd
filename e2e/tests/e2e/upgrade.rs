//! An upgrade from one content to the next, and back.

use serde_json::{Value, json};
use stevedore_fleet::{AuditEntry, ControlPlane};

use super::audit_log::package_writes;
use stevedore_e2e::api::{core, get, uid};
use stevedore_e2e::draft::{Draft, members};
use stevedore_e2e::harness::alone;
use stevedore_e2e::world::{SMALL, World};

/// What was written, as verbs and names.
fn told(entries: &[AuditEntry]) -> Vec<String> {
    let mut all: Vec<_> = entries
        .iter()
        .filter_map(|entry| {
            Some(format!(
                "{} {}",
                entry.verb,
                entry.object_ref.as_ref()?.name
            ))
        })
        .collect();
    all.sort();
    all.dedup();
    all
}

/// What is known of the package on its one member.
struct Scene<'a> {
    world: &'a World,
    member: &'a ControlPlane,
    /// How many writes have been looked at.
    written: usize,
    uids: [String; 2],
}

impl Scene<'_> {
    async fn map(&self, name: &str) -> Option<Value> {
        get(&self.member.client(), &core("upgraded", "configmaps", name)).await
    }

    async fn uids_now(&self) -> [String; 2] {
        let (kept, changed) = (self.map("kept").await, self.map("changed").await);
        [kept, changed].map(|map| uid(&map.expect("it is there")).to_owned())
    }

    /// Nothing was made again, and just this was written since the last look.
    async fn wrote(&mut self, expected: [&str; 3]) {
        assert_eq!(self.uids_now().await, self.uids, "an object was made again");
        let writes = package_writes(self.member, "upgraded");
        assert_eq!(told(&writes[self.written..]), expected);
        self.written = writes.len();
    }

    async fn runs(&self, draft: &Draft, revision: i64) -> Value {
        let what = format!("revision {revision} runs");
        let package = self
            .world
            .seen(&what, &draft.path(), |package| {
                package["status"]["revision"] == revision
            })
            .await;
        draft.available(self.world, 1).await;
        package
    }

    /// How many contents went from the hub to members, with orders or for themselves.
    async fn transfers(&self) -> u64 {
        let inline = "stevedore_hub_contents_inline_total";
        let fetched = "stevedore_hub_contents_sent_total";
        self.world.hub_counter(inline).await + self.world.hub_counter(fetched).await
    }

    async fn prunes(&self, name: &str) {
        let path = core("upgraded", "configmaps", name);
        self.world.gone(&self.member.client(), &path).await;
    }
}

#[test]
fn an_upgrade_changes_only_what_differs_and_undo_needs_no_registry() {
    alone(SMALL, async |world| {
        let first = Draft::new("upgraded", &["one", "two"])
            .namespace("one")
            .config_map("kept", "one", "same")
            .config_map("changed", "two", "old")
            .config_map("dropped", "two", "old");
        first.roll_out(world, &members(), 1).await;
        let member = world.cluster("member-1");
        let mut scene = Scene {
            world,
            member,
            written: package_writes(member, "upgraded").len(),
            uids: Default::default(),
        };
        scene.uids = scene.uids_now().await;

        let second = first
            .clone()
            .without("dropped.yaml")
            .config_map("changed", "two", "new")
            .config_map("added", "two", "new");
        let newer = second.push(world, "2").await;
        second.change(world, &json!({"image": newer})).await;
        scene.runs(&second, 2).await;
        scene.prunes("dropped").await;
        scene
            .wrote(["delete dropped", "patch added", "patch changed"])
            .await;

        assert_eq!(scene.transfers().await, 2, "one for each new content");
        world.fleet.registry().stop().await;
        let history = ["rollout", "history", "upgraded"];
        let history = world.stevedore(history).await.ok();
        assert!(
            history.contains(":1") && history.contains(":2"),
            "{history}"
        );
        let undo = ["rollout", "undo", "upgraded"];
        world.stevedore(undo).await.ok();
        let package = scene.runs(&first, 1).await;
        assert_eq!(package["spec"]["image"], newer, "undo edited the spec");
        scene.prunes("added").await;
        scene
            .wrote(["delete added", "patch changed", "patch dropped"])
            .await;
        let changed = scene.map("changed").await.expect("it is there");
        assert_eq!(changed["data"]["value"], "old");

        let release = ["rollout", "release", "upgraded"];
        world.stevedore(release).await.ok();
        scene.runs(&second, 2).await;
        let transfers = scene.transfers().await;
        assert_eq!(transfers, 2, "the member had what it was sent");
    });
}
