use stevedore_proto_core::Features;
use stevedore_proto_core::content::ConditionMapping;

use super::*;
use crate::image::read_archive;

mod bounds;

/// An object that asks for a component.
pub(super) fn asks(name: &str, phase: &str, spec: &str) -> String {
    format!(
        "apiVersion: package-operator.run/v1alpha1\nkind: Package\nmetadata:\n  name: {name}\n  \
         annotations: {{package-operator.run/phase: {phase}}}\nspec: {{image: 'registry.example/lamp:1', {spec}}}\n"
    )
}

fn component_manifest(phases: &str, more: &str) -> String {
    format!("{HEAD}spec:\n  scopes: [Cluster, Namespaced]\n  phases: [{phases}]\n{more}")
}

/// A package with the components `horn`, of the phases `wires` and `sound`, and `bulb`, of the phase `glow`.
pub(super) fn lamp(files: &[(&str, &str)]) -> Package {
    let probe = "  availabilityProbes:\n  - selector: {kind: {kind: ConfigMap}}\n    probes: [{condition: {type: Ready}}]\n";
    let horn = component_manifest("{name: wires}, {name: sound}", probe);
    let bulb = component_manifest("{name: glow}", "");
    let (wire, horn_object, glass) = (
        object("{{ .package.metadata.name }}-wire", "wires", ""),
        object("{{ .package.metadata.name }}-horn", "sound", ""),
        object("{{ .package.metadata.name }}-glass", "glow", ""),
    );
    let mut all = vec![
        ("components/horn/manifest.yaml", &*horn),
        ("components/horn/w.yaml.gotmpl", &*wire),
        ("components/horn/h.yaml.gotmpl", &*horn_object),
        ("components/bulb/manifest.yaml", &*bulb),
        ("components/bulb/g.yaml.gotmpl", &*glass),
    ];
    all.retain(|(path, _)| !files.iter().any(|(other, _)| other == path));
    all.extend(files);
    package_with("  components: {}\n", &all).unwrap()
}

fn phases(rendered: &Rendered) -> Vec<(&str, Option<&str>)> {
    let phases = rendered.content.phases.iter();
    phases
        .map(|phase| (&*phase.name, phase.component.as_deref()))
        .collect()
}

fn refusal(package: &Package) -> String {
    let invalid = render(package, &input()).map(|_| ());
    invalid.expect_err("a refused child").to_string()
}

#[test]
fn a_component_that_is_asked_for_becomes_phases_behind_the_one_that_asks() {
    let package = lamp(&[
        ("a.yaml", &object("a", "one", "")),
        ("b.yaml", &asks("my-horn", "one", "component: horn")),
        ("c.yaml", &asks("my-bulb", "one", "component: bulb")),
        ("d.yaml", &object("d", "two", "")),
    ]);
    let rendered = render(&package, &input()).unwrap();
    let expected = [
        ("one", None),
        ("horn/wires", Some("horn")),
        ("horn/sound", Some("horn")),
        ("bulb/glow", Some("bulb")),
        ("two", None),
    ];
    assert_eq!(phases(&rendered), expected);
    assert_eq!(names(&rendered)[2].1, ["my-horn-horn"]);
    let labels = &rendered.content.phases[2].objects[0].object["metadata"]["labels"];
    assert_eq!(labels["stevedore.dev/package"], "horn");
    assert_eq!(labels["stevedore.dev/instance"], "my-horn");
    assert_eq!(rendered.content.needs(), Features::COMPONENTS);
}

#[test]
fn a_phase_that_only_asks_for_a_component_stays_so_that_the_next_one_waits() {
    let package = lamp(&[
        ("b.yaml", &asks("my-horn", "one", "component: horn")),
        ("c.yaml", &asks("my-bulb", "two", "component: bulb")),
    ]);
    let rendered = render(&package, &input()).unwrap();
    let expected = [
        ("one", None),
        ("horn/wires", Some("horn")),
        ("horn/sound", Some("horn")),
        ("two", None),
        ("bulb/glow", Some("bulb")),
    ];
    assert_eq!(phases(&rendered), expected);
}

#[test]
fn both_groups_ask_and_a_package_of_clusters_asks_in_both_scopes() {
    let there = asks("my-bulb", "one", "component: bulb").replace(
        "package-operator.run/v1alpha1\nkind: Package\nmetadata:\n",
        "stevedore.dev/v1alpha1\nkind: Package\nmetadata:\n  namespace: quay\n",
    );
    let everywhere =
        asks("all-bulb", "one", "component: bulb").replace("kind: Package", "kind: ClusterPackage");
    let glass = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: '{{ .package.metadata.name }}'\n  \
         namespace: '{{ default \"other\" .package.metadata.namespace }}'\n  annotations: {package-operator.run/phase: glow}\n";
    let package = lamp(&[
        ("b.yaml", &there),
        ("c.yaml", &everywhere),
        ("components/bulb/g.yaml.gotmpl", glass),
    ]);
    let cluster_wide = RenderInput {
        namespace: None,
        ..input()
    };
    let rendered = render(&package, &cluster_wide).unwrap();
    let placed =
        |at: usize| rendered.content.phases[at].objects[0].object["metadata"]["namespace"].clone();
    assert_eq!(
        phases(&rendered)[1..],
        [
            ("bulb/glow", Some("bulb")),
            ("bulb/all-bulb/glow", Some("bulb/all-bulb"))
        ]
    );
    assert_eq!((placed(1), placed(2)), ("quay".into(), "other".into()));
    assert!(refusal(&package).contains("cluster-scoped object in a namespaced package in c.yaml"));
}

