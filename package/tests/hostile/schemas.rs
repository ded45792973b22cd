//! Schemas of configurations, and their validation rules.

use serde_json::{Value, json};
use stevedore_package::config::{self, Schema};

use super::{Case, Tried, case};

fn admitted(schema: &Value, config: &Value) -> Tried {
    let texts = |errors: Vec<config::FieldError>| {
        let texts: Vec<String> = errors.iter().map(ToString::to_string).collect();
        texts.join("; ")
    };
    let schema = Schema::compile(schema).map_err(texts)?;
    config::admit(Some(&schema), Some(config))
        .map(|_| ())
        .map_err(texts)
}

pub(super) fn rules() -> Vec<Case> {
    let many: Value = (0..20_000)
        .map(|at| json!({"rule": format!("self.list.size() > {at}")}))
        .collect();
    let together: Value = (0..100)
        .map(|_| json!({"rule": "self.list.all(a, self.list.indexOf(a) == 0)"}))
        .collect();
    let growing = format!("self.text{}", ".replace('a', 'aaaaaaaaaa')".repeat(20));
    let lists = [
        (
            "many rules",
            many,
            "the rules up to here take too long to compile",
        ),
        (
            "a costly rule",
            json!([{"rule": "self.list.all(a, self.list.all(b, a == b))"}]),
            "steps on these values",
        ),
        ("rules that are costly together", together, "limit"),
        (
            "a message that grows",
            json!([{"rule": "false", "messageExpression": growing}]),
            "failed rule: false",
        ),
    ];
    let lists = lists.into_iter().map(|(name, rules, words)| {
        let input = move || {
            let schema = json!({
                "type": "object",
                "properties": {
                    "list": {"type": "array", "items": {"type": "integer"}}, "text": {"type": "string"},
                },
                "x-kubernetes-validations": rules,
            });
            admitted(&schema, &json!({"list": vec![1; 2_000], "text": "a".repeat(100_000)}))
        };
        case(name, input, words)
    });
    lists.collect()
}

pub(super) fn schemas() -> Vec<Case> {
    let of = |key: &str, schema: &Value| json!({"type": "object", "properties": {key: schema}});
    let each = move || {
        let item = json!({"type": "string", "x-kubernetes-validations": [{"rule": "self.matches('^a*$')"}]});
        let schema = of("list", &json!({"type": "array", "items": item}));
        admitted(&schema, &json!({"list": vec!["a"; 2_000]}))
    };
    let deep = move || {
        let bad = json!({"type": "string", "x-kubernetes-validations": [{"rule": "sefl == 1"}]});
        admitted(&(0..60).fold(bad, |inner, _| of("a", &inner)), &json!({}))
    };
    let misplaced = || {
        let part = json!({"x-kubernetes-validations": [{"rule": "true"}]});
        let schema = json!({"type": "object", "allOf": vec![part; 1_000]});
        admitted(&schema, &json!({}))
    };
    let backtracking = move || {
        let schema = of("text", &json!({"type": "string", "pattern": "^(a+)+$"}));
        admitted(
            &schema,
            &json!({"text": format!("{}b", "a".repeat(50_000))}),
        )
    };
    let defaults = || {
        let nested = (0..30).fold(json!({"type": "object"}), |inner, level| {
            let field = |at| (format!("k{level}-{at}"), json!({"type": "string"}));
            let mut wide: serde_json::Map<String, Value> = (0..500).map(field).collect();
            wide.insert("inner".to_owned(), inner);
            json!({"type": "object", "default": {}, "properties": wide})
        });
        admitted(&nested, &json!({}))
    };
    vec![
        case(
            "a rule for each item",
            each,
            "take too long on this configuration",
        ),
        case("a deep rule", deep, "unknown variable \"sefl\""),
        case(
            "rules everywhere but where they belong",
            misplaced,
            "rules cannot stand below",
        ),
        case(
            "a pattern that backtracks",
            backtracking,
            "spec.config.text",
        ),
        case("defaults in defaults", defaults, "defaults that nest"),
    ]
}
