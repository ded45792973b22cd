//! Functions whose names have two parts, such as `optional.of`. The first part is parsed as if the call had a target.

use std::borrow::Cow;

use cel::common::ast::{CallExpr, Expr};

use crate::library::FORMATS;

/// First parts, and what may follow each.
const QUALIFIED: &[(&str, &str)] = &[
    ("format", FORMATS),
    ("format", "named"),
    ("ip", "isCanonical"),
    ("optional", "none of ofNonZeroValue"),
    ("sets", "contains equivalent intersects"),
    ("strings", "quote"),
];

/// Whether a word is in a list of them.
pub(crate) fn is_among(words: &str, name: &str) -> bool {
    words.split(' ').any(|word| word == name)
}

/// The first part of the name, where a function has one.
fn first_part(call: &CallExpr) -> Option<&str> {
    let Some(Expr::Ident(first)) = call.target.as_ref().map(|target| &target.expr) else {
        return None;
    };
    let mut known = QUALIFIED.iter();
    let is_known =
        known.any(|(name, functions)| name == first && is_among(functions, &call.func_name));
    is_known.then_some(first)
}

/// Whether this is a function with a name of two parts, of which the first stands where others have a target.
pub(crate) fn is_qualified(call: &CallExpr) -> bool {
    first_part(call).is_some()
}

/// The whole name of a function.
pub(crate) fn name(call: &CallExpr) -> Cow<'_, str> {
    match first_part(call) {
        Some(first) => format!("{first}.{}", call.func_name).into(),
        None => call.func_name.as_str().into(),
    }
}
