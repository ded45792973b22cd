//! Tests that schemas and checks agree: on the files of this tree, and on what is wrong.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use stevedore_template::yaml;

use crate::files::PackageFiles;
use crate::kickstart;
use crate::manifest::model::ManifestImage;
use crate::manifest::{Scope, lock, read, schema};
use crate::warning::Warnings;

pub(super) const MANIFEST: &str = "manifest.yaml";
const LOCK: &str = "manifest.lock.yaml";

/// Everything that is wrong with a file by its schema.
fn by_schema(file: &str, text: &str) -> Vec<String> {
    let schema = match file {
        MANIFEST => schema::manifest(),
        _ => schema::lock(),
    };
    let validator = jsonschema::draft7::new(&schema).unwrap();
    let value = yaml::document(file, text.as_bytes()).unwrap().value;
    let errors = validator.iter_errors(&value);
    errors
        .map(|it| format!("{}: {it}", it.instance_path()))
        .collect()
}

/// Everything that is wrong with it by the checks, and all warnings.
fn by_checks(file: &str, text: &str) -> Vec<String> {
    let mut files = PackageFiles::new();
    files.insert(file, text.as_bytes().to_vec()).unwrap();
    let mut warnings = Warnings::default();
    let found = match file {
        MANIFEST => read(&files, None).map_or_else(
            |found| found,
            |read| {
                warnings = read.manifest.warnings;
                read.violations
            },
        ),
        _ => {
            let value = yaml::document(file, text.as_bytes()).unwrap().value;
            let images = value.pointer("/spec/images").and_then(Value::as_array);
            let wanted = images.into_iter().flatten().map(|it| ManifestImage {
                name: it["name"].as_str().unwrap_or_default().to_owned(),
                image: it["image"].as_str().unwrap_or_default().to_owned(),
            });
            let wanted: Vec<ManifestImage> = wanted.collect();
            lock::load(&files, Some(&wanted), &mut warnings)
                .err()
                .unwrap_or_default()
        }
    };
    let warnings = warnings.list().iter().map(ToString::to_string);
    found
        .iter()
        .map(ToString::to_string)
        .chain(warnings)
        .collect()
}

pub(super) fn is_right(file: &str, text: &str, what: &str) {
    let nothing = Vec::<String>::new();
    assert_eq!(by_checks(file, text), nothing, "{what}");
    assert_eq!(by_schema(file, text), nothing, "{what}");
}

pub(super) fn is_wrong(file: &str, text: &str, what: &str) {
    assert!(!by_checks(file, text).is_empty(), "{what}: no check");
    assert!(!by_schema(file, text).is_empty(), "{what}: no schema");
}

/// Manifests and lock files below a folder of this tree.
fn collect(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        // That of `init` is made of a template, which is no YAML.
        let is_other = name.starts_with('.') || path.ends_with("kickstart/example");
        if path.is_dir() && !is_other && name != "target" && name != "node_modules" {
            collect(&path, found);
        } else if matches!(
            name.rsplit_once('.'),
            Some(("manifest" | "manifest.lock", "yaml" | "yml"))
        ) && path.is_file()
        {
            found.push(path);
        }
    }
}

#[test]
fn what_the_checks_take_of_this_tree_fits_the_schemas() {
    let mut found = Vec::new();
    let tree = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    collect(&tree.canonicalize().unwrap(), &mut found);
    let mut taken = 0;
    for path in found {
        let text = std::fs::read_to_string(&path).unwrap();
        let is_lock = path.to_str().unwrap().contains("manifest.lock.");
        let file = if is_lock { LOCK } else { MANIFEST };
        if by_checks(file, &text).is_empty() {
            taken += 1;
            let nothing = Vec::<String>::new();
            assert_eq!(by_schema(file, &text), nothing, "{}", path.display());
        }
    }
    assert!(taken >= 5, "{taken} manifests and lock files are right");
    for scope in [Scope::Cluster, Scope::Namespaced] {
        let files = kickstart::example("lamp", scope).unwrap();
        let manifest = files.get(MANIFEST).unwrap();
        is_right(MANIFEST, std::str::from_utf8(manifest).unwrap(), "init");
    }
}

