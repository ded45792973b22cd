//! JSON, YAML, base64 and checksums.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest as _, Sha256};

use super::signature::{ANY, Function, Kind, Outcome, STR, fixed, map, text};
use crate::json::{self, Style};
use crate::resources::Resources;
use crate::value::{Map, Value};
use crate::yaml;

pub(super) const FUNCTIONS: &[Function] = &[
    fixed("toJson mustToJson", ANY, |resources, args| {
        json::encode(&args[0], Style::Compact, resources.limit()).map(Value::from)
    }),
    fixed("toPrettyJson mustToPrettyJson", ANY, |resources, args| {
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
    fixed("toYAML", ANY, |resources, args| {
        to_yaml(resources, &args[0]).map(Value::from)
    }),
    fixed("toYaml", ANY, |resources, args| {
        let text = to_yaml(resources, &args[0])?;
        Ok(Value::from(text.strip_suffix('\n').unwrap_or(&text)))
    }),
    fixed("fromYAML fromYaml", STR, from_yaml),
    fixed("b64enc", STR, |_, args| {
        Ok(Value::from(STANDARD.encode(text(&args[0]))))
    }),
    // Where the original gives the failure as the text, this fails.
    fixed("b64dec", STR, |_, args| {
        decode_base64(text(&args[0])).map(Value::from)
    }),
    fixed("b64decMap", &[Kind::Map], |_, args| b64dec_map(&args[0])),
    fixed("sha256sum", STR, |_, args| {
        let digest = Sha256::digest(text(&args[0]));
        Ok(Value::from(
            digest
                .iter()
                .map(|byte| format!("{byte:02x}"))
                .collect::<String>(),
        ))
    }),
];

/// YAML costs more than JSON: a step for each byte.
fn to_yaml(resources: &mut Resources<'_>, value: &Value) -> Result<String, String> {
    let text = yaml::encode(value, resources.limit())?;
    resources.charge(text.len() as u64)?;
    Ok(text)
}

fn from_yaml(resources: &mut Resources<'_>, args: &[Value]) -> Outcome {
    resources.charge(yaml::cost(text(&args[0]).len()))?;
    yaml::decode(text(&args[0]))
}

fn from_json(document: &Value) -> Outcome {
    let parsed: serde_json::Value =
        serde_json::from_slice(text(document)).map_err(|error| error.to_string())?;
    json::decode(&parsed).ok_or_else(|| "the document is nested too deeply".to_owned())
}

fn decode_base64(encoded: &[u8]) -> Result<Vec<u8>, String> {
    // Go's decoder passes over line breaks.
    let joined: Vec<u8> = encoded
        .iter()
        .copied()
        .filter(|b| !b"\r\n".contains(b))
        .collect();
    STANDARD
        .decode(joined)
        .map_err(|error| format!("illegal base64 data: {error}"))
}

fn b64dec_map(encoded: &Value) -> Outcome {
    let mut decoded = BTreeMap::new();
    for (key, value) in map(encoded).map(Map::entries).unwrap_or_default() {
        if let Value::Str(value) = value {
            let value = decode_base64(&value).map_err(|error| {
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
