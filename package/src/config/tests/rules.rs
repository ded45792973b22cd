//! Validation rules of a schema.

use super::*;

/// A schema of these properties with these rules at its root.
fn ruled(rules: &Value, properties: &Value) -> Result<Schema, Vec<FieldError>> {
    Schema::compile(&json!({
        "type": "object", "properties": properties, "x-kubernetes-validations": rules,
    }))
}

fn refused(schema: &Value) -> Vec<String> {
    let errors = Schema::compile(schema).map(|_| ());
    let errors = errors.expect_err("a schema with a rule that is wrong");
    errors
        .iter()
        .map(|it| format!("{}: {}", it.field, it.message))
        .collect()
}

#[test]
fn a_rule_that_does_not_hold_is_an_error_of_the_value_it_stands_at() {
    let replicas = json!({"min": {"type": "integer"}, "max": {"type": "integer"}});
    let rule = json!([{"rule": "self.min <= self.max", "message": "min must not exceed max"}]);
    let schema = schema(&json!({
        "replicas": {"type": "object", "properties": replicas, "x-kubernetes-validations": rule},
        "names": {
            "type": "array",
            "items": {"type": "string", "x-kubernetes-validations": [{"rule": "self.startsWith('a')"}]},
        },
        "sizes": {
            "type": "object",
            "additionalProperties": {
                "type": "string", "x-kubernetes-validations": [{"rule": "isQuantity(self)", "reason": "FieldValueForbidden"}],
            },
        },
    }));
    let config = json!({"replicas": {"min": 1, "max": 2}, "names": ["a"], "sizes": {"one": "1Gi"}});
    assert_eq!(admit(Some(&schema), Some(&config)), Ok(config));
    assert_eq!(
        errors(
            &schema,
            &json!({"replicas": {"min": 3, "max": 2}, "names": ["a", "b"], "sizes": {"one": "1Gi", "two": "x"}})
        ),
        [
            "spec.config.names[1]: Invalid value: failed rule: self.startsWith('a')",
            "spec.config.replicas: Invalid value: min must not exceed max",
            "spec.config.sizes.two: Forbidden: failed rule: isQuantity(self)",
        ]
    );
}

#[test]
fn rules_see_defaults_and_only_what_fits_the_schema() {
    let rules = json!([{"rule": "self.a == 'b'"}]);
    let schema = ruled(&rules, &json!({"a": {"type": "string", "default": "c"}})).unwrap();
    assert_eq!(
        errors(&schema, &json!({})),
        ["spec.config: Invalid value: failed rule: self.a == 'b'"]
    );
    assert_eq!(
        admit(Some(&schema), Some(&json!({"a": "b"}))),
        Ok(json!({"a": "b"}))
    );
    let found = errors(&schema, &json!({"a": 1}));
    assert!(
        found.len() == 1 && found[0].contains("not of type"),
        "{found:?}"
    );
}

#[test]
fn the_error_may_be_at_a_field_below_and_say_what_an_expression_gives() {
    let rules = json!([{
        "rule": "self.hosts['b-c'] < self.limit",
        "message": "too many",
        "messageExpression": "'at most ' + string(self.limit) + ' hosts'",
        "fieldPath": ".hosts['b-c']",
        "reason": "FieldValueDuplicate",
    }]);
    let hosts = json!({"type": "object", "additionalProperties": {"type": "integer"}});
    let schema = ruled(
        &rules,
        &json!({"hosts": hosts, "limit": {"type": "integer"}}),
    )
    .unwrap();
    assert_eq!(
        errors(&schema, &json!({"hosts": {"b-c": 3}, "limit": 2})),
        ["spec.config.hosts['b-c']: Duplicate value: at most 2 hosts"]
    );
    for useless in ["''", "'a\\nb'", "1", "self.missing", "['a'][3]"] {
        let rules = json!([{"rule": "false", "message": "said", "messageExpression": useless}]);
        let properties =
            json!({"a": {"type": "object", "x-kubernetes-preserve-unknown-fields": true}});
        let rules = json!({"type": "object", "properties": properties, "x-kubernetes-validations": rules,
            "x-kubernetes-preserve-unknown-fields": true});
        let schema = Schema::compile(&rules).unwrap();
        assert_eq!(
            errors(&schema, &json!({})),
            ["spec.config: Invalid value: said"],
            "{useless}"
        );
    }
}

