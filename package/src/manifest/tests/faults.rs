//! Faults of a manifest: all of them at once.

use super::*;

#[test]
fn every_entry_of_a_list_that_is_wrong_is_named() {
    let rest = "  availabilityProbes:
  - {probes: [1, {condition: {type: [a]}}, {cel: {rule: self.a ==}}, {fieldsEqual: {fieldB: ''}}]}
  - {selector: {kind: 1}}
  - selector: {selector: {matchLabels: {a: {}}, matchExpressions: [{key: '', operator: Like}, {operator: In}]}}
    probes: {}
  constraints:
  - {platform: [Foo, OpenShift, {}], platformVersion: {range: banana}, uniqueInScope: 1}
  - 7
  - {platformVersion: {name: Kubernetes}}
  images: [{name: {}}, {name: a, image: b}, {name: a, image: c}]
test:
  template:
  - {name: a b, context: {package: {metadata: {labels: [], annotations: {a: []}, name: a b}}}}
  - {name: one, context: []}
  - {name: one, context: {config: {}, environment: {kubernetes: v1}}}
";
    let found = violations(&format!("{GOOD}{rest}"));
    let probes = "spec.availabilityProbes";
    let terms = "[2].selector.selector";
    for said in [
        format!("{probes}[0].selector: Required value: kind or selector"),
        format!("line 8, column 15: {probes}[0].probes[0]: must be a map"),
        format!("line 8, column 31: {probes}[0].probes[1].condition.type: must be text"),
        format!("{probes}[0].probes[2].cel.rule: Invalid value"),
        format!("{probes}[0].probes[3].fieldsEqual.fieldA: Required value"),
        format!("{probes}[0].probes[3].fieldsEqual.fieldB: Required value"),
        format!("line 9, column 17: {probes}[1].selector.kind: must be a map"),
        format!("{probes}[1].probes: Required value"),
        format!("{probes}{terms}.matchLabels.a: must be text"),
        format!("{probes}{terms}.matchExpressions[0].key: Required value"),
        format!("{probes}{terms}.matchExpressions[0].operator: Invalid value"),
        format!("{probes}{terms}.matchExpressions[1].key: Required value"),
        format!("{probes}{terms}.matchExpressions[1].values: Required value"),
        format!("{probes}[2].probes: must be a list"),
        "spec.constraints[0].platform[0]: Invalid value: unknown variant `Foo`".to_owned(),
        "spec.constraints[0].platform[2]: must be text".to_owned(),
        "spec.constraints[0].platformVersion.name: Required value".to_owned(),
        "spec.constraints[0].platformVersion.range: Invalid value: \"banana\"".to_owned(),
        "spec.constraints[0].uniqueInScope: must be a map".to_owned(),
        "spec.constraints[1]: must be a map".to_owned(),
        "spec.constraints[2].platformVersion.range: Required value".to_owned(),
        "spec.images[0].name: must be text".to_owned(),
        "spec.images[0].image: must be non empty".to_owned(),
        "spec.images[2].name: must be unique".to_owned(),
        "test.template[0].name: must be letters".to_owned(),
        "test.template[0].context.package.metadata.labels: must be a map of texts".to_owned(),
        "test.template[0].context.package.metadata.annotations.a: must be text".to_owned(),
        "test.template[0].context.package.metadata.name: Invalid value".to_owned(),
        "test.template[1].context: must be a map".to_owned(),
        "test.template[2].context.environment: Invalid value".to_owned(),
        "test.template[2].name: must be unique".to_owned(),
    ] {
        let times = found.iter().filter(|it| it.contains(&said)).count();
        assert_eq!(times, 1, "{said}: {found:#?}");
    }
    assert_eq!(found.len(), 31, "{found:#?}");
}

#[test]
fn every_fault_of_the_schema_is_named_with_its_path_and_its_place() {
    let schema = "  config:
    openAPIV3Schema:
      type: object
      additionalProperties: true
      properties:
        a: {type: strin, minLength: -1}
        b: {type: string, pattern: '(', maxLength: long}
        c:
          type: array
          items: {type: object, required: yes, properties: {d: {enum: a, nullable: 1}}}
        e: {type: integer, x-kubernetes-validations: [{rule: self >}]}
        f: {anyOf: {}, $ref: x}
";
    let found = violations(&format!("{GOOD}{schema}"));
    for said in [
        ".additionalProperties: must not be used at the root",
        "line 12, column 13: spec.config.openAPIV3Schema.properties.a.type: \"strin\" is none of array, boolean",
        "line 12, column 26: spec.config.openAPIV3Schema.properties.a.minLength: must be a whole number",
        "line 13, column 27: spec.config.openAPIV3Schema.properties.b.pattern: \"(\" is no regular expression: unclosed group",
        "line 13, column 41: spec.config.openAPIV3Schema.properties.b.maxLength: must be a whole number",
        ".properties.c.items.required: must be a list of names",
        ".properties.c.items.properties.d.enum: must be a list",
        ".properties.c.items.properties.d.nullable: must be true or false",
        ".properties.e.x-kubernetes-validations[0].rule: Invalid value",
        ".properties.f.anyOf: must be a list of schemas",
        ".properties.f.$ref: not supported",
    ] {
        let times = found.iter().filter(|it| it.contains(said)).count();
        assert_eq!(times, 1, "{said}: {found:#?}");
    }
    assert_eq!(found.len(), 11, "{found:#?}");
}

#[test]
fn the_default_of_the_whole_schema_has_to_fit_and_fills_nothing_in() {
    let schema = |default: &str| {
        format!(
            "{GOOD}  config: {{openAPIV3Schema: {{type: object, properties: {{a: {{type: integer}}}}, default: {default}}}}}\n"
        )
    };
    one_names(
        &schema("{a: one}"),
        &["openAPIV3Schema.default.a", "does not fit"],
    );
    let good = format!("{HEAD}{}", schema("{a: 1}"));
    let manifest = load(&files(&[("manifest.yaml", &good)])).unwrap();
    let admitted = crate::config::admit(manifest.config.as_ref(), None);
    assert_eq!(admitted, Ok(serde_json::json!({})));
}

#[test]
fn with_faults_of_a_manifest_its_warnings_are_told() {
    let text =
        format!("{HEAD}{GOOD}  frobnicate: 1\n  scopes2: 1\n").replace("[Cluster]", "[Planet]");
    let loaded = super::super::load(&files(&[("manifest.yaml", &text)]), None);
    let loaded = loaded.map_err(|found| format!("{found:?}")).unwrap();
    assert_eq!(
        (
            loaded.violations.len(),
            loaded.manifest.warnings.list().len()
        ),
        (1, 2)
    );
    assert!(loaded.knows_phases);
}

#[test]
fn an_image_that_cannot_be_read_is_not_one_that_the_lock_file_lacks() {
    let text =
        format!("{HEAD}{GOOD}  images: [{{name: lamp, image: {{}}}}, {{name: horn, image: a}}]\n");
    let lock = format!("{LOCK}spec: {{images: []}}\n");
    let all = files(&[("manifest.yaml", &text), ("manifest.lock.yaml", &lock)]);
    let found = load(&all).expect_err("an image is no text");
    assert!(
        found.iter().all(|it| it.reason == Reason::ManifestInvalid),
        "{found:?}"
    );
}
