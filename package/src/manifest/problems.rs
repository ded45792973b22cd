//! The problems of manifest and lock file, found while their fields are read one by one.

use std::collections::BTreeSet;
use std::ops::Bound;

use serde::Deserialize;
use serde_json::Value;
use stevedore_template::yaml::Single;

use crate::limit;
use crate::violation::{Position, Reason, Violation};

/// Violations of one file, as they are found.
pub(super) struct Problems<'a> {
    pub(super) path: &'a str,
    pub(super) reason: Reason,
    pub(super) found: Vec<Violation>,
    /// Fields of which something is said.
    pub(super) told: BTreeSet<String>,
    pub(super) document: Single,
}

impl Problems<'_> {
    pub(super) fn add(&mut self, field: &str, what: impl AsRef<str>) {
        self.refuse(self.reason, field, what);
    }

    /// The same, where another rule than that of the file is broken.
    pub(super) fn refuse(&mut self, reason: Reason, field: &str, what: impl AsRef<str>) {
        let details = format!("{field}: {}", what.as_ref());
        let violation = Violation::new(reason, details).in_file(self.path);
        self.found.push(match position(&self.document, field) {
            Some(position) => violation.on(position),
            None => violation,
        });
        self.told.insert(field.to_owned());
    }

    /// Whether something is said of a field, or of what is in it.
    pub(super) fn is_told(&self, field: &str) -> bool {
        let from = (Bound::Included(field), Bound::Unbounded);
        let from = self.told.range::<str, _>(from);
        let mut within = from.take_while(|told| told.starts_with(field));
        within.any(|told| matches!(told[field.len()..].bytes().next(), None | Some(b'.' | b'[')))
    }

    /// Whether a map has all of these fields; each that it has not is a violation.
    pub(super) fn has(&mut self, value: &Value, field: &str, names: &[&str]) -> bool {
        let mut has_all = true;
        for name in names.iter().filter(|name| value.get(**name).is_none()) {
            has_all = false;
            let field = format!("{field}.{name}");
            if !self.is_told(&field) {
                self.add(&field, "Required value");
            }
        }
        has_all
    }

    /// Checks that no two of a list have the same name. Names come with the numbers of their items.
    pub(super) fn unique<'n>(&mut self, list: &str, names: impl Iterator<Item = (usize, &'n str)>) {
        let mut seen = BTreeSet::new();
        for (number, name) in names {
            if !seen.insert(name) {
                self.add(&format!("{list}[{number}].name"), "must be unique");
            }
        }
    }

    /// Checks names and references of images, which come with the numbers of their items.
    pub(super) fn images<'i>(
        &mut self,
        images: impl Iterator<Item = (usize, &'i str, &'i str)> + Clone,
    ) {
        let count = images.clone().count();
        if count > limit::IMAGES {
            let limit = limit::IMAGES;
            self.add(
                "spec.images",
                format!("{count} images, the limit is {limit}"),
            );
            return;
        }
        for (number, name, image) in images.clone() {
            for (field, text) in [("name", name), ("image", image)] {
                let field = format!("spec.images[{number}].{field}");
                if text.is_empty() && !self.is_told(&field) {
                    self.add(&field, "must be non empty");
                }
            }
        }
        let named = images.filter(|(_, name, _)| !name.is_empty());
        self.unique("spec.images", named.map(|(number, name, _)| (number, name)));
    }

    /// The value at a dotted path of the document, read as `T`; a value of another form is a violation.
    pub(super) fn typed<T: for<'de> Deserialize<'de>>(
        &mut self,
        value: &Value,
        field: &str,
    ) -> Option<T> {
        self.read(at(value, field)?, field)
    }

    /// The value of a field, read as `T`. Another form is a violation, which nothing is said of where something is said
    /// of the field already.
    pub(super) fn read<T: for<'de> Deserialize<'de>>(
        &mut self,
        value: &Value,
        field: &str,
    ) -> Option<T> {
        match T::deserialize(value) {
            Ok(typed) => Some(typed),
            Err(error) => {
                if !self.is_told(field) {
                    self.add(field, format!("Invalid value: {error}"));
                }
                None
            }
        }
    }

    /// The entries of the list at a dotted path of the document, with their numbers. Each that has another form is a
    /// violation, and is left out. What is no list was found before.
    pub(super) fn entries<T: for<'de> Deserialize<'de>>(
        &mut self,
        value: &Value,
        field: &str,
    ) -> Vec<(usize, T)> {
        let mut typed = Vec::new();
        let mut wrong = 0;
        for (number, entry) in items(at(value, field)) {
            match self.read(entry, &format!("{field}[{number}]")) {
                Some(entry) => typed.push((number, entry)),
                None => wrong += 1,
            }
            if wrong > limit::VIOLATIONS {
                break;
            }
        }
        typed
    }
}

/// The items of a list with their numbers; nothing where there is none.
pub(super) fn items(list: Option<&Value>) -> impl Iterator<Item = (usize, &Value)> + Clone {
    let items = list.and_then(Value::as_array);
    items.into_iter().flatten().enumerate()
}

pub(super) fn at<'v>(value: &'v Value, field: &str) -> Option<&'v Value> {
    field
        .split('.')
        .try_fold(value, |value, key| value.get(key))
        .filter(|value| !value.is_null())
}

/// Where a field is, or else what it would be in.
pub(super) fn position(document: &Single, field: &str) -> Option<Position> {
    let mut field = field;
    loop {
        if let Some((line, column)) = document.fields.place(field) {
            return Some(Position {
                line,
                column: Some(column),
            });
        }
        field = &field[..field.rfind(['.', '['])?];
    }
}
