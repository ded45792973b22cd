//! Named conditions, conditional paths, and `cel` in templates.

use super::*;

/// A package with a filter of these conditions and paths, each a pair of name or glob and expression.
pub(super) fn filtered(
    conditions: &[(&str, &str)],
    paths: &[(&str, &str)],
    files: &[(&str, &str)],
) -> Result<Package, Invalid> {
    let list = |key: &str, entries: &[(&str, &str)]| -> Vec<Value> {
        let entry =
            |(name, expression): &(&str, &str)| json!({key: name, "expression": expression});
        entries.iter().map(entry).collect()
    };
    let filter = json!({"conditions": list("name", conditions), "paths": list("glob", paths)});
    let schema = json!({"type": "object", "x-kubernetes-preserve-unknown-fields": true});
    let spec = format!("  filter: {filter}\n  config: {{openAPIV3Schema: {schema}}}\n  #");
    package_with(&spec, files)
}

pub(super) fn conditional(name: &str, condition: &str) -> String {
    let condition = format!(", package-operator.run/condition: '{condition}'");
    object(name, "one", &condition)
}

/// Names of the objects that are rendered with this configuration.
fn rendered(package: &Package, config: Value) -> Result<Vec<String>, Invalid> {
    let input = RenderInput {
        config: Some(config),
        ..input()
    };
    let phases = names(&render(package, &input)?);
    Ok(phases
        .into_iter()
        .flat_map(|(_, objects)| objects)
        .collect())
}

fn message(result: Result<Vec<String>, Invalid>) -> String {
    result.expect_err("an invalid rendering").to_string()
}

#[test]
fn named_conditions_are_seen_by_annotations_paths_and_templates() {
    let template = format!(
        "{{{{ if cel `cond.isBig && config.beams > 2` }}}}{}{{{{ end }}}}",
        object("templated", "one", "")
    );
    let files = [
        ("a.yaml", &*conditional("annotated", "cond.isBig")),
        ("big/b.yaml", &object("in-path", "one", "")),
        ("c.yaml.gotmpl", &template),
        ("d.yaml", &object("always", "one", "")),
    ];
    let package = filtered(
        &[("isBig", "config.size > 10")],
        &[("big/**", "cond.isBig")],
        &files,
    )
    .unwrap();
    assert_eq!(
        rendered(&package, json!({"size": 11, "beams": 3})).unwrap(),
        ["annotated", "in-path", "templated", "always"]
    );
    assert_eq!(
        rendered(&package, json!({"size": 11, "beams": 2})).unwrap(),
        ["annotated", "in-path", "always"]
    );
    assert_eq!(
        rendered(&package, json!({"size": 10, "beams": 3})).unwrap(),
        ["always"]
    );
}

#[test]
fn a_named_condition_sees_no_other() {
    let invalid = filtered(&[("one", "true"), ("two", "cond.one")], &[], &[]).map(|_| ());
    assert_eq!(
        invalid.expect_err("a condition of a condition").to_string(),
        "manifest invalid in manifest.yaml: line 7, column 62: spec.filter.conditions[1].expression: Invalid value: \
         unknown variable \"cond\" (known: package, config, environment, images, cluster)"
    );
}

#[test]
fn a_condition_that_is_not_there_is_absent_and_not_false() {
    let files = [("a.yaml", &*conditional("a", "has(cond.missing)"))];
    let package = filtered(&[], &[], &files).unwrap();
    assert_eq!(rendered(&package, json!({})).unwrap(), [""; 0]);
    let files = [("a.yaml", &*conditional("a", "cond.missing"))];
    for conditions in [&[][..], &[("other", "true")]] {
        let package = filtered(conditions, &[], &files).unwrap();
        let found = message(rendered(&package, json!({})));
        assert!(found.contains("no such key: missing"), "{found}");
    }
}

#[test]
fn what_is_wrong_with_a_filter_is_said_by_file_and_field_all_at_once() {
    let invalid = filtered(
        &[
            ("1st", "true"),
            ("dup", "true"),
            ("dup", "1 + 2"),
            ("empty", " "),
            ("bad", "config."),
        ],
        &[("[", "true"), ("", "true"), ("a", "slef.x")],
        &[],
    );
    let invalid = invalid.map(|_| ()).expect_err("an invalid filter");
    let fields: Vec<&str> = invalid
        .violations()
        .iter()
        .map(|it| {
            assert_eq!(it.path.as_deref(), Some("manifest.yaml"));
            it.details.split_once(": ").unwrap().0
        })
        .collect();
    let conditions = "spec.filter.conditions";
    let paths = "spec.filter.paths";
    assert_eq!(
        fields,
        [
            format!("{conditions}[2].name"),
            format!("{conditions}[0].name"),
            format!("{conditions}[2].expression"),
            format!("{conditions}[3].expression"),
            format!("{conditions}[4].expression"),
            format!("{paths}[0].glob"),
            format!("{paths}[1].glob"),
            format!("{paths}[2].expression"),
        ]
    );
}

