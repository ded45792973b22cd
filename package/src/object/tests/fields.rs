//! The fields that faults of objects are about, and what is said of them.

use super::*;

/// The paths of the fields that something is wrong with.
fn fields(value: Value, namespace: Option<&str>) -> Vec<String> {
    let faults = prepared(value, namespace).expect_err("a refused object");
    let fields = faults.iter().map(|it| it.field.paths().next());
    fields.map(Option::unwrap_or_default).collect()
}

#[test]
fn what_is_wrong_names_the_field_that_it_is_about() {
    let annotated =
        |key: &str, text: &str| object("ConfigMap", json!({"annotations": {key: text}}));
    let at = |key: &str| format!("metadata.annotations.{key}");
    for key in ["stevedore.dev/phase", "package-operator.run/phase"] {
        let mut value = annotated(key, "other");
        if key.starts_with("stevedore") {
            let annotations = value["metadata"]["annotations"].as_object_mut();
            annotations.unwrap().remove("package-operator.run/phase");
        }
        assert_eq!(fields(value, None)[1], at(key));
    }
    let key = "stevedore.dev/condition-map";
    let named = Some("harbour");
    assert_eq!(fields(annotated(key, "A => B"), named), [at(key)]);
    let key = "package-operator.run/condition";
    assert_eq!(fields(annotated(key, "1 +"), named), [at(key)]);
    for (metadata, field) in [
        (
            json!({"labels": {"a.example/b": 1}}),
            "metadata.labels.a.example/b",
        ),
        (
            json!({"finalizers": ["a.example/b", "c d"]}),
            "metadata.finalizers[1]",
        ),
        (json!({"uid": "1"}), "metadata.uid"),
        (json!({"name": ""}), "metadata.name"),
        (json!({"namespace": "elsewhere"}), "metadata.namespace"),
    ] {
        assert_eq!(fields(object("ConfigMap", metadata), named), [field]);
    }
    assert_eq!(fields(object("Namespace", json!({})), named), ["kind"]);
    assert_eq!(fields(json!({"apiVersion": "v1"}), named), ["kind"]);
    assert_eq!(
        fields(secret(&json!({"data": {"a": "?"}})), named),
        ["data.a"]
    );
    let bare = json!({"apiVersion": "v1", "kind": "Lamp", "metadata": {"name": "a"}});
    assert_eq!(fields(bare, named), ["metadata.annotations"]);
}

#[test]
fn a_line_of_a_condition_map_that_is_wrong_says_what_it_lacks() {
    for (line, why) in [
        ("Ready", "there is no \"=>\" in it"),
        (
            "Ready => Lit",
            "write \"Ready => example.org/Lit\" with a domain of yours",
        ),
        (" => a.example/Lit", "\"\" is no type, its name is empty"),
    ] {
        let annotations = json!({"package-operator.run/condition-map": line});
        let found = refused(object("ConfigMap", json!({"annotations": annotations})));
        assert!(found[0].1.contains(why), "{found:?}");
    }
}

#[test]
fn a_label_that_is_read_as_a_number_is_refused_with_the_way_out() {
    for value in [json!(1.5), json!(true), json!(null)] {
        let found = refused(object("ConfigMap", json!({"labels": {"version": value}})));
        assert_eq!(found[0].0, Reason::LabelsInvalid);
        assert!(found[0].1.contains("quote it"), "{found:?}");
    }
}
