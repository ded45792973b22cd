//! Functions whose names have two parts, such as `optional.of`. The first part is parsed as if the call had a target.

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

/// Whether this is a function with a name of two parts, of which the first stands where others have a target.
pub(crate) fn is_qualified(call: &CallExpr) -> bool {
    let Some(Expr::Ident(first)) = call.target.as_ref().map(|target| &target.expr) else {
        return false;
    };
    QUALIFIED
        .iter()
        .any(|(name, functions)| name == first && is_among(functions, &call.func_name))
}
