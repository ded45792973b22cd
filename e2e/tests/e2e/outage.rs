//! Hub and agents that are killed: what is there stays, works on, and is never shown as better than known.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::audit_log::{agent_writes, package_writes};
use super::rollout::at_rest;
use stevedore_e2e::api::{condition, core, delete, get, list, merge, ours, uid};
use stevedore_e2e::draft::{Draft, members};
use stevedore_e2e::harness::{WITHIN, alone, await_state};
use stevedore_e2e::world::{SMALL, World, seen_on};

/// How long a lost agent may be taken for connected.
const UNKNOWN_WITHIN: Duration = Duration::from_secs(30);

async fn settled(world: &World) -> Draft {
    let draft = Draft::new("lasting", &["only"])
        .namespace("only")
        .config_map("map", "only", "ours");
    draft.roll_out(world, &members(), 1).await;
    draft
}

#[test]
fn a_hub_that_is_killed_and_starts_again_writes_nothing_on_members_and_knows_them_again() {
    alone(SMALL, async |world| {
        let draft = settled(world).await;
        let member = world.cluster("member-1");
        let written = package_writes(member, "lasting").len();
        let map = core("lasting", "configmaps", "map");
        let before = get(&member.client(), &map).await.expect("it is there");
        at_rest(member, "lasting", 1).await;
        let all = agent_writes(member).len();

        world.hub_starts_again(async || {}).await;
        world.sessions(1).await;
        draft.available(world, 1).await;
        let told = agent_writes(member).split_off(all);
        assert!(told.is_empty(), "{told:#?}");
        // Only a hub that hears the member can see this through.
        let next = draft.clone().config_map("fresh", "only", "new");
        next.upgrade(world, "2").await;
        next.available(world, 1).await;
        let writes = package_writes(member, "lasting");
        let names: Vec<_> = writes[written..]
            .iter()
            .filter_map(|entry| entry.object_ref.as_ref())
            .map(|object| object.name.as_str())
            .collect();
        assert_eq!(names, ["fresh"]);
        let after = get(&member.client(), &map).await.expect("it is there");
        assert_eq!(
            after["metadata"]["resourceVersion"],
            before["metadata"]["resourceVersion"]
        );
    });
}

#[test]
fn a_content_secret_that_somebody_deleted_is_pulled_again() {
    alone(SMALL, async |world| {
        settled(world).await;
        let client = world.client();
        let secrets = "/api/v1/namespaces/stevedore-system/secrets";
        let contents = async || -> Vec<String> {
            let all = list(&client, secrets).await;
            let named = |secret: &Value| secret["metadata"]["name"].as_str().map(str::to_owned);
            let mut names: Vec<_> = all.iter().filter_map(named).collect();
            names.retain(|name| name.starts_with("content-"));
            names
        };
        let before = contents().await;
        assert!(!before.is_empty());
        world
            .hub_starts_again(async || {
                for name in &before {
                    delete(&client, &format!("{secrets}/{name}")).await;
                }
            })
            .await;
        await_state("the content is there again", WITHIN, || async {
            let now = contents().await;
            if now == before {
                return Ok(());
            }
            Err(format!("{now:?}"))
        })
        .await;
    });
}

#[test]
fn without_a_hub_an_agent_that_starts_again_still_puts_things_right() {
    alone(SMALL, async |world| {
        settled(world).await;
        let client = world.cluster("member-1").client();
        let map = core("lasting", "configmaps", "map");
        let before = get(&client, &map).await.expect("it is there");
        world.hub.daemon.kill().await;
        world.agent("member-1").daemon.kill().await;
        merge(&client, &map, &json!({"data": {"value": "theirs"}}))
            .await
            .expect("an edit");
        world.start_agent_offline("member-1").await;
        let edited = seen_on(&client, "the edit is put back", WITHIN, &map, |map| {
            map["data"]["value"] == "ours"
        })
        .await;
        assert_eq!(uid(&edited), uid(&before));
        delete(&client, &map).await;
        seen_on(
            &client,
            "the deleted object comes back",
            WITHIN,
            &map,
            |map| map["data"]["value"] == "ours" && uid(map) != uid(&before),
        )
        .await;
    });
}

#[test]
fn a_killed_agent_is_unknown_within_thirty_seconds_and_known_again_afterwards() {
    alone(SMALL, async |world| {
        let draft = settled(world).await;
        let killed = Instant::now();
        world.agent("member-1").daemon.kill().await;
        let member = world.connected("member-1", "Unknown").await;
        let package = draft.says_unknown(world).await;
        assert!(killed.elapsed() < UNKNOWN_WITHIN, "{:?}", killed.elapsed());
        for type_ in ["Healthy", "Ready"] {
            assert_eq!(condition(&member, type_).0, "Unknown", "{member}");
        }
        assert_eq!(condition(&package, "Ready").0, "Unknown", "{package}");
        assert_eq!(package["status"]["counts"]["offline"], 1, "{package}");
        assert_eq!(package["status"]["counts"]["available"], 0, "{package}");
        let said = world
            .stevedore(["explain", "lasting", "--cluster", "member-1"])
            .await;
        assert_eq!(said.code, Some(3), "{said:?}");

        world.start_agent("member-1").await;
        world.connected("member-1", "True").await;
        let path = format!("{}/member-1", ours("memberclusters"));
        world
            .seen("its agent has said how it is", &path, |member| {
                condition(member, "Healthy").0 == "True"
            })
            .await;
        draft.available(world, 1).await;
    });
}

