//! The forms of values that several fields have.

use serde_json::{Value, json};

use super::assembly::OTHERS;

/// A text of any length.
pub(super) fn any_text() -> Value {
    json!({"type": "string"})
}

/// An expression in CEL.
pub(super) fn expression() -> Value {
    json!({"type": "string", "pattern": r"\S", "maxLength": stevedore_cel::MAX_SOURCE_BYTES})
}

/// A text of so many characters.
pub(super) fn text(min: usize, max: usize) -> Value {
    json!({"type": "string", "minLength": min, "maxLength": max})
}

/// Labels or annotations.
pub(super) fn texts() -> Value {
    json!({"type": "object", OTHERS: {"type": "string"}})
}
