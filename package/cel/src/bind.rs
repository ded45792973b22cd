//! The binding of values: JSON becomes CEL.

use std::collections::HashMap;
use std::sync::Arc;

use cel::Value;
use cel::objects::{Key, Map};

use crate::error::Error;
use crate::limit::{MAX_BOUND_ELEMENTS, MAX_BOUND_SIZE};
use crate::shape::{Level, Shape};

const PER_VALUE: usize = 16;

/// What numbers of JSON become.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Numbers {
    /// Integers ints, never uints, so that `self.n + 1` works; others doubles.
    AsWritten,
    /// All of them doubles, as where a value has passed through JSON without a schema.
    Doubles,
}

/// Measures `value` without copying it, and refuses it when a list, a map or the whole is too large.
pub(crate) fn measure(name: &str, value: &serde_json::Value) -> Result<Shape, Error> {
    let mut levels = Vec::new();
    let size = level(value, 0, &mut levels);
    let longest = levels.iter().map(|level| level.count as usize).max();
    let refuse = |what: String, limit| {
        Err(Error::BindingTooLarge {
            name: name.to_owned(),
            what,
            limit,
        })
    };
    match longest {
        Some(longest) if longest > MAX_BOUND_ELEMENTS => refuse(
            format!("a list or map of {longest} elements"),
            MAX_BOUND_ELEMENTS,
        ),
        _ if size > MAX_BOUND_SIZE => refuse(format!("{size} bytes"), MAX_BOUND_SIZE),
        _ => Ok(Shape::of(levels)),
    }
}

/// The size of `value`; the longest list and the largest value at each depth go to `levels`. Recursion is
/// bounded by the depth JSON was parsed with.
fn level(value: &serde_json::Value, depth: usize, levels: &mut Vec<Level>) -> usize {
    if levels.len() == depth {
        levels.push(Level::default());
    }
    let (count, size) = match value {
        serde_json::Value::String(text) => (0, PER_VALUE + text.len()),
        serde_json::Value::Array(items) => {
            let inner: usize = items
                .iter()
                .map(|item| level(item, depth + 1, levels))
                .sum();
            (items.len(), PER_VALUE + inner)
        }
        serde_json::Value::Object(map) => {
            let mut inner = 0;
            for (key, value) in map {
                let value = level(value, depth + 1, levels);
                // A comprehension over a map sees its keys, one level down.
                let key = PER_VALUE + key.len();
                levels[depth + 1].size = levels[depth + 1].size.max(key as f64);
                inner += key + value;
            }
            (map.len(), PER_VALUE + inner)
        }
        _ => (0, PER_VALUE),
    };
    let here = &mut levels[depth];
    here.count = here.count.max(count as f64);
    here.size = here.size.max(size as f64);
    size
}

/// `value` as the interpreter's own. Recursion is bounded by the depth JSON was parsed with.
pub(crate) fn convert(value: &serde_json::Value, numbers: Numbers) -> Value {
    match value {
        serde_json::Value::Null => Value::Null,
        serde_json::Value::Bool(value) => Value::Bool(*value),
        serde_json::Value::Number(number) => {
            let whole = || {
                let int = number.as_i64().map(Value::Int);
                int.or_else(|| number.as_u64().map(Value::UInt))
            };
            let whole = (numbers == Numbers::AsWritten).then(whole).flatten();
            whole.unwrap_or_else(|| Value::Float(number.as_f64().unwrap_or(f64::NAN)))
        }
        serde_json::Value::String(text) => Value::String(Arc::new(text.clone())),
        serde_json::Value::Array(items) => {
            let items = items.iter().map(|item| convert(item, numbers));
            Value::List(Arc::new(items.collect()))
        }
        serde_json::Value::Object(map) => {
            let entry = |(key, value): (&String, &serde_json::Value)| {
                (Key::String(Arc::new(key.clone())), convert(value, numbers))
            };
            let entries: HashMap<Key, Value> = map.iter().map(entry).collect();
            Value::Map(Map {
                map: Arc::new(entries),
            })
        }
    }
}
