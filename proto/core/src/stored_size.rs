//! Estimates of the bytes that an API server stores.

use std::io;

use serde_json::Value;

use crate::content::Content;

/// What an API server adds to an object whatever it holds: server-set metadata and one managedFields entry.
const FIXED: usize = 512;
/// Around a key in a managedFields path: `"f:":{},`.
const AROUND_KEY: usize = 8;
/// A list item in a managedFields path, by index, value or keys.
const LIST_ITEM: usize = 32;

/// An estimate of the bytes an API server stores for `object`: its JSON and one managedFields path per field.
pub fn stored_size(object: &Value) -> usize {
    FIXED + json_size(object) + path_size(object)
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

fn json_size(value: &Value) -> usize {
    let mut counter = Counter(0);
    serde_json::to_writer(&mut counter, value)
        .expect("a JSON value is JSON and counting never fails");
    counter.0
}

fn path_size(value: &Value) -> usize {
    match value {
        Value::Object(map) => map
            .iter()
            .map(|(key, value)| key.len() + AROUND_KEY + path_size(value))
            .sum(),
        Value::Array(items) => items.iter().map(|item| LIST_ITEM + path_size(item)).sum(),
        _ => 0,
    }
}

struct Counter(usize);

impl io::Write for Counter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 += bytes.len();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::content::{Phase, PhaseObject};

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