#[test]
fn a_child_has_the_configuration_that_its_parent_wrote() {
    let schema = "  config: {openAPIV3Schema: {type: object, required: [hue], properties: {hue: {type: string}, watts: {type: integer, default: 5}}}}\n";
    let manifest = component_manifest("{name: glow}", schema);
    let glass = format!(
        "{}data: {{is: '{{{{ .config.hue }}}}-{{{{ .config.watts }}}}-{{{{ .package.image }}}}'}}\n",
        object("g", "glow", "")
    );
    let with = |config: &str| {
        let ask = asks("my-bulb", "one", &format!("component: bulb{config}"));
        lamp(&[
            ("b.yaml.gotmpl", &ask),
            ("components/bulb/manifest.yaml", &manifest),
            ("components/bulb/g.yaml.gotmpl", &glass),
        ])
    };
    let red = with(", config: {hue: '{{ .package.metadata.name }}'}");
    let rendered = render(&red, &input()).unwrap();
    assert_eq!(
        rendered.content.phases[1].objects[0].object["data"]["is"],
        "my-lamp-5-registry.example/lamp:1"
    );
    let message = refusal(&with(""));
    assert!(
        message
            .starts_with("config invalid in b.yaml idx 0 [bulb]: spec.config.hue: Required value"),
        "{message}"
    );
}

#[test]
fn what_a_child_reads_of_the_cluster_its_parent_has_read() {
    let glass = format!(
        "{}data: {{tier: '{{{{ .cluster.labels.tier }}}}', name: '{{{{ .package.metadata.name }}}}'}}\n",
        object("g", "glow", "")
    );
    let ask = asks("my-bulb", "one", "component: bulb");
    let package = lamp(&[("b.yaml", &ask), ("components/bulb/g.yaml.gotmpl", &glass)]);
    let key = |input: &RenderInput| {
        let context = package.context(input).unwrap();
        let reads = package.render(&context).unwrap().reads;
        reads.key(&package.digest(), &context)
    };
    let mut elsewhere = input();
    elsewhere.cluster.name = "west".to_owned();
    assert_eq!(key(&elsewhere), key(&input()), "nothing of this is read");
    let labels = &mut elsewhere.cluster.labels;
    labels.insert("tier".to_owned(), "core".to_owned());
    assert_ne!(key(&elsewhere), key(&input()), "the child reads it");
}

#[test]
fn the_image_that_decides_whether_a_child_is_one_is_read() {
    let ask = asks("my-bulb", "one", "component: bulb");
    let package = lamp(&[("b.yaml", &ask)]);
    let context = package.context(&input()).unwrap();
    let reads = package.render(&context).unwrap().reads;
    let other = RenderInput {
        image: "registry.example/lamp:2".to_owned(),
        ..input()
    };
    let other = package.context(&other).unwrap();
    let key = |context| reads.key(&package.digest(), context);
    assert_ne!(key(&context), key(&other));
}

#[test]
fn what_cannot_be_given_is_refused_with_its_file_and_a_reason() {
    let refused = |spec: &str| {
        let ask = asks("my-horn", "one", spec);
        refusal(&lamp(&[("b.yaml", &ask)]))
    };
    for (spec, words) in [
        (
            "component: bell",
            "component not found in b.yaml idx 0: Package \"my-horn\": spec.component \"bell\" is none of bulb, horn",
        ),
        ("component: ''", "spec.component: Required value"),
        (
            "component: horn, placement: {}",
            "spec.placement of a package inside a package is not supported",
        ),
        ("component: horn, paused: true", "spec.paused"),
    ] {
        let message = refused(spec);
        assert!(message.contains(words), "{message}");
        assert!(message.contains("in b.yaml idx 0"), "{message}");
    }
    let foreign = asks("my-horn", "one", "component: horn").replace("lamp:1", "lamp:2");
    let message = refusal(&lamp(&[("b.yaml", &foreign)]));
    assert!(
        message.starts_with("not supported in b.yaml idx 0: ") && message.contains("lamp:2"),
        "{message}"
    );
}

#[test]
fn a_component_installs_no_others() {
    let nested = asks("bell", "glow", "component: horn");
    let package = lamp(&[
        ("b.yaml", &asks("my-bulb", "one", "component: bulb")),
        ("components/bulb/n.yaml", &nested),
    ]);
    let message = refusal(&package);
    assert!(
        message.starts_with("not supported in components/bulb/n.yaml idx 0 [bulb]: "),
        "{message}"
    );
}

