//! Tests of the schemas: what they know of is what is read, and what they allow is what the checks allow.

use std::collections::BTreeSet;
use std::path::Path;

use serde::Deserialize;
use stevedore_proto_core::content::LabelOperator;
use stevedore_proto_core::environment::{Environment, Fact};

use super::*;
use crate::manifest::Scope;
use crate::manifest::constraints::Platform;
use crate::manifest::fields::{LOCK, MANIFEST};
use crate::manifest::walk::Fields;

mod agreement;
mod bounds;

/// Set to any value to write the files instead of comparing them.
const UPDATE: &str = "STEVEDORE_UPDATE_SCHEMA";

#[test]
fn committed_schemas_are_what_the_code_says() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/schema");
    for (name, schema) in [
        ("packagemanifest.json", manifest()),
        ("packagemanifestlock.json", lock()),
    ] {
        let text = format!("{:#}\n", schema);
        let path = folder.join(name);
        if std::env::var_os(UPDATE).is_some() {
            std::fs::write(&path, &text).unwrap();
        }
        let committed = std::fs::read_to_string(&path)
            .unwrap_or_else(|error| panic!("{}: {error}; {UPDATE}=1 writes it", path.display()));
        assert!(
            committed == text,
            "{name} is not what the code says; {UPDATE}=1 writes it"
        );
    }
}

/// Every prefix of a path that is a field or an item of its own.
fn prefixes(form: &str) -> impl Iterator<Item = &str> {
    let ends = form.match_indices(['.', '[']).map(|(at, _)| at);
    let items = form.match_indices(']').map(|(at, _)| at + 1);
    ends.chain(items)
        .chain([0, form.len()])
        .map(|end| &form[..end])
}

/// The differences between the fields that are read and the rows of a schema.
fn differences(fields: &Fields, rows: &[Row]) -> Vec<String> {
    let mut found = Vec::new();
    let forms: BTreeSet<&str> = rows.iter().map(|row| row.form).collect();
    if forms.len() != rows.len() {
        found.push("a row is there twice".to_owned());
    }
    let known: BTreeSet<&str> = fields.known.iter().copied().flat_map(prefixes).collect();
    let missing = known.iter().filter(|form| !forms.contains(**form));
    found.extend(missing.map(|form| format!("{form:?} is read, and has no row")));
    let is_below = |form: &str| prefixes(form).any(|prefix| fields.known.contains(&prefix));
    let unknown = forms
        .iter()
        .filter(|form| !known.contains(**form) && !is_below(form));
    found.extend(unknown.map(|form| format!("{form:?} has a row, and is not read")));
    found
}

#[test]
fn every_field_that_is_read_is_in_the_schema_and_no_other() {
    for (fields, rows) in [(&MANIFEST, manifest_rows()), (&LOCK, lock_rows())] {
        assert_eq!(differences(fields, &rows), Vec::<String>::new());
        // A field that was added to the one or to the other is found.
        for known in [&fields.known[1..], &["spec.images[].size"]] {
            let others = Fields { known, ..*fields };
            assert!(!differences(&others, &rows).is_empty());
        }
    }
}

#[test]
fn everything_is_described_and_every_leaf_has_a_type() {
    fn inspect(path: &str, schema: &Value, faults: &mut Vec<String>) {
        if schema["type"].is_null() {
            faults.push(format!("{path}: no type"));
        }
        for (name, field) in schema["properties"].as_object().into_iter().flatten() {
            let path = format!("{path}.{name}");
            if field["description"].as_str().is_none_or(str::is_empty) {
                faults.push(format!("{path}: no description"));
            }
            inspect(&path, field, faults);
        }
        if let Some(items) = schema.get("items") {
            inspect(&format!("{path}[]"), items, faults);
        }
    }
    let mut faults = Vec::new();
    inspect("manifest", &manifest(), &mut faults);
    inspect("lock", &lock(), &mut faults);
    assert_eq!(faults, Vec::<String>::new());
}

/// The variants that an enum is read from, as its decoder names them.
fn variants<T: for<'de> Deserialize<'de>>() -> Vec<String> {
    let error = T::deserialize(&json!("?")).err().expect("no variant");
    let error = error.to_string();
    let names = error.split('`').skip(1).step_by(2);
    names.filter(|it| *it != "?").map(str::to_owned).collect()
}

#[test]
fn values_are_those_that_are_read() {
    let schema = manifest();
    let spec = &schema["properties"]["spec"]["properties"];
    let term = "/items/properties/selector/properties/selector/properties/matchExpressions/items";
    let operator = format!("{term}/properties/operator/enum");
    let operators = spec["availabilityProbes"].pointer(&operator).unwrap();
    assert_eq!(*operators, json!(variants::<LabelOperator>()));
    assert_eq!(spec["scopes"]["items"]["enum"], json!(variants::<Scope>()));
    let constraint = &spec["constraints"]["items"]["properties"];
    for platform in [
        &constraint["platform"]["items"],
        &constraint["platformVersion"]["properties"]["name"],
    ] {
        assert_eq!(platform["enum"], json!(variants::<Platform>()));
    }
}

#[test]
fn the_environment_of_a_test_case_is_that_of_a_member() {
    use stevedore_proto_core::environment::{HostedCluster, HyperShift, OpenShift, Proxy};
    let text = || "x".to_owned();
    let texts = || [(text(), text())].into();
    let hosted = HostedCluster {
        namespace: text(),
        name: text(),
        labels: texts(),
        annotations: texts(),
        node_selector: texts(),
    };
    let namespace = hosted.control_plane_namespace();
    let everything = Environment {
        kubernetes_version: text(),
        platform: text(),
        open_shift: Fact::Present(OpenShift {
            version: text(),
            managed: Some(texts()),
        }),
        proxy: Fact::Present(Proxy {
            http_proxy: text(),
            https_proxy: text(),
            no_proxy: text(),
        }),
        hyper_shift: Fact::Present(HyperShift {
            hosted_clusters: vec![hosted],
        }),
    };
    fn same(schema: &Value, tree: &Value) {
        let Some(fields) = schema["properties"].as_object() else {
            return;
        };
        let tree = tree.as_object().unwrap();
        assert!(fields.keys().eq(tree.keys()), "{fields:?} {tree:?}");
        for (name, field) in fields {
            same(field, &tree[name]);
        }
    }
    let schema = manifest();
    let environment =
        "/properties/test/properties/template/items/properties/context/properties/environment";
    let tree = crate::environment::tree(&everything, Some(&namespace));
    same(schema.pointer(environment).unwrap(), &tree);
}