#[test]
fn an_expression_that_cannot_be_evaluated_is_an_error_also_where_nothing_asks_for_it() {
    let files = [("a.yaml", &*object("a", "one", ""))];
    let package = filtered(&[("isOn", "config.lamp.on")], &[], &files).unwrap();
    assert_eq!(
        rendered(&package, json!({"lamp": {"on": true}})).unwrap(),
        ["a"]
    );
    let found = message(rendered(&package, json!({})));
    assert_eq!(
        found,
        "condition invalid in manifest.yaml: line 7, column 27: spec.filter.conditions[0].expression: \
         of condition \"isOn\": \"config.lamp.on\": evaluation failed: no such key: lamp"
    );
    let found = message(rendered(&package, json!({"lamp": {"on": "yes"}})));
    assert!(found.contains("gives string, not a boolean"), "{found}");
    let package = filtered(&[], &[("none/**", "config.on")], &files).unwrap();
    let found = message(rendered(&package, json!({"on": 1})));
    assert!(
        found.contains("manifest.yaml: line 7, column 38: spec.filter.paths[0].expression")
            && found.contains("not a boolean"),
        "{found}"
    );
}

#[test]
fn exclusive_objects_of_one_name_in_conditional_files_are_no_duplicates() {
    let files = [
        ("edge/lamp.yaml", &*object("lamp", "one", "")),
        ("core/lamp.yaml", &object("lamp", "two", "")),
    ];
    let paths = [("edge/*", "config.edge"), ("core/*", "!config.edge")];
    let package = filtered(&[], &paths, &files).unwrap();
    for (edge, phase) in [(true, "one"), (false, "two")] {
        let input = RenderInput {
            config: Some(json!({"edge": edge})),
            ..input()
        };
        let phases = names(&render(&package, &input).unwrap());
        assert_eq!(phases, [(phase.to_owned(), vec!["lamp".to_owned()])]);
    }
    let both = filtered(&[], &paths[..1], &files).unwrap();
    let found = message(rendered(&both, json!({"edge": true})));
    assert!(found.contains("duplicate object"), "{found}");
}

#[test]
fn objects_of_a_file_that_is_left_out_are_checked_all_the_same() {
    let files = [
        (
            "off/a.yaml",
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n",
        ),
        ("off/b.yaml.gotmpl", "{{ fail `never` }}"),
    ];
    let package = filtered(&[], &[("off/**", "false")], &files).unwrap();
    let found = message(rendered(&package, json!({})));
    assert!(found.contains("off/b.yaml.gotmpl"), "{found}");
    let package = filtered(&[], &[("off/**", "false")], &files[..1]).unwrap();
    let found = message(rendered(&package, json!({})));
    assert!(
        found.contains("missing phase annotation in off/a.yaml"),
        "{found}"
    );
    // Only what its condition gives does not matter there.
    let files = [("off/a.yaml", &*conditional("a", "config.missing"))];
    let package = filtered(&[], &[("off/**", "false")], &files).unwrap();
    assert_eq!(rendered(&package, json!({})).unwrap(), [""; 0]);
}

#[test]
fn a_path_is_about_the_file_that_a_template_writes() {
    let files = [("off/a.yaml.gotmpl", &*object("a", "one", ""))];
    for (glob, left_out) in [("off/*.yaml", true), ("off/*.gotmpl", false)] {
        let package = filtered(&[], &[(glob, "false")], &files).unwrap();
        let count = rendered(&package, json!({})).unwrap().len();
        assert_eq!(count == 0, left_out, "{glob}");
    }
}

#[test]
fn globs_mean_what_they_do_in_the_original() {
    let objects = object("a", "one", "");
    for (glob, path, is_about) in [
        ("*.yaml", "a.yaml", true),
        ("*.yaml", "d/a.yaml", false),
        ("**", "d/e/a.yaml", true),
        ("**/a.yaml", "a.yaml", true),
        ("**/a.yaml", "d/e/a.yaml", true),
        ("**/a.yaml", "d/ba.yaml", false),
        ("d/**", "d/e/a.yaml", true),
        ("d/**", "da/a.yaml", false),
        ("d/**/a.yaml", "d/a.yaml", true),
        ("d/**/a.yaml", "d/e/f/a.yaml", true),
        ("d**", "d/a.yaml", false),
        ("d**.yaml", "dea.yaml", true),
        ("?.yaml", "a.yaml", true),
        ("?.yaml", "é.yaml", true),
        ("?灯?.yaml", "街灯り.yaml", true),
        ("??.yaml", "é.yaml", false),
        ("é*.yaml", "évé.yaml", true),
        ("*é?*.yaml", "évé.yaml", true),
        ("*?.yaml", "é.yaml", true),
        ("*??.yaml", "é.yaml", false),
        ("d?a.yaml", "d/a.yaml", false),
        ("[a-c].yaml", "b.yaml", true),
        ("[^a-c].yaml", "b.yaml", false),
        ("{a,b}.yaml", "b.yaml", true),
        ("{d/e,f}/a.yaml", "d/e/a.yaml", true),
        ("a{,b}.yaml", "a.yaml", true),
        ("\\*.yaml", "a.yaml", false),
        (".yaml", "a.yaml", false),
        ("A.yaml", "a.yaml", false),
        ("[!a].yaml", "a.yaml", true),
        ("[!a].yaml", "b.yaml", false),
        ("[!a].yaml", "!.yaml", true),
        ("[!-b].yaml", "a.yaml", true),
        ("[é].yaml", "é.yaml", true),
        ("[^a].yaml", "é.yaml", true),
        ("*[^é].yaml", "é.yaml", false),
        ("*[é]?.yaml", "évé.yaml", false),
        ("*[é]??.yaml", "évé.yaml", true),
        ("d[^a]a.yaml", "d/a.yaml", false),
        ("d[+-9]a.yaml", "d/a.yaml", false),
        ("**/**/a.yaml", "a.yaml", true),
        ("d/**/**/a.yaml", "d/e/a.yaml", true),
        ("**/", "a.yaml", false),
        ("d/***", "d/e/a.yaml", false),
        ("***/e/a.yaml", "d/e/a.yaml", true),
        ("{d/**,f}", "d/e/a.yaml", true),
        ("{**,f}", "d/a.yaml", false),
        ("{,d/}a.yaml", "d/a.yaml", true),
        ("a}.yaml", "a}.yaml", true),
        ("a,b.yaml", "a,b.yaml", true),
    ] {
        let package = filtered(&[], &[(glob, "false")], &[(path, &objects)]).unwrap();
        let count = rendered(&package, json!({})).unwrap().len();
        assert_eq!(count == 0, is_about, "{glob} {path}");
    }
}

