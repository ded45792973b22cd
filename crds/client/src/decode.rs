//! Decoding of single objects, so that one that cannot be read is told apart from all others.
//!
//! An API server stores what the schema of a kind lets pass, and a schema lets more pass than a Rust type takes:
//! a free-form field may be nested deeper than the decoder goes, a newer release may have written a variant that
//! this one does not know. Lists and watches therefore hand objects over as text, and each is decoded alone.
//!
//! # Guarantees
//! * [`Identity`] and [`part`] skip what they do not ask for without recursion: they work for every object that
//!   an API server gives, however deep it is.
//! * [`Undecodable`] has no text of the object in it, so it may be logged and shown. Errors of `serde_json` may
//!   not: they quote values.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

/// Levels of maps and lists that the decoder enters.
pub const MAX_DEPTH: usize = 127;

/// Why an object cannot be decoded.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Undecodable {
    /// Maps and lists stand too deep in each other.
    #[error("{field} is nested {depth} levels deep, of which at most {MAX_DEPTH} can be read")]
    TooDeep {
        /// The field, such as `spec.config`, or `the object`.
        field: String,
        /// Levels from the root of the object on.
        depth: usize,
    },
    /// A value is missing, or is none of those that this release knows.
    #[error("{field} does not have the form that this release knows")]
    Mistyped {
        /// The field, such as `spec.verb`, or `the object`.
        field: String,
    },
}

impl Undecodable {
    fn new(text: &str, error: &serde_json::Error) -> Self {
        let (field, value, above) =
            offending(text, error).unwrap_or(("the object".into(), text, 0));
        let depth = above + depth(value);
        if depth > MAX_DEPTH {
            Self::TooDeep { field, depth }
        } else {
            Self::Mistyped { field }
        }
    }
}

/// Decodes one object.
///
/// # Errors
/// When it is nested too deep, or is not a `T`.
pub fn decode<'a, T: Deserialize<'a>>(object: &'a RawValue) -> Result<T, Undecodable> {
    serde_json::from_str(object.get()).map_err(|error| Undecodable::new(object.get(), &error))
}

/// As [`decode`], for whoever does not ask which manager owns which field: where it does not work, that record is left
/// out. It repeats every field of the object, and nests deeper than the object itself.
///
/// # Errors
/// When what is left is nested too deep, or is not a `T`.
pub fn decode_unmanaged<T: DeserializeOwned>(object: &RawValue) -> Result<T, Undecodable> {
    decode(object).or_else(|why| match without_managers(object) {
        Some(object) => decode(&object),
        None => Err(why),
    })
}

fn without_managers(object: &RawValue) -> Option<Box<RawValue>> {
    let mut object = fields(object.get())?;
    let mut metadata = fields(object.get("metadata")?.get())?;
    metadata.remove("managedFields")?;
    let metadata = serde_json::value::to_raw_value(&metadata).ok()?;
    object.insert("metadata".into(), &metadata);
    serde_json::value::to_raw_value(&object).ok()
}

/// The metadata that every stored object has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// Name.
    pub name: String,
    /// Namespace; absent for an object of the cluster.
    pub namespace: Option<String>,
    /// UID.
    pub uid: String,
    /// Generation of the spec; 0 for kinds without one.
    pub generation: i64,
    /// Version of the whole object.
    pub resource_version: String,
    /// Whether somebody asked for its deletion.
    pub deleting: bool,
    /// What has to be done before it goes.
    pub finalizers: Vec<String>,
}

impl Identity {
    /// The identity of an object; `None` for what no API server gives.
    pub fn of(object: &RawValue) -> Option<Self> {
        let metadata: &RawValue = part(object, &["metadata"])?;
        let metadata = fields(metadata.get())?;
        Some(Self {
            name: field(&metadata, "name")?,
            namespace: field(&metadata, "namespace"),
            uid: field(&metadata, "uid")?,
            generation: field(&metadata, "generation").unwrap_or_default(),
            resource_version: field(&metadata, "resourceVersion").unwrap_or_default(),
            deleting: metadata.contains_key("deletionTimestamp"),
            finalizers: field(&metadata, "finalizers").unwrap_or_default(),
        })
    }
}

impl fmt::Display for Identity {
    /// `NAMESPACE/NAME`, or `NAME` alone.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(namespace) = &self.namespace {
            write!(f, "{namespace}/")?;
        }
        f.write_str(&self.name)
    }
}

/// An object that cannot be decoded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unreadable {
    /// Which object.
    pub identity: Identity,
    /// Why.
    pub why: Undecodable,
}

impl Unreadable {
    /// `None` for what no API server gives: an object without an identity.
    pub fn new(object: &RawValue, why: Undecodable) -> Option<Self> {
        Identity::of(object).map(|identity| Self { identity, why })
    }
}

/// The value at a path of keys, where it is there and is a `T`. Values beside the path are skipped.
pub fn part<'a, T: Deserialize<'a>>(object: &'a RawValue, path: &[&str]) -> Option<T> {
    let mut value = object;
    for key in path {
        value = fields(value.get())?.remove(*key)?;
    }
    serde_json::from_str(value.get()).ok()
}

type Fields<'a> = BTreeMap<Cow<'a, str>, &'a RawValue>;

fn fields(text: &str) -> Option<Fields<'_>> {
    serde_json::from_str(text).ok()
}

fn field<'a, T: Deserialize<'a>>(fields: &Fields<'a>, key: &str) -> Option<T> {
    serde_json::from_str(fields.get(key)?.get()).ok()
}