#[test]
fn rules_that_compare_with_an_older_value_are_passed_over() {
    let rules =
        |optional: bool| json!([{"rule": "oldSelf.a == self.a", "optionalOldSelf": optional}]);
    let properties = json!({"a": {"type": "string"}});
    let schema = ruled(&rules(false), &properties).unwrap();
    assert!(admit(Some(&schema), Some(&json!({"a": "b"}))).is_ok());
    let optional = json!([{
        "rule": "!oldSelf.hasValue() && self.a == 'b'", "optionalOldSelf": true, "message": "only b",
    }]);
    let schema = ruled(&optional, &properties).unwrap();
    assert!(admit(Some(&schema), Some(&json!({"a": "b"}))).is_ok());
    assert_eq!(
        errors(&schema, &json!({"a": "c"})),
        ["spec.config: Invalid value: only b"]
    );
}

#[test]
fn values_have_the_types_and_fields_the_names_that_kubernetes_gives_them() {
    let properties = json!({
        "n": {"type": "integer"}, "x": {"type": "number"}, "at": {"type": "string", "format": "date-time"},
        "day": {"type": "string", "format": "date"}, "raw": {"type": "string", "format": "byte"}, "for": {"type": "string", "format": "duration"},
        "a-b.c/d__e": {"type": "string"}, "namespace": {"type": "string"},
        "port": {"x-kubernetes-int-or-string": true}, "no": {"type": "string", "nullable": true},
        "map": {"type": "object", "additionalProperties": {"type": "number"}},
    });
    let config = json!({
        "n": 2, "x": 3, "at": "2026-01-02T03:04:05Z", "day": "2026-01-02", "raw": "aGVsbG8=", "for": "90s", "a-b.c/d__e": "odd",
        "namespace": "harbour", "port": "http", "no": null, "map": {"a-b": 1},
    });
    for rule in [
        "self.n + 1 == 3 && type(self.n) == int",
        "self.x * 2.0 == 6.0 && type(self.x) == double",
        "self.at > timestamp('2026-01-01T00:00:00Z') && self.at.getHours() == 3",
        "self.day < self.at && self.raw == b'hello' && self.raw.size() == 5",
        "self.__for__ == duration('1m30s')",
        "self.a__dash__b__dot__c__slash__d__underscores__e == 'odd'",
        "self.__namespace__ == 'harbour'",
        "type(self.port) == string ? self.port == 'http' : self.port > 0",
        "self.no == null && !has(self.map.c) && self.map['a-b'] == 1.0",
        "self.map.all(key, key.startsWith('a') && self.map[key] > 0.5)",
    ] {
        let schema = ruled(&json!([{"rule": rule}]), &properties).unwrap();
        assert_eq!(
            admit(Some(&schema), Some(&config)),
            Ok(config.clone()),
            "{rule}"
        );
    }
}

#[test]
fn a_rule_that_cannot_be_evaluated_does_not_hold() {
    let schema = ruled(
        &json!([{"rule": "self.a == 'b'", "message": "must be b"}]),
        &json!({"a": {"type": "string"}}),
    );
    assert_eq!(
        errors(&schema.unwrap(), &json!({})),
        [
            "spec.config: Invalid value: evaluation failed: no such key: a, evaluating rule: must be b"
        ]
    );
}

/// Checks that a rule of a list's items is refused at one of its fields, in these words.
fn refuses(rule: &Value, field: &str, words: &str) {
    let items = json!({
        "type": "object", "properties": {"a": {"type": "string"}}, "x-kubernetes-validations": [rule],
    });
    let list = json!({"type": "array", "items": items});
    let found = refused(&json!({"type": "object", "properties": {"list": list}}));
    assert_eq!(found.len(), 1, "{rule}: {found:?}");
    let at = format!(".properties.list.items.x-kubernetes-validations[0]{field}: ");
    let is_said = found[0].starts_with(&at) && found[0].contains(words);
    assert!(is_said, "{rule}: {found:?}");
}

