use serde_json::json;

use super::super::preview::Previewed;
use super::super::source::tests::{lamp, loaded, manifest, map};
use super::*;

fn previewed(loaded: &super::super::source::Loaded) -> Previewed {
    let given = Options::default().without_network(None).unwrap();
    given.render(loaded).unwrap()
}

#[test]
fn phases_objects_components_and_what_is_left_out_are_drawn() {
    let previewed = previewed(&lamp());
    let tree = model::tree(&previewed.rendered, &previewed.record).unwrap();
    let expected = "\
lamp as Package default/lamp: 3 objects, 2 left out
├── phase base
│   └── ConfigMap default/base (base.yaml)
├── phase light
│   ├── ConfigMap default/bulb (bulb.yaml.gotmpl)
│   ├── left out: ConfigMap default/spare (bulb.yaml.gotmpl idx 1)
│   │       condition is false: cond.isBig
│   └── Package.package-operator.run default/brass (horn.yaml.gotmpl)
│       │   installs component horn
│       └── phase sound
│           └── ConfigMap default/horn (components/horn/horn.yaml)
├── phase later, dropped: all of it is left out
│   └── left out: ConfigMap default/extra (big/extra.yaml)
│           spec.filter.paths big/* is false: cond.isBig
├── conditions
│   └── cond.isBig is false: config.beams > 2
├── probes
│   └── ConfigMap, 2 objects
│           condition Ready=True
└── files without objects
    └── none.yaml.gotmpl";
    assert_eq!(words::drawn(&tree, "lamp").lines(100).join("\n"), expected);
    assert_eq!(
        tree.names(),
        ["configmap/base", "configmap/bulb", "configmap/horn"]
    );
}

#[test]
fn a_tree_for_programs_has_the_same_parts() {
    let previewed = previewed(&lamp());
    let tree = model::tree(&previewed.rendered, &previewed.record).unwrap();
    let tree = serde_json::to_value(&tree).unwrap();
    assert_eq!(tree["namespace"], "default");
    let light = &tree["phases"][1]["objects"];
    let spare = json!({
        "group": "", "kind": "ConfigMap", "namespace": "default", "name": "spare",
        "file": "bulb.yaml.gotmpl", "index": 1, "condition": "cond.isBig",
        "leftOut": {"reason": "ConditionFalse"},
    });
    assert_eq!(light[1], spare);
    let horn = &light[2]["installs"];
    assert_eq!(
        (&horn["component"], &horn["name"]),
        (&json!("horn"), &json!("brass"))
    );
    let later = &tree["phases"][2];
    let why = json!({"reason": "PathFalse", "glob": "big/*", "expression": "cond.isBig"});
    assert_eq!(
        (&later["dropped"], &later["objects"][0]["leftOut"]),
        (&json!(true), &why)
    );
    assert_eq!(tree["conditions"][0]["holds"], false);
    assert_eq!(tree["probes"][0]["objects"], 2);
    assert_eq!(tree["withoutObjects"], json!(["none.yaml.gotmpl"]));
}

#[test]
fn nothing_of_a_package_reaches_the_terminal_unescaped() {
    let spec = "  scopes: [Namespaced]\n  phases: [{name: \"a\\e[31m\"}]\n  availabilityProbes: [{selector: {kind: {kind: \"x\\e[1m\"}}, probes: [{cel: {rule: \"'\\e[1m' == '\\u202e'\", message: m}}]}]\n";
    let object = map(
        "\"a\\e[31mb\"",
        "\"a\\e[31m\"",
        ", package-operator.run/condition: \"'\\e[31m' == 'a'\\n&& true\"",
    );
    // The names of other kinds are for API servers to check.
    let object = object.replace("kind: ConfigMap", "kind: Lamp");
    let package = loaded(&[
        ("manifest.yaml", &manifest("odd", spec)),
        ("a\u{202e}b.yaml", &object),
    ]);
    let previewed = previewed(&package);
    let tree = model::tree(&previewed.rendered, &previewed.record).unwrap();
    let drawn = words::drawn(&tree, "odd").lines(100).join("\n");
    assert!(!drawn.contains(['\u{1b}', '\u{202e}']), "{drawn:?}");
    assert!(
        drawn.contains("a\\u{1b}[31mb (a\\u{202e}b.yaml)"),
        "{drawn}"
    );
}
