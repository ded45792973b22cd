//! `spec.components` of a manifest: whether the package has components.

use serde_json::Value;

use super::problems::{Problems, at};
use crate::violation::Reason;

/// Whether the package has components. One that is a component itself has none.
pub(super) fn parse(value: &Value, is_component: bool, problems: &mut Problems<'_>) -> bool {
    let Some(found) = at(value, "spec.components") else {
        return false;
    };
    if !found.is_object() {
        problems.add("spec.components", "must be a map");
    }
    if is_component {
        let what = "a component has no components of its own";
        problems.refuse(Reason::ComponentsNested, "spec.components", what);
    }
    !is_component
}
