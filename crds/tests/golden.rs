//! The committed definitions in `deploy/crds` are what the types say.

use std::path::PathBuf;

use stevedore_crds::definitions;

/// Set to any value to write the files instead of comparing them.
const UPDATE: &str = "STEVEDORE_UPDATE_CRDS";

#[test]
fn committed_definitions_are_what_the_types_say() {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../deploy/crds");
    let mut expected = vec![];
    for (_, crd) in definitions() {
        let name = format!(
            "{}.yaml",
            crd.metadata.name.clone().expect("a definition has a name")
        );
        let yaml = format!(
            "# Generated from crds/src/v1alpha1; {UPDATE}=1 cargo test -p stevedore-crds writes it.\n{}",
            serde_saphyr::to_string(&crd)
                .unwrap()
                .trim_start_matches("---\n")
        );
        let path = folder.join(&name);
        if std::env::var_os(UPDATE).is_some() {
            std::fs::write(&path, &yaml).unwrap();
        }
        let committed = std::fs::read_to_string(&path)
            .unwrap_or_else(|error| panic!("{}: {error}; {UPDATE}=1 writes it", path.display()));
        assert!(
            committed == yaml,
            "{name} is not what the types say; {UPDATE}=1 writes it"
        );
        expected.push(name);
    }
    let mut found: Vec<_> = std::fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    found.sort();
    expected.sort();
    assert_eq!(
        found, expected,
        "deploy/crds holds a file that no type stands for"
    );
}

#[test]
fn every_field_is_described_and_every_list_and_string_is_bounded() {
    let mut faults = vec![];
    for (_, crd) in definitions() {
        let kind = crd.spec.names.kind.clone();
        let schema = serde_json::to_value(&crd.spec.versions[0].schema).unwrap();
        let root = &schema["openAPIV3Schema"]["properties"];
        for part in ["spec", "status"] {
            if root.get(part).is_some() {
                inspect(&format!("{kind}.{part}"), &root[part], &mut faults);
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

fn inspect(path: &str, schema: &serde_json::Value, faults: &mut Vec<String>) {
    // metav1.Condition is not ours: its bounds are those of Kubernetes.
    if path.ends_with(".conditions") || path.ends_with(".conditions[]") {
        return;
    }
    match schema["type"].as_str() {
        Some("string") => {
            let bounded = schema.get("maxLength").is_some()
                || schema.get("enum").is_some()
                || schema["format"] == "date-time";
            if !bounded {
                faults.push(format!("{path}: a string without maxLength"));
            }
        }
        Some("array") => {
            if schema.get("maxItems").is_none() {
                faults.push(format!("{path}: a list without maxItems"));
            }
            inspect(&format!("{path}[]"), &schema["items"], faults);
        }
        _ => {}
    }
    if let Some(properties) = schema["properties"].as_object() {
        for (name, property) in properties {
            let path = format!("{path}.{name}");
            if property.get("description").is_none() {
                faults.push(format!("{path}: no description"));
            }
            inspect(&path, property, faults);
        }
    }
}
