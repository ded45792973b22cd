//! The language as probes and conditions use it.

use serde_json::json;
use stevedore_cel::{Error, Outcome, Program};

fn holds(source: &str, object: &serde_json::Value) -> Result<bool, Error> {
    Program::compile_condition(source, &["self"])?.eval_bool(&[("self", object)])
}

#[test]
fn probe_rules_as_people_write_them_hold_on_a_deployment() {
    let deployment = json!({
        "metadata": {"name": "lamp", "generation": 3, "labels": {"part": "lamp"}},
        "spec": {"replicas": 2},
        "status": {
            "observedGeneration": 3, "replicas": 2, "ratio": 0.5,
            "conditions": [
                {"type": "Progressing", "status": "True"},
                {"type": "Available", "status": "True", "lastTransitionTime": "2026-01-02T03:04:05Z"},
            ],
        },
    });
    for rule in [
        "self.status.replicas == self.spec.replicas",
        "self.metadata.generation + 1 == 4",
        "self.status.ratio < 1.0",
        "has(self.status.conditions) && !has(self.status.message)",
        "self.status.conditions.exists(c, c.type == 'Available' && c.status == 'True')",
        "self.status.conditions.all(c, c.status == 'True')",
        "self.status.conditions.filter(c, c.type.startsWith('A')).size() == 1",
        "self.status.conditions.map(c, c.type).join(',') == 'Progressing,Available'",
        "self.status.conditions.exists_one(c, c.type == 'Available')",
        "'part' in self.metadata.labels && self.metadata.labels['part'] == 'lamp'",
        "self.metadata.name.matches('^[a-z]+$')",
        "self.?status.?message.orValue('') == ''",
        "timestamp(self.status.conditions[1].lastTransitionTime) < timestamp('2027-01-01T00:00:00Z')",
        "type(self.spec.replicas) == int && string(self.spec.replicas) == '2'",
        "self.metadata.name.lowerAscii().substring(0, 2) == 'la' ? true : false",
        "size('é') == 1 && !!true",
    ] {
        assert_eq!(holds(rule, &deployment), Ok(true), "{rule}");
    }
}

#[test]
fn a_missing_field_is_an_evaluation_error_that_names_it() {
    assert_eq!(
        holds("self.status.ready", &json!({"status": {}})),
        Err(Error::Evaluation("no such key: ready".to_owned()))
    );
}

#[test]
fn errors_never_contain_values_of_the_object() {
    let secret = json!({"data": {"password": "hunter2", "n": 9_000_000_000_000_000_000_i64}});
    for rule in [
        "self.data.password + 1 == 2",
        "self.data.password > 1",
        "self.data[self.data.password]  == ''",
        "int(self.data.password) == 1",
        "self.data.n * 9000 == 1",
        "duration(self.data.password) == duration('1s')",
        "timestamp(self.data.password) == timestamp('2026-01-02T03:04:05Z')",
        "{self.data.password: 1, self.data.password: 2} == {}",
        "self.data.password ? true : false",
        "[1][self.data.n] == 1",
    ] {
        let message = holds(rule, &secret).expect_err(rule).to_string();
        assert!(
            !message.contains("hunter2") && !message.contains("900000"),
            "{rule}: {message}"
        );
    }
}

#[test]
fn a_condition_names_the_variable_it_does_not_know() {
    assert_eq!(
        Program::compile_condition("slef.ready", &["self", "cluster"]).map(|_| ()),
        Err(Error::UnknownVariable {
            name: "slef".to_owned(),
            known: "self, cluster".to_owned()
        })
    );
    assert!(Program::compile_condition("self.items.all(i, i > 0)", &["self"]).is_ok());
    assert!(Program::compile_condition("self.items.all(i, i > 0) && i", &["self"]).is_err());
}

#[test]
fn a_condition_that_is_plainly_not_a_boolean_is_refused_when_compiled() {
    for source in [
        "'yes'",
        "1 + 2",
        "[true]",
        "size(self)",
        "self.map(x, x)",
        "null",
    ] {
        let result = Program::compile_condition(source, &["self"]).map(|_| ());
        assert!(
            matches!(result, Err(Error::NotBool(_))),
            "{source}: {result:?}"
        );
    }
    assert_eq!(
        holds("self.text", &json!({"text": "yes"})),
        Err(Error::NotBool("string".to_owned()))
    );
}

#[test]
fn syntax_errors_name_line_and_column() {
    let error = Program::compile("self.a ==\n  == 1").expect_err("two operators in a row");
    assert!(error.to_string().contains("line 2"), "{error}");
}

#[test]
fn other_results_than_booleans_come_as_json() {
    let program = Program::compile("self.items.map(x, x * 2)").unwrap();
    assert_eq!(
        program.eval(&[("self", &json!({"items": [1, 2]}))]),
        Ok(Outcome::Json(json!([2, 4])))
    );
    assert_eq!(
        Program::compile("1 < 2").unwrap().eval(&[]),
        Ok(Outcome::Bool(true))
    );
}

#[test]
fn programs_are_shared_between_threads() {
    fn shared<T: Send + Sync>(_: &T) {}
    shared(&Program::compile("true").unwrap());
}

#[test]
fn a_program_tells_which_paths_it_may_look_at() {
    let reads = |source: &str| -> Vec<String> {
        let program = Program::compile(source).unwrap();
        program.reads().iter().map(|path| path.join("/")).collect()
    };
    assert_eq!(
        reads("has(a.b.c) && a.d['e.f'] == cluster.name"),
        ["a/b/c", "a/d/e.f", "cluster/name"]
    );
    assert_eq!(reads("'x' in cluster.labels"), ["cluster/labels"]);
    assert_eq!(reads("a.items.all(i, i.ok && b)"), ["a/items", "b"]);
    assert_eq!(reads("a[b.c].d == 1"), ["a", "b/c"]);
    assert_eq!(reads("a.?b.orValue(1) == 1"), ["a"]);
}

#[test]
fn optional_values_are_mapped_where_there_are_some() {
    for source in [
        "self.?a.optMap(it, it + 1).orValue(0) == 2",
        "self.?b.optMap(it, it + 1).orValue(0) == 0",
        "self.?a.optFlatMap(it, self.?b).hasValue() == false",
        "optional.of(1).optMap(it, it * 2).value() == 2",
        "[1][?0].optMap(it, it == 1).value()",
    ] {
        assert_eq!(holds(source, &json!({"a": 1})), Ok(true), "{source}");
    }
}
