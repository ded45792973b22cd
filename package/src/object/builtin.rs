//! Built-in kinds: what every API server refuses of them, and can be told without one. No value of an object is quoted.

use serde_json::{Map, Value};

use super::kinds;
use super::problem::Problems;
use crate::names::{check_data_key, check_label, check_subdomain};
use crate::violation::Reason;

/// Bytes of all values of a `ConfigMap` together, as an API server counts them.
const CONFIG_MAP_BYTES: usize = 1024 * 1024;
/// Characters of the name of a `CronJob`: those of its Jobs are longer.
const CRON_JOB_NAME: usize = 52;

/// Built-in kinds whose names are subdomains of DNS, by group. Those of others may be any segment of a path, or follow
/// rules that differ between releases.
const SUBDOMAINS: &[(&str, &str)] = &[
    (
        "",
        "ConfigMap Endpoints LimitRange PersistentVolume PersistentVolumeClaim Pod PodTemplate ReplicationController \
         ResourceQuota Secret ServiceAccount",
    ),
    ("apps", "DaemonSet Deployment ReplicaSet StatefulSet"),
    ("autoscaling", "HorizontalPodAutoscaler"),
    ("batch", "CronJob Job"),
    ("networking.k8s.io", "Ingress IngressClass NetworkPolicy"),
    ("policy", "PodDisruptionBudget"),
    ("scheduling.k8s.io", "PriorityClass"),
    ("storage.k8s.io", "CSIDriver StorageClass"),
];
/// Those whose names are labels of DNS.
const LABELS: &[(&str, &str)] = &[("", "Namespace Service")];

/// Checks an object of this group and kind.
pub(super) fn check(group: &str, kind: &str, object: &Map<String, Value>, problems: &mut Problems) {
    match (group, kind) {
        ("", "Secret") => secret(object, problems),
        ("", "ConfigMap") => config_map(object, problems),
        _ => {}
    }
}

/// Checks the name of an object of this group and kind.
pub(super) fn check_name(group: &str, kind: &str, name: &str) -> Result<(), &'static str> {
    if kinds::listed(LABELS, group, kind) {
        return check_label(name);
    }
    if !kinds::listed(SUBDOMAINS, group, kind) {
        return Ok(());
    }
    if kind == "CronJob" && name.len() > CRON_JOB_NAME {
        return Err("of a CronJob it must be no longer than 52 characters");
    }
    check_subdomain(name)
}

/// Of a key that is in both maps `stringData` wins, as in a plain apply. Null is the empty text there, and so it is
/// here.
fn secret(secret: &Map<String, Value>, problems: &mut Problems) {
    for (map, is_encoded) in [("data", true), ("stringData", false)] {
        values(secret, map, is_encoded, Reason::SecretInvalid, problems);
    }
}

fn config_map(config: &Map<String, Value>, problems: &mut Problems) {
    const REASON: Reason = Reason::ConfigMapInvalid;
    let plain = values(config, "data", false, REASON, problems);
    let encoded = values(config, "binaryData", true, REASON, problems);
    let keys = |map: &str| config.get(map).and_then(Value::as_object);
    if let (Some(data), Some(binary)) = (keys("data"), keys("binaryData")) {
        for key in data.keys().filter(|key| binary.contains_key(*key)) {
            let what = format!("data[{key:?}]: the key is in binaryData, too; remove one");
            problems.add(REASON, &["data", key], what);
        }
    }
    let bytes = plain + encoded / 4 * 3;
    if bytes > CONFIG_MAP_BYTES {
        let what = format!(
            "its values have {bytes} bytes, a ConfigMap has at most {CONFIG_MAP_BYTES}; use several"
        );
        problems.add(Reason::TooLarge, &[], what);
    }
}

/// Checks the keys and values of a map, and gives the bytes of the values as they are written.
fn values(
    object: &Map<String, Value>,
    map: &str,
    is_encoded: bool,
    reason: Reason,
    problems: &mut Problems,
) -> usize {
    let found = match object.get(map) {
        None | Some(Value::Null) => return 0,
        Some(Value::Object(found)) => found,
        Some(_) => {
            problems.add(reason, &[map], format!("{map}: must be a map"));
            return 0;
        }
    };
    let mut bytes = 0;
    for (key, value) in found {
        let why = match value {
            Value::Null => None,
            Value::String(text) => {
                bytes += text.len();
                (is_encoded && !is_base64(text)).then_some("must be base64, with its padding")
            }
            _ if is_encoded => Some("must be base64, and so text"),
            _ => Some("must be text; quote it"),
        };
        match check_data_key(key).err() {
            // What is no key may be a value that was written in its place.
            Some(wrong) if reason == Reason::SecretInvalid => {
                problems.add(reason, &[map], format!("{map}: one key is wrong: {wrong}"));
            }
            wrong => {
                for why in [why, wrong].into_iter().flatten() {
                    problems.add(reason, &[map, key], format!("{map}[{key:?}]: {why}"));
                }
            }
        }
    }
    bytes
}

