//! The walk through the fields of a manifest: reads them as Go's decoder of JSON does, which knows names of fields in any
//! case, makes text of numbers where a text is wanted and passes over what it does not know; and tells of each.

use std::fmt;

use serde_json::{Map, Value};
use stevedore_template::yaml::{Single, float_text};

use crate::limit;
use crate::violation::{Position, Reason, Violation};
use crate::warning::{Warning, WarningReason, Warnings};

/// The fields that a file may have. `[]` stands for the items of a list; below a field that is listed anything may be.
pub(super) struct Fields {
    pub(super) known: &'static [&'static str],
    /// Fields that are known, but not honoured by this version, and what they are.
    pub(super) later: &'static [(&'static str, &'static str)],
    /// Those of the known ones in which numbers and booleans are what they are. All others hold texts.
    pub(super) values: &'static [&'static str],
}

/// A walk through one document.
pub(super) struct Walk<'a> {
    pub(super) fields: &'a Fields,
    pub(super) path: &'a str,
    /// The rule that a value of another form breaks.
    pub(super) invalid: Reason,
    /// Where its fields are.
    pub(super) document: &'a Single,
    pub(super) violations: Vec<Violation>,
    pub(super) warnings: &'a mut Warnings,
}

impl Walk<'_> {
    /// Reads a value. `form` is the field as the tables have it, `field` as the document does.
    pub(super) fn value(&mut self, form: &str, value: &mut Value, field: &str) {
        if value.is_null() {
            return;
        }
        if self.fields.known.contains(&form) {
            if !self.fields.values.contains(&form) {
                self.texts(value, field);
            }
            return;
        }
        if let Some((_, what)) = self.fields.later.iter().find(|(later, _)| *later == form) {
            let details = format!("{field}: {what} are not supported yet");
            return self.refuse(Reason::NotSupported, field, details);
        }
        let (item, inside) = (format!("{form}[]"), format!("{form}."));
        match value {
            Value::Array(values) if self.is_prefix(&item) => {
                for (number, value) in values.iter_mut().enumerate() {
                    self.value(&item, value, &format!("{field}[{number}]"));
                }
            }
            Value::Object(map) if form.is_empty() || self.is_prefix(&inside) => {
                self.map(form, map, field);
            }
            _ if self.is_prefix(&item) => {
                self.refuse(self.invalid, field, format!("{field}: must be a list"));
            }
            _ => self.refuse(self.invalid, field, format!("{field}: must be a map")),
        }
    }

    fn map(&mut self, form: &str, map: &mut Map<String, Value>, field: &str) {
        let dot = if form.is_empty() { "" } else { "." };
        for (key, mut value) in std::mem::take(map) {
            let field = format!("{field}{dot}{key}");
            let known = self.known(&format!("{form}{dot}"), &key);
            let Some(name) = known else {
                let name = shown(&field);
                let details =
                    format!("{name}: Package Operator passes over it, and so is it done here");
                self.warn(
                    WarningReason::UnknownField,
                    &field,
                    details,
                    "correct its name, or remove it",
                );
                continue;
            };
            self.value(&format!("{form}{dot}{name}"), &mut value, &field);
            // Go's decoder leaves a field alone that is null, and its encoder writes so what is not set.
            if value.is_null() {
                continue;
            }
            if name == key {
                map.insert(key, value);
                continue;
            }
            let details = format!("{field}: it is read as {name:?}, since case does not count");
            self.warn(
                WarningReason::FieldCase,
                &field,
                details,
                "write the name in its own case",
            );
            map.entry(name).or_insert(value);
        }
    }

    /// The name of the field that a key means, below a form that ends in a dot or is empty.
    fn known(&self, form: &str, key: &str) -> Option<String> {
        let later = self.fields.later.iter().map(|(later, _)| later);
        let below = self.fields.known.iter().chain(later);
        let below = below.filter_map(|known| known.strip_prefix(form));
        let mut names = below.map(|rest| rest.split(['.', '[']).next().unwrap_or(rest));
        let is_meant = |name: &&str| name.eq_ignore_ascii_case(key);
        match names.clone().find(|name| *name == key) {
            Some(name) => Some(name.to_owned()),
            None => names.find(is_meant).map(str::to_owned),
        }
    }

    fn is_prefix(&self, form: &str) -> bool {
        let later = self.fields.later.iter().map(|(later, _)| later);
        let mut forms = self.fields.known.iter().chain(later);
        forms.any(|known| known.starts_with(form))
    }

    /// Makes texts of the numbers and booleans in a value.
    fn texts(&mut self, value: &mut Value, field: &str) {
        let text = match value {
            Value::Bool(truth) => truth.to_string(),
            Value::Number(number) => match (number.as_i64(), number.as_f64()) {
                (Some(whole), _) => whole.to_string(),
                (None, float) => float_text(float.unwrap_or_default()),
            },
            Value::Array(items) => {
                for (number, item) in items.iter_mut().enumerate() {
                    self.texts(item, &within(field, format_args!("[{number}]")));
                }
                return;
            }
            Value::Object(map) => {
                for (key, item) in map {
                    self.texts(item, &within(field, format_args!(".{key}")));
                }
                return;
            }
            Value::Null | Value::String(_) => return,
        };
        let details =
            format!("{field}: a number or a boolean, where a text is wanted, is read as {text:?}");
        self.warn(WarningReason::FieldNotText, field, details, "quote it");
        *value = Value::String(text);
    }

    fn refuse(&mut self, reason: Reason, field: &str, details: String) {
        let violation = Violation::new(reason, details).in_file(self.path);
        self.violations.push(match position(self.document, field) {
            Some(position) => violation.on(position),
            None => violation,
        });
    }

    fn warn(&mut self, reason: WarningReason, field: &str, details: String, mend: &str) {
        let warning = Warning::new(reason, details, mend).in_file(self.path);
        self.warnings.add(match position(self.document, field) {
            Some(position) => warning.on(position),
            None => warning,
        });
    }
}

/// Where a field is, or else what it would be in.
pub(super) fn position(document: &Single, field: &str) -> Option<Position> {
    let mut field = field;
    loop {
        if let Some((line, column)) = document.place(field) {
            return Some(Position {
                line,
                column: Some(column),
            });
        }
        field = &field[..field.rfind(['.', '['])?];
    }
}

/// The path of something in a field; that of the field alone if it would be too long.
fn within(field: &str, inside: fmt::Arguments<'_>) -> String {
    let path = format!("{field}{inside}");
    match path.len() > limit::YAML_PATH {
        true => field.to_owned(),
        false => path,
    }
}

/// A path as it is shown: its keys may be anything.
fn shown(field: &str) -> String {
    let letters = field.chars().take(limit::YAML_PATH);
    letters
        .map(|it| if it.is_control() { '\u{fffd}' } else { it })
        .collect()
}
