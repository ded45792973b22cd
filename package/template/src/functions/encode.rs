//! JSON, YAML, base64 and checksums.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha1::Sha1;
use sha2::{Digest as _, Sha256};

use super::signature::{ANY, Function, Kind, Outcome, STR, fixed, map, text, utf8};
use crate::base;
use crate::json::{self, Style};
use crate::resources::Resources;
use crate::value::{Map, Value};
use crate::yaml;

pub(super) const FUNCTIONS: &[Function] = &[
    fixed("toJson", ANY, |resources, args| {
        lenient(resources, &args[0], Style::Compact)
    }),
    fixed("toPrettyJson", ANY, |resources, args| {
        lenient(resources, &args[0], Style::Pretty)
    }),
    fixed("mustToJson", ANY, |resources, args| {
        json::encode(&args[0], Style::Compact, resources.limit()).map(Value::from)
    }),
    fixed("mustToPrettyJson", ANY, |resources, args| {
        json::encode(&args[0], Style::Pretty, resources.limit()).map(Value::from)
    }),
    fixed("toRawJson mustToRawJson", ANY, |resources, args| {
        json::encode(&args[0], Style::Raw, resources.limit()).map(Value::from)
    }),
    fixed("fromJson", STR, |resources, args| {
        resources.charge(text(&args[0]).len() as u64)?;
        Ok(from_json(&args[0]).unwrap_or_default())
    }),
    fixed("mustFromJson", STR, |resources, args| {
        resources.charge(text(&args[0]).len() as u64)?;
        from_json(&args[0])
    }),
    fixed("toYAML toYaml", ANY, |resources, args| {
        to_yaml(resources, &args[0])
    }),
    fixed("fromYAML fromYaml", ANY, from_yaml),
    fixed("b64enc", STR, |_, args| {
        Ok(Value::from(STANDARD.encode(text(&args[0]))))
    }),
    // The failure is the text, as in the original.
    fixed("b64dec", STR, |_, args| {
        let decoded = base::decode64(text(&args[0]));
        Ok(Value::from(decoded.unwrap_or_else(String::into_bytes)))
    }),
    fixed("b32enc", STR, |_, args| {
        Ok(Value::from(base::encode32(text(&args[0]))))
    }),
    fixed("b32dec", STR, |_, args| {
        let decoded = base::decode32(text(&args[0]));
        Ok(Value::from(decoded.unwrap_or_else(String::into_bytes)))
    }),
    fixed("b64decMap", &[Kind::Map], |_, args| b64dec_map(&args[0])),
    fixed("sha256sum", STR, |_, args| {
        Ok(Value::from(hex(&Sha256::digest(text(&args[0])))))
    }),
    fixed("sha1sum", STR, |_, args| {
        Ok(Value::from(hex(&Sha1::digest(text(&args[0])))))
    }),
    fixed("adler32sum", STR, |_, args| {
        let sum = adler2::adler32_slice(text(&args[0]));
        Ok(Value::from(sum.to_string()))
    }),
];

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// JSON, or nothing where a value has none; that it is too large is an error all the same.
fn lenient(resources: &mut Resources<'_>, value: &Value, style: Style) -> Outcome {
    match json::encode(value, style, resources.limit()) {
        Err(message) if message == json::UNSUPPORTED => Ok(Value::from("")),
        encoded => encoded.map(Value::from),
    }
}

/// YAML costs more than JSON: a step for each byte. It ends without a line break.
fn to_yaml(resources: &mut Resources<'_>, value: &Value) -> Outcome {
    let mut text = yaml::encode(value, resources.limit())?;
    resources.charge(text.len() as u64)?;
    if text.ends_with('\n') {
        text.pop();
    }
    Ok(Value::from(text))
}

fn from_yaml(resources: &mut Resources<'_>, args: &[Value]) -> Outcome {
    let Value::Str(document) = &args[0] else {
        let name = args[0].type_name();
        return Err(format!("fromYAML requires a string as input, not {name}"));
    };
    resources.charge(yaml::cost(document.len()))?;
    yaml::decode(document)
}

fn from_json(document: &Value) -> Outcome {
    let text = json::without_lone_surrogates(&utf8(document));
    let parsed: serde_json::Value =
        serde_json::from_str(&text).map_err(|error| error.to_string())?;
    json::decode(&parsed).ok_or_else(|| "the document is nested too deeply".to_owned())
}

fn b64dec_map(encoded: &Value) -> Outcome {
    let mut decoded = BTreeMap::new();
    for (key, value) in map(encoded).map(Map::entries).unwrap_or_default() {
        if let Value::Str(value) = value {
            let value = base::decode64(&value).map_err(|error| {
                format!(
                    "decode base64 value at key {}: {error}",
                    String::from_utf8_lossy(&key)
                )
            })?;
            decoded.insert(key, Value::from(value));
        }
    }
    Ok(Value::Map(Map::new(decoded)))
}
