//! The most that a package may have, against the schema in which members store it.

#[cfg(test)]
mod bounds_of_a_content {
    use std::fmt::Write as _;

    use proptest::prelude::*;
    use serde_json::{Value, json};
    use stevedore_package::files::PackageFiles;
    use stevedore_package::package::Package;
    use stevedore_package::render::RenderInput;
    use stevedore_proto_core::Content;
    use stevedore_proto_core::content::bounds;
    use stevedore_template::yaml;

    const DEFINITION: &str = "deploy/crds/clusterobjectsets.stevedore.dev.yaml";

    /// The schema of an object set's spec, of which a content is a part.
    fn schema() -> Value {
        let path = format!("{}/../{DEFINITION}", env!("CARGO_MANIFEST_DIR"));
        let bytes = std::fs::read(&path).unwrap();
        let definition = yaml::document(&path, &bytes).unwrap().value;
        definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"].clone()
    }

    /// What the schema has against a content; `None` when it takes it.
    fn refusal(content: &Content) -> Option<String> {
        let schema = jsonschema::validator_for(&schema()).unwrap();
        let mut spec = serde_json::to_value(content).unwrap();
        spec["revision"] = json!(1);
        let faults = schema.iter_errors(&spec).map(|error| error.to_string());
        let faults = faults.collect::<Vec<_>>().join("; ");
        let probes = content.availability_probes.iter().flat_map(|it| &it.probes);
        let one = |kinds: [bool; 3]| kinds.into_iter().filter(|is| *is).count() == 1;
        let mut kinds = probes.map(|it| {
            [
                it.condition.is_some(),
                it.fields_equal.is_some(),
                it.cel.is_some(),
            ]
        });
        if !kinds.all(one) {
            return Some("a probe has not exactly one kind".to_owned());
        }
        (!faults.is_empty()).then_some(faults)
    }

    /// What a package of these parts renders to. JSON is YAML.
    fn rendered(phases: &Value, probes: &Value, objects: &[Value]) -> Result<Content, String> {
        let manifest = json!({
            "apiVersion": "manifests.package-operator.run/v1alpha1", "kind": "PackageManifest",
            "metadata": {"name": "lamp"},
            "spec": {"scopes": ["Cluster"], "phases": phases, "availabilityProbes": probes},
        });
        let mut files = PackageFiles::new();
        let documents = objects.iter().fold(String::new(), |mut text, object| {
            writeln!(text, "---\n{object}").unwrap();
            text
        });
        for (path, text) in [
            ("manifest.yaml", manifest.to_string()),
            ("a.yaml", documents),
        ] {
            files.insert(path, text.into_bytes()).unwrap();
        }
        let package = Package::load(files).map_err(|invalid| invalid.to_string())?;
        let input = RenderInput {
            name: "lamp".into(),
            environment: json!({"kubernetes": {"version": "v1.36.0"}}),
            ..RenderInput::default()
        };
        let context = package
            .context(&input)
            .map_err(|invalid| invalid.to_string())?;
        let rendered = package
            .render(&context)
            .map_err(|invalid| invalid.to_string())?;
        Ok(rendered.content)
    }

