//! Packages that cannot work say so, change nothing they should not, and delay no other.

use serde_json::json;
use stevedore_fleet::BROKEN_IMAGE;

use super::audit_log::package_writes;
use stevedore_e2e::api::{core, create, delete, get, uid};
use stevedore_e2e::draft::{Draft, ROLLED_OUT, named, object};
use stevedore_e2e::harness::shared;
use stevedore_e2e::world::World;

const MEMBER: &str = "member-1";

/// A package that works, of one ConfigMap.
fn sound(name: &str) -> Draft {
    Draft::new(name, &["only"])
        .namespace("only")
        .config_map("map", "only", "fine")
}

/// Another package for the same cluster comes through, whatever this one waits for.
async fn delays_no_other(world: &World, name: &str) {
    let other = sound(name);
    other.roll_out(world, &named(&[MEMBER]), 1).await;
    other.remove(world).await;
}

#[test]
fn what_is_no_package_is_said_so_and_delays_no_other() {
    shared(async |world| {
        let placement = named(&[MEMBER]);
        let registry = world.fleet.registry().address();
        let absent = sound("image-absent");
        absent
            .order(world, &format!("{registry}/nobody/pushed:this"), &placement)
            .await;
        let malformed = sound("image-malformed");
        malformed
            .order(world, &format!("{registry}/UPPER CASE"), &placement)
            .await;
        let manifest = sound("bad-manifest").file("manifest.yaml", "kind: PackageManifest\n");
        manifest.install(world, &placement).await;
        let template =
            sound("bad-template").file("broken.yaml.gotmpl", "a: {{ nosuchfunction }}\n");
        template.install(world, &placement).await;

        let good = sound("good-among-bad");
        good.roll_out(world, &placement, 1).await;

        absent
            .says(world, "Unpacked", "False", "ImagePullBackOff")
            .await;
        let message = malformed.says(world, "Invalid", "True", "LoadError").await;
        assert!(message.contains("not an image reference"), "{message}");
        let message = manifest.says(world, "Invalid", "True", "LoadError").await;
        assert!(message.contains("manifest.yaml"), "{message}");
        let message = template.says(world, "Invalid", "True", "LoadError").await;
        assert!(
            message.contains("broken.yaml.gotmpl") && message.contains("nosuchfunction"),
            "{message}"
        );
        for draft in [&absent, &malformed, &manifest, &template] {
            assert!(package_writes(world.cluster(MEMBER), &draft.name).is_empty());
            draft.remove(world).await;
        }

        // What runs already stays as it is when what follows it is none of them.
        let client = world.cluster(MEMBER).client();
        let map = core("good-among-bad", "configmaps", "map");
        let before = get(&client, &map).await.expect("it is there");
        let nowhere = json!({"image": format!("{registry}/nobody/pushed:this")});
        good.change(world, &nowhere).await;
        good.says(world, "Unpacked", "False", "ImagePullBackOff")
            .await;
        let broken = good
            .clone()
            .file("broken.yaml.gotmpl", "a: {{ nosuchfunction }}\n");
        let image = broken.push(world, "2").await;
        good.change(world, &json!({"image": image})).await;
        good.says(world, "Invalid", "True", "LoadError").await;
        let after = get(&client, &map).await.expect("it is there");
        assert_eq!(after["metadata"], before["metadata"]);
        good.remove(world).await;
    });
}

#[test]
fn an_object_that_the_api_server_refuses_is_named_and_its_phase_is_not_begun() {
    shared(async |world| {
        // Nothing that is known of it without an API server is wrong.
        let service = object("v1", "Service", "refused", "wrong", "second", "");
        let draft = Draft::new("refused", &["first", "second"])
            .namespace("first")
            .config_map("sound", "second", "fine")
            .file(
                "wrong.yaml",
                &format!("{service}spec: {{ports: [{{port: 99999}}]}}\n"),
            );
        draft.install(world, &named(&[MEMBER])).await;
        let message = draft.fails(world, "wrong").await;
        assert!(message.contains("99999"), "{message}");
        draft.says(world, "Available", "False", "Invalid").await;
        delays_no_other(world, "beside-refused").await;
        let client = world.cluster(MEMBER).client();
        let sound = core("refused", "configmaps", "sound");
        assert_eq!(get(&client, &sound).await, None, "the phase was begun");

        let fixed = draft.without("wrong.yaml");
        fixed.upgrade(world, "2").await;
        fixed.available(world, 1).await;
        fixed.remove(world).await;
    });
}

#[test]
fn a_probe_that_never_passes_is_named_holds_later_phases_and_a_fix_reaches_it() {
    shared(async |world| {
        let draft = Draft::new("never", &["first", "second"])
            .probe(ROLLED_OUT)
            .namespace("first")
            .deployment("worker", "first", BROKEN_IMAGE)
            .config_map("later", "second", "fine");
        draft.install(world, &named(&[MEMBER])).await;
        draft.fails(world, "worker").await;
        draft
            .says(world, "Available", "False", "ProbeFailure")
            .await;
        delays_no_other(world, "beside-never").await;
        let client = world.cluster(MEMBER).client();
        let later = core("never", "configmaps", "later");
        assert_eq!(get(&client, &later).await, None, "a later phase was begun");

        let fixed = draft.deployment("worker", "first", "registry.example/worker:2");
        fixed.upgrade(world, "2").await;
        fixed.available(world, 1).await;
        fixed.remove(world).await;
    });
}

#[test]
fn a_foreign_object_in_the_way_is_named_and_left_alone() {
    shared(async |world| {
        let client = world.cluster(MEMBER).client();
        let foreign = json!({
            "apiVersion": "v1", "kind": "ConfigMap",
            "metadata": {"name": "foreign-map"}, "data": {"value": "theirs"},
        });
        let created = create(&client, "/api/v1/namespaces/default/configmaps", &foreign)
            .await
            .expect("a ConfigMap");
        let draft = Draft::new("collides", &["only"])
            .inside("default")
            .config_map("foreign-map", "only", "ours");
        draft.install(world, &named(&[MEMBER])).await;
        draft.fails(world, "foreign-map").await;
        draft
            .says(world, "Available", "False", "CollisionDetected")
            .await;
        delays_no_other(world, "beside-foreign").await;
        let path = core("default", "configmaps", "foreign-map");
        let now = get(&client, &path).await.expect("it is still there");
        assert_eq!(
            now["metadata"]["resourceVersion"],
            created["metadata"]["resourceVersion"]
        );

        delete(&client, &path).await;
        draft.available(world, 1).await;
        let ours = get(&client, &path).await.expect("ours is there");
        assert_ne!(uid(&ours), uid(&created));
        assert_eq!(ours["data"]["value"], "ours");
        draft.remove(world).await;
    });
}
