use std::sync::Arc;

use serde_json::{Value, json};
use stevedore_cel::Program;
use stevedore_proto_core::content::{CollisionProtection, bounds};
use stevedore_proto_core::limit;
use stevedore_proto_core::stored_size;

use super::condition::VARIABLES;
use super::*;
use crate::manifest::ManifestPhase;
use crate::violation::Reason;

mod fields;

fn phases() -> Vec<ManifestPhase> {
    vec![ManifestPhase {
        name: "deploy".to_owned(),
        class: None,
    }]
}

fn rules<'a>(phases: &'a [ManifestPhase], namespace: Option<&'a str>) -> Rules<'a> {
    Rules {
        package: "lamp",
        instance: "my-lamp",
        namespace,
        phases: Some(phases),
    }
}

fn object(kind: &str, metadata: Value) -> Value {
    let mut object = json!({"apiVersion": "v1", "kind": kind, "metadata": {"name": "a"}});
    let annotations = json!({"package-operator.run/phase": "deploy"});
    object["metadata"]["annotations"] = annotations;
    for (key, value) in metadata.as_object().into_iter().flatten() {
        match (key.as_str(), value) {
            ("annotations", Value::Object(more)) => {
                for (key, value) in more {
                    object["metadata"]["annotations"][key] = value.clone();
                }
            }
            _ => object["metadata"][key] = value.clone(),
        }
    }
    object
}

fn prepared(value: Value, namespace: Option<&str>) -> Result<Ready, Vec<Fault>> {
    let mut compile = |text: &str| {
        let program = Program::compile_condition(text, VARIABLES);
        let problem = |error: stevedore_cel::Error| (Reason::ConditionInvalid, error.to_string());
        program.map(Arc::new).map_err(problem)
    };
    prepare(value, &rules(&phases(), namespace), &mut compile)
}

fn ready(value: Value, namespace: Option<&str>) -> Result<Ready, Vec<Problem>> {
    let prepared = prepared(value, namespace);
    prepared.map_err(|faults| faults.into_iter().map(|it| it.problem).collect())
}

fn in_namespace(value: Value) -> Result<Ready, Vec<Problem>> {
    ready(value, Some("harbour"))
}

fn refused(value: Value) -> Vec<Problem> {
    in_namespace(value)
        .map(|_| ())
        .expect_err("a refused object")
}

#[test]
fn our_annotations_are_removed_labels_added_and_the_namespace_filled_in() {
    let ready = in_namespace(object("ConfigMap", json!({}))).unwrap();
    assert_eq!(
        ready.object.object,
        json!({
            "apiVersion": "v1", "kind": "ConfigMap",
            "metadata": {
                "name": "a", "namespace": "harbour",
                "labels": {"stevedore.dev/package": "lamp", "stevedore.dev/instance": "my-lamp"},
            },
        })
    );
    assert_eq!(ready.phase, "deploy");
}

#[test]
fn foreign_annotations_and_labels_stay() {
    let metadata = json!({"annotations": {"example.org/a": "b"}, "labels": {"part": "lamp"}});
    let object = in_namespace(object("ConfigMap", metadata))
        .unwrap()
        .object
        .object;
    assert_eq!(
        object["metadata"]["annotations"],
        json!({"example.org/a": "b"})
    );
    assert_eq!(object["metadata"]["labels"]["part"], "lamp");
}

#[test]
fn directives_are_read_under_either_prefix() {
    for prefix in ["package-operator.run", "stevedore.dev"] {
        let annotations = json!({
            format!("{prefix}/condition"): "config.on",
            format!("{prefix}/collision-protection"): "IfNoController",
            format!("{prefix}/condition-map"): "Available => lamp.example/Ready\n\n  Broken=>lamp.example/Broken\n",
        });
        let ready = in_namespace(object("ConfigMap", json!({"annotations": annotations}))).unwrap();
        assert_eq!(ready.condition.unwrap().program.source(), "config.on");
        assert_eq!(
            ready.object.collision_protection,
            Some(stevedore_proto_core::content::CollisionProtection::IfNoController)
        );
        let mapped: Vec<_> = ready
            .object
            .condition_mappings
            .iter()
            .map(|it| it.destination_type.as_str())
            .collect();
        assert_eq!(mapped, ["lamp.example/Ready", "lamp.example/Broken"]);
        assert!(ready.object.object["metadata"].get("annotations").is_none());
    }
}

#[test]
fn an_empty_collision_protection_is_none() {
    let annotations = json!({"package-operator.run/collision-protection": ""});
    let ready = in_namespace(object("ConfigMap", json!({"annotations": annotations}))).unwrap();
    assert_eq!(ready.object.collision_protection, None);
}

