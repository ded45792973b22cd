//! The validation rules of a schema (`x-kubernetes-validations`): CEL over the value they stand at.

use std::collections::BTreeMap;

use serde_json::{Map, Value};
use stevedore_cel::{Bindings, Outcome, Program};
use stevedore_template::budget::Budget;

use super::field_error::{FieldError, field_error};
use super::prune;
use super::rule::{Place, Rule};
use crate::limit;

/// Steps of binding a value.
const BINDING: u64 = 100;
/// Errors after which no more rules are evaluated.
const MAX_ERRORS: usize = 20;

/// The rules of a schema, and of what is below it.
#[derive(Debug, Default)]
pub(super) struct Rules {
    own: Vec<Rule>,
    properties: BTreeMap<String, Rules>,
    others: Option<Box<Rules>>,
    items: Option<Box<Rules>>,
}

impl Rules {
    /// Compiles the rules of a whole schema.
    pub(super) fn compile(schema: &Value, errors: &mut Vec<FieldError>) -> Rules {
        let mut budget = Budget::new(limit::MANIFEST_CEL_STEPS, 0);
        Rules::below(schema, "", &mut budget, errors)
    }

    fn below(
        schema: &Value,
        field: &str,
        budget: &mut Budget,
        errors: &mut Vec<FieldError>,
    ) -> Rules {
        let mut rules = Rules::default();
        let key = "x-kubernetes-validations";
        let field_of = |number| format!("{field}.{key}[{number}]");
        match schema.get(key) {
            None | Some(Value::Null) => {}
            Some(Value::Array(found)) => {
                for (number, rule) in found.iter().enumerate() {
                    let place = Place {
                        field: field_of(number),
                        schema,
                    };
                    rules
                        .own
                        .extend(Rule::compile(rule, &place, budget, errors));
                }
            }
            Some(_) => errors.push(field_error(format!("{field}.{key}"), "must be a list")),
        }
        let properties = schema.get("properties").and_then(Value::as_object);
        for (name, schema) in properties.into_iter().flatten() {
            let field = format!("{field}.properties.{name}");
            let below = Rules::below(schema, &field, budget, errors);
            if !below.is_empty() {
                rules.properties.insert(name.clone(), below);
            }
        }
        let mut one = |name: &str| {
            let schema = schema.get(name)?;
            let below = Rules::below(schema, &format!("{field}.{name}"), budget, errors);
            (!below.is_empty()).then(|| Box::new(below))
        };
        rules.others = one("additionalProperties");
        rules.items = one("items");
        misplaced(schema, field, errors);
        rules
    }

    fn is_empty(&self) -> bool {
        self.own.is_empty()
            && self.properties.is_empty()
            && self.others.is_none()
            && self.items.is_none()
    }

    /// About how many bytes they take in memory.
    pub(super) fn bytes(&self) -> usize {
        let below = self.properties.values();
        let below = below
            .chain(self.others.as_deref())
            .chain(self.items.as_deref());
        self.own.iter().map(Rule::bytes).sum::<usize>() + below.map(Rules::bytes).sum::<usize>()
    }

    /// Evaluates the rules on a value that fits the schema otherwise.
    pub(super) fn check(&self, schema: &Value, value: &Value) -> Vec<FieldError> {
        let mut check = Check::new();
        check.value(self, schema, value, "");
        check.errors
    }

    /// Evaluates the rules on every default, which fits its schema otherwise: no configuration that leaves one in place
    /// would be right.
    pub(super) fn check_defaults(&self, schema: &Value) -> Vec<FieldError> {
        let mut check = Check::new();
        self.defaults(schema, "", &mut check);
        check.errors
    }

    fn defaults(&self, schema: &Value, field: &str, check: &mut Check) {
        let part = |key: &str| schema.get(key).unwrap_or(&Value::Null);
        for (name, rules) in &self.properties {
            let schema = part("properties").get(name).unwrap_or(&Value::Null);
            let field = format!("{field}.properties.{name}");
            if let Some(default) = prune::default(schema) {
                let mut value = default.clone();
                prune::fill_defaults(schema, &mut value);
                check.value(rules, schema, &value, &format!("{field}.default"));
            }
            rules.defaults(schema, &field, check);
        }
        for (key, rules) in [
            ("additionalProperties", &self.others),
            ("items", &self.items),
        ] {
            if let Some(rules) = rules {
                rules.defaults(part(key), &format!("{field}.{key}"), check);
            }
        }
    }
}

