//! JSON to CEL values. Integers become CEL ints, never uints, so that `self.n + 1` works.

use std::collections::HashMap;
use std::sync::Arc;

use cel::Value;
use cel::objects::{Key, Map};

use crate::cost::Shape;
use crate::{Error, MAX_BOUND_ELEMENTS, MAX_BOUND_SIZE};

const PER_VALUE: usize = 16;

/// Measures `value` without copying it, and refuses it when a list, a map or the whole is too large.
pub(crate) fn measure(name: &str, value: &serde_json::Value) -> Result<Shape, Error> {
    let mut size = 0usize;
    let mut longest = 0usize;
    let mut pending = vec![value];
    while let Some(value) = pending.pop() {
        size = size.saturating_add(PER_VALUE);
        match value {
            serde_json::Value::String(text) => size = size.saturating_add(text.len()),
            serde_json::Value::Array(items) => {
                longest = longest.max(items.len());
                pending.extend(items);
            }
            serde_json::Value::Object(map) => {
                longest = longest.max(map.len());
                size = map
                    .keys()
                    .fold(size, |sum, key| sum.saturating_add(PER_VALUE + key.len()));
                pending.extend(map.values());
            }
            _ => {}
        }
        if longest > MAX_BOUND_ELEMENTS {
            return Err(Error::BindingTooLarge {
                name: name.to_owned(),
                what: format!("a list or map of {longest} elements"),
                limit: MAX_BOUND_ELEMENTS,
            });
        }
        if size > MAX_BOUND_SIZE {
            return Err(Error::BindingTooLarge {
                name: name.to_owned(),
                what: format!("more than {MAX_BOUND_SIZE} bytes"),
                limit: MAX_BOUND_SIZE,
            });
        }
    }
    Ok(Shape::new(longest as f64, size as f64))
}

/// `value` as the interpreter's own. Recursion is bounded by the depth JSON was parsed with.
pub(crate) fn convert(value: &serde_json::Value) -> Value {
    match value {
        serde_json::Value::Null => Value::Null,
        serde_json::Value::Bool(value) => Value::Bool(*value),
        serde_json::Value::Number(number) => number
            .as_i64()
            .map(Value::Int)
            .or_else(|| number.as_u64().map(Value::UInt))
            .unwrap_or_else(|| Value::Float(number.as_f64().unwrap_or(f64::NAN))),
        serde_json::Value::String(text) => Value::String(Arc::new(text.clone())),
        serde_json::Value::Array(items) => {
            Value::List(Arc::new(items.iter().map(convert).collect()))
        }
        serde_json::Value::Object(map) => {
            let entries: HashMap<Key, Value> = map
                .iter()
                .map(|(key, value)| (Key::String(Arc::new(key.clone())), convert(value)))
                .collect();
            Value::Map(Map {
                map: Arc::new(entries),
            })
        }
    }
}