/// A manifest with every field.
pub(super) fn full() -> Value {
    let test = json!({"name": "one", "context": {
        "package": {
            "metadata": {"name": "a", "namespace": "b", "labels": {"a": "b"}, "annotations": {"a": "b"}},
            "image": "registry.example/a:1",
        },
        "config": {"replicas": 3},
        "environment": {"kubernetes": {"version": "v1.33.1"}, "hyperShift": {"hostedCluster": null}},
        "cluster": {"name": "north", "labels": {"region": "north"}},
    }});
    json!({
        "apiVersion": "manifests.package-operator.run/v1alpha1",
        "kind": "PackageManifest",
        "metadata": {"name": "lamp", "labels": {"a": "b"}},
        "spec": {
            "scopes": ["Cluster", "Namespaced"],
            "components": {},
            "phases": [{"name": "one", "class": "default"}, {"name": "two"}],
            "availabilityProbes": [{
                "selector": {
                    "kind": {"group": "apps", "kind": "Deployment"},
                    "selector": {
                        "matchLabels": {"a": "b"},
                        "matchExpressions": [
                            {"key": "a", "operator": "In", "values": ["b", ""]},
                            {"key": "c", "operator": "Exists"},
                        ],
                    },
                },
                "probes": [
                    {"condition": {"type": "Available", "status": "True"}},
                    {"fieldsEqual": {"fieldA": ".spec.a", "fieldB": ".status.a"}},
                    {"cel": {"rule": "true", "message": "never"}},
                ],
            }],
            "config": {"openAPIV3Schema": {"type": "object", "properties": {"replicas": {"type": "integer"}}}},
            "filter": {
                "conditions": [{"name": "isLarge", "expression": "true"}],
                "paths": [{"glob": "large/**", "expression": "cond.isLarge"}],
            },
            "constraints": [
                {"platform": ["OpenShift"]},
                {"platformVersion": {"name": "Kubernetes", "range": ">=1.30"}},
                {"uniqueInScope": {}},
            ],
            "images": [{"name": "lamp", "image": "registry.example/lamp:1"}],
        },
        "test": {"template": [test], "kubeconform": {"kubernetesVersion": "v1.29.5"}},
    })
}

fn full_lock() -> Value {
    let digest = stevedore_proto_core::digest::Digest::of(b"").to_string();
    json!({
        "apiVersion": "manifests.package-operator.run/v1alpha1",
        "kind": "PackageManifestLock",
        "metadata": {"creationTimestamp": "2024-08-16T07:59:23Z"},
        "spec": {
            "images": [{"name": "lamp", "image": "registry.example/lamp:1", "digest": digest}],
            "dependencies": [],
        },
    })
}

/// The same with another value somewhere, or without one.
pub(super) fn with(mut document: Value, pointer: &str, value: Option<Value>) -> String {
    let (parent, last) = pointer.rsplit_once('/').unwrap();
    let parent = document
        .pointer_mut(parent)
        .unwrap_or_else(|| panic!("{pointer}"));
    match (parent, value) {
        (Value::Object(map), Some(value)) => drop(map.insert(last.to_owned(), value)),
        (Value::Object(map), None) => drop(map.remove(last)),
        (parent, value) => parent[last.parse::<usize>().unwrap()] = value.unwrap(),
    }
    document.to_string()
}

#[test]
fn a_manifest_and_a_lock_file_with_every_field_are_right() {
    is_right(MANIFEST, &full().to_string(), "the manifest");
    is_right(LOCK, &full_lock().to_string(), "the lock file");
}

#[test]
fn what_a_manifest_needs_is_needed_by_both() {
    for pointer in [
        "/apiVersion",
        "/kind",
        "/spec",
        "/spec/scopes",
        "/spec/phases",
        "/spec/phases/0/name",
        "/spec/availabilityProbes/0/selector",
        "/spec/availabilityProbes/0/selector/kind/kind",
        "/spec/availabilityProbes/0/selector/selector/matchExpressions/0/key",
        "/spec/availabilityProbes/0/selector/selector/matchExpressions/0/operator",
        "/spec/availabilityProbes/0/selector/selector/matchExpressions/0/values",
        "/spec/availabilityProbes/0/probes",
        "/spec/availabilityProbes/0/probes/0/condition",
        "/spec/availabilityProbes/0/probes/0/condition/type",
        "/spec/availabilityProbes/0/probes/1/fieldsEqual/fieldA",
        "/spec/availabilityProbes/0/probes/1/fieldsEqual/fieldB",
        "/spec/availabilityProbes/0/probes/2/cel/rule",
        "/spec/filter/conditions/0/name",
        "/spec/filter/conditions/0/expression",
        "/spec/filter/paths/0/glob",
        "/spec/filter/paths/0/expression",
        "/spec/constraints/1/platformVersion/name",
        "/spec/constraints/1/platformVersion/range",
        "/spec/images/0/name",
        "/spec/images/0/image",
        "/test/template/0/name",
    ] {
        is_wrong(MANIFEST, &with(full(), pointer, None), pointer);
    }
    for pointer in [
        "/apiVersion",
        "/kind",
        "/spec/images/0/name",
        "/spec/images/0/image",
        "/spec/images/0/digest",
    ] {
        is_wrong(LOCK, &with(full_lock(), pointer, None), pointer);
    }
}

#[test]
fn only_a_component_needs_no_name_which_no_schema_can_see() {
    for pointer in ["/metadata", "/metadata/name"] {
        let text = with(full(), pointer, None);
        assert_eq!(
            by_schema(MANIFEST, &text),
            Vec::<String>::new(),
            "{pointer}"
        );
        let root = by_checks(MANIFEST, &text).join("\n");
        assert!(root.contains("metadata.name: Required value"), "{root}");
        let mut files = PackageFiles::new();
        let component = with(
            serde_json::from_str(&text).unwrap(),
            "/spec/components",
            None,
        );
        files.insert(MANIFEST, component.into_bytes()).unwrap();
        let read = read(&files, Some("bulb")).map_err(|found| format!("{found:?}"));
        assert_eq!(read.unwrap().violations, []);
    }
}

