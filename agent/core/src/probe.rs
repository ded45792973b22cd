//! Availability probes: condition, fieldsEqual and CEL, with three-valued results.
//!
//! As in Package Operator: an object that no entry selects passes; all entries and all probes are ANDed;
//! any Unknown makes the whole Unknown, and only the messages of what dominates are told; only True passes.

use serde_json::Value;
use stevedore_cel::Program;
use stevedore_proto_core::content::{
    ConditionProbe, Content, FieldsEqualProbe, Probe, ProbeSelector,
};

use crate::key::Kind;

/// What probes say about an object.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Probed {
    /// All pass.
    Passed,
    /// At least one is false.
    Failed(Box<str>),
    /// At least one cannot be told yet.
    Unknown(Box<str>),
    /// Not evaluated.
    #[default]
    NotYet,
}

impl Probed {
    /// Whether all pass.
    pub fn passed(&self) -> bool {
        *self == Self::Passed
    }

    /// What does not pass, for people.
    pub fn message(&self) -> &str {
        match self {
            Self::Passed => "",
            Self::Failed(message) | Self::Unknown(message) => message,
            Self::NotYet => "not probed yet",
        }
    }
}

/// A CEL rule, compiled.
#[derive(Debug)]
pub struct Rule {
    /// The expression.
    pub program: Program,
    /// Told when it is false.
    pub message: String,
}

/// Runs CEL rules. The caller decides where, measures, and may refuse an expression.
pub trait RunRule {
    /// The rule's result on an object, bound to `self`.
    ///
    /// # Errors
    /// Why there is no result.
    fn run(&mut self, rule: &Rule, object: &Value) -> Result<bool, String>;
}

/// Runs rules right here.
#[derive(Debug, Default)]
pub struct RunInline;

impl RunRule for RunInline {
    fn run(&mut self, rule: &Rule, object: &Value) -> Result<bool, String> {
        rule.program
            .eval_bool(&[("self", object)])
            .map_err(|error| error.to_string())
    }
}

#[derive(Debug)]
enum Test {
    FieldsEqual(FieldsEqualProbe),
    Condition(ConditionProbe),
    Cel(Rule),
}

#[derive(Debug)]
struct Entry {
    selector: ProbeSelector,
    tests: Vec<Test>,
}

/// The probes of one content, compiled.
#[derive(Debug, Default)]
pub struct Probes(Vec<Entry>);

enum TestResult {
    True,
    False(String),
    Unknown(String),
}

impl Probes {
    /// Compiles the probes of a content.
    ///
    /// # Errors
    /// Every probe that cannot be used, with why.
    pub fn compile(content: &Content) -> Result<Self, Vec<String>> {
        let mut refused = Vec::new();
        let mut entries = Vec::new();
        for (at, entry) in content.availability_probes.iter().enumerate() {
            let mut tests = Vec::new();
            for (nth, probe) in entry.probes.iter().enumerate() {
                match compile(probe) {
                    Ok(test) => tests.push(test),
                    Err(why) => refused.push(format!(
                        "availabilityProbes[{at}].probes[{nth}] cannot be used: {why}"
                    )),
                }
            }
            entries.push(Entry {
                selector: entry.selector.clone(),
                tests,
            });
        }
        if refused.is_empty() {
            Ok(Self(entries))
        } else {
            Err(refused)
        }
    }

    /// Whether a CEL rule is evaluated for this object.
    pub fn needs_cel(&self, kind: &Kind, object: &Value) -> bool {
        self.selected(kind, object)
            .any(|entry| entry.tests.iter().any(|test| matches!(test, Test::Cel(_))))
    }

    /// Evaluates an object.
    pub fn evaluate(&self, kind: &Kind, object: &Value, run: &mut dyn RunRule) -> Probed {
        let mut failed = Vec::new();
        let mut unknown = Vec::new();
        for entry in self.selected(kind, object) {
            if status_is_outdated(object) {
                unknown.push(".status outdated".to_owned());
                continue;
            }
            for test in &entry.tests {
                match test.evaluate(kind, object, run) {
                    TestResult::True => {}
                    TestResult::False(message) => failed.push(message),
                    TestResult::Unknown(message) => unknown.push(message),
                }
            }
        }
        if !unknown.is_empty() {
            unknown.dedup();
            Probed::Unknown(unknown.join(", ").into())
        } else if !failed.is_empty() {
            Probed::Failed(failed.join(", ").into())
        } else {
            Probed::Passed
        }
    }