/// Rules say something about a value: where a schema only restricts what another describes, there is none.
fn misplaced(schema: &Value, field: &str, errors: &mut Vec<FieldError>) {
    let mut refuse = |part: &Value, field: String| {
        if mentions(part) {
            let message = "rules cannot stand below allOf, anyOf, oneOf or not";
            errors.push(field_error(field, message));
        }
    };
    for key in ["allOf", "anyOf", "oneOf"] {
        let parts = schema.get(key).and_then(Value::as_array);
        for (number, part) in parts.into_iter().flatten().enumerate() {
            refuse(part, format!("{field}.{key}[{number}]"));
        }
    }
    if let Some(part) = schema.get("not") {
        refuse(part, format!("{field}.not"));
    }
}

/// Whether a schema has rules, anywhere.
fn mentions(schema: &Value) -> bool {
    let mut below = schema
        .as_object()
        .into_iter()
        .flat_map(Map::values)
        .chain(schema.as_array().into_iter().flatten());
    schema.get("x-kubernetes-validations").is_some() || below.any(mentions)
}

/// One evaluation of all rules.
struct Check {
    /// Steps.
    left: u64,
    errors: Vec<FieldError>,
}

impl Check {
    fn new() -> Self {
        Self {
            left: limit::RULE_STEPS,
            errors: Vec::new(),
        }
    }

    fn value(&mut self, rules: &Rules, schema: &Value, value: &Value, field: &str) {
        if value.is_null() {
            return;
        }
        if !rules.own.is_empty() {
            self.own(rules, schema, value, field);
        }
        let part = |key: &str| schema.get(key).unwrap_or(&Value::Null);
        for (key, value) in value.as_object().into_iter().flatten() {
            let field = format!("{field}.{key}");
            let known = part("properties").get(key);
            match (known, rules.properties.get(key), &rules.others) {
                (Some(schema), Some(rules), _) => self.value(rules, schema, value, &field),
                (None, _, Some(rules)) => {
                    self.value(rules, part("additionalProperties"), value, &field);
                }
                _ => {}
            }
        }
        for (number, value) in value.as_array().into_iter().flatten().enumerate() {
            if let Some(rules) = &rules.items {
                self.value(rules, part("items"), value, &format!("{field}[{number}]"));
            }
        }
    }

    fn own(&mut self, rules: &Rules, schema: &Value, value: &Value, field: &str) {
        if self.errors.len() >= MAX_ERRORS || !self.pay(BINDING, field) {
            return;
        }
        let bound = match Bindings::structural("self", value, schema) {
            Ok(bound) => bound,
            Err(error) => return self.errors.push(field_error(field, error.to_string())),
        };
        for rule in rules.own.iter().filter(|rule| !rule.is_about_updates) {
            match self.holds(&rule.program, &bound, field) {
                None => return,
                Some(Ok(true)) => {}
                Some(Ok(false)) => {
                    let message = self.message(rule, &bound, field);
                    let field = format!("{field}{}", rule.field_path);
                    self.errors.push(rule.error(field, &message));
                }
                Some(Err(error)) => {
                    let what = format!("Invalid value: {error}, evaluating rule: {}", rule.name());
                    self.errors.push(field_error(field, what));
                }
            }
        }
    }

    /// Nothing when it would take too long.
    fn holds(
        &mut self,
        program: &Program,
        bound: &Bindings,
        field: &str,
    ) -> Option<Result<bool, stevedore_cel::Error>> {
        match program.steps(bound) {
            Ok(steps) if !self.pay(steps, field) => None,
            Ok(_) => Some(program.eval_bool_on(bound)),
            Err(error) => Some(Err(error)),
        }
    }

    /// What the rule's own expression says, if that is a line of text; else what the rule says.
    fn message(&mut self, rule: &Rule, bound: &Bindings, field: &str) -> String {
        let said = rule.message_expression.as_ref().and_then(|expression| {
            let steps = expression.steps(bound).ok()?;
            if !self.pay(steps, field) {
                return None;
            }
            match expression.eval_on(bound) {
                Ok(Outcome::Json(Value::String(text))) => Some(text.trim().to_owned()),
                _ => None,
            }
        });
        let is_line = |text: &String| !text.is_empty() && !text.contains(['\n', '\r']);
        said.filter(is_line).unwrap_or_else(|| rule.name())
    }

    /// Takes steps, or says that there are too few left, once.
    fn pay(&mut self, steps: u64, field: &str) -> bool {
        let left = self.left.checked_sub(steps);
        if left.is_none() && self.left > 0 {
            let message = "the validation rules up to here take too long on this configuration";
            self.errors.push(field_error(field, message));
        }
        self.left = left.unwrap_or(0);
        left.is_some()
    }
}
