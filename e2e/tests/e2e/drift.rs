//! Drift is put back, and said: objects that others edit, delete or strip of their label.

use serde_json::{Value, json};

use super::audit_log::{package_writes, statuses};
use stevedore_e2e::api::{condition, core, delete, get, list, merge, uid};
use stevedore_e2e::draft::{Draft, named};
use stevedore_e2e::harness::{WITHIN, await_state, shared};
use stevedore_e2e::world::{World, seen_on};

const MEMBER: &str = "member-2";

async fn settled(world: &World, name: &str) -> (Draft, String) {
    let draft = Draft::new(name, &["only"])
        .namespace("only")
        .config_map("map", "only", "ours");
    draft.roll_out(world, &named(&[MEMBER]), 1).await;
    let path = core(name, "configmaps", "map");
    (draft, path)
}

#[test]
fn an_edited_object_comes_back_and_its_editor_is_named() {
    shared(async |world| {
        let (draft, path) = settled(world, "edited").await;
        let client = world.cluster(MEMBER).client();
        let before = get(&client, &path).await.expect("it is there");
        let edit = format!("{path}?fieldManager=intruder");
        merge(&client, &edit, &json!({"data": {"value": "theirs"}}))
            .await
            .expect("an edit");
        let after = seen_on(&client, "it comes back", WITHIN, &path, |map| {
            map["data"]["value"] == "ours"
        })
        .await;
        assert_eq!(uid(&after), uid(&before));
        let events = "/apis/events.k8s.io/v1/namespaces/default/events";
        await_state("an Event names the editor", WITHIN, || async {
            let notes: Vec<_> = list(&client, events)
                .await
                .iter()
                .map(|event| event["note"].to_string())
                .collect();
            let named = |note: &String| note.contains("intruder") && note.contains("edited/map");
            if notes.iter().any(named) {
                return Ok(());
            }
            Err(notes.join("; "))
        })
        .await;
        draft.remove(world).await;
    });
}

#[test]
fn a_deleted_object_comes_back() {
    shared(async |world| {
        let (draft, path) = settled(world, "deleted").await;
        let client = world.cluster(MEMBER).client();
        let before = get(&client, &path).await.expect("it is there");
        delete(&client, &path).await;
        let after = seen_on(&client, "it comes back", WITHIN, &path, |map| {
            uid(map) != uid(&before)
        })
        .await;
        assert_eq!(after["data"]["value"], "ours");
        draft.remove(world).await;
    });
}

#[test]
fn an_object_without_its_label_is_neither_made_again_nor_gone() {
    shared(async |world| {
        let (draft, path) = settled(world, "unlabelled").await;
        let client = world.cluster(MEMBER).client();
        let before = get(&client, &path).await.expect("it is there");
        let member = world.cluster(MEMBER);
        let written = package_writes(member, "unlabelled").len();
        let said = statuses(member, "clusterobjectsets", "unlabelled-").len();
        let label = "stevedore.dev/deployment";
        let removed = json!({"metadata": {"labels": {(label): Value::Null}}});
        merge(&client, &path, &removed).await.expect("an edit");
        let after = seen_on(&client, "the label comes back", WITHIN, &path, |map| {
            !map["metadata"]["labels"][label].is_null()
        })
        .await;
        assert_eq!(uid(&after), uid(&before), "it was made again");
        // The repair is one change of the object that is there: nobody tried to create it.
        let writes = package_writes(member, "unlabelled").split_off(written);
        let told: Vec<_> = writes
            .iter()
            .map(|entry| (entry.verb.as_str(), entry.code()))
            .collect();
        assert_eq!(told, [("patch", 200)]);
        for set in &statuses(member, "clusterobjectsets", "unlabelled-")[said..] {
            assert_eq!(
                condition(set, "Available").0,
                "True",
                "it counted as gone: {set}"
            );
        }
        let package = draft.available(world, 1).await;
        assert_eq!(package["status"]["counts"]["failed"], 0, "{package}");
        draft.remove(world).await;
    });
}