/// Whether Go reads a text as bytes: the standard alphabet, padded; line breaks do not count, nor does what the last
/// digit has beyond the last byte.
fn is_base64(text: &str) -> bool {
    let (mut digits, mut padding) = (0usize, 0usize);
    for byte in text.bytes() {
        match byte {
            b'\r' | b'\n' => {}
            b'=' => padding += 1,
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'+' | b'/' if padding == 0 => digits += 1,
            _ => return false,
        }
    }
    padding == (4 - digits % 4) % 4 && padding < 3
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// What is wrong with an object of the core group that has these fields.
    fn found(kind: &str, fields: &Value) -> Vec<(Reason, String)> {
        let mut problems = Problems::default();
        check("", kind, fields.as_object().unwrap(), &mut problems);
        problems.0.into_iter().map(|it| it.problem).collect()
    }

    #[test]
    fn what_is_no_key_of_a_secret_is_not_quoted() {
        for map in ["data", "stringData"] {
            let said = found("Secret", &json!({map: {"hunter2 in its place": ""}}));
            let [(Reason::SecretInvalid, text)] = &said[..] else {
                panic!("{said:?}");
            };
            assert!(text.starts_with(map) && !text.contains("hunter2"), "{text}");
        }
    }

    #[test]
    fn a_value_of_a_secret_that_is_no_base64_is_refused_by_its_path_and_never_quoted() {
        for good in ["", "eA==", "eB==", "eHk=", "eHl6", "eH\nk=\n", "+/+/"] {
            assert_eq!(
                found("Secret", &json!({"data": {"a": good}})),
                [],
                "{good:?}"
            );
        }
        for bad in [
            "hunter2", "eA", "eA=", "eA===", "e===", "====", "eA==eA==", "-_-_", " eA==", "größ",
        ] {
            let said = found("Secret", &json!({"data": {"key": bad}}));
            let expected = "data[\"key\"]: must be base64, with its padding";
            assert_eq!(
                said,
                [(Reason::SecretInvalid, expected.to_owned())],
                "{bad:?}"
            );
        }
        for bad in [json!(8123), json!(true), json!({"a": "8123"})] {
            let said = found("Secret", &json!({"data": {"port": bad}}));
            let expected = "data[\"port\"]: must be base64, and so text";
            assert_eq!(said, [(Reason::SecretInvalid, expected.to_owned())]);
        }
        let said = found("Secret", &json!({"stringData": {"port": 8123}}));
        let expected = "stringData[\"port\"]: must be text; quote it";
        assert_eq!(said, [(Reason::SecretInvalid, expected.to_owned())]);
        assert_eq!(
            found("Secret", &json!({"data": null, "stringData": {"a": null}})),
            []
        );
        assert_eq!(found("ServiceAccount", &json!({"data": {"a": 1}})), []);
    }

    #[test]
    fn values_of_a_config_map_are_texts_and_its_bytes_base64() {
        let good = json!({"data": {"a": "1", "none": null}, "binaryData": {"b": "eA=="}});
        assert_eq!(found("ConfigMap", &good), []);
        for (fields, expected) in [
            (
                json!({"data": {"port": 80}}),
                "data[\"port\"]: must be text; quote it",
            ),
            (
                json!({"data": {"on": true}}),
                "data[\"on\"]: must be text; quote it",
            ),
            (json!({"data": ["a"]}), "data: must be a map"),
            (
                json!({"binaryData": {"a": "x"}}),
                "binaryData[\"a\"]: must be base64, with its padding",
            ),
            (
                json!({"data": {"a": "x"}, "binaryData": {"a": "eA=="}}),
                "data[\"a\"]: the key is in binaryData, too; remove one",
            ),
            (
                json!({"data": {"a/b": "x"}}),
                "data[\"a/b\"]: the key must be letters, digits, '-', '_' and '.'",
            ),
        ] {
            let said = found("ConfigMap", &fields);
            assert_eq!(said, [(Reason::ConfigMapInvalid, expected.to_owned())]);
        }
    }

    #[test]
    fn a_config_map_has_one_mib_of_values_and_no_more() {
        let of = |bytes: usize| found("ConfigMap", &json!({"data": {"a": "x".repeat(bytes)}}));
        assert_eq!(of(CONFIG_MAP_BYTES), []);
        assert_eq!(of(CONFIG_MAP_BYTES + 1)[0].0, Reason::TooLarge);
    }

    #[test]
    fn a_name_that_an_api_server_refuses_is_refused_here() {
        for (group, kind, name, is_good) in [
            ("", "ConfigMap", "a.b-c", true),
            ("", "ConfigMap", "A", false),
            ("apps", "Deployment", "lamp_web", false),
            ("apps", "Deployment", "lamp.", false),
            ("", "Namespace", "a.b", false),
            ("", "Service", "lamp", true),
            ("batch", "Job", &"x".repeat(253), true),
            ("batch", "CronJob", &"x".repeat(53), false),
            // A segment of a path is enough for these.
            (
                "rbac.authorization.k8s.io",
                "ClusterRole",
                "system:lamp",
                true,
            ),
            ("example.org", "Deployment", "Lamp_Web", true),
        ] {
            let checked = check_name(group, kind, name);
            assert_eq!(checked.is_ok(), is_good, "{kind} {name}: {checked:?}");
        }
    }
}
