//! Removal is complete, in reverse order, and says what keeps it.

use serde_json::{Value, json};
use stevedore_fleet::ControlPlane;

use super::audit_log::{package_writes, statuses};
use stevedore_e2e::api::{condition, core, delete, get, in_system, list, merge, ours};
use stevedore_e2e::draft::{Draft, members, named};
use stevedore_e2e::harness::{WITHIN, alone, shared};
use stevedore_e2e::world::{SMALL, Shape, seen_on};

/// Three phases of one ConfigMap each, after one of their namespace.
fn three(name: &str) -> Draft {
    Draft::new(name, &["ground", "a", "b", "c"])
        .namespace("ground")
        .config_map("first", "a", "1")
        .config_map("second", "b", "2")
        .config_map("third", "c", "3")
}

/// The names of what was deleted in a namespace, in the order of the answers.
fn deletions(cluster: &ControlPlane, namespace: &str) -> Vec<String> {
    let mut names: Vec<_> = package_writes(cluster, namespace)
        .into_iter()
        .filter(|entry| entry.verb == "delete")
        .filter_map(|entry| entry.object_ref.map(|object| object.name))
        .collect();
    names.dedup();
    names
}

#[test]
fn a_removed_package_goes_in_reverse_and_a_finalizer_that_blocks_is_named() {
    shared(async |world| {
        let draft = three("removed");
        draft.roll_out(world, &named(&["member-3"]), 1).await;
        let member = world.cluster("member-3");
        let client = member.client();
        let map = |name| core("removed", "configmaps", name);
        let hold = json!({"metadata": {"finalizers": ["e2e.example/hold"]}});
        merge(&client, &map("second"), &hold)
            .await
            .expect("an edit");

        delete(&world.client(), &draft.path()).await;
        let says = |package: &Value| package["status"].to_string();
        let package = world
            .seen("the blocker is named", &draft.path(), |package| {
                says(package).contains("second") && says(package).contains("e2e.example/hold")
            })
            .await;
        assert_eq!(get(&client, &map("third")).await, None, "{package}");
        assert!(get(&client, &map("first")).await.is_some(), "{package}");

        let release = json!({"metadata": {"finalizers": null}});
        merge(&client, &map("second"), &release)
            .await
            .expect("an edit");
        world.gone(&world.client(), &draft.path()).await;
        world.gone(&client, "/api/v1/namespaces/removed").await;
        assert_eq!(
            deletions(member, "removed"),
            ["third", "second", "first", "removed"]
        );
    });
}

#[test]
fn a_cluster_that_leaves_the_placement_is_emptied_and_the_others_see_no_write() {
    shared(async |world| {
        let draft = three("moved");
        let image = draft.push(world, "1").await;
        let both = named(&["member-1", "member-3"]);
        draft.order(world, &image, &both).await;
        draft.available(world, 2).await;
        let before = package_writes(world.cluster("member-1"), "moved").len();

        draft
            .change(world, &json!({"placement": named(&["member-1"])}))
            .await;
        let gone = world.cluster("member-3");
        world.gone(&gone.client(), "/api/v1/namespaces/moved").await;
        assert_eq!(
            deletions(gone, "moved"),
            ["third", "second", "first", "moved"]
        );
        draft.available(world, 1).await;
        let stays = world.cluster("member-1");
        assert_eq!(package_writes(stays, "moved").len(), before);
        assert!(
            get(&stays.client(), &core("moved", "configmaps", "first"))
                .await
                .is_some()
        );
        draft.remove(world).await;
    });
}