#[test]
fn conditions_know_numbers_as_doubles_as_the_original_does() {
    for condition in [
        "config.n == 3 && config.n > 2 && config.n * 0.5 == 1.5",
        "config.n in [1, 2, 3] && type(config.n) == double",
        "config.list[config.n] == \"d\" && size(config.list) > config.n",
        ".config.n == 3 && has(.config.n)",
    ] {
        let files = [("a.yaml", &*conditional("a", condition))];
        let package = filtered(&[], &[], &files).unwrap();
        let config = json!({"n": 3, "list": ["a", "b", "c", "d"]});
        assert_eq!(rendered(&package, config).unwrap(), ["a"], "{condition}");
    }
}

/// The key of a rendering on a cluster with one label.
fn key(package: &Package, label: &str, value: &str) -> Digest {
    let mut input = input();
    let labels = &mut input.cluster.labels;
    labels.insert(label.to_owned(), value.to_owned());
    let context = package.context(&input).unwrap();
    let reads = package.render(&context).unwrap().reads;
    reads.key(&package.digest(), &context)
}

#[test]
fn clusters_that_differ_in_what_an_expression_reads_share_no_rendering() {
    let reading = "has(cluster.labels.zone) && cluster.labels.zone == `b`".replace('`', "\"");
    let plain = object("a", "one", "");
    let template = format!("{{{{ if cel `{reading}` }}}}{plain}{{{{ end }}}}");
    let named = conditional("a", "cond.there");
    for package in [
        filtered(&[], &[], &[("a.yaml.gotmpl", &template)]),
        filtered(&[("there", &reading)], &[], &[("a.yaml", &named)]),
        filtered(&[("there", &reading)], &[], &[("a.yaml", &plain)]),
        filtered(&[], &[("a.yaml", &reading)], &[("a.yaml", &plain)]),
        filtered(&[], &[], &[("a.yaml", &conditional("a", &reading))]),
    ] {
        let package = package.unwrap();
        assert_ne!(key(&package, "zone", "a"), key(&package, "zone", "b"));
        assert_eq!(key(&package, "other", "a"), key(&package, "other", "b"));
    }
}

#[test]
fn a_template_says_what_is_wrong_with_the_expression_it_evaluates() {
    for (template, wrong) in [
        ("{{ cel `config.` }}", "not a CEL expression"),
        ("{{ cel `1 + 2` }}", "not a boolean"),
        ("{{ cel .config.text }}", "unknown variable \"what\""),
        ("{{ cel `config.missing` }}", "no such key: missing"),
        ("{{ cel 1 }}", "expected string"),
    ] {
        let text = format!("# line\n{template}");
        let package = filtered(&[], &[], &[("a.yaml.gotmpl", &text)]).unwrap();
        let found = message(rendered(&package, json!({"text": "what"})));
        assert!(
            found.contains("in a.yaml.gotmpl: line 2") && found.contains(wrong),
            "{template}: {found}"
        );
    }
}

#[test]
fn templates_pay_for_the_expressions_they_evaluate() {
    let endless = "{{ range 100000 }}{{ cel `[1, 2, 3].all(x, x > 0)` }}{{ end }}";
    let package = filtered(&[], &[], &[("a.yaml.gotmpl", endless)]).unwrap();
    let context = package.context(&input()).unwrap();
    let rendered = package.render_within(&context, &mut Budget::new(100_000, 1_000));
    let invalid = rendered.map(|_| ()).expect_err("a costly template");
    assert!(invalid.is_too_costly(), "{invalid}");
}
