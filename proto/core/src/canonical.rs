//! Canonical JSON: the one form in which a value is hashed.

use serde::{Serialize, Serializer};
use serde_json::Value;

/// JSON with sorted keys and without white space, whatever order the map type keeps.
pub fn canonical_json(value: &Value) -> Vec<u8> {
    serde_json::to_vec(&Sorted(value)).expect("a value is JSON and memory takes every write")
}

/// Serialises a value with sorted keys.
pub(crate) fn sorted<S: Serializer>(value: &Value, serializer: S) -> Result<S::Ok, S::Error> {
    Sorted(value).serialize(serializer)
}

/// A value whose maps are written in the order of their keys.
struct Sorted<'v>(&'v Value);

impl Serialize for Sorted<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Value::Object(map) if map.keys().is_sorted() => entries(map.iter(), serializer),
            Value::Object(map) => {
                let mut all: Vec<_> = map.iter().collect();
                all.sort_unstable_by_key(|(key, _)| *key);
                entries(all.into_iter(), serializer)
            }
            Value::Array(items) => serializer.collect_seq(items.iter().map(Sorted)),
            scalar => scalar.serialize(serializer),
        }
    }
}

fn entries<'v, S: Serializer>(
    entries: impl Iterator<Item = (&'v String, &'v Value)>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.collect_map(entries.map(|(key, value)| (key, Sorted(value))))
}