/// Refuses an object with this annotation for this reason.
fn refuses_annotation(key: &str, value: &Value, reason: Reason) {
    let annotations = json!({key: value});
    let found = refused(object("ConfigMap", json!({"annotations": annotations})));
    let is_found = found.iter().any(|(it, _)| *it == reason);
    assert!(is_found, "{annotations}: {found:?}");
}

#[test]
fn malformed_annotations_are_violations_and_never_panics() {
    let many = "A => x/y\n".repeat(33);
    for (name, value) in [
        ("condition-map", json!("Available")),
        ("condition-map", json!("A => B")),
        ("condition-map", json!("A => x/y => z")),
        ("condition-map", json!(" => x/y")),
        ("condition-map", json!(many)),
        ("collision-protection", json!("prevent")),
        ("condition", json!(true)),
    ] {
        let key = format!("package-operator.run/{name}");
        refuses_annotation(&key, &value, Reason::AnnotationInvalid);
    }
    for condition in ["config.a &&", "slef.a", "'text'"] {
        let key = "package-operator.run/condition";
        refuses_annotation(key, &json!(condition), Reason::ConditionInvalid);
    }
    let phase = "package-operator.run/phase";
    refuses_annotation(phase, &json!("other"), Reason::PhaseUnknown);
    refuses_annotation(phase, &json!(1), Reason::PhaseMissing);
    for (key, value) in [
        ("stevedore.dev/phase", json!("other")),
        ("a", json!(1)),
        ("no key", json!("a")),
    ] {
        refuses_annotation(key, &value, Reason::AnnotationInvalid);
    }
    let found = refused(
        json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a", "annotations": []}}),
    );
    let is_found = found.iter().any(|(it, _)| *it == Reason::AnnotationInvalid);
    assert!(is_found, "{found:?}");
}

#[test]
fn objects_without_kind_version_name_or_phase_are_refused() {
    for (value, reason) in [
        (json!([1]), Reason::GvkNotSet),
        (json!("text"), Reason::GvkNotSet),
        (json!({"kind": "ConfigMap"}), Reason::GvkNotSet),
        (json!({"apiVersion": "v1", "kind": 1}), Reason::GvkNotSet),
        (
            json!({"apiVersion": "a/b/c", "kind": "A"}),
            Reason::GvkNotSet,
        ),
        (json!({"apiVersion": "/v1", "kind": "A"}), Reason::GvkNotSet),
        (
            json!({"apiVersion": "v1", "kind": "A", "metadata": 1}),
            Reason::MetadataInvalid,
        ),
        (
            json!({"apiVersion": "v1", "kind": "A"}),
            Reason::MetadataInvalid,
        ),
        (
            json!({"apiVersion": "v1", "kind": "A", "metadata": {"name": "a"}}),
            Reason::PhaseMissing,
        ),
        (object("A", json!({"name": "a/b"})), Reason::MetadataInvalid),
        (object("A", json!({"name": "a%b"})), Reason::MetadataInvalid),
        (
            object("A", json!({"namespace": "A_b"})),
            Reason::MetadataInvalid,
        ),
        (object("A", json!({"label": {}})), Reason::MetadataInvalid),
        (object("A b", json!({})), Reason::GvkNotSet),
        (object(&"A".repeat(64), json!({})), Reason::GvkNotSet),
    ] {
        let found = refused(value.clone());
        assert!(
            found.iter().any(|(it, _)| *it == reason),
            "{value}: {found:?}"
        );
    }
}

#[test]
fn what_servers_and_agents_set_must_not_be_set() {
    for metadata in [
        json!({"resourceVersion": "1"}),
        json!({"uid": "1"}),
        json!({"ownerReferences": [{"name": "a"}]}),
        json!({"generateName": "a-"}),
        json!({"labels": {"stevedore.dev/deployment": "1"}}),
        json!({"annotations": {"stevedore.dev/mark": "1"}}),
    ] {
        let found = refused(object("ConfigMap", metadata.clone()));
        assert!(
            found
                .iter()
                .any(|(_, what)| what.contains("must not be set")),
            "{metadata}: {found:?}"
        );
    }
    assert!(in_namespace(object("ConfigMap", json!({"creationTimestamp": null}))).is_ok());
}

#[test]
fn labels_that_kubernetes_refuses_are_refused() {
    for labels in [
        json!({"a b": "c"}),
        json!({"a": "b c"}),
        json!({"a": 1}),
        json!({"A.b/c": "d"}),
        json!(["a"]),
        json!({"a": "x".repeat(64)}),
    ] {
        let found = refused(object("ConfigMap", json!({"labels": labels})));
        assert!(
            found.iter().any(|(it, _)| *it == Reason::LabelsInvalid),
            "{labels}: {found:?}"
        );
    }
    assert!(
        in_namespace(object(
            "ConfigMap",
            json!({"labels": {"a.b/c": "x".repeat(63), "empty": ""}})
        ))
        .is_ok()
    );
}

