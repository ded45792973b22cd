//! Sizes of objects: their JSON, and estimates of the bytes that an API server stores.

use serde_json::{Number, Value};

use crate::content::Content;

/// What an API server adds to an object whatever it holds: server-set metadata and one managedFields entry.
const FIXED: usize = 512;
/// Around a key in a managedFields path: `"f:":{},`.
const AROUND_KEY: usize = 8;
/// A list item in a managedFields path, by index, value or keys.
const LIST_ITEM: usize = 32;

/// How large an object is, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ObjectSize {
    /// Its JSON without white space.
    pub json: usize,
    /// An estimate of what an API server stores for it: its JSON and one managedFields path per field.
    pub stored: usize,
}

impl ObjectSize {
    /// The size of `object`.
    pub fn of(object: &Value) -> Self {
        let (json, paths) = sizes(object);
        Self {
            json,
            stored: FIXED + json + paths,
        }
    }
}

/// An estimate of the bytes an API server stores for `object`: its JSON and one managedFields path per field.
pub fn stored_size(object: &Value) -> usize {
    ObjectSize::of(object).stored
}

impl Content {
    /// An estimate of the bytes of the object set that holds this content. Objects of kind Secret are left
    /// out: they are kept apart.
    pub fn stored_size(&self) -> usize {
        let mut inline = self.clone();
        for phase in &mut inline.phases {
            phase.objects.retain(|it| !is_secret(&it.object));
        }
        let value = serde_json::to_value(&inline).expect("content holds only JSON and text keys");
        stored_size(&value)
    }
}

fn is_secret(object: &Value) -> bool {
    let field = |name: &str| object.get(name).and_then(Value::as_str);
    field("kind") == Some("Secret") && field("apiVersion") == Some("v1")
}

/// Bytes of the JSON of a value, and of the paths of what is in it.
fn sizes(value: &Value) -> (usize, usize) {
    let add = |one: (usize, usize), other: (usize, usize)| (one.0 + other.0, one.1 + other.1);
    // Brackets, and a comma between two.
    let around = |count: usize| 2 + count.saturating_sub(1);
    match value {
        Value::Null => (4, 0),
        Value::Bool(truth) => (if *truth { 4 } else { 5 }, 0),
        Value::Number(number) => (number_size(number), 0),
        Value::String(text) => (text_size(text), 0),
        Value::Array(items) => {
            let start = (around(items.len()), LIST_ITEM * items.len());
            items.iter().map(sizes).fold(start, add)
        }
        Value::Object(map) => map
            .iter()
            .map(|(key, value)| {
                let own = (text_size(key) + 1, key.len() + AROUND_KEY);
                add(own, sizes(value))
            })
            .fold((around(map.len()), 0), add),
    }
}

fn number_size(number: &Number) -> usize {
    match number.as_u64() {
        Some(whole) => 1 + whole.checked_ilog10().unwrap_or(0) as usize,
        None => number.to_string().len(),
    }
}

/// Bytes of a text in quotes.
fn text_size(text: &str) -> usize {
    let escaped = |byte: u8| match byte {
        b'"' | b'\\' | 8 | b'\t' | b'\n' | 12 | b'\r' => 1,
        ..=0x1f => 5,
        _ => 0,
    };
    2 + text.len() + text.bytes().map(escaped).sum::<usize>()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::content::{Phase, PhaseObject};

    proptest! {
        #[test]
        fn the_size_of_json_is_that_of_what_is_written(
            text in any::<String>(),
            signed in any::<i64>(),
            unsigned in any::<u64>(),
            float in any::<f64>(),
            truth in any::<bool>(),
        ) {
            let value = json!({
                (text.clone()): [text, signed, unsigned, float, truth, null, 0, 9, 10, -1, "\u{1}\u{7f}\n"],
                "empty": {"list": [], "map": {}, "one": [0.5]},
            });
            prop_assert_eq!(ObjectSize::of(&value).json, value.to_string().len());
        }
    }

    #[test]
    fn stored_size_counts_json_and_one_path_per_field() {
        let empty = stored_size(&json!({}));
        assert_eq!(empty, FIXED + 2);
        assert_eq!(stored_size(&json!({"ab": 1})), FIXED + 8 + 2 + AROUND_KEY);
        assert_eq!(stored_size(&json!([1, 2])), FIXED + 5 + 2 * LIST_ITEM);
    }

    #[test]
    fn secrets_do_not_count_towards_the_set() {
        let set = |kind: &str| Content {
            phases: vec![Phase {
                name: "p".into(),
                objects: vec![PhaseObject {
                    object: json!({"apiVersion": "v1", "kind": kind, "data": {"a": "x".repeat(1000)}}),
                    ..PhaseObject::default()
                }],
                ..Phase::default()
            }],
            ..Content::default()
        };
        assert!(set("ConfigMap").stored_size() > 1000 + FIXED);
        assert!(set("Secret").stored_size() < 1000);
    }
}
