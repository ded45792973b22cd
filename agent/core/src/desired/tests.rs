use super::*;
use crate::mark::Marking;

mod values;

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

fn served() -> KnownKinds {
    let mut kinds = KnownKinds::default();
    for (group, kind, namespaced) in [
        ("", "ConfigMap", true),
        ("", "Secret", true),
        ("", "Namespace", false),
        ("apiextensions.k8s.io", "CustomResourceDefinition", false),
        ("rbac.authorization.k8s.io", "ClusterRole", false),
    ] {
        kinds.add_served(Kind::new(group, "v1", kind), namespaced);
    }
    kinds
}

fn blueprint(content: &Content, setting: &Setting) -> Result<Blueprint, Vec<String>> {
    Blueprint::of(content, setting, &served())
}

/// An object of a kind that is not served.
fn gate(namespace: Option<&str>) -> Value {
    let mut metadata = json!({"name": "north"});
    if let Some(namespace) = namespace {
        metadata["namespace"] = json!(namespace);
    }
    json!({"object": {"apiVersion": "gates.example/v1", "kind": "Gate", "metadata": metadata}})
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
fn objects_of_phases_that_somebody_else_runs_are_not_the_agents() {
    let thing = json!({"object": {"apiVersion": "elsewhere.example/v1", "kind": "Thing",
        "metadata": {"name": "t"}}});
    let content = content(json!([
        {"name": "one", "class": "default", "objects": [config_map("a")]},
        {"name": "two", "class": "elsewhere", "objects": [thing, config_map("a")]},
        {"name": "three", "objects": [config_map("b")]},
    ]));
    assert!(
        kinds(&content)
            .iter()
            .all(|kind| kind.kind() == "ConfigMap")
    );
    let built = blueprint(&content, &setting()).unwrap();
    let phases: Vec<_> = built.objects.iter().map(|object| object.phase).collect();
    assert_eq!(phases, [0, 2]);
    assert_eq!(built.phases[0].delegated, None);
    let delegated = built.phases[1].delegated.as_ref().unwrap();
    assert_eq!(
        (delegated.class.as_str(), delegated.objects),
        ("elsewhere", 2)
    );
    let named = inventory(&content, &setting(), &served());
    assert_eq!(named.len(), 2, "and it takes none of them away");
}

#[test]
fn everything_wrong_with_a_set_is_named_before_anything_is_written() {
    let mut owned = config_map("owned");
    owned["object"]["metadata"]["ownerReferences"] = json!([{"name": "x"}]);
    let mut with_uid = config_map("with-uid");
    with_uid["object"]["metadata"]["uid"] = json!("u");
    let mut homeless = config_map("homeless");
    homeless["object"]["metadata"]["namespace"] = json!("");
    let content = content(json!([
        {"name": "one", "objects": [config_map("twice"), owned, with_uid]},
        {"name": "one", "objects": [config_map("twice"), homeless, {"object": {}}]},
    ]));
    let wrong = blueprint(&content, &setting()).unwrap_err().join("\n");
    for expected in [
        "phase \"one\" is in the set more than once",
        "ConfigMap ns/twice is in the set more than once",
        "ConfigMap ns/owned: metadata.ownerReferences must not be in a package",
        "ConfigMap ns/with-uid: metadata.uid must not be in a package",
        "ConfigMap homeless: metadata.namespace is needed",
        "object 2 of phase 1: apiVersion, kind and metadata.name are needed",
    ] {
        assert!(wrong.contains(expected), "{expected} in\n{wrong}");
    }
}

#[test]
fn an_object_of_a_kind_that_is_not_served_is_taken_as_it_was_written_and_may_turn_out_otherwise() {
    let of = |namespace: Option<&str>, setting: &Setting| {
        let phases = json!([{"name": "p", "objects": [config_map("a"), gate(namespace)]}]);
        let built = blueprint(&content(phases), setting).unwrap();
        assert!(!built.objects[0].unserved && built.objects[1].unserved);
        let [_, gate] = <[Desired; 2]>::try_from(built.objects).unwrap();
        let otherwise = gate.otherwise.as_ref().map(|other| other.key.to_string());
        (gate.key.to_string(), otherwise)
    };
    let confined = Setting {
        confined_to: Some("ns".into()),
        ..setting()
    };
    let written = ("Gate ns/north".to_owned(), Some("Gate north".to_owned()));
    assert_eq!(of(Some("ns"), &setting()), written);
    assert_eq!(of(None, &setting()), ("Gate north".to_owned(), None));
    for namespace in [None, Some("ns")] {
        let inside = ("Gate ns/north".to_owned(), None);
        assert_eq!(of(namespace, &confined), inside);
    }
    let away = content(json!([{"name": "p", "objects": [gate(Some("away"))]}]));
    let wrong = blueprint(&away, &confined).unwrap_err().join("\n");
    assert!(
        wrong.contains("Gate away/north: the set is confined"),
        "{wrong}"
    );
}

#[test]
fn what_turns_out_to_be_cluster_scoped_is_applied_as_if_that_had_been_known() {
    let content = content(json!([{"name": "p", "objects": [gate(Some("ns"))]}]));
    let mut assumed = blueprint(&content, &setting()).unwrap().objects.remove(0);
    let otherwise = *assumed.otherwise.take().unwrap();
    (assumed.key, assumed.content) = (otherwise.key, otherwise.content);
    let mut kinds = served();
    kinds.add_served(Kind::new("gates.example", "v1", "Gate"), false);
    let known = Blueprint::of(&content, &setting(), &kinds).unwrap();
    assumed.unserved = false;
    assert_eq!(assumed, known.objects[0]);
    let body = assumed.body(&content, &setting(), &Guard::Create).unwrap();
    assert!(body["metadata"].get("namespace").is_none(), "{body}");
}

#[test]
fn the_scope_of_a_kind_that_is_away_is_known_from_what_is_recorded() {
    let content = content(json!([{"name": "p", "objects": [gate(Some("ns"))]}]));
    let mut kinds = served();
    let older = Kind::new("gates.example", "v1beta1", "Gate");
    kinds.add_recorded(&ObjectKey::new(older, None, "south"));
    let built = Blueprint::of(&content, &setting(), &kinds).unwrap();
    let gate = &built.objects[0];
    assert_eq!(
        (gate.key.to_string().as_str(), gate.unserved),
        ("Gate north", true)
    );
    assert_eq!(gate.otherwise, None);
    let named = inventory(&content, &setting(), &kinds);
    assert_eq!(named, [(gate.key.clone(), 0)]);
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
    assert!(with(bounds::OBJECTS).is_ok());
    assert!(with(bounds::OBJECTS + 1).is_err());
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
        string_data: Box::default(),
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
        string_data: Box::default(),
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
