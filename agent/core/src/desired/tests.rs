use super::*;
use crate::mark::Marking;

fn setting() -> Setting {
    Setting {
        deployment: DeploymentUid::from_bytes([1; 16]),
        order: 4,
        confined_to: None,
        digest_key: [9; 32],
        owner: None,
    }
}

fn content(phases: Value) -> Content {
    serde_json::from_value(json!({"phases": phases})).unwrap()
}

fn config_map(name: &str) -> Value {
    json!({"object": {"apiVersion": "v1", "kind": "ConfigMap",
        "metadata": {"name": name, "namespace": "ns", "creationTimestamp": null},
        "data": {"a": "1"}, "status": {"x": 1}}})
}

fn core_scope(kind: &Kind) -> Option<bool> {
    match kind.kind() {
        "ConfigMap" | "Secret" => Some(true),
        "Namespace" | "CustomResourceDefinition" | "ClusterRole" => Some(false),
        _ => None,
    }
}

fn blueprint(content: &Content, setting: &Setting) -> Result<Blueprint, Vec<String>> {
    Blueprint::of(content, setting, &core_scope)
}

fn definition() -> Value {
    json!({"object": {"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": "things.example.org"},
        "spec": {"group": "example.org", "scope": "Namespaced", "names": {"kind": "Thing"},
            "versions": [{"name": "v1"}]}}})
}

#[test]
fn a_definition_and_its_objects_may_share_a_phase_and_come_in_two_steps() {
    let thing = json!({"object": {"apiVersion": "example.org/v1", "kind": "Thing",
        "metadata": {"name": "t", "namespace": "ns"}}});
    let content = content(json!([{"name": "all", "objects": [thing, definition()]}]));
    assert!(kinds(&content).iter().all(|kind| kind.kind() != "Thing"));
    let built = blueprint(&content, &setting()).unwrap();
    assert_eq!(built.objects[0].part, PhasePart::Prerequisites);
    assert_eq!(built.objects[1].key.to_string(), "Thing ns/t");
    assert!(built.objects[1].defined_here);
}

#[test]
fn everything_wrong_with_a_set_is_named_before_anything_is_written() {
    let mut owned = config_map("owned");
    owned["object"]["metadata"]["ownerReferences"] = json!([{"name": "x"}]);
    let mut with_uid = config_map("with-uid");
    with_uid["object"]["metadata"]["uid"] = json!("u");
    let mut homeless = config_map("homeless");
    homeless["object"]["metadata"]["namespace"] = json!("");
    let unknown =
        json!({"object": {"apiVersion": "g/v1", "kind": "Nope", "metadata": {"name": "n"}}});
    let content = content(json!([
        {"name": "one", "objects": [config_map("twice"), owned, with_uid]},
        {"name": "one", "objects": [config_map("twice"), homeless, unknown, {"object": {}}]},
    ]));
    let wrong = blueprint(&content, &setting()).unwrap_err().join("\n");
    for expected in [
        "phase \"one\" is in the set more than once",
        "ConfigMap ns/twice is in the set more than once",
        "ConfigMap ns/owned: metadata.ownerReferences must not be in a package",
        "ConfigMap ns/with-uid: metadata.uid must not be in a package",
        "ConfigMap homeless: metadata.namespace is needed",
        "Nope n: the cluster serves no g/v1 Nope",
        "object 3 of phase 1: apiVersion, kind and metadata.name are needed",
    ] {
        assert!(wrong.contains(expected), "{expected} in\n{wrong}");
    }
}

