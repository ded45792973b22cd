//! Merge keys, `<<`, of documents, carried out as the reader of Kubernetes' own tools does it: in the
//! place where they stand. A key before one gives way to what is merged and a key after it wins; of several
//! maps that are merged at once, the first wins.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

/// A value whose merge keys were carried out.
pub(super) struct Merged(pub(super) Value);

impl<'de> Deserialize<'de> for Merged {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Reader).map(Merged)
    }
}

struct Reader;

/// Scalars are what they are in JSON; a float that JSON does not have is null.
macro_rules! scalars {
    ($($visit:ident: $scalar:ty,)*) => {$(
        fn $visit<E>(self, value: $scalar) -> Result<Value, E> {
            Ok(value.into())
        }
    )*};
}

impl<'de> Visitor<'de> for Reader {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_none<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    scalars! {
        visit_bool: bool,
        visit_i64: i64,
        visit_u64: u64,
        visit_f64: f64,
        visit_str: &str,
        visit_string: String,
    }

    fn visit_some<D: Deserializer<'de>>(self, inner: D) -> Result<Value, D::Error> {
        inner.deserialize_any(self)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(Merged(item)) = items.next_element()? {
            list.push(item);
        }
        Ok(Value::Array(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let mut map = Map::new();
        while let Some((key, Merged(value))) = entries.next_entry::<String, Merged>()? {
            if key != "<<" {
                map.insert(key, value);
                continue;
            }
            let sources = match value {
                Value::Array(sources) => sources,
                source => vec![source],
            };
            for source in sources.into_iter().rev() {
                let Value::Object(source) = source else {
                    return Err(A::Error::custom(
                        "a merge key stands for a map or a list of maps",
                    ));
                };
                map.extend(source);
            }
        }
        Ok(Value::Object(map))
    }
}
