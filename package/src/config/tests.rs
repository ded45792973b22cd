use serde_json::json;

use super::*;

mod rules;

fn schema(properties: &Value) -> Schema {
    Schema::compile(&json!({"type": "object", "properties": properties})).unwrap()
}

fn errors(schema: &Schema, config: &Value) -> Vec<String> {
    let errors = admit(Some(schema), Some(config)).expect_err("a configuration that does not fit");
    errors.iter().map(ToString::to_string).collect()
}

#[test]
fn without_a_schema_all_configuration_is_discarded() {
    assert_eq!(admit(None, Some(&json!({"a": 1}))), Ok(json!({})));
}

#[test]
fn unknown_fields_are_removed_at_every_level_before_anything_is_validated() {
    let schema = schema(&json!({
        "known": {"type": "object", "properties": {"x": {"type": "integer"}}},
        "list": {"type": "array", "items": {"type": "object", "properties": {"x": {"type": "integer"}}}},
        "map": {"type": "object", "additionalProperties": {"type": "object", "properties": {"x": {"type": "integer"}}}},
        "free": {"type": "object", "x-kubernetes-preserve-unknown-fields": true},
        "open": {"type": "object", "additionalProperties": true},
    }));
    let config = json!({
        "other": 1, "known": {"x": 1, "y": 2}, "list": [{"x": 1, "y": 2}], "map": {"k": {"x": 1, "y": 2}},
        "free": {"y": 2}, "open": {"y": 2},
    });
    assert_eq!(
        admit(Some(&schema), Some(&config)),
        Ok(json!({
            "known": {"x": 1}, "list": [{"x": 1}], "map": {"k": {"x": 1}}, "free": {"y": 2}, "open": {"y": 2},
        }))
    );
}

#[test]
fn below_additional_properties_of_any_kind_nothing_is_known_and_in_a_preserving_list_everything() {
    let schema = schema(&json!({
        "open": {"type": "object", "additionalProperties": true},
        "list": {
            "type": "array", "x-kubernetes-preserve-unknown-fields": true,
            "items": {"type": "object", "properties": {"x": {"type": "object"}}},
        },
    }));
    let config = json!({
        "open": {"n": 1, "l": [1, {"x": 1}, [{"y": 2}]], "m": {"x": {"y": 2}}, "z": null},
        "list": [{"x": {"y": 1}, "z": {"y": 1}}],
    });
    assert_eq!(
        admit(Some(&schema), Some(&config)),
        Ok(json!({
            "open": {"n": 1, "l": [1, {}, [{}]], "m": {}, "z": null},
            "list": [{"x": {}, "z": {"y": 1}}],
        }))
    );
}

#[test]
fn defaults_fill_what_is_absent_or_null_and_are_filled_in_themselves() {
    let schema = schema(&json!({
        "a": {"type": "integer", "default": 1},
        "b": {"type": "object", "default": {}, "properties": {"c": {"type": "string", "default": "d"}}},
        "e": {"type": "integer", "default": 1, "nullable": true},
        "f": {"type": "object", "properties": {"g": {"type": "integer", "default": 1}}},
        "h": {"type": "array", "items": {"type": "object", "properties": {"i": {"type": "integer", "default": 2}}}},
    }));
    assert_eq!(
        admit(
            Some(&schema),
            Some(&json!({"a": null, "e": null, "h": [{}]}))
        ),
        Ok(json!({"a": 1, "b": {"c": "d"}, "e": null, "h": [{"i": 2}]}))
    );
    assert_eq!(
        admit(Some(&schema), None),
        Ok(json!({"a": 1, "b": {"c": "d"}, "e": 1}))
    );
}

#[test]
fn defaults_that_do_not_fit_their_schema_are_errors_of_the_schema() {
    let refused = |properties: Value| {
        let schema = json!({"type": "object", "required": ["other"], "properties": properties});
        let errors = Schema::compile(&schema).map(|_| ());
        errors.expect_err("a default that does not fit")
    };
    for (properties, field) in [
        (
            json!({"a": {"type": "integer", "default": "one"}}),
            ".properties.a.default",
        ),
        (
            json!({"a": {"type": "string", "enum": ["red"], "default": "blue"}}),
            ".properties.a.default",
        ),
        (
            json!({"a": {"type": "object", "default": {"b": 1}, "properties": {"b": {"type": "string"}}}}),
            ".properties.a.default.b",
        ),
        (
            json!({"a": {"type": "object", "default": {}, "required": ["b"], "properties": {"b": {"type": "string"}}}}),
            ".properties.a.default.b",
        ),
        (
            json!({"l": {"type": "array", "items": {"type": "object", "properties": {"a": {"type": "string", "default": 1}}}}}),
            ".properties.l.items.properties.a.default",
        ),
        (
            json!({
                "a": {"type": "object", "properties": {"b": {"type": "string", "default": 1}}},
                "a.properties.b": {"type": "string", "default": "c"},
            }),
            ".properties.a.properties.b.default",
        ),
        (
            json!({"m": {"type": "object", "additionalProperties": {"type": "object", "properties": {"a": {"type": "string", "default": 1}}}}}),
            ".properties.m.additionalProperties.properties.a.default",
        ),
        (
            json!({"u": {"type": "object", "default": {"unknown": 1}, "properties": {"a": {"type": "string"}}}}),
            ".properties.u.default",
        ),
    ] {
        let errors = refused(properties);
        let found = errors.iter().find(|error| error.field == field);
        assert!(found.is_some(), "{field}: {errors:?}");
    }
    schema(&json!({
        "a": {"type": "object", "default": {}, "required": ["b"], "properties": {"b": {"type": "string", "default": "c"}}},
        "none": {"type": "string", "default": null},
    }));
}