#[test]
fn a_confined_set_stays_in_its_namespace() {
    let confined = Setting {
        confined_to: Some("home".into()),
        ..setting()
    };
    let mut free = config_map("free");
    free["object"]["metadata"]
        .as_object_mut()
        .unwrap()
        .remove("namespace");
    let built = blueprint(
        &content(json!([{"name": "p", "objects": [free]}])),
        &confined,
    )
    .unwrap();
    assert_eq!(built.objects[0].key.to_string(), "ConfigMap home/free");
    let role = json!({"object": {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole",
        "metadata": {"name": "r"}}});
    let escape = content(json!([{"name": "p", "objects": [role, config_map("away")]}]));
    let wrong = blueprint(&escape, &confined).unwrap_err().join("\n");
    assert!(
        wrong.contains("ClusterRole r: cluster-scoped objects are refused"),
        "{wrong}"
    );
    assert!(
        wrong.contains("ConfigMap ns/away: the set is confined to namespace \"home\""),
        "{wrong}"
    );
}

#[test]
fn the_object_limit_holds_to_the_object() {
    let with = |count: usize| {
        let objects: Vec<_> = (0..count).map(|n| config_map(&format!("m{n}"))).collect();
        blueprint(
            &content(json!([{"name": "p", "objects": objects}])),
            &setting(),
        )
    };
    assert!(with(MAX_OBJECTS).is_ok());
    assert!(with(MAX_OBJECTS + 1).is_err());
}

#[test]
fn a_body_carries_label_mark_and_guard_and_no_status() {
    let content = content(json!([{"name": "deploy", "objects": [config_map("a")]}]));
    let desired = &blueprint(&content, &setting()).unwrap().objects[0];
    let body = desired.body(&content, &setting(), &Guard::Create).unwrap();
    assert_eq!(body["metadata"]["resourceVersion"], "1");
    assert_eq!(
        body["metadata"]["labels"][label::DEPLOYMENT],
        setting().deployment.to_string()
    );
    assert!(body.get("status").is_none());
    assert!(body["metadata"].get("creationTimestamp").is_none());
    let marking = Marking::of(&body, &desired.key);
    let mark = marking.mark().unwrap();
    assert_eq!(
        (mark.order, mark.content, &*mark.phase),
        (4, desired.content, "deploy")
    );
    let guard = Guard::Change {
        uid: "u".into(),
        resource_version: "77".into(),
        left_to_others: 0,
    };
    let body = desired.body(&content, &setting(), &guard).unwrap();
    assert_eq!(
        (
            &body["metadata"]["uid"],
            &body["metadata"]["resourceVersion"]
        ),
        (&json!("u"), &json!("77"))
    );
}

#[test]
fn an_ignored_field_is_named_until_somebody_else_has_it() {
    let mut object = config_map("a");
    object["object"]["metadata"]["annotations"] = json!({(crate::drift::IGNORE_FIELDS): "data.a"});
    let content = content(json!([{"name": "p", "objects": [object]}]));
    let desired = &blueprint(&content, &setting()).unwrap().objects[0];
    let change = |left_to_others| Guard::Change {
        uid: "u".into(),
        resource_version: "2".into(),
        left_to_others,
    };
    let ours = desired.body(&content, &setting(), &change(0)).unwrap();
    assert_eq!(ours["data"]["a"], "1");
    let theirs = desired.body(&content, &setting(), &change(1)).unwrap();
    assert!(theirs.get("data").is_none());
}

#[test]
fn the_digest_of_a_secret_needs_the_key_and_a_new_order_does_not_change_digests() {
    let secret = json!({"object": {"apiVersion": "v1", "kind": "Secret",
        "metadata": {"name": "s", "namespace": "ns"}, "stringData": {"p": "x"}}});
    let content = content(json!([{"name": "p", "objects": [secret, config_map("a")]}]));
    let hashes = |setting: &Setting| -> Vec<ShortHash> {
        let built = blueprint(&content, setting).unwrap();
        built.objects.iter().map(|object| object.content).collect()
    };
    let base = hashes(&setting());
    let other_key = hashes(&Setting {
        digest_key: [8; 32],
        ..setting()
    });
    assert_ne!(base[0], other_key[0]);
    assert_eq!(base[1], other_key[1]);
    assert_eq!(
        base,
        hashes(&Setting {
            order: 5,
            ..setting()
        })
    );
}