#[test]
fn values_that_are_wrong_are_refused_by_both() {
    let case = "/test/template/0/context";
    for (pointer, value) in [
        ("/apiVersion", json!("v1")),
        ("/kind", json!("PackageManifestLock")),
        ("/metadata/name", json!("no label")),
        ("/metadata/name", json!("")),
        ("/metadata/name", json!(1)),
        ("/spec", json!([])),
        ("/spec/colour", json!("red")),
        ("/spec/Scopes", json!(["Cluster"])),
        ("/spec/dependencies", json!([])),
        ("/spec/repositories", json!([])),
        ("/spec/scopes", json!([])),
        ("/spec/scopes", json!("Cluster")),
        ("/spec/scopes", json!(["Planet"])),
        ("/spec/components", json!([])),
        ("/spec/phases", json!([])),
        ("/spec/phases", json!({"name": "one"})),
        ("/spec/phases/0", json!("one")),
        ("/spec/phases/0/name", json!("")),
        ("/spec/phases/0/order", json!(1)),
        ("/spec/phases/0/class", json!("no label")),
        ("/spec/config/openAPIV3Schema", json!("object")),
        ("/spec/filter/conditions/0/name", json!("is-large")),
        ("/spec/filter/conditions/0/name", json!("1st")),
        ("/spec/filter/conditions/0/name", json!("")),
        ("/spec/filter/conditions/0/expression", json!("\n")),
        ("/spec/filter/paths/0/glob", json!("")),
        ("/spec/constraints/0/platform", json!(["Nomad"])),
        ("/spec/constraints/0/platform", json!("OpenShift")),
        ("/spec/constraints/1/platformVersion/name", json!("Nomad")),
        ("/spec/constraints/1/platformVersion/range", json!("")),
        ("/spec/constraints/2/uniqueInScope", json!(true)),
        ("/spec/images", json!({"lamp": "registry.example/lamp:1"})),
        ("/spec/images/0/name", json!("")),
        ("/spec/images/0/image", json!("")),
        ("/test/template", json!({})),
        ("/test/template/0/name", json!("a/b")),
        (&format!("{case}/package/metadata/name"), json!("no label")),
        (&format!("{case}/package/metadata/labels"), json!({"a": 1})),
        (&format!("{case}/environment/kubernetes/version"), json!([])),
        (&format!("{case}/environment/kubernetes"), json!("v1.33.1")),
        (&format!("{case}/cluster/labels"), json!([])),
    ] {
        let text = with(full(), pointer, Some(value.clone()));
        is_wrong(MANIFEST, &text, &format!("{pointer} {value}"));
    }
}

#[test]
fn probes_that_are_wrong_are_refused_by_both() {
    let probes = "/spec/availabilityProbes/0";
    let expressions = format!("{probes}/selector/selector/matchExpressions");
    for (pointer, value) in [
        (&format!("{probes}/selector"), json!({})),
        (&format!("{probes}/selector/kind/kind"), json!("")),
        (
            &format!("{probes}/selector/selector/matchLabels"),
            json!({"a": true}),
        ),
        (&format!("{probes}/probes"), json!([])),
        (&format!("{probes}/probes/0"), json!({"http": {}})),
        (&format!("{probes}/probes/0/condition/type"), json!("")),
        (&format!("{probes}/probes/0/condition/status"), json!(true)),
        (&format!("{probes}/probes/0/condition/status"), json!("")),
        (
            &format!("{probes}/probes/1/fieldsEqual/fieldA"),
            json!(".."),
        ),
        (&format!("{probes}/probes/2/cel/rule"), json!(" ")),
        (&format!("{expressions}/0/operator"), json!("Like")),
        (&format!("{expressions}/0/values"), json!([])),
        (&format!("{expressions}/1/values"), json!(["a"])),
    ] {
        let text = with(full(), pointer, Some(value.clone()));
        is_wrong(MANIFEST, &text, &format!("{pointer} {value}"));
    }
}

#[test]
fn a_lock_file_that_is_wrong_is_refused_by_both() {
    let long = format!("sha256:{}", "0".repeat(65));
    for (pointer, value) in [
        ("/apiVersion", json!("v1")),
        ("/kind", json!("PackageManifest")),
        ("/signed", json!(true)),
        ("/spec/images", json!({})),
        ("/spec/images/0/size", json!(1)),
        ("/spec/images/0/name", json!("")),
        ("/spec/images/0/image", json!("")),
        ("/spec/images/0/digest", json!("")),
        ("/spec/images/0/digest", json!(long[..70])),
        ("/spec/images/0/digest", json!(long)),
        ("/spec/images/0/digest", json!(long[..71].replace('0', "A"))),
        (
            "/spec/images/0/digest",
            json!(long[..71].replace("256", "512")),
        ),
        ("/spec/dependencies", json!([{"name": "a"}])),
    ] {
        let text = with(full_lock(), pointer, Some(value.clone()));
        is_wrong(LOCK, &text, &format!("{pointer} {value}"));
    }
}
