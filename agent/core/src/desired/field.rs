//! The map in a field of an object, made where there is none.

use serde_json::{Map, Value};

/// The map in a field of an object; both become maps where they are something else.
pub(super) fn entry<'a>(value: &'a mut Value, name: &str) -> &'a mut Map<String, Value> {
    if !value.is_object() {
        *value = Value::Object(Map::new());
    }
    let map = value.as_object_mut().expect("it was just made an object");
    entry_of(map, name)
}

/// The map in a field of a map.
pub(super) fn entry_of<'a>(
    map: &'a mut Map<String, Value>,
    name: &str,
) -> &'a mut Map<String, Value> {
    let below = map.entry(name).or_insert_with(|| Value::Object(Map::new()));
    if !below.is_object() {
        *below = Value::Object(Map::new());
    }
    below.as_object_mut().expect("it was just made an object")
}
