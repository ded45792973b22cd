//! Expressions, the templates that have them evaluated, and filters.

use serde_json::{Value, json};

use super::{Case, Tried, case, package};

/// An object that depends on this expression, with a text and a list in the configuration.
pub(super) fn condition(expression: &str) -> Tried {
    let object = json!({
        "apiVersion": "v1", "kind": "ConfigMap",
        "metadata": {"name": "a", "annotations": {
            "package-operator.run/phase": "one", "package-operator.run/condition": expression,
        }},
    });
    let config = json!({"text": "x".repeat(1_000), "list": vec![1; 2_000]});
    package(
        &json!({"config": any_config()}),
        &[("a.yaml", object.to_string())],
        config,
    )
}

fn any_config() -> Value {
    json!({"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": true}})
}

/// Expressions that no parser should see.
pub(super) fn expressions() -> Vec<Case> {
    let texts = [
        (
            "a long one",
            format!("true || '{}' == ''", "x".repeat(100_000)),
            "has 100016 bytes, the limit is 4096",
        ),
        (
            "brackets",
            format!("{}true{}", "(".repeat(2_000), ")".repeat(2_000)),
            "nests brackets deeper than 32",
        ),
        (
            "open brackets",
            "[".repeat(4_000),
            "nests brackets deeper than 32",
        ),
        (
            "operators",
            format!("{}1 > 0", "1 + ".repeat(900)),
            "deeper than 32",
        ),
    ];
    conditions(texts)
}

/// Expressions that would take too long, or too much.
pub(super) fn costly_expressions() -> Vec<Case> {
    let texts = [
        (
            "a doubled text",
            format!("['x']{} == []", ".map(x, x + x)".repeat(24)),
            "the limit is",
        ),
        (
            "a replaced text",
            format!(
                "config.text{} == ''",
                ".replace('x', 'xxxxxxxxxxxx')".repeat(20)
            ),
            "the limit is",
        ),
        (
            "all pairs",
            "config.list.all(a, config.list.all(b, a == b))".to_owned(),
            "steps on these values, the limit is",
        ),
        (
            "all parts of a text",
            "config.text.findAll('.').all(a, a.find('.') == a)".to_owned(),
            "steps on these values",
        ),
        (
            "formatted often",
            format!(
                "{}config.text{} == ''",
                "'%s%s'.format(['x', ".repeat(8),
                "])".repeat(8)
            ),
            "the limit is",
        ),
        (
            "a huge pattern",
            "config.text.matches('((\\\\w{50}){50}){50}')".to_owned(),
            "regular expression",
        ),
        (
            "a foreign pattern",
            "config.text.matches(config.text)".to_owned(),
            "regular expression: it must be a string literal",
        ),
        (
            "a list of any length",
            "lists.range(1000000000).size() > 0".to_owned(),
            "unknown function \"range\"",
        ),
    ];
    conditions(texts)
}

/// Name, expression, and what its error says.
type Text = (&'static str, String, &'static str);

fn conditions(texts: impl IntoIterator<Item = Text>) -> Vec<Case> {
    let cases = texts.into_iter();
    cases
        .map(|(name, text, words)| case(name, move || condition(&text), words))
        .collect()
}

pub(super) fn templates_and_bindings() -> Vec<Case> {
    let template = |text: &'static str| {
        move || package(&json!({}), &[("a.yaml.gotmpl", text.to_owned())], json!({}))
    };
    let exhausted = "budget of 8000000 steps is used up";
    let endless = "{{ range 10000000 }}{{ cel `[1, 2].all(x, x > 0)` }}{{ end }}";
    let made = "{{ range $i := until 100000 }}{{ cel (printf `%d > -1` $i) }}{{ end }}";
    let long = || {
        let conditions = json!([{"name": "a", "expression": "config.list.size() > 0"}]);
        let spec = json!({"config": any_config(), "filter": {"conditions": conditions}});
        package(&spec, &[], json!({"list": vec![1; 2_001]}))
    };
    vec![
        case(
            "a template that asks without end",
            template(endless),
            exhausted,
        ),
        case(
            "a template that makes expressions",
            template(made),
            exhausted,
        ),
        case("a bound list that is too long", long, "the limit is 2000"),
    ]
}

pub(super) fn filters() -> Vec<Case> {
    let entries = |count: usize, expression: &str| -> Value {
        (0..count)
            .map(|at| json!({"name": format!("c{at}"), "expression": expression}))
            .collect()
    };
    let long = format!("'{}' != ''", "x".repeat(4_000));
    let costly = "config.list.all(a, config.list.all(b, a == b))";
    let named = |name: &str| json!([{"name": name, "expression": "true"}]);
    let conditions = [
        (
            "many conditions",
            entries(5_000, "true"),
            "spec.filter.conditions: 5000 entries, the limit is 64",
        ),
        (
            "long conditions",
            entries(64, &long),
            "take too long to compile",
        ),
        (
            "a costly condition",
            entries(1, costly),
            "spec.filter.conditions[0].expression",
        ),
        (
            "a long name",
            named(&"a".repeat(100_000)),
            "must be at most 63 letters",
        ),
        (
            "a name that is an expression",
            named("a || true"),
            "must be at most 63 letters",
        ),
        (
            "a list of other things",
            json!("true"),
            "spec.filter.conditions",
        ),
    ];
    let conditions = conditions.into_iter();
    conditions
        .map(|(name, list, words)| case(name, move || filter(&list, &json!([])), words))
        .collect()
}

pub(super) fn globs() -> Vec<Case> {
    let globs = [
        (
            "a long glob",
            "*".repeat(100_000),
            "must be no longer than 1024 bytes",
        ),
        (
            "alternatives in alternatives",
            "{a,".repeat(300) + &"}".repeat(300),
            "spec.filter.paths[0].glob",
        ),
        (
            "an open class",
            "[a-".to_owned(),
            "spec.filter.paths[0].glob",
        ),
        (
            "an open alternative",
            "{a,b".to_owned(),
            "spec.filter.paths[0].glob",
        ),
    ];
    let globs = globs.into_iter().map(|(name, glob, words)| {
        let paths = json!([{"glob": glob, "expression": "false"}]);
        case(name, move || filter(&json!([]), &paths), words)
    });
    globs.collect()
}

fn filter(conditions: &Value, paths: &Value) -> Tried {
    let filter = json!({"conditions": conditions, "paths": paths});
    let spec = json!({"filter": filter, "config": any_config()});
    package(&spec, &[], json!({"list": vec![1; 2_000]}))
}
