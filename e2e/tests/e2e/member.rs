//! Damage to Stevedore on a member takes no workload away, and nothing hangs.

use serde_json::{Value, json};
use stevedore_fleet::Extent;

use super::audit_log::package_writes;
use stevedore_e2e::api::{core, create, delete, get, list, ours, uid};
use stevedore_e2e::draft::{Draft, members};
use stevedore_e2e::harness::{WITHIN, alone, await_state};
use stevedore_e2e::world::{SMALL, Shape, World, seen_on};

/// With a garbage collector on the member.
const COLLECTED: Shape = Shape {
    extent: Extent::Controllers,
    ..SMALL
};

const DEFINITIONS: &str = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";

/// Two ConfigMaps in the namespace `default`, which no controller has to empty.
async fn settled(world: &World) -> Draft {
    let draft = Draft::new("staying", &["one", "two"])
        .inside("default")
        .config_map("staying-a", "one", "ours")
        .config_map("staying-b", "two", "ours");
    draft.roll_out(world, &members(), 1).await;
    draft
}

fn maps() -> [String; 2] {
    ["staying-a", "staying-b"].map(|name| core("default", "configmaps", name))
}

async fn uids(world: &World) -> Vec<String> {
    let client = world.cluster("member-1").client();
    let mut all = vec![];
    for path in maps() {
        let found = get(&client, &path).await;
        let found = found.expect("the workload is there");
        // What no owner keeps, the garbage collector never takes.
        assert!(found["metadata"]["ownerReferences"].is_null(), "{found}");
        all.push(uid(&found).to_owned());
    }
    all
}

/// An object that only its owner keeps, a set: the garbage collector takes it when it has looked at what the set's
/// end means.
async fn owned_by(client: &kube::Client, set: &Value) -> String {
    let owner = json!({
        "apiVersion": "stevedore.dev/v1alpha1",
        "kind": "ClusterObjectSet",
        "name": set["metadata"]["name"],
        "uid": set["metadata"]["uid"],
    });
    let canary = json!({
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "canary", "ownerReferences": [owner]},
    });
    let maps = "/api/v1/namespaces/default/configmaps";
    create(client, maps, &canary).await.expect("a ConfigMap");
    core("default", "configmaps", "canary")
}

async fn delete_sets(world: &World) -> Vec<String> {
    let client = world.cluster("member-1").client();
    let mut names = vec![];
    for set in list(&client, &ours("clusterobjectsets")).await {
        let name = set["metadata"]["name"].as_str().expect("a name").to_owned();
        delete(&client, &format!("{}/{name}", ours("clusterobjectsets"))).await;
        names.push(name);
    }
    names
}

#[test]
fn a_set_that_is_deleted_by_hand_is_written_again_and_its_objects_stay() {
    alone(COLLECTED, async |world| {
        settled(world).await;
        let before = uids(world).await;
        let client = world.cluster("member-1").client();
        let sets = list(&client, &ours("clusterobjectsets")).await;
        let old = uid(&sets[0]).to_owned();
        let canary = owned_by(&client, &sets[0]).await;
        let names = delete_sets(world).await;
        let path = format!("{}/{}", ours("clusterobjectsets"), names[0]);
        await_state("the set is written again", WITHIN, || async {
            match get(&client, &path).await {
                Some(set) if uid(&set) != old => Ok(()),
                other => Err(format!("{other:?}")),
            }
        })
        .await;
        world.gone(&client, &canary).await;
        assert_eq!(uids(world).await, before);
        let deleted = |entry: &stevedore_fleet::AuditEntry| entry.verb == "delete";
        let writes = package_writes(world.cluster("member-1"), "default");
        assert!(!writes.iter().any(deleted), "a workload was deleted");
    });
}

#[test]
fn a_package_deleted_after_its_set_was_removed_by_hand_is_still_torn_down_completely() {
    alone(SMALL, async |world| {
        let draft = settled(world).await;
        let agent = world.agent("member-1");
        agent.daemon.kill().await;
        assert_eq!(delete_sets(world).await.len(), 1);
        delete(&world.client(), &draft.path()).await;
        agent.daemon.start().await.expect("the agent starts");
        let client = world.cluster("member-1").client();
        for path in maps() {
            world.gone(&client, &path).await;
        }
        world.gone(&world.client(), &draft.path()).await;
    });
}

#[test]
fn an_agent_that_is_uninstalled_with_its_definitions_leaves_every_workload() {
    alone(COLLECTED, async |world| {
        let draft = settled(world).await;
        let before = uids(world).await;
        let member = world.cluster("member-1");
        let client = member.client();
        let agent = world.agent("member-1");
        agent.daemon.kill().await;
        let kinds = [
            "clusterobjectsets",
            "objectsets",
            "clusterobjectdeployments",
            "objectdeployments",
        ];
        for kind in kinds {
            delete(&client, &format!("{DEFINITIONS}/{kind}.stevedore.dev")).await;
        }
        for kind in kinds {
            world
                .gone(&client, &format!("{DEFINITIONS}/{kind}.stevedore.dev"))
                .await;
        }
        assert_eq!(uids(world).await, before);

        stevedore_fleet::install::install_member(&client)
            .await
            .expect("it can be installed again");
        agent.daemon.start().await.expect("the agent starts");
        draft.available(world, 1).await;
        assert_eq!(uids(world).await, before, "an object was made again");
    });
}

#[test]
fn deleting_our_definition_on_a_member_under_a_running_agent_deletes_no_workload() {
    alone(SMALL, async |world| {
        let draft = settled(world).await;
        let before = uids(world).await;
        let client = world.cluster("member-1").client();
        let definition = format!("{DEFINITIONS}/clusterobjectsets.stevedore.dev");
        delete(&client, &definition).await;
        world.gone(&client, &definition).await;
        assert_eq!(uids(world).await, before);

        stevedore_fleet::install::install_member(&client)
            .await
            .expect("it can be installed again");
        let sets = ours("clusterobjectsets");
        await_state("the set is written again", WITHIN, || async {
            match list(&client, &sets).await.len() {
                0 => Err("no set".to_owned()),
                _ => Ok(()),
            }
        })
        .await;
        let seen = seen_on(&client, "the workload", WITHIN, &maps()[0], |_| true).await;
        assert_eq!(uid(&seen), before[0]);
        assert_eq!(uids(world).await, before);
        draft.available(world, 1).await;
    });
}