#[test]
fn a_package_deleted_and_made_again_while_a_member_is_away_leaves_the_new_one_alone() {
    alone(SMALL, async |world| {
        let old = Draft::new("again", &["only"])
            .inside("default")
            .config_map("common", "only", "old")
            .config_map("only-old", "only", "old");
        old.roll_out(world, &members(), 1).await;
        let client = world.cluster("member-1").client();
        world.agent("member-1").daemon.kill().await;
        world.connected("member-1", "Unknown").await;

        old.remove(world).await;
        // Ledgers are written every ten to thirty seconds.
        await_state("a ledger names the member that is away", WITHIN, || async {
            let ledgers = list(&world.client(), &ours("packageledgers")).await;
            let mut waits = ledgers.iter().map(|ledger| condition(ledger, "Drained").2);
            if waits.any(|message| message.contains("member-1")) {
                return Ok(());
            }
            Err(format!("{ledgers:?}"))
        })
        .await;
        let status = world.stevedore(["fleet", "status"]).await;
        assert!(status.out.contains("member-1"), "{status:?}");

        let new = old
            .clone()
            .without("only-old.yaml")
            .config_map("common", "only", "new");
        let image = new.push(world, "2").await;
        new.order(world, &image, &members()).await;
        world.start_agent("member-1").await;
        new.available(world, 1).await;
        world
            .gone(&client, &core("default", "configmaps", "only-old"))
            .await;
        let common = core("default", "configmaps", "common");
        await_state("the old ledger goes", WITHIN, || async {
            match list(&world.client(), &ours("packageledgers")).await.len() {
                1 => Ok(()),
                other => Err(format!("{other} ledgers")),
            }
        })
        .await;
        let found = get(&client, &common).await.expect("the new one's is there");
        assert_eq!(found["data"]["value"], "new");
        let writes = package_writes(world.cluster("member-1"), "default");
        let mut of_common = writes
            .iter()
            .filter(|entry| entry.is_about("configmaps", "common"))
            .skip_while(|entry| {
                entry
                    .response_object
                    .as_ref()
                    .is_none_or(|map| uid(map) != uid(&found))
            });
        assert!(of_common.next().is_some(), "{writes:?}");
        assert!(of_common.all(|entry| entry.verb != "delete"), "{writes:?}");
    });
}

#[test]
fn a_package_whose_finalizer_was_stripped_by_hand_is_torn_down_nowhere() {
    alone(SMALL, async |world| {
        let draft = settled(world).await;
        let member = world.cluster("member-1");
        let map = core("lasting", "configmaps", "map");
        let before = get(&member.client(), &map).await.expect("it is there");
        let written = world
            .hub_starts_again(async || {
                let strip = json!({"metadata": {"finalizers": null}});
                merge(&world.client(), &draft.path(), &strip)
                    .await
                    .expect("it is stripped");
                delete(&world.client(), &draft.path()).await;
                assert_eq!(get(&world.client(), &draft.path()).await, None);
                package_writes(member, "lasting").len()
            })
            .await;
        world.sessions(1).await;
        await_state("the ledger says so", WITHIN, || async {
            let ledger = world.ledger("lasting").await;
            let (status, reason, _) = condition(&ledger, "Drained");
            if (status, reason) == ("False", "PackageVanished") {
                return Ok(());
            }
            Err(ledger["status"].to_string())
        })
        .await;
        // The member still repairs it: nobody has ordered anything else.
        merge(
            &member.client(),
            &map,
            &json!({"data": {"value": "theirs"}}),
        )
        .await
        .expect("an edit");
        let after = seen_on(&member.client(), "it comes back", WITHIN, &map, |map| {
            map["data"]["value"] == "ours"
        })
        .await;
        assert_eq!(uid(&after), uid(&before));
        let writes = package_writes(member, "lasting").split_off(written);
        assert!(
            writes.iter().all(|entry| entry.verb == "patch"),
            "{writes:?}"
        );

        // Another package of that name is another one, and does not take over what is there.
        let other = draft.clone();
        let image = other.push(world, "2").await;
        other.order(world, &image, &members()).await;
        other.fails(world, "lasting").await;
        let still = get(&member.client(), &map).await.expect("it is there");
        assert_eq!(uid(&still), uid(&before));
    });
}