    fn object(name: usize, phase: &str, annotations: &Value) -> Value {
        let mut object = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata":
        {"name": format!("m{name}"), "namespace": "n", "annotations": annotations}});
        object["metadata"]["annotations"]["stevedore.dev/phase"] = phase.into();
        object
    }

    /// What a package with these probes and this condition map renders to.
    fn with(probes: &Value, condition_map: Option<String>) -> Result<Content, String> {
        let annotations =
            condition_map.map_or(json!({}), |map| json!({"stevedore.dev/condition-map": map}));
        rendered(
            &json!([{"name": "p"}]),
            probes,
            &[object(0, "p", &annotations)],
        )
    }

    fn probing(probe: &Value) -> Result<Content, String> {
        entry(&json!({"selector": {"kind": {"kind": "ConfigMap"}}, "probes": [probe]}))
    }

    fn selecting(selector: &Value) -> Result<Content, String> {
        entry(&json!({"selector": selector, "probes": [{"condition": {"type": "A"}}]}))
    }

    fn entry(entry: &Value) -> Result<Content, String> {
        with(&json!([entry]), None)
    }

    /// A bound of the schema, and a package that has as much of it as asked for.
    type Bound = (&'static str, fn(usize) -> Result<Content, String>);

    const PROBE: &str = "availabilityProbes/items/properties/probes/items/properties";
    const SELECTOR: &str = "availabilityProbes/items/properties/selector/properties";
    const OBJECTS: &str = "phases/items/properties/objects";
    const MAPPING: &str =
        "phases/items/properties/objects/items/properties/conditionMappings/items/properties";

    const LISTS: [Bound; 8] = [
        ("phases/maxItems", |n| {
            let phases: Value = (0..n).map(|at| json!({"name": format!("p{at}")})).collect();
            let objects: Vec<_> = (0..n)
                .map(|at| object(at, &format!("p{at}"), &json!({})))
                .collect();
            rendered(&phases, &json!([]), &objects)
        }),
        ("{OBJECTS}/maxItems", |n| {
            let objects: Vec<_> = (0..n).map(|at| object(at, "p", &json!({}))).collect();
            rendered(&json!([{"name": "p"}]), &json!([]), &objects)
        }),
        (
            "{OBJECTS}/items/properties/conditionMappings/maxItems",
            |n| {
                let lines: Vec<_> = (0..n)
                    .map(|at| format!("A{at} => example.org/A{at}"))
                    .collect();
                with(&json!([]), Some(lines.join("\n")))
            },
        ),
        ("availabilityProbes/maxItems", |n| {
            let one = json!({"selector": {"kind": {"kind": "A"}}, "probes": [{"condition": {"type": "A"}}]});
            with(&vec![one; n].into(), None)
        }),
        ("availabilityProbes/items/properties/probes/maxItems", |n| {
            let probes = vec![json!({"condition": {"type": "A"}}); n];
            entry(&json!({"selector": {"kind": {"kind": "A"}}, "probes": probes}))
        }),
        (
            "{SELECTOR}/selector/properties/matchLabels/maxProperties",
            |n| {
                let labels: serde_json::Map<_, _> =
                    (0..n).map(|at| (format!("l{at}"), json!("a"))).collect();
                selecting(&json!({"selector": {"matchLabels": labels}}))
            },
        ),
        (
            "{SELECTOR}/selector/properties/matchExpressions/maxItems",
            |n| {
                let expressions = vec![json!({"key": "a", "operator": "Exists"}); n];
                selecting(&json!({"selector": {"matchExpressions": expressions}}))
            },
        ),
        (
            "{SELECTOR}/selector/properties/matchExpressions/items/properties/values/maxItems",
            |n| {
                let expression = json!({"key": "a", "operator": "In", "values": vec!["b"; n]});
                selecting(&json!({"selector": {"matchExpressions": [expression]}}))
            },
        ),
    ];

    /// A qualified name of this length.
    fn qualified(length: usize) -> String {
        format!("{}/{}", "a".repeat(length - 64), "B".repeat(63))
    }

    const TEXTS: [Bound; 11] = [
        ("phases/items/properties/name/maxLength", |n| {
            let name = "p".repeat(n);
            rendered(
                &json!([{"name": name}]),
                &json!([]),
                &[object(0, &name, &json!({}))],
            )
        }),
        ("{MAPPING}/sourceType/maxLength", |n| {
            with(&json!([]), Some(format!("{} => a/B", qualified(n))))
        }),
        ("{MAPPING}/destinationType/maxLength", |n| {
            with(&json!([]), Some(format!("A => {}", qualified(n))))
        }),
        ("{PROBE}/condition/properties/type/maxLength", |n| {
            probing(&json!({"condition": {"type": "ä".repeat(n)}}))
        }),
        ("{PROBE}/condition/properties/status/maxLength", |n| {
            probing(&json!({"condition": {"type": "A", "status": "ä".repeat(n)}}))
        }),
        ("{PROBE}/fieldsEqual/properties/fieldA/maxLength", |n| {
            probing(&json!({"fieldsEqual": {"fieldA": "ä".repeat(n), "fieldB": "b"}}))
        }),
        ("{PROBE}/fieldsEqual/properties/fieldB/maxLength", |n| {
            probing(&json!({"fieldsEqual": {"fieldA": "a", "fieldB": ".".repeat(n - 1) + "b"}}))
        }),
        ("{PROBE}/cel/properties/rule/maxLength", |n| {
            let rule = format!("self.a == \"{}\"", "a".repeat(n - "self.a == \"\"".len()));
            probing(&json!({"cel": {"rule": rule}}))
        }),
        ("{SELECTOR}/kind/properties/group/maxLength", |n| {
            selecting(&json!({"kind": {"group": "g".repeat(n), "kind": "A"}}))
        }),
        ("{SELECTOR}/kind/properties/kind/maxLength", |n| {
            selecting(&json!({"kind": {"kind": "K".repeat(n)}}))
        }),
        (
            "{SELECTOR}/selector/properties/matchExpressions/items/properties/key/maxLength",
            |n| {
                let expression = json!({"key": "k".repeat(n), "operator": "Exists"});
                selecting(&json!({"selector": {"matchExpressions": [expression]}}))
            },
        ),
    ];

    fn compare(bounds: &[Bound]) {
        let schema = schema();
        for (path, package) in bounds {
            let path = path
                .replace("{OBJECTS}", OBJECTS)
                .replace("{MAPPING}", MAPPING)
                .replace("{PROBE}", PROBE)
                .replace("{SELECTOR}", SELECTOR);
            let limit = schema.pointer(&format!("/properties/{path}"));
            let limit = limit
                .and_then(Value::as_u64)
                .unwrap_or_else(|| panic!("no bound {path}"));
            let limit = usize::try_from(limit).unwrap();
            let content = package(limit).unwrap_or_else(|why| panic!("{path}, {limit}: {why}"));
            assert_eq!(refusal(&content), None, "{path}");
            assert!(package(limit + 1).is_err(), "{path}: {} pass", limit + 1);
        }
    }

    #[test]
    fn lists_of_a_package_may_be_as_long_as_those_that_members_store() {
        compare(&LISTS);
    }

    #[test]
    fn texts_of_a_package_may_be_as_long_as_those_that_members_store() {
        compare(&TEXTS);
    }

    #[test]
    fn what_members_need_is_not_left_empty() {
        for probe in [
            json!({"condition": {"type": ""}}),
            json!({"condition": {"type": "A", "status": ""}}),
            json!({"fieldsEqual": {"fieldA": "", "fieldB": "b"}}),
            json!({"fieldsEqual": {"fieldA": "a", "fieldB": "."}}),
            json!({"cel": {"rule": ""}}),
            json!({}),
        ] {
            assert!(probing(&probe).is_err(), "{probe}");
        }
        for selector in [json!({}), json!({"kind": {"kind": ""}})] {
            assert!(selecting(&selector).is_err(), "{selector}");
        }
    }

    #[test]
    fn a_probe_without_words_gets_some_and_long_ones_are_cut() {
        let message = |message: &Value| {
            let content =
                probing(&json!({"cel": {"rule": "self.a == 1", "message": message}})).unwrap();
            assert_eq!(refusal(&content), None, "{message}");
            content.availability_probes[0].probes[0]
                .cel
                .clone()
                .unwrap()
                .message
        };
        assert_eq!(message(&json!("a is not 1")), "a is not 1");
        assert_eq!(message(&json!("")), "not true: self.a == 1");
        let longest = "m".repeat(bounds::PROBE_MESSAGE);
        assert_eq!(message(&json!(longest)), longest);
        let cut = message(&json!(format!("begin {} end", "ä".repeat(600))));
        assert!(cut.starts_with("begin ") && cut.ends_with(" end"), "{cut}");
        let silent =
            probing(&json!({"cel": {"rule": format!("self.a != \"{}\"", "a".repeat(4_000))}}));
        assert_eq!(refusal(&silent.unwrap()), None);
    }

    #[test]
    fn of_several_kinds_in_one_probe_the_originals_first_one_counts() {
        let condition = json!({"type": "A"});
        let (fields, cel) = (
            json!({"fieldA": "a", "fieldB": "b"}),
            json!({"rule": "self.a"}),
        );
        let mut probe = json!({"condition": condition, "fieldsEqual": fields, "cel": cel});
        for kind in ["fieldsEqual", "condition", "cel"] {
            let content = probing(&probe).unwrap();
            assert_eq!(refusal(&content), None, "{kind}");
            let kept = serde_json::to_value(&content.availability_probes[0].probes[0]).unwrap();
            let kept: Vec<_> = kept.as_object().unwrap().keys().cloned().collect();
            assert_eq!(kept, [kind]);
            probe.as_object_mut().unwrap().remove(kind);
        }
    }

    /// A text about as long as a bound, or empty.
    fn around(bound: usize) -> impl Strategy<Value = Value> {
        let lengths = prop_oneof![Just(0), Just(1), bound - 1..bound + 2];
        (lengths, prop_oneof![Just("a"), Just("."), Just("ä")])
            .prop_map(|(n, it)| it.repeat(n).into())
    }

    fn any_probe() -> impl Strategy<Value = Value> {
        let condition = (
            around(bounds::CONDITION_TYPE),
            around(bounds::CONDITION_STATUS),
        )
            .prop_map(|(kind, status)| json!({"type": kind, "status": status}));
        let fields = (around(bounds::FIELD_PATH), around(bounds::FIELD_PATH))
            .prop_map(|(a, b)| json!({"fieldA": a, "fieldB": b}));
        let cel = (
            prop_oneof![Just("self.a"), Just("")],
            around(bounds::PROBE_MESSAGE),
        )
            .prop_map(|(rule, message)| json!({"rule": rule, "message": message}));
        let maybe = |it: BoxedStrategy<Value>| prop::option::weighted(0.5, it);
        let kinds = (
            maybe(condition.boxed()),
            maybe(fields.boxed()),
            maybe(cel.boxed()),
        );
        kinds.prop_map(|(condition, fields, cel)| {
            let kinds = [
                ("condition", condition),
                ("fieldsEqual", fields),
                ("cel", cel),
            ];
            let given = kinds
                .into_iter()
                .filter_map(|(name, it)| Some((name.to_owned(), it?)));
            Value::Object(given.collect())
        })
    }

    proptest! {
        #[test]
        fn members_store_every_probe_that_a_package_may_have(
            probes in prop::collection::vec(any_probe(), 0..3),
            group in around(bounds::GROUP),
            kind in around(bounds::KIND),
        ) {
            let selector = json!({"kind": {"group": group, "kind": kind}});
            if let Ok(content) = entry(&json!({"selector": selector, "probes": probes})) {
                prop_assert_eq!(refusal(&content), None);
            }
        }
    }
}
