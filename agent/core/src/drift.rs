//! Detection of drift: notices, without a schema, that somebody changed fields of ours, and says who.

use serde_json::{Map, Value};
use stevedore_proto_core::canonical_json;
use stevedore_proto_core::digest::Hasher;
use stevedore_proto_core::label;

use crate::key::Kind;
use crate::mark::{ShortHash, annotation};

/// Hash over our `Apply` entry in managedFields, the mark and the UID. The same as after our last write:
/// nobody took or removed a field of ours.
pub type Fingerprint = ShortHash;

/// A field by its path, as `stevedore.dev/ignore-fields` names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldPath(Box<[Box<str>]>);

/// Annotation on a packaged object: fields that are left to others, separated by commas or line ends. Each
/// is a dotted path (`spec.replicas`) or a JSON pointer (`/metadata/annotations/example.org~1owner`).
pub const IGNORE_FIELDS: &str = "stevedore.dev/ignore-fields";

impl FieldPath {
    /// Reads one path; `None` when it is empty or has an empty segment.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let segments: Vec<Box<str>> = if let Some(pointer) = text.strip_prefix('/') {
            pointer
                .split('/')
                .map(|part| part.replace("~1", "/").replace("~0", "~").into())
                .collect()
        } else {
            text.strip_prefix('.')
                .unwrap_or(text)
                .split('.')
                .map(Box::from)
                .collect()
        };
        (!segments.iter().any(|segment| segment.is_empty())).then(|| Self(segments.into()))
    }

    /// Every path of an object's annotation, or the text that is not one.
    ///
    /// # Errors
    /// The first entry that is not a path.
    pub fn of_object(object: &Value) -> Result<Box<[Self]>, String> {
        let Some(text) = annotation(object, IGNORE_FIELDS) else {
            return Ok(Box::default());
        };
        text.split([',', '\n'])
            .map(str::trim)
            .filter(|entry| !entry.is_empty())
            .map(|entry| Self::parse(entry).ok_or_else(|| entry.to_owned()))
            .collect()
    }

    /// Removes the field from an object, and parents that become empty by it.
    pub fn remove_from(&self, object: &mut Value) {
        remove(object, &self.0, "");
    }

    /// The same path, under `to` where it is under the top field `from`.
    pub(crate) fn moved(mut self, from: &str, to: &str) -> Self {
        if let [top, _, ..] = &mut *self.0
            && **top == *from
        {
            *top = to.into();
        }
        self
    }

    fn remove_from_fields(&self, fields: &mut Value) {
        remove(fields, &self.0, "f:");
    }

    /// Whether a managedFields entry (`fieldsV1`) owns the field or something below it.
    fn owned_in(&self, fields: &Value) -> bool {
        let mut at = fields;
        for segment in &self.0 {
            match at.get(format!("f:{segment}")) {
                Some(below) => at = below,
                None => return false,
            }
        }
        true
    }
}

fn remove(value: &mut Value, path: &[Box<str>], prefix: &str) {
    let (Some(map), Some((first, rest))) = (value.as_object_mut(), path.split_first()) else {
        return;
    };
    let name = format!("{prefix}{first}");
    if rest.is_empty() {
        map.remove(&name);
    } else if let Some(below) = map.get_mut(&name) {
        remove(below, rest, prefix);
        if below.as_object().is_some_and(Map::is_empty) {
            map.remove(&name);
        }
    }
}

fn entries(object: &Value) -> impl Iterator<Item = &Value> {
    object
        .get("metadata")
        .and_then(|metadata| metadata.get("managedFields"))
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
}

fn text<'a>(entry: &'a Value, field: &str) -> &'a str {
    entry.get(field).and_then(Value::as_str).unwrap_or_default()
}

fn is_ours(entry: &Value) -> bool {
    text(entry, "manager") == label::FIELD_MANAGER
        && text(entry, "operation") == "Apply"
        && text(entry, "subresource").is_empty()
}

/// The fields that our `Apply` entry owns; `None` when there is no such entry.
fn our_fields(object: &Value) -> Option<&Value> {
    entries(object)
        .find(|entry| is_ours(entry))
        .and_then(|entry| entry.get("fieldsV1"))
}

/// The fingerprint of an object, leaving out ignored fields; `None` when our entry is missing.
pub fn fingerprint(object: &Value, ignore: &[FieldPath]) -> Option<Fingerprint> {
    let fields = our_fields(object)?;
    let bytes = if ignore.is_empty() {
        canonical_json(fields)
    } else {
        let mut fields = fields.clone();
        for path in ignore {
            path.remove_from_fields(&mut fields);
        }
        canonical_json(&fields)
    };
    let uid = object
        .get("metadata")
        .map_or("", |metadata| text(metadata, "uid"));
    let digest = Hasher::new("stevedore.fingerprint.v1")
        .field(&bytes)
        .field(
            annotation(object, label::MARK)
                .unwrap_or_default()
                .as_bytes(),
        )
        .field(uid.as_bytes())
        .finish();
    Some(ShortHash::of(&digest))
}

/// Which of the ignored fields our entry no longer owns, as a bit per field (at most 64 are told apart):
/// others took those, and a further apply must not name them.
pub fn left_to_others(object: &Value, ignore: &[FieldPath]) -> u64 {
    let fields = our_fields(object);
    ignore
        .iter()
        .take(64)
        .enumerate()
        .filter(|(_, path)| !fields.is_some_and(|fields| path.owned_in(fields)))
        .fold(0, |bits, (at, _)| bits | (1 << at))
}

