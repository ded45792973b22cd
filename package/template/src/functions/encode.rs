//! JSON, YAML, base64 and checksums.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest as _, Sha256};

use super::super::exec::Machine;
use super::super::json::{self, Style};
use super::super::value::{Map, Value};
use super::super::yaml;
use super::{Function, Kind, Outcome, fixed, map, text, utf8};

const COMPACT: Style = Style {
    escape_html: true,
    pretty: false,
};
const PRETTY: Style = Style {
    escape_html: true,
    pretty: true,
};
const RAW: Style = Style {
    escape_html: false,
    pretty: false,
};

pub(super) const FUNCTIONS: &[Function] = &[
    fixed("toJson", &[Kind::Any], |machine, args| {
        json::encode(&args[0], COMPACT, machine.env.limits.output).map(Value::from)
    }),
    fixed("mustToJson", &[Kind::Any], |machine, args| {
        json::encode(&args[0], COMPACT, machine.env.limits.output).map(Value::from)
    }),
    fixed("toPrettyJson", &[Kind::Any], |machine, args| {
        json::encode(&args[0], PRETTY, machine.env.limits.output).map(Value::from)
    }),
    fixed("mustToPrettyJson", &[Kind::Any], |machine, args| {
        json::encode(&args[0], PRETTY, machine.env.limits.output).map(Value::from)
    }),
    fixed("toRawJson", &[Kind::Any], |machine, args| {
        json::encode(&args[0], RAW, machine.env.limits.output).map(Value::from)
    }),
    fixed("mustToRawJson", &[Kind::Any], |machine, args| {
        json::encode(&args[0], RAW, machine.env.limits.output).map(Value::from)
    }),
    fixed("fromJson", &[Kind::Str], |machine, args| {
        machine.charge(text(&args[0]).len() as u64)?;
        Ok(from_json(&args[0]).unwrap_or_default())
    }),
    fixed("mustFromJson", &[Kind::Str], |machine, args| {
        machine.charge(text(&args[0]).len() as u64)?;
        from_json(&args[0])
    }),
    fixed("toYAML", &[Kind::Any], |machine, args| {
        to_yaml(machine, &args[0]).map(Value::from)
    }),
    fixed("toYaml", &[Kind::Any], |machine, args| {
        let text = to_yaml(machine, &args[0])?;
        Ok(Value::from(text.strip_suffix('\n').unwrap_or(&text)))
    }),
    fixed("fromYAML", &[Kind::Str], from_yaml),
    fixed("fromYaml", &[Kind::Str], from_yaml),
    fixed("b64enc", &[Kind::Str], |_, args| {
        Ok(Value::from(STANDARD.encode(text(&args[0]))))
    }),
    fixed("b64dec", &[Kind::Str], |_, args| {
        // Where the original gives the failure as the text, this fails.
        decode_base64(text(&args[0])).map(Value::from)
    }),
    fixed("b64decMap", &[Kind::Map], |_, args| b64dec_map(&args[0])),
    fixed("sha256sum", &[Kind::Str], |_, args| {
        let digest = Sha256::digest(text(&args[0]));
        Ok(Value::from(
            digest
                .iter()
                .map(|byte| format!("{byte:02x}"))
                .collect::<String>(),
        ))
    }),
];

/// YAML is dear next to JSON: a step for each byte.
fn to_yaml(machine: &mut Machine<'_>, value: &Value) -> Result<String, String> {
    let text = yaml::encode(value, machine.env.limits.output)?;
    machine.charge(text.len() as u64)?;
    Ok(text)
}

fn from_yaml(machine: &mut Machine<'_>, args: &[Value]) -> Outcome {
    machine.charge(crate::yaml::cost(text(&args[0]).len()))?;
    yaml::decode(&utf8(&args[0]))
}

fn from_json(document: &Value) -> Outcome {
    let parsed: serde_json::Value =
        serde_json::from_slice(text(document)).map_err(|error| error.to_string())?;
    Value::from_json(&parsed).ok_or_else(|| "the document is nested too deeply".to_owned())
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