#[test]
fn an_expression_that_is_no_rule_of_the_schema_is_refused_by_path() {
    for (rule, words) in [
        (" ", "Required value"),
        ("self.a ==", "not a CEL expression"),
        ("self.b == 'c'", "undefined field \"b\""),
        ("self.a.b == 'c'", "undefined field \"b\""),
        ("slef.a == 'c'", "unknown variable \"slef\""),
        ("size(self.a)", "not a boolean"),
        ("self.a.frobnicate()", "unknown function"),
    ] {
        refuses(&json!({"rule": rule}), ".rule", words);
    }
    let message = json!({"rule": "true", "messageExpression": "'a' +"});
    refuses(&message, ".messageExpression", "not a CEL");
}

#[test]
fn other_fields_of_a_rule_are_checked_too() {
    let path = ".fieldPath";
    for (rule, field, words) in [
        (json!({"message": "a"}), "", "missing field `rule`"),
        (
            json!({"rule": "true", "level": 1}),
            "",
            "unknown field `level`",
        ),
        (
            json!({"rule": "true", "reason": "Bad"}),
            "",
            "unknown variant `Bad`",
        ),
        (
            json!({"rule": "true", "message": " "}),
            ".message",
            "must be non-empty",
        ),
        (
            json!({"rule": "true", "message": "a\nb"}),
            ".message",
            "line breaks",
        ),
        (
            json!({"rule": "true ||\ntrue"}),
            ".message",
            "must be specified",
        ),
        (
            json!({"rule": "true", "fieldPath": ".b"}),
            path,
            "path of a field",
        ),
        (
            json!({"rule": "true", "fieldPath": "a"}),
            path,
            "path of a field",
        ),
    ] {
        refuses(&rule, field, words);
    }
}

#[test]
fn all_rules_that_are_wrong_are_said_and_those_that_stand_where_there_is_no_value() {
    let part = json!({"properties": {"a": {"x-kubernetes-validations": [{"rule": "true"}]}}});
    assert_eq!(
        refused(&json!({"type": "object", "anyOf": [part]})),
        [".anyOf[0]: rules cannot stand below allOf, anyOf, oneOf or not"]
    );
    let rules = json!([{"rule": "a"}, {"rule": "b"}]);
    let all = refused(&json!({"type": "object", "x-kubernetes-validations": rules}));
    assert_eq!(all.len(), 2, "{all:?}");
}

#[test]
fn rules_share_the_steps_of_one_evaluation_and_of_one_compilation() {
    let rule = "self.list.all(a, self.list.all(b, a + b >= 0))";
    let properties = json!({"list": {"type": "array", "items": {"type": "integer"}}});
    let schema = |count: usize| {
        let rules: Vec<Value> = (0..count).map(|_| json!({"rule": rule})).collect();
        ruled(&json!(rules), &properties)
    };
    let config = json!({"list": vec![1; 150]});
    assert!(admit(Some(&schema(1).unwrap()), Some(&config)).is_ok());
    assert_eq!(
        errors(&schema(40).unwrap(), &config),
        ["spec.config: the validation rules up to here take too long on this configuration"]
    );
    let errors = schema(2_000).map(|_| ()).expect_err("too many rules");
    assert_eq!(errors.len(), 1, "{errors:?}");
    assert!(
        errors[0].message.contains("take too long to compile"),
        "{errors:?}"
    );
}

#[test]
fn a_default_for_which_a_rule_does_not_hold_is_an_error_of_the_schema() {
    let inner = json!({
        "type": "object", "default": {}, "properties": {"n": {"type": "integer", "default": 3}},
        "x-kubernetes-validations": [{"rule": "self.n < 3", "message": "too many", "fieldPath": ".n"}],
    });
    let of = |items: &Value| json!({"type": "object", "properties": {"list": {"type": "array", "items": items}}});
    assert_eq!(
        refused(&of(&json!({"type": "object", "properties": {"a": inner}}))),
        [".properties.list.items.properties.a.default.n: Invalid value: too many"]
    );
    let mut fits = inner;
    fits["default"] = json!({"n": 2});
    assert!(Schema::compile(&of(&json!({"type": "object", "properties": {"a": fits}}))).is_ok());
}