#[test]
fn a_default_of_null_is_none() {
    let schema = schema(&json!({"a": {"type": "string", "nullable": true, "default": null}}));
    assert_eq!(admit(Some(&schema), None), Ok(json!({})));
}

#[test]
fn defaults_that_nest_until_checking_them_is_dear_are_refused_before_that() {
    let nested = (0..31).fold(json!({"type": "object"}), |inner, level| {
        let wide: serde_json::Map<_, _> = (0..500)
            .map(|at| (format!("k{level}-{at}"), json!({"type": "string"})))
            .chain([("inner".to_owned(), inner)])
            .collect();
        json!({"type": "object", "default": {}, "properties": wide})
    });
    let errors = Schema::compile(&nested)
        .map(|_| ())
        .expect_err("a costly schema");
    assert!(errors[0].message.contains("too much of it"), "{errors:?}");
}

#[test]
fn errors_name_the_field_below_spec_config() {
    let schema = Schema::compile(&json!({
        "type": "object",
        "required": ["beam"],
        "properties": {
            "beam": {"type": "string", "enum": ["red", "green"]},
            "replicas": {"type": "integer", "minimum": 1, "maximum": 9},
            "parts": {"type": "array", "items": {"type": "object", "required": ["name"], "properties": {"name": {"type": "string"}}}},
        },
    }))
    .unwrap();
    assert_eq!(
        errors(&schema, &json!({})),
        ["spec.config.beam: Required value"]
    );
    let all = errors(
        &schema,
        &json!({"beam": "blue", "replicas": 10, "parts": [{"name": "a"}, {}]}),
    );
    assert!(
        all.iter()
            .any(|error| error.starts_with("spec.config.beam: Invalid value")),
        "{all:?}"
    );
    assert!(
        all.iter()
            .any(|error| error.starts_with("spec.config.replicas: Invalid value")),
        "{all:?}"
    );
    assert!(
        all.iter()
            .any(|error| error == "spec.config.parts[1].name: Required value"),
        "{all:?}"
    );
}

#[test]
fn kubernetes_keywords_mean_what_they_mean_there() {
    let schema = schema(&json!({
        "port": {"x-kubernetes-int-or-string": true},
        "none": {"type": "string", "nullable": true, "enum": ["a"]},
        "ratio": {"type": "number", "minimum": 0, "exclusiveMinimum": true},
        "name": {"type": "string", "pattern": "^[a-z]+$"},
    }));
    for good in [
        json!({"port": 1}),
        json!({"port": "http"}),
        json!({"none": null}),
        json!({"ratio": 0.1}),
    ] {
        assert!(admit(Some(&schema), Some(&good)).is_ok(), "{good}");
    }
    for bad in [
        json!({"port": 1.5}),
        json!({"none": "b"}),
        json!({"ratio": 0}),
        json!({"name": "A"}),
        json!([]),
    ] {
        assert!(admit(Some(&schema), Some(&bad)).is_err(), "{bad}");
    }
}

