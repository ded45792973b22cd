//! The walk through the fields of a manifest: reads them as Go's decoder of JSON does, which knows names of fields in any
//! case, makes text of numbers where a text is wanted and passes over what it does not know; and tells of each.

use std::fmt;

use serde_json::{Map, Value};
use stevedore_template::yaml::float_text;

use super::problems::{Problems, position};
use crate::limit;
use crate::violation::Reason;
use crate::warning::{Warning, WarningReason, Warnings};

/// The fields that a file may have. `[]` stands for the items of a list; below a field that is listed anything may be.
pub(super) struct Fields {
    pub(super) known: &'static [&'static str],
    /// Fields that are known, but not honoured by this version, and what they are.
    pub(super) later: &'static [(&'static str, &'static str)],
    /// Those of the known ones in which numbers and booleans are what they are. All others hold texts: one, or those of
    /// the next tables several.
    pub(super) values: &'static [&'static str],
    /// Lists of texts.
    pub(super) lists: &'static [&'static str],
    /// Maps of texts.
    pub(super) maps: &'static [&'static str],
    /// Texts in lists and maps of any form.
    pub(super) trees: &'static [&'static str],
}

/// A walk through one document.
pub(super) struct Walk<'w, 'p> {
    pub(super) fields: &'w Fields,
    pub(super) problems: &'w mut Problems<'p>,
    pub(super) warnings: &'w mut Warnings,
}

impl Walk<'_, '_> {
    /// Reads a value. `form` is the field as the tables have it, `field` as the document does. A value of another form
    /// is told, and becomes null.
    pub(super) fn value(&mut self, form: &str, value: &mut Value, field: &str) {
        if value.is_null() {
            return;
        }
        if self.fields.known.contains(&form) {
            if !self.fields.values.contains(&form) {
                self.known_value(form, value, field);
            }
            return;
        }
        if let Some((_, what)) = self.fields.later.iter().find(|(later, _)| *later == form) {
            let what = format!("{what} are not supported yet");
            return self.problems.refuse(Reason::NotSupported, field, what);
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
            _ if self.is_prefix(&item) => self.wrong(value, field, "must be a list"),
            _ => self.wrong(value, field, "must be a map"),
        }
    }

    fn wrong(&mut self, value: &mut Value, field: &str, what: &str) {
        self.problems.add(field, what);
        *value = Value::Null;
    }

    /// Reads the value of a field below which there are no others.
    fn known_value(&mut self, form: &str, value: &mut Value, field: &str) {
        let is_among = |forms: &[&str]| forms.contains(&form);
        match value {
            _ if is_among(self.fields.trees) => self.texts(value, field),
            Value::Object(texts) if is_among(self.fields.maps) => {
                for (key, text) in texts {
                    self.item(text, &within(field, format_args!(".{key}")));
                }
            }
            Value::Array(texts) if is_among(self.fields.lists) => {
                for (number, text) in texts.iter_mut().enumerate() {
                    self.item(text, &within(field, format_args!("[{number}]")));
                }
            }
            _ if is_among(self.fields.maps) => self.wrong(value, field, "must be a map of texts"),
            _ if is_among(self.fields.lists) => {
                self.wrong(value, field, "must be a list of texts");
            }
            _ => self.text(value, field),
        }
    }

    /// Reads one of several texts. Null is the empty one, as for Go.
    fn item(&mut self, value: &mut Value, field: &str) {
        self.text(value, field);
        if value.is_null() {
            *value = Value::String(String::new());
        }
    }

    /// Reads what has to be a text.
    fn text(&mut self, value: &mut Value, field: &str) {
        match value {
            Value::Array(_) | Value::Object(_) => self.wrong(value, field, "must be text"),
            _ => self.texts(value, field),
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

    fn warn(&mut self, reason: WarningReason, field: &str, details: String, mend: &str) {
        let warning = Warning::new(reason, details, mend).in_file(self.problems.path);
        self.warnings
            .add(match position(&self.problems.document, field) {
                Some(position) => warning.on(position),
                None => warning,
            });
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