/// Keys of a Secret that our entry owns under `stringData`, as an agent leaves them that applied it as it was written.
/// The values stand in `data`, where nobody owns them: dropped keys would stay there.
pub fn string_data(object: &Value, kind: &Kind) -> Box<[Box<str>]> {
    if !kind.is_secret() {
        return Box::default();
    }
    let fields = our_fields(object).and_then(|fields| fields.get("f:stringData"));
    let keys = fields.and_then(Value::as_object).into_iter().flatten();
    keys.filter_map(|(name, _)| name.strip_prefix("f:").map(Box::from))
        .collect()
}

/// The field manager that most recently wrote something beside us, status aside. An entry without a time
/// (the scale subresource makes such) counts as the latest.
pub fn last_other_manager(object: &Value) -> Option<&str> {
    entries(object)
        .filter(|entry| !is_ours(entry) && text(entry, "subresource") != "status")
        .max_by_key(|entry| match text(entry, "time") {
            "" => "~",
            time => time,
        })
        .map(|entry| text(entry, "manager"))
        .filter(|manager| !manager.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn object(ours: Value) -> Value {
        json!({"metadata": {"uid": "u", "annotations": {(label::MARK): "m"}, "managedFields": [
            {"manager": "kube-controller-manager", "operation": "Update", "subresource": "status",
             "time": "2026-01-03T00:00:00Z", "fieldsV1": {}},
            {"manager": "kubectl-edit", "operation": "Update", "time": "2026-01-02T00:00:00Z", "fieldsV1": {}},
            {"manager": "stevedore", "operation": "Apply", "time": "2026-01-01T00:00:00Z", "fieldsV1": ours},
        ]}})
    }

    #[test]
    fn a_lost_field_a_new_uid_and_another_mark_each_change_the_fingerprint() {
        let base = object(json!({"f:data": {"f:a": {}, "f:b": {}}}));
        let print = fingerprint(&base, &[]).unwrap();
        let lost = object(json!({"f:data": {"f:a": {}}}));
        assert_ne!(fingerprint(&lost, &[]), Some(print));
        let mut other = base.clone();
        other["metadata"]["uid"] = json!("v");
        assert_ne!(fingerprint(&other, &[]), Some(print));
        let mut remarked = base.clone();
        remarked["metadata"]["annotations"][label::MARK] = json!("n");
        assert_ne!(fingerprint(&remarked, &[]), Some(print));
        let mut status = base.clone();
        status["status"] = json!({"x": 1});
        status["metadata"]["managedFields"][2]["time"] = json!("2027-01-01T00:00:00Z");
        assert_eq!(fingerprint(&status, &[]), Some(print));
        let mut foreign = base;
        foreign["metadata"]["managedFields"][2]["operation"] = json!("Update");
        assert_eq!(fingerprint(&foreign, &[]), None);
    }

    #[test]
    fn an_ignored_field_may_be_taken_without_a_trace() {
        let path = [FieldPath::parse("spec.replicas").unwrap()];
        let with = object(json!({"f:spec": {"f:replicas": {}}, "f:data": {}}));
        let without = object(json!({"f:data": {}}));
        assert_eq!(fingerprint(&with, &path), fingerprint(&without, &path));
        assert_eq!(left_to_others(&with, &path), 0);
        assert_eq!(left_to_others(&without, &path), 1);
    }

    #[test]
    fn what_an_older_agent_applied_as_text_is_known_by_our_own_entry() {
        let secret = Kind::new("", "v1", "Secret");
        let text = object(
            json!({"f:stringData": {".": {}, "f:user": {}, "f:a.b": {}}, "f:data": {"f:c": {}}}),
        );
        let keys = string_data(&text, &secret);
        assert_eq!(
            keys.iter().map(|key| &**key).collect::<Vec<_>>(),
            ["a.b", "user"]
        );
        assert!(string_data(&text, &Kind::new("", "v1", "Thing")).is_empty());
        let mut theirs = text;
        theirs["metadata"]["managedFields"][2]["manager"] = json!("kubectl");
        assert!(string_data(&theirs, &secret).is_empty());
    }

    #[test]
    fn the_latest_writer_beside_us_is_named() {
        let mut object = object(json!({}));
        assert_eq!(last_other_manager(&object), Some("kubectl-edit"));
        object["metadata"]["managedFields"][0] =
            json!({"manager": "kubectl", "operation": "Update", "subresource": "scale"});
        assert_eq!(last_other_manager(&object), Some("kubectl"));
        assert_eq!(last_other_manager(&json!({"metadata": {}})), None);
    }

    #[test]
    fn paths_are_dotted_or_pointers() {
        let mut object = json!({"metadata": {"annotations": {"example.org/owner": "x"}}, "spec": {"replicas": 1, "a": 1}});
        FieldPath::parse("/metadata/annotations/example.org~1owner")
            .unwrap()
            .remove_from(&mut object);
        FieldPath::parse(".spec.replicas")
            .unwrap()
            .remove_from(&mut object);
        assert_eq!(object, json!({"spec": {"a": 1}}));
        assert_eq!(FieldPath::parse("a..b"), None);
        assert_eq!(FieldPath::parse(""), None);
    }
}