/// Values that Kubernetes accepts for a format, and values that it refuses.
const FORMATS: &[(&str, &[&str], &[&str])] = &[
    (
        "duration",
        &[
            "30s", "1h30m", "-1.5h", "0", "100µs", "2 days", "1week", "3 SEC",
        ],
        &["", "30", "s", "soon", "1.5", "PT", "2 moons", "1hrs", "."],
    ),
    (
        "byte",
        &["aGk=", "aGkh", "aB=="],
        &["", "aGk", "a=k=", "a-_="],
    ),
    (
        "cidr",
        &["10.0.0.0/8", "fd00::/64"],
        &[
            "10.0.0.0",
            "10.0.0.0/33",
            "10.0.0/8",
            "10.0.0.0/+8",
            "10.0.0.0/0008",
        ],
    ),
    ("ipv4", &["10.0.0.1"], &["10.0.0", "::1"]),
    (
        "ipv6",
        &["::1", "::ffff:10.0.0.1"],
        &["10.0.0.1", "fe80::1%eth0"],
    ),
    (
        "date",
        &["2024-02-29"],
        &["2023-02-29", "2024-13-01", "2024-1-1"],
    ),
    (
        "date-time",
        &["2024-01-02T03:04:05Z", "2024-01-02t03:04:05.678+01:00"],
        &[
            "2024-01-02",
            "2024-01-02T24:04:05Z",
            "2024-01-02T03:04:05",
            "2024-01-02T03:04:05.Z",
        ],
    ),
    ("datetime", &["2024-01-02T03:04:05Z"], &["2024-01-02"]),
    (
        "email",
        &["a.b@lamp.example", "Lamp <a@lamp.example>"],
        &["a", "@lamp.example", "a b@lamp.example", "a@"],
    ),
    (
        "hostname",
        &["lamp", "lamp-1.example", "LAMP.example", "lämp.example"],
        &["", "-lamp", "lamp_1", "lamp..example", "lamp."],
    ),
    (
        "mac",
        &["00:00:5e:00:53:01", "0000.5e00.5301"],
        &["00:00:5e:00:53", "00-00:5e:00:53:01"],
    ),
    (
        "uri",
        &["https://lamp.example/a?b", "/a", "mailto:a@lamp.example"],
        &["lamp.example", "", "a b:c"],
    ),
    (
        "uuid",
        &[
            "123E4567-e89b-12d3-a456-426614174000",
            "123e4567e89b12d3a456426614174000",
        ],
        &[
            "123e4567-e89b-12d3-a456",
            "123e-4567e89b12d3a456426614174000",
        ],
    ),
    (
        "uuid4",
        &["123e4567-e89b-42d3-a456-426614174000"],
        &[
            "123e4567-e89b-12d3-a456-426614174000",
            "123e4567-e89b-42d3-c456-426614174000",
        ],
    ),
    // A format that Kubernetes does not know, or that is left out here, restricts nothing.
    ("password", &["x"], &[]),
    ("regex", &["("], &[]),
    ("time", &["soon"], &[]),
    ("uri-reference", &["\\"], &[]),
    ("json-pointer", &["x"], &[]),
    ("lamp", &["x"], &[]),
];

#[test]
fn a_format_means_what_it_means_to_kubernetes_and_one_it_does_not_know_nothing() {
    for (format, good, bad) in FORMATS {
        let schema = schema(&json!({"a": {"type": "string", "format": format}}));
        for text in *good {
            let admitted = admit(Some(&schema), Some(&json!({"a": text})));
            assert!(admitted.is_ok(), "{format}: {text:?}: {admitted:?}");
        }
        for text in *bad {
            let admitted = admit(Some(&schema), Some(&json!({"a": text})));
            assert!(admitted.is_err(), "{format}: {text:?}");
        }
    }
    let number = schema(&json!({"a": {"type": "integer", "format": "int32"}}));
    assert!(admit(Some(&number), Some(&json!({"a": 5_000_000_000_i64}))).is_ok());
}

#[test]
fn a_schema_that_is_not_structural_or_uses_what_is_not_honoured_is_refused_by_name() {
    for (schema, field) in [
        (json!({"type": "string"}), ".type"),
        (
            json!({"type": "object", "$ref": "file:///etc/passwd"}),
            ".$ref",
        ),
        (
            json!({"type": "object", "patternProperties": {}}),
            ".patternProperties",
        ),
        (json!({"type": "object", "properties": []}), ".properties"),
        (
            json!({"type": "object", "properties": {"a": {"type": "string", "pattern": "(a"}}}),
            ".properties.a.pattern",
        ),
        (json!("object"), ""),
    ] {
        let errors = Schema::compile(&schema).expect_err(field);
        assert!(
            errors.iter().any(|error| error.field == field),
            "{schema}: {errors:?}"
        );
    }
}

#[test]
fn a_pattern_that_would_backtrack_for_ever_ends_at_once() {
    let schema = schema(&json!({"a": {"type": "string", "pattern": "^(a+)+$"}}));
    let config = json!({"a": format!("{}b", "a".repeat(50_000))});
    let all = errors(&schema, &config);
    assert!(all[0].len() < 400, "a long value is cut: {}", all[0].len());
}

#[test]
fn a_configuration_nests_64_deep_and_no_deeper() {
    let schema =
        Schema::compile(&json!({"type": "object", "x-kubernetes-preserve-unknown-fields": true}))
            .unwrap();
    let nested = |depth: usize| (0..depth).fold(json!(1), |inner, _| json!({"a": inner}));
    assert!(admit(Some(&schema), Some(&nested(64))).is_ok());
    assert!(admit(Some(&schema), Some(&nested(65))).is_err());
}
