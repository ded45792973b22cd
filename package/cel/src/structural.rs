//! The binding of values by a structural schema, as Kubernetes binds `self` in the validation rules of a
//! CustomResourceDefinition.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock};

use cel::objects::{Key, Map};
use cel::{Context, Value};
use serde_json::Value as Json;

use crate::bind::{self, Numbers};
use crate::environment::environment;

/// Words of the language, which no field can be written as.
const RESERVED: &str = "as break const continue else false for function if import in let loop namespace null package \
     return true var void while";

/// How expressions write the name of a field: what an identifier cannot hold is spelled out. Nothing where no
/// expression can write it.
pub fn field_name(name: &str) -> Option<String> {
    if RESERVED.split(' ').any(|word| word == name) {
        return Some(format!("__{name}__"));
    }
    let is_fine = |it: char| it.is_ascii_alphanumeric() || "_.-/".contains(it);
    if name.is_empty()
        || !name.chars().all(is_fine)
        || name.starts_with(|it: char| it.is_ascii_digit())
    {
        return None;
    }
    let spelled = name
        .replace("__", "__underscores__")
        .replace('.', "__dot__")
        .replace('-', "__dash__")
        .replace('/', "__slash__");
    Some(spelled)
}

/// `value` as the interpreter's own. Numbers, timestamps, durations and bytes are what the schema says; what it does not
/// describe is bound as it is written. Recursion is bounded by the depth JSON was parsed with.
pub(crate) fn convert(value: &Json, schema: &Json) -> Value {
    match value {
        Json::Array(items) => {
            let schema = schema.get("items").unwrap_or(&Json::Null);
            let items = items.iter().map(|item| convert(item, schema));
            Value::List(Arc::new(items.collect()))
        }
        Json::Object(map) => {
            let properties = schema.get("properties").and_then(Json::as_object);
            let others = schema.get("additionalProperties").unwrap_or(&Json::Null);
            let mut entries = HashMap::new();
            for (key, value) in map {
                let known = properties.and_then(|known| known.get(key));
                let name = match known {
                    Some(_) => field_name(key),
                    None => Some(key.clone()),
                };
                if let Some(name) = name {
                    let value = convert(value, known.unwrap_or(others));
                    entries.insert(Key::String(Arc::new(name)), value);
                }
            }
            Value::Map(Map {
                map: Arc::new(entries),
            })
        }
        Json::Number(number) if text(schema, "type") == Some("number") => {
            Value::Float(number.as_f64().unwrap_or(f64::NAN))
        }
        Json::Number(number) if text(schema, "type") == Some("integer") => {
            // A whole number may be written as `1.0`.
            let whole = number
                .as_i64()
                .or_else(|| number.as_f64().map(|it| it as i64));
            whole.map_or_else(|| bind::convert(value, Numbers::AsWritten), Value::Int)
        }
        Json::String(_) => formatted(value, text(schema, "format")),
        _ => bind::convert(value, Numbers::AsWritten),
    }
}

fn text<'s>(schema: &'s Json, key: &str) -> Option<&'s str> {
    schema.get(key).and_then(Json::as_str)
}

/// A text as its format means it; as text, where CEL does not read it so.
fn formatted(value: &Json, format: Option<&str>) -> Value {
    static TIMESTAMP: LazyLock<Option<cel::Program>> = LazyLock::new(|| program("timestamp(it)"));
    static DAY: LazyLock<Option<cel::Program>> =
        LazyLock::new(|| program("timestamp(it + 'T00:00:00Z')"));
    static DURATION: LazyLock<Option<cel::Program>> = LazyLock::new(|| program("duration(it)"));
    static BYTES: LazyLock<Option<cel::Program>> = LazyLock::new(|| program("base64.decode(it)"));
    let plain = bind::convert(value, Numbers::AsWritten);
    let program = match format {
        Some("date-time" | "datetime") => &*TIMESTAMP,
        Some("date") => &*DAY,
        Some("duration") => &*DURATION,
        Some("byte") => &*BYTES,
        _ => return plain,
    };
    let mut context = Context::with_env(Arc::clone(environment()));
    context.add_variable_from_value("it", plain.clone());
    let read = program.as_ref().and_then(|it| it.execute(&context).ok());
    read.unwrap_or(plain)
}

fn program(source: &str) -> Option<cel::Program> {
    environment().compile(source).ok()
}