#[test]
fn a_namespaced_package_stays_in_its_namespace() {
    let foreign = refused(object("ConfigMap", json!({"namespace": "elsewhere"})));
    assert_eq!(foreign[0].0, Reason::NamespaceForeign);
    let cluster = refused(object("Namespace", json!({})));
    assert_eq!(cluster[0].0, Reason::ClusterScoped);
    assert!(in_namespace(object("ConfigMap", json!({"namespace": "harbour"}))).is_ok());
}

#[test]
fn a_cluster_package_names_the_namespace_of_built_in_namespaced_kinds() {
    let cluster = |value| ready(value, None);
    assert!(cluster(object("ConfigMap", json!({}))).is_err());
    assert_eq!(
        cluster(object("ConfigMap", json!({"namespace": "n"})))
            .unwrap()
            .key
            .2,
        "n"
    );
    let namespace = cluster(object("Namespace", json!({"namespace": ""}))).unwrap();
    assert!(
        namespace.object.object["metadata"]
            .get("namespace")
            .is_none()
    );
}

#[test]
fn other_kinds_of_the_operators_themselves_than_packages_are_refused_by_name() {
    for (version, kind, words) in [
        ("hosted.package-operator.run/v1", "Package", "not supported"),
        (
            "package-operator.run/v1alpha1",
            "ObjectTemplate",
            "ObjectTemplate",
        ),
        ("stevedore.dev/v1alpha1", "MemberPolicy", "MemberPolicy"),
        ("hosted.package-operator.run/v1", "A", "not supported"),
        (
            "manifests.package-operator.run/v1alpha1",
            "PackageManifest",
            "manifest.yaml",
        ),
        ("v1", "List", "List"),
    ] {
        let mut value = object(kind, json!({}));
        value["apiVersion"] = version.into();
        let found = refused(value);
        assert_eq!(found[0].0, Reason::NotSupported);
        assert!(found[0].1.contains(words), "{found:?}");
    }
    for version in [
        // A group that only ends alike is another one.
        "mypackage-operator.run/v1",
        "package-operator.run/v1alpha1",
        "stevedore.dev/v1alpha1",
    ] {
        let mut package = object("Package", json!({}));
        package["apiVersion"] = version.into();
        assert!(in_namespace(package).is_ok(), "{version}");
    }
}

#[test]
fn an_object_has_1_3_mib_stored_and_no_more() {
    let with = |bytes: usize| {
        let mut value = object("Lamp", json!({}));
        value["data"] = json!({"a": "x".repeat(bytes)});
        value
    };
    let empty = stored_size(&in_namespace(with(0)).unwrap().object.object);
    let fits = limit::STORED_OBJECT - empty;
    assert!(in_namespace(with(fits)).is_ok());
    let found = refused(with(fits + 1));
    assert_eq!(found[0].0, Reason::TooLarge);
}

fn secret(values: &Value) -> Value {
    let mut secret = object("Secret", json!({}));
    let fields = secret.as_object_mut().unwrap();
    fields.extend(values.as_object().unwrap().clone());
    secret
}

#[test]
fn values_of_a_secret_are_texts_and_never_quoted() {
    let good = json!({"stringData": {"a": "b", "c": null}, "data": {"a": "eA=="}});
    let kept = in_namespace(secret(&good)).unwrap().object.object;
    assert_eq!(kept["stringData"], good["stringData"], "digests stay");
    for (values, path) in [
        (
            json!({"stringData": {"port": 8123}}),
            "stringData[\"port\"]",
        ),
        (json!({"data": {"port": [8123]}}), "data[\"port\"]"),
        (json!({"data": {"port": "8123!"}}), "data[\"port\"]"),
        (json!({"stringData": "8123"}), "stringData: must be a map"),
    ] {
        let found = refused(secret(&values));
        assert_eq!(found[0].0, Reason::SecretInvalid);
        assert!(found[0].1.contains(path), "{found:?}");
        assert!(!found[0].1.contains("8123"), "{found:?}");
    }
}

#[test]
fn a_secret_has_what_fits_into_one_secret_and_no_more() {
    let with =
        |bytes: usize| in_namespace(secret(&json!({"stringData": {"a": "x".repeat(bytes)}})));
    let bytes_of = |ready: &Ready| serde_json::to_vec(&ready.object).unwrap().len();
    let mut fits = bounds::SECRET - bytes_of(&with(0).unwrap());
    while with(fits).is_err() {
        fits -= 1;
    }
    let mut most = with(fits).unwrap();
    most.object.collision_protection = Some(CollisionProtection::IfNoController);
    assert_eq!(bytes_of(&most), bounds::SECRET);
    assert_eq!(with(fits + 1).unwrap_err()[0].0, Reason::TooLarge);
}