/// The field of metadata, spec or status in which decoding ended, its value, and the levels around it. Fields that
/// a type does not know are skipped, so decoding never ends in one of those.
fn offending<'a>(text: &'a str, error: &serde_json::Error) -> Option<(String, &'a str, usize)> {
    let at = offset(text, error.line(), error.column());
    let holds = |value: &RawValue| {
        // Both are slices of one text.
        let start = value.get().as_ptr().addr() - text.as_ptr().addr();
        (start..=start + value.get().len()).contains(&at)
    };
    let within = |text: &'a str| fields(text)?.into_iter().find(|(_, value)| holds(value));
    let (section, value) = within(text)?;
    if !matches!(&*section, "metadata" | "spec" | "status") {
        return None;
    }
    match within(value.get()) {
        Some((field, value)) => Some((format!("{section}.{field}"), value.get(), 2)),
        None => Some((section.into_owned(), value.get(), 1)),
    }
}

/// The number of bytes before the end of a position.
fn offset(text: &str, line: usize, column: usize) -> usize {
    let before = text.split_inclusive('\n').take(line.saturating_sub(1));
    before.map(str::len).sum::<usize>() + column
}

/// Levels of maps and lists of a JSON text.
fn depth(text: &str) -> usize {
    let (mut open, mut deepest) = (0_usize, 0);
    let (mut in_string, mut escaped) = (false, false);
    for byte in text.bytes() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' => in_string = !in_string,
            _ if in_string => {}
            b'{' | b'[' => {
                open += 1;
                deepest = deepest.max(open);
            }
            b'}' | b']' => open = open.saturating_sub(1),
            _ => {}
        }
    }
    deepest
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    /// Planted in values that cannot be decoded.
    const MARKER: &str = "marker-7f3a";

    #[derive(Debug, Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Thing {
        spec: Spec,
    }

    #[derive(Debug, Deserialize)]
    struct Spec {
        #[serde(default)]
        config: Value,
        #[serde(default)]
        leaving: bool,
    }

    fn object(spec: &str) -> Box<RawValue> {
        let text = format!(
            r#"{{"kind":"Thing","metadata":{{"name":"a","namespace":"shop","uid":"u","generation":3,"resourceVersion":"7","managedFields":[{deep}]}},"spec":{spec},"status":{{"said":"x"}}}}"#,
            deep = nested(400)
        );
        RawValue::from_string(text).unwrap()
    }

    /// A map in a map, so many times, with brackets in a string that do not count.
    fn nested(levels: usize) -> String {
        let text = format!("\"{MARKER} {{[\\\"{{\"");
        format!("{}{text}{}", "{\"a\":".repeat(levels), "}".repeat(levels))
    }

    #[test]
    fn what_is_nested_as_deep_as_can_be_read_is_read_and_one_level_more_is_named() {
        let at = object(&format!(r#"{{"config":{}}}"#, nested(MAX_DEPTH - 2)));
        let thing: Thing = decode(&at).unwrap();
        assert!(thing.spec.config.is_object() && !thing.spec.leaving);
        let over = object(&format!(
            r#"{{"leaving":true,"config":{}}}"#,
            nested(MAX_DEPTH - 1)
        ));
        let why = decode::<Thing>(&over).unwrap_err();
        let expected = Undecodable::TooDeep {
            field: "spec.config".into(),
            depth: MAX_DEPTH + 1,
        };
        assert_eq!(why, expected);
    }

    #[derive(Debug, Deserialize)]
    struct Managed {
        metadata: Managers,
        spec: Spec,
    }

    #[derive(Debug, Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Managers {
        name: String,
        #[serde(default)]
        managed_fields: Vec<Value>,
    }

    #[test]
    fn what_field_managers_own_stops_nobody_who_does_not_ask_for_it() {
        let readable = object(r#"{"leaving":true}"#);
        assert!(decode::<Managed>(&readable).is_err());
        let managed: Managed = decode_unmanaged(&readable).unwrap();
        assert!(managed.spec.leaving && managed.metadata.managed_fields.is_empty());
        assert_eq!(managed.metadata.name, "a");
        let deep = object(&format!(r#"{{"config":{}}}"#, nested(200)));
        let why = decode_unmanaged::<Managed>(&deep).unwrap_err();
        let expected = Undecodable::TooDeep {
            field: "spec.config".into(),
            depth: 202,
        };
        assert_eq!(why, expected);
    }

    #[test]
    fn why_an_object_cannot_be_decoded_quotes_nothing_of_it() {
        for spec in [
            format!(r#"{{"leaving":"{MARKER}"}}"#),
            format!("\n{{\n\"leaving\":\n{{\"{MARKER}\":1}}}}"),
        ] {
            let object = object(&spec);
            let why = decode::<Thing>(&object).unwrap_err();
            let expected = Undecodable::Mistyped {
                field: "spec.leaving".into(),
            };
            assert_eq!(why, expected);
            assert!(!format!("{why} {why:?}").contains(MARKER));
        }
        let object = object(&format!("\"{MARKER}\""));
        let why = decode::<Thing>(&object).unwrap_err();
        let expected = Undecodable::Mistyped {
            field: "spec".into(),
        };
        assert_eq!(why, expected);
    }

    #[test]
    fn the_identity_and_single_parts_are_read_however_deep_the_object_is() {
        let object = object(&format!(r#"{{"config":{}}}"#, nested(2000)));
        let identity = Identity::of(&object).unwrap();
        assert_eq!(
            (identity.name.as_str(), identity.namespace.as_deref()),
            ("a", Some("shop"))
        );
        assert_eq!((identity.uid.as_str(), identity.generation), ("u", 3));
        assert!(!identity.deleting);
        assert_eq!(part::<&str>(&object, &["status", "said"]), Some("x"));
        assert_eq!(part::<&str>(&object, &["status", "none"]), None);
        assert_eq!(part::<i64>(&object, &["status", "said"]), None);
    }
}
