//! Laws of packages, on packages and configurations that nobody wrote.

#[cfg(test)]
mod properties {
    use std::cell::Cell;
    use std::collections::BTreeMap;

    use proptest::prelude::*;
    use proptest::sample::{select, subsequence};
    use proptest::test_runner::TestRunner;
    use serde_json::{Value, json};
    use stevedore_package::config::{Schema, admit};
    use stevedore_package::files::PackageFiles;
    use stevedore_package::manifest::Scope;
    use stevedore_package::package::Package;
    use stevedore_package::render::{ClusterFacts, RenderInput};
    use stevedore_package::violation::Invalid;

    const MANIFEST: &str = "apiVersion: manifests.package-operator.run/v1alpha1
kind: PackageManifest
metadata: {name: any}
spec:
  scopes: [Cluster, Namespaced]
  phases: [{name: one}, {name: two}]
  filter:
    conditions:
    - {name: isNorth, expression: 'has(cluster.labels.region) && cluster.labels.region == \"north\"'}
    - {name: isLit, expression: config.lit}
    paths:
    - {glob: north/**, expression: cond.isNorth}
  config:
    openAPIV3Schema:
      type: object
      properties:
        lit: {type: boolean, default: false}
        size: {type: integer, default: 1}
        words: {type: array, items: {type: string}, default: []}
        deep: {type: object, default: {}, properties: {name: {type: string, default: x}}}
";

    /// What a template may say in a value; each reads something else, or in another way.
    const EXPRESSIONS: &[&str] = &[
        "{{ .config.lit }}",
        "{{ .config.size }}",
        "{{ len .config.words }}",
        "{{ range .config.words }}{{ . }}{{ end }}",
        "{{ range $at, $word := .config.words }}{{ $at }}{{ break }}{{ end }}",
        "{{ .config.deep.name }}",
        "{{ toJson .config.deep }}",
        "{{ with .config.deep }}{{ .name }}{{ end }}",
        "{{ hasKey .cluster.labels \"region\" }}",
        "{{ index .cluster.labels \"region\" }}",
        "{{ get .cluster.labels \"zone\" }}",
        "{{ range $key, $value := .cluster.labels }}{{ $key }}{{ end }}",
        "{{ len .cluster.labels }}",
        "{{ keys .cluster.labels | sortAlpha | join \",\" }}",
        "{{ .cluster.name }}",
        "{{ if .config.lit }}{{ .cluster.name }}{{ end }}",
        "{{ if and .config.lit (eq (int .config.size) 2) }}{{ .environment.kubernetes.version }}{{ end }}",
        "{{ cel \"cond.isNorth\" }}",
        "{{ cel \"cond.isLit || cluster.name == 'a'\" }}",
        "{{ cel \"size(config.words) > 1\" }}",
        "{{ hasKey .environment \"openShift\" }}",
        "{{ dig \"openShift\" \"version\" \"none\" .environment }}",
        "{{ include \"all\" . | trunc 40 }}",
        "{{ template \"deep\" .config }}",
        "{{ $before := .config }}{{ $before.size | add 1 }}",
        "{{ .package.metadata.name }}",
        "{{ .package.metadata.namespace }}",
        "{{ index .package.metadata.labels \"app\" | default \"no\" }}",
        "{{ .package.image }}",
        "{{ typeOf .cluster.labels }}",
        "{{ eq (toString .config) (toString .config) }}",
        "{{ pick .cluster.labels \"zone\" | toJson }}",
        "{{ merge (dict \"region\" \"none\") .cluster.labels | toJson }}",
        "{{ first (append .config.words \"end\") }}",
    ];

    /// Conditions of an object.
    const CONDITIONS: &[&str] = &[
        "true",
        "cond.isNorth",
        "config.lit && cond.isNorth",
        "has(environment.openShift)",
        "config.words.exists(word, word == cluster.name)",
        "cluster.labels.?zone.orValue('none') != 'none'",
        "environment.kubernetes.version > 'v1.35.9'",
    ];

    const HELPERS: &str = "{{ define \"all\" }}{{ .config.lit }}{{ .cluster.labels | toJson }}{{ end }}\
         {{ define \"deep\" }}{{ .deep.name }}{{ end }}";

    /// Packages that can be rendered whatever there is to read.
    fn files() -> impl Strategy<Value = PackageFiles> {
        let object = (
            subsequence(EXPRESSIONS, 0..5),
            select(CONDITIONS),
            any::<bool>(),
        );
        prop::collection::vec((object, any::<bool>()), 1..4).prop_map(|objects| {
            let mut files = PackageFiles::new();
            files.insert("manifest.yaml", MANIFEST.into()).unwrap();
            files.insert("_helpers.gotmpl", HELPERS.into()).unwrap();
            for (number, ((expressions, condition, is_later), is_north)) in
                objects.into_iter().enumerate()
            {
                let phase = if is_later { "two" } else { "one" };
                let mut text = format!(
                    "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: map-{number}\n  \
                     {{{{- if eq .package.metadata.namespace \"\" }}}}\n  namespace: fixed\n  {{{{- end }}}}\n  \
                     annotations:\n    package-operator.run/phase: {phase}\n    \
                     package-operator.run/condition: {condition:?}\ndata:\n"
                );
                for (key, expression) in expressions.iter().enumerate() {
                    text.push_str(&format!("  k{key}: '{expression}'\n"));
                }
                let folder = if is_north { "north/" } else { "" };
                let path = format!("{folder}map-{number}.yaml.gotmpl");
                files.insert(&path, text.into_bytes()).unwrap();
            }
            files
        })
    }

    fn labels() -> impl Strategy<Value = BTreeMap<String, String>> {
        let values = select(&["north", "south"][..]);
        let labels =
            prop::collection::btree_map(select(&["region", "zone", "rack"][..]), values, 0..3);
        labels.prop_map(|labels| {
            let labels = labels.into_iter();
            labels
                .map(|(key, value)| (key.to_owned(), value.to_owned()))
                .collect()
        })
    }

    fn config() -> impl Strategy<Value = Value> {
        let words = prop::collection::vec(select(&["a", "b"][..]), 0..3);
        (any::<bool>(), 1..3, words, select(&["x", "y"][..])).prop_map(|(lit, size, words, name)| {
            json!({"lit": lit, "size": size, "words": words, "deep": {"name": name}})
        })
    }

    fn input() -> impl Strategy<Value = RenderInput> {
        let environment = select(
            &[
                r#"{"kubernetes": {"version": "v1.36.0"}}"#,
                r#"{"kubernetes": {"version": "v1.35.0"}}"#,
                r#"{"kubernetes": {"version": "v1.36.0"}, "openShift": {"version": "4.18.0"}}"#,
            ][..],
        );
        let name = || select(&["a", "b"][..]);
        let namespace = prop::option::of(name());
        (
            name(),
            namespace,
            labels(),
            config(),
            environment,
            name(),
            labels(),
        )
            .prop_map(
                |(name, namespace, own, config, environment, cluster, labels)| RenderInput {
                    name: name.to_owned(),
                    namespace: namespace.map(str::to_owned),
                    labels: own,
                    image: "registry.example/any:1".to_owned(),
                    config: Some(config),
                    environment: serde_json::from_str(environment).unwrap(),
                    cluster: ClusterFacts {
                        name: cluster.to_owned(),
                        uid: "uid".to_owned(),
                        labels,
                    },
                    ..RenderInput::default()
                },
            )
    }

    /// One that has most of another.
    fn like(one: &RenderInput, other: RenderInput, takes: [bool; 4]) -> RenderInput {
        let mut mixed = one.clone();
        let [environment, cluster, labels, config] = takes;
        if environment {
            mixed.environment = other.environment;
        }
        if cluster {
            mixed.cluster.name = other.cluster.name;
        }
        if labels {
            mixed.cluster.labels = other.cluster.labels;
        }
        if config {
            mixed.config = other.config;
        }
        mixed
    }

    /// Parts of manifests, templates, expressions and YAML.
    const PARTS: &str = "{{ }} {{- -}} --- \"  ' | >- &a *a <<: { } [ ] , # !!binary range end if else with define template \
         .config .cluster.labels $ $x := include printf \"%d\" cel index 0x1F 1e999 -0 9223372036854775808 spec phases name \
         kind metadata annotations package-operator.run/phase package-operator.run/condition one true ~ components filter";

    /// Such parts, and what stands between them.
    fn soup() -> impl Strategy<Value = String> {
        let known = select(PARTS.split_whitespace().collect::<Vec<_>>());
        let between = select(&[" ", "\n", "\n  ", "\n- ", ": ", ""][..]);
        let part = prop_oneof![
            8 => known.prop_map(str::to_owned),
            6 => between.prop_map(str::to_owned),
            1 => any::<char>().prop_map(String::from),
        ];
        prop::collection::vec(part, 0..60).prop_map(|parts| parts.concat())
    }

    /// How many cases a law is tried on.
    const CASES: u32 = 400;

    #[test]
    fn what_agrees_on_all_that_a_rendering_read_is_rendered_the_same() {
        let agreed = Cell::new(0);
        let given = (files(), input(), input(), any::<[bool; 4]>());
        let mut runner = TestRunner::new(ProptestConfig::with_cases(CASES));
        let held = runner.run(&given, |(files, one, other, takes)| {
            let failed = |it: Invalid| TestCaseError::fail(it.to_string());
            let package = Package::load(files).map_err(failed)?;
            let other = like(&one, other, takes);
            let (one, other) = (package.context(&one), package.context(&other));
            let (one, other) = (one.map_err(failed)?, other.map_err(failed)?);
            let rendered = package.render(&one).map_err(failed)?;
            let key = |context| rendered.reads.key(&package.digest(), context);
            if key(&one) == key(&other) {
                agreed.set(agreed.get() + 1);
                let again = package.render(&other).map_err(failed)?;
                prop_assert_eq!(&rendered.content, &again.content);
                prop_assert_eq!(rendered.reference, again.reference);
            }
            Ok(())
        });
        held.unwrap_or_else(|error| panic!("{error}"));
        assert!(agreed.get() > CASES / 10, "only {} agreed", agreed.get());
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(CASES))]

        #[test]
        fn a_package_of_anything_is_refused_or_rendered(
            manifest in soup(), template in soup(), plain in soup(), lock in prop::option::of(soup()),
        ) {
            let begin = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: a\n  annotations:\n    package-operator.run/phase: one\n";
            let mut files = PackageFiles::new();
            let texts = [
                ("manifest.yaml", format!("{MANIFEST}  {manifest}")),
                ("a.yaml.gotmpl", format!("{begin}{template}")),
                ("b.yaml", format!("{begin}{plain}")),
            ];
            let lock = lock.map(|lock| {
                let head = "apiVersion: manifests.package-operator.run/v1alpha1\nkind: PackageManifestLock\nspec:\n  ";
                ("manifest.lock.yaml", format!("{head}{lock}"))
            });
            for (path, text) in texts.into_iter().chain(lock) {
                files.insert(path, text.into_bytes()).unwrap();
            }
            if let Ok(package) = Package::load(files) {
                let _ = package.check();
                for scope in &package.manifest().scopes {
                    let input = RenderInput {
                        name: "any".to_owned(),
                        namespace: (*scope == Scope::Namespaced).then(|| "any".to_owned()),
                        ..RenderInput::default()
                    };
                    let _ = package.context(&input).and_then(|context| package.render(&context));
                }
            }
        }

        #[test]
        fn a_configuration_that_was_admitted_is_admitted_as_it_is(
            schema in schema(), config in anything(),
        ) {
            let Ok(schema) = Schema::compile(&schema) else {
                return Ok(());
            };
            if let Ok(once) = admit(Some(&schema), Some(&config)) {
                let twice = admit(Some(&schema), Some(&once));
                let twice = twice.map_err(|it| TestCaseError::fail(format!("{it:?}")))?;
                prop_assert_eq!(once, twice);
            }
        }
    }

    const NAMES: &[&str] = &["a", "b", "c"];

    fn anything() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            (-3..3_i64).prop_map(Value::from),
            select(&["", "x", "y"][..]).prop_map(Value::from),
        ];
        let value = leaf.prop_recursive(3, 16, 3, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
                prop::collection::btree_map(select(NAMES), inner, 0..3).prop_map(|map| json!(map)),
            ]
        });
        prop::collection::btree_map(select(NAMES), value, 0..3).prop_map(|map| json!(map))
    }

    /// Schemas of maps, lists and leaves, with defaults at every depth that may or may not fit.
    fn schema() -> impl Strategy<Value = Value> {
        let leaf = (
            select(&["boolean", "integer", "string"][..]),
            prop::option::of(anything_small()),
        )
            .prop_map(|(type_, default)| with_default(json!({"type": type_}), default));
        let any = leaf.prop_recursive(3, 12, 3, |inner| {
            let map = (
                prop::collection::btree_map(select(NAMES), inner.clone(), 0..3),
                subsequence(NAMES, 0..2),
                prop::option::of(anything_small()),
                any::<bool>(),
            );
            let map = map.prop_map(|(properties, required, default, nullable)| {
                let map = json!({
                    "type": "object", "properties": properties, "required": required, "nullable": nullable,
                });
                with_default(map, default)
            });
            let list = (inner.clone(), prop::option::of(anything_small()));
            let list = list.prop_map(|(items, default)| {
                with_default(json!({"type": "array", "items": items}), default)
            });
            let values = inner.prop_map(|it| json!({"type": "object", "additionalProperties": it}));
            let open = Just(json!({"type": "object", "x-kubernetes-preserve-unknown-fields": true}));
            prop_oneof![map, list, values, open]
        });
        prop::collection::btree_map(select(NAMES), any, 0..3)
            .prop_map(|properties| json!({"type": "object", "properties": properties}))
    }

    fn anything_small() -> impl Strategy<Value = Value> {
        select(
            &[
                r#"{}"#,
                r#"[]"#,
                r#"{"a": {}}"#,
                r#"{"a": 1}"#,
                "true",
                "1",
                r#""x""#,
                "null",
                r#"[{}]"#,
            ][..],
        )
        .prop_map(|text| serde_json::from_str(text).unwrap())
    }

    fn with_default(mut schema: Value, default: Option<Value>) -> Value {
        if let Some(default) = default {
            schema["default"] = default;
        }
        schema
    }
}