    fn selected<'a>(
        &'a self,
        kind: &'a Kind,
        object: &'a Value,
    ) -> impl Iterator<Item = &'a Entry> {
        self.0
            .iter()
            .filter(move |entry| entry.selector.selects(kind.group(), kind.kind(), object))
    }
}

fn compile(probe: &Probe) -> Result<Test, String> {
    if let Some(fields) = &probe.fields_equal {
        Ok(Test::FieldsEqual(fields.clone()))
    } else if let Some(condition) = &probe.condition {
        Ok(Test::Condition(condition.clone()))
    } else if let Some(cel) = &probe.cel {
        let program = Program::compile_condition(&cel.rule, &["self"])
            .map_err(|error| format!("CEL rule {:?}: {error}", cel.rule))?;
        Ok(Test::Cel(Rule {
            program,
            message: cel.message.clone(),
        }))
    } else {
        Err("it has none of condition, fieldsEqual and cel".into())
    }
}

fn generation(object: &Value) -> i64 {
    object
        .pointer("/metadata/generation")
        .and_then(Value::as_i64)
        .unwrap_or_default()
}

fn status_is_outdated(object: &Value) -> bool {
    object
        .pointer("/status/observedGeneration")
        .and_then(Value::as_i64)
        .is_some_and(|observed| observed != generation(object))
}

impl Test {
    fn evaluate(&self, kind: &Kind, object: &Value, run: &mut dyn RunRule) -> TestResult {
        match self {
            Self::Condition(probe) => condition(probe, object),
            Self::FieldsEqual(probe) => fields_equal(probe, kind, object),
            Self::Cel(rule) => match run.run(rule, object) {
                Ok(true) => TestResult::True,
                Ok(false) => TestResult::False(rule.message.clone()),
                Err(why) => TestResult::Unknown(format!("CEL program failed: {why}")),
            },
        }
    }
}

/// The condition of a type on an object, unless it speaks about another generation.
pub(crate) enum Found<'a> {
    Missing(&'static str),
    Outdated,
    Current(&'a Value),
}

pub(crate) fn find_condition<'a>(object: &'a Value, type_: &str) -> Found<'a> {
    let Some(conditions) = object.pointer("/status/conditions") else {
        return Found::Missing("missing .status.conditions");
    };
    let Some(conditions) = conditions.as_array() else {
        return Found::Missing("malformed");
    };
    let named = conditions
        .iter()
        .find(|condition| condition.get("type").and_then(Value::as_str) == Some(type_));
    let Some(condition) = named else {
        return Found::Missing("not reported");
    };
    match condition.get("observedGeneration").and_then(Value::as_i64) {
        Some(observed) if observed != generation(object) => Found::Outdated,
        _ => Found::Current(condition),
    }
}

fn condition(probe: &ConditionProbe, object: &Value) -> TestResult {
    let say = |what: &str| format!("condition {:?} == {:?}: {what}", probe.r#type, probe.status);
    match find_condition(object, &probe.r#type) {
        Found::Missing(what) => TestResult::Unknown(say(what)),
        Found::Outdated => TestResult::Unknown(say("outdated")),
        Found::Current(condition)
            if condition.get("status").and_then(Value::as_str) == Some(&probe.status) =>
        {
            TestResult::True
        }
        Found::Current(_) => TestResult::False(say("wrong status")),
    }
}

fn field<'a>(object: &'a Value, path: &str) -> Option<&'a Value> {
    path.strip_prefix('.')
        .unwrap_or(path)
        .split('.')
        .try_fold(object, |value, part| value.get(part))
}

fn fields_equal(probe: &FieldsEqualProbe, kind: &Kind, object: &Value) -> TestResult {
    let say = |what: &str| format!("{:?} == {:?}: {what}", probe.field_a, probe.field_b);
    match (field(object, &probe.field_a), field(object, &probe.field_b)) {
        (None, _) => TestResult::False(say(&format!("{:?} missing", probe.field_a))),
        (_, None) => TestResult::False(say(&format!("{:?} missing", probe.field_b))),
        (Some(a), Some(b)) if same(a, b) => TestResult::True,
        (Some(_), Some(_)) if kind.is_secret() => TestResult::False(say("the fields differ")),
        (Some(a), Some(b)) => TestResult::False(say(&format!("{a} != {b}"))),
    }
}

/// Numbers are equal by value, whatever their form.
fn same(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => a == b || a.as_f64() == b.as_f64(),
        _ => a == b,
    }
}

#[cfg(test)]
mod tests;
