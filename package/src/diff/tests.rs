use serde_json::json;

use super::*;

fn content(phases: &[(&str, Vec<Value>)]) -> Content {
    let phases: Vec<Value> = phases
        .iter()
        .map(|(name, objects)| {
            let objects: Vec<Value> = objects
                .iter()
                .map(|object| json!({"object": object}))
                .collect();
            json!({"name": name, "objects": objects})
        })
        .collect();
    serde_json::from_value(json!({"phases": phases})).unwrap()
}

fn object(kind: &str, name: &str, data: Value) -> Value {
    json!({"apiVersion": "v1", "kind": kind, "metadata": {"name": name, "namespace": "ns"}, "data": data})
}

fn names(group: &Group) -> Vec<String> {
    group.objects.iter().map(ToString::to_string).collect()
}

#[test]
fn objects_that_change_in_the_same_way_are_one_group() {
    let map = |name: &str, value: &str| object("ConfigMap", name, json!({"a.b": value}));
    let before = content(&[("one", vec![map("a", "1"), map("b", "1"), map("gone", "1")])]);
    let after = content(&[("one", vec![map("a", "2"), map("b", "2"), map("new", "1")])]);
    let found = difference(&before, &after);
    let [added, removed, changed] = &found.objects[..] else {
        panic!("{found:#?}");
    };
    assert_eq!(names(added), ["ConfigMap ns/new"]);
    assert_eq!(names(removed), ["ConfigMap ns/gone"]);
    assert_eq!(names(changed), ["ConfigMap ns/a", "ConfigMap ns/b"]);
    let fields = vec![FieldChange {
        field: "data[\"a.b\"]".into(),
        before: Some("1".into()),
        after: Some("2".into()),
    }];
    let expected = Change::Changed {
        phase: None,
        fields,
        more: 0,
    };
    assert_eq!(changed.change, expected);
    assert!(difference(&before, &before).is_empty());
}

#[test]
fn values_of_secrets_are_never_told() {
    let secret = |mut value: Value| {
        let metadata = value.as_object_mut().unwrap().remove("metadata");
        let mut secret = object("Secret", "s", Value::Null);
        secret
            .as_object_mut()
            .unwrap()
            .extend(value.as_object().unwrap().clone());
        if let Some(Value::Object(more)) = metadata {
            secret["metadata"].as_object_mut().unwrap().extend(more);
        }
        content(&[("one", vec![secret])])
    };
    let last = "kubectl.kubernetes.io/last-applied-configuration";
    for (before, after) in [
        (
            json!({"data": {"key": "marker-1"}}),
            json!({"data": {"key": "marker-2", "tls.crt": "marker-3"}}),
        ),
        (json!({"data": {"key": "marker-1"}}), json!({"data": null})),
        (json!({"data": ["marker-1"]}), json!({"data": ["marker-2"]})),
        (json!({"stringData": {"a": "marker-1"}}), json!({})),
        (
            json!({"Data": {"a": "marker-1"}}),
            json!({"databases": "marker"}),
        ),
        (
            json!({"metadata": {"annotations": {last: "marker"}}}),
            json!({}),
        ),
        (
            json!({"metadata": {"annotations": {last: "marker"}}}),
            json!({"metadata": {"annotations": {last: "marker 2"}}}),
        ),
    ] {
        let found = difference(&secret(before), &secret(after));
        let told = serde_json::to_string(&found).unwrap();
        assert!(!found.is_empty() && !told.contains("marker"), "{told}");
        assert!(told.contains(HIDDEN), "{told}");
    }
    let kind = |kind: &str| secret(json!({"type": kind}));
    let found = difference(&kind("Opaque"), &kind("kubernetes.io/tls"));
    let told = serde_json::to_string(&found).unwrap();
    assert!(told.contains("kubernetes.io/tls"), "{told}");
}

#[test]
fn a_phase_that_is_new_and_an_object_that_moves_are_differences() {
    let map = || object("ConfigMap", "a", json!({}));
    let before = content(&[("one", vec![map()]), ("two", vec![])]);
    let after = content(&[("one", vec![]), ("two", vec![map()]), ("three", vec![])]);
    let found = difference(&before, &after);
    let moved = Replaced {
        before: "one".to_owned(),
        after: "two".to_owned(),
    };
    let Change::Changed { phase, fields, .. } = &found.objects[0].change else {
        panic!("{found:?}");
    };
    assert_eq!((phase, &fields[..]), (&Some(moved), &[][..]));
    assert_eq!(found.phases.unwrap().after.len(), 3);
}

#[test]
fn what_a_package_says_of_an_object_and_of_its_phase_is_compared_too() {
    let before = content(&[("one", vec![object("ConfigMap", "a", json!({}))])]);
    let mut after = before.clone();
    after.phases[0].class = Some("remote".to_owned());
    let protection = stevedore_proto_core::content::CollisionProtection::None;
    after.phases[0].objects[0].collision_protection = Some(protection);
    let found = difference(&before, &after);
    let Change::Changed { fields, .. } = &found.objects[0].change else {
        panic!("{found:?}");
    };
    assert_eq!(fields[0].field, "collisionProtection");
    assert_eq!(
        found.phases.unwrap().after[0].class.as_deref(),
        Some("remote")
    );
    let mut probed = before.clone();
    probed.availability_probes.push(Default::default());
    assert!(difference(&before, &probed).probes);
}

#[test]
fn what_is_too_much_is_counted_and_still_tells_groups_apart() {
    let many = |last: &str| {
        let map = |name: &str, last: &str| {
            let fields = (0..150).map(|at| (format!("k{at:03}"), Value::from(last)));
            let last = if name == "a" { "other" } else { last };
            let fields = fields.chain([("z".to_owned(), last.into())]);
            object("ConfigMap", name, Value::Object(fields.collect()))
        };
        content(&[("one", vec![map("a", last), map("b", last)])])
    };
    let found = difference(&many("1"), &many("2"));
    let more = |group: &Group| match group.change {
        Change::Changed { more, .. } => more,
        _ => 0,
    };
    let counted: Vec<usize> = found.objects.iter().map(more).collect();
    assert_eq!(counted, [50, 51]);
}