#[test]
fn a_component_is_not_asked_for_in_a_phase_that_somebody_else_runs() {
    let root =
        manifest("  components: {}\n").replace("{name: one}", "{name: one, class: elsewhere}");
    let mut files = PackageFiles::new();
    let bulb = component_manifest("{name: glow}", "");
    for (path, text) in [
        ("manifest.yaml", &*root),
        ("b.yaml", &asks("my-bulb", "one", "component: bulb")),
        ("components/bulb/manifest.yaml", &bulb),
        ("components/bulb/g.yaml", &object("g", "glow", "")),
    ] {
        files.insert(path, text.as_bytes().to_vec()).unwrap();
    }
    let message = refusal(&Package::load(files).unwrap());
    assert!(
        message.starts_with("not supported in b.yaml idx 0: ") && message.contains("elsewhere"),
        "{message}"
    );
}

#[test]
fn an_object_of_a_child_may_not_be_one_of_its_parent_too() {
    let package = lamp(&[
        ("a.yaml", &object("my-bulb-glass", "one", "")),
        ("b.yaml", &asks("my-bulb", "one", "component: bulb")),
    ]);
    let message = refusal(&package);
    assert!(
        message.starts_with("duplicate object in components/bulb/g.yaml idx 0 [bulb]: ")
            && message.ends_with("is also in a.yaml idx 0"),
        "{message}"
    );
}

#[test]
fn probes_of_a_package_are_not_for_its_components_and_theirs_are_for_none_other() {
    let package = lamp(&[
        ("b.yaml", &asks("my-horn", "one", "component: horn")),
        ("c.yaml", &asks("her-horn", "one", "component: horn")),
    ]);
    let probes = render(&package, &input())
        .unwrap()
        .content
        .availability_probes;
    assert_eq!(probes.len(), 2);
    let probed = |package: &str, instance: &str| {
        let labels = [
            ("stevedore.dev/package", package),
            ("stevedore.dev/instance", instance),
        ];
        let labels = labels.map(|(key, value)| (key.to_owned(), value.to_owned()));
        let selectors = probes.iter().filter_map(|it| it.selector.selector.as_ref());
        selectors
            .filter(|it| it.matches(&labels.clone().into()))
            .count()
    };
    assert_eq!(probed("horn", "my-horn"), 1);
    assert_eq!(probed("horn", "her-horn"), 1);
    assert_eq!(probed("lamp", "my-lamp"), 0);
    assert_eq!(probed("bulb", "my-horn"), 0);
    let alone = lamp(&[("a.yaml", &object("a", "one", ""))]);
    let content = render(&alone, &input()).unwrap().content;
    assert!(content.availability_probes.is_empty());
}

#[test]
fn conditions_of_a_components_object_go_through_the_child() {
    let inner = object(
        "g",
        "glow",
        ", package-operator.run/condition-map: \"Bright => bulb/Bright\\nHot => bulb/Hot\"",
    );
    let outer = asks("my-bulb", "one", "component: bulb").replace(
        "phase: one}",
        "phase: one, package-operator.run/condition-map: 'bulb/Bright => lamp/Bright'}",
    );
    let package = lamp(&[
        ("b.yaml", &outer),
        ("components/bulb/g.yaml.gotmpl", &inner),
    ]);
    let content = render(&package, &input()).unwrap().content;
    let mapping = ConditionMapping {
        source_type: "Bright".to_owned(),
        destination_type: "lamp/Bright".to_owned(),
    };
    assert_eq!(content.phases[1].objects[0].condition_mappings, [mapping]);
}

#[test]
fn a_test_case_may_call_the_image_anything() {
    let ask = asks("my-bulb", "one", "component: bulb").replace("registry.example/lamp:1", "whale");
    let placed = |name: &str| {
        let object = object(name, "glow", "");
        object.replace("metadata:\n", "metadata:\n  namespace: default\n")
    };
    let package = |ask: &str| {
        let ask = ask.replace("metadata:\n", "metadata:\n  namespace: default\n");
        let horn = component_manifest("{name: glow}", "");
        lamp(&[
            ("b.yaml", &ask),
            ("components/bulb/g.yaml.gotmpl", &placed("g")),
            ("components/horn/manifest.yaml", &horn),
            ("components/horn/w.yaml.gotmpl", &placed("w")),
            ("components/horn/h.yaml.gotmpl", &placed("h")),
        ])
    };
    assert!(package(&ask).check().is_ok());
    let foreign = package(&ask.replace("component: bulb", "component: bell"));
    let message = foreign.check().expect_err("another image").to_string();
    assert!(message.contains("\"whale\" is not the image"), "{message}");
}

#[test]
fn the_multi_fixture_renders_with_its_components() {
    let archive = include_bytes!("../../../tests/fixtures/multi.tar");
    let package = Package::load(read_archive(archive).unwrap()).unwrap();
    assert!(package.check().unwrap().not_rendered.is_empty());
    let rendered = render(&package, &input()).unwrap();
    let expected = [
        ("backend", None),
        ("backend/deploy", Some("backend")),
        ("frontend", None),
        ("frontend/deploy", Some("frontend")),
    ];
    assert_eq!(phases(&rendered), expected);
    assert_eq!(names(&rendered)[3].1, ["my-lamp-frontend"]);
}