#[test]
fn a_changed_label_that_a_package_reads_is_a_new_order_for_that_cluster_alone() {
    shared(async |world| {
        let text = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: tier\n  namespace: labelled\n  annotations: {stevedore.dev/phase: only}\ndata:\n  tier: {{ index .cluster.labels \"e2e.example/tier\" | default \"none\" | quote }}\n";
        let draft = Draft::new("labelled", &["only"])
            .namespace("only")
            .file("tier.yaml.gotmpl", text);
        draft
            .roll_out(world, &named(&["member-1", "member-2"]), 2)
            .await;
        let other = world.cluster("member-2");
        let before = package_writes(other, "labelled").len();
        let given = async || world.ledger("labelled").await["spec"]["highestNumber"].as_i64();
        let number = given().await;
        let path = core("labelled", "configmaps", "tier");

        let change = json!({"metadata": {"labels": {"e2e.example/tier": "gold"}}});
        let member = format!("{}/member-1", ours("memberclusters"));
        merge(&world.client(), &member, &change)
            .await
            .expect("a label");
        let client = world.cluster("member-1").client();
        seen_on(&client, "the label arrives", WITHIN, &path, |map| {
            map["data"]["tier"] == "gold"
        })
        .await;
        draft.available(world, 2).await;
        assert_eq!(given().await, number.map(|number| number + 1));
        let said = statuses(world.fleet.hub(), "clusterpackages", "labelled");
        assert!(!said.is_empty() && !format!("{said:?}").contains("HubDiverged"));
        assert_eq!(package_writes(other, "labelled").len(), before);
        let same = get(&other.client(), &path).await.expect("it is there");
        assert_eq!(same["data"]["tier"], "none");
        draft.remove(world).await;
    });
}

#[test]
fn a_cluster_that_is_removed_is_emptied_first_and_what_blocks_is_printed() {
    alone(SMALL, async |world| {
        let draft = Draft::one_map("drained", "ours");
        draft.roll_out(world, &members(), 1).await;
        let client = world.cluster("member-1").client();
        let map = core("default", "configmaps", "drained-map");
        let hold = json!({"metadata": {"finalizers": ["e2e.example/hold"]}});
        merge(&client, &map, &hold).await.expect("an edit");

        let remove = ["cluster", "remove", "member-1", "--timeout"];
        let said = world.stevedore(remove.into_iter().chain(["10s"])).await;
        assert_eq!(said.code, Some(3), "{said:?}");
        assert!(said.err.contains("drained"), "{said:?}");
        let release = json!({"metadata": {"finalizers": null}});
        merge(&client, &map, &release).await.expect("an edit");
        world.stevedore(remove.into_iter().chain(["2m"])).await.ok();
        assert_eq!(get(&client, &map).await, None);
        let member = format!("{}/member-1", ours("memberclusters"));
        world.gone(&world.client(), &member).await;
        draft.says(world, "Available", "Unknown", "NoTargets").await;
    });
}

#[test]
fn a_hub_that_starts_again_while_a_member_is_emptied_does_not_call_it_drained() {
    alone(SMALL, async |world| {
        let draft = Draft::one_map("leaving", "1");
        draft.roll_out(world, &members(), 1).await;
        let client = world.cluster("member-1").client();
        let map = core("default", "configmaps", "leaving-map");
        let hold = |finalizers: Value| json!({"metadata": {"finalizers": finalizers}});
        let held = merge(&client, &map, &hold(json!(["e2e.example/hold"]))).await;
        held.expect("an edit");

        let path = format!("{}/member-1", ours("memberclusters"));
        let leave = json!({"spec": {"leaving": true}});
        merge(&world.client(), &path, &leave).await.expect("it may");
        let waits = |member: &Value| {
            let (drained, _, message) = condition(member, "Drained");
            drained == "False" && message.contains("e2e.example/hold")
        };
        world.seen("what keeps it is named", &path, waits).await;
        world.hub_starts_again(async || {}).await;
        world.sessions(1).await;
        world
            .seen("what keeps it is named again", &path, waits)
            .await;

        let released = merge(&client, &map, &hold(Value::Null)).await;
        released.expect("an edit");
        world.gone(&client, &map).await;
        let drained = |member: &Value| condition(member, "Drained").0 == "True";
        world.seen("it is drained", &path, drained).await;
        let written = statuses(world.fleet.hub(), "memberclusters", "member-1");
        let said: Vec<_> = written
            .iter()
            .map(|member| condition(member, "Drained").0)
            .filter(|said| *said != "Unknown")
            .collect();
        let turn = said.iter().position(|said| *said == "True");
        let turn = turn.unwrap_or_else(|| panic!("{said:?}"));
        assert!(said[turn..].iter().all(|said| *said == "True"), "{said:?}");
    });
}

#[test]
fn a_revision_that_somebody_deletes_is_kept_while_it_runs() {
    shared(async |world| {
        let first = Draft::new("deleted", &["only"])
            .namespace("only")
            .config_map("map", "only", "1");
        first.roll_out(world, &named(&["member-2"]), 1).await;
        let upgrade = async |tag: &str| {
            let draft = first.clone().config_map("map", "only", tag);
            draft.upgrade(world, tag).await;
            draft.available(world, 1).await;
        };
        upgrade("2").await;

        let all = in_system("packagerevisions");
        let revisions = list(&world.client(), &all).await;
        let mut revisions = revisions.iter();
        let newest = revisions
            .find(|one| one["spec"]["package"]["name"] == "deleted" && one["spec"]["number"] == 2);
        let name = newest.expect("revision 2")["metadata"]["name"].as_str();
        let path = format!("{all}/{}", name.expect("a name"));
        delete(&world.client(), &path).await;
        // A plan that follows gives orders from what is kept.
        first.change(world, &json!({"paused": true})).await;
        first.says_any(world, "Paused", "True").await;
        let package = first.change(world, &json!({"paused": false})).await;
        assert_eq!(package["status"]["revision"], 2);
        first.available(world, 1).await;
        let map = core("deleted", "configmaps", "map");
        let map = get(&world.cluster("member-2").client(), &map).await;
        assert_eq!(map.expect("it is there")["data"]["value"], "2");
        let ledger = world.ledger("deleted").await;
        let contents = ledger["spec"]["contents"].as_array().expect("contents");
        assert!(contents.iter().all(|content| content["revision"] == 2));

        upgrade("3").await;
        world.gone(&world.client(), &path).await;
        first.remove(world).await;
    });
}

#[test]
fn a_package_without_clusters_that_is_deleted_while_no_hub_runs_leaves_nothing_behind() {
    const HUB_ONLY: Shape = Shape { joined: 0, ..SMALL };
    alone(HUB_ONLY, async |world| {
        let client = world.client();
        let draft = Draft::new("unplaced", &["only"])
            .namespace("only")
            .config_map("map", "only", "ours");
        draft.install(world, &named(&[])).await;
        draft.says_any(world, "Unpacked", "True").await;
        let revisions = in_system("packagerevisions");
        let kept = list(&client, &revisions).await;
        assert_eq!(kept.len(), 1, "{kept:?}");
        let content = kept[0]["spec"]["contentSecrets"][0].as_str();
        let content = core("stevedore-system", "secrets", content.expect("a name"));
        assert!(get(&client, &content).await.is_some());

        world
            .hub_starts_again(async || delete(&client, &draft.path()).await)
            .await;
        world.gone(&client, &draft.path()).await;
        world.gone(&client, &content).await;
        assert_eq!(list(&client, &revisions).await, Vec::<Value>::new());
    });
}
