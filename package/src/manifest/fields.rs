//! Which fields a manifest may have: what is unknown or not honoured is refused by name, never ignored.

use serde_json::Value;

use crate::violation::{Reason, Violation};

enum Known {
    /// Anything may be below.
    Any,
    /// A map of these fields.
    Map(&'static [(&'static str, Known)]),
    /// A list of these.
    List(&'static Known),
    /// Known, but not honoured by this version.
    Later(&'static str),
}

const LABEL_SELECTOR: Known = Known::Map(&[
    ("matchLabels", Known::Any),
    (
        "matchExpressions",
        Known::List(&Known::Map(&[
            ("key", Known::Any),
            ("operator", Known::Any),
            ("values", Known::Any),
        ])),
    ),
]);

const PROBES: Known = Known::List(&Known::Map(&[
    (
        "selector",
        Known::Map(&[
            (
                "kind",
                Known::Map(&[("group", Known::Any), ("kind", Known::Any)]),
            ),
            ("selector", LABEL_SELECTOR),
        ]),
    ),
    (
        "probes",
        Known::List(&Known::Map(&[
            (
                "condition",
                Known::Map(&[("type", Known::Any), ("status", Known::Any)]),
            ),
            (
                "fieldsEqual",
                Known::Map(&[("fieldA", Known::Any), ("fieldB", Known::Any)]),
            ),
            (
                "cel",
                Known::Map(&[("rule", Known::Any), ("message", Known::Any)]),
            ),
        ])),
    ),
]));

const SPEC: Known = Known::Map(&[
    ("scopes", Known::Any),
    (
        "phases",
        Known::List(&Known::Map(&[
            ("name", Known::Any),
            ("class", Known::Later("phase classes")),
        ])),
    ),
    ("availabilityProbes", PROBES),
    ("config", Known::Map(&[("openAPIV3Schema", Known::Any)])),
    (
        "images",
        Known::List(&Known::Map(&[("name", Known::Any), ("image", Known::Any)])),
    ),
    ("components", Known::Later("components")),
    (
        "filter",
        Known::Map(&[
            ("conditions", Known::Later("named conditions")),
            ("paths", Known::Later("conditional paths")),
        ]),
    ),
    ("constraints", Known::Later("constraints")),
    ("repositories", Known::Later("repositories")),
    ("dependencies", Known::Later("dependencies")),
]);

const TEST: Known = Known::Map(&[
    (
        "template",
        Known::List(&Known::Map(&[
            ("name", Known::Any),
            (
                "context",
                Known::Map(&[
                    (
                        "package",
                        Known::Map(&[
                            (
                                "metadata",
                                Known::Map(&[
                                    ("name", Known::Any),
                                    ("namespace", Known::Any),
                                    ("labels", Known::Any),
                                    ("annotations", Known::Any),
                                ]),
                            ),
                            ("image", Known::Any),
                        ]),
                    ),
                    ("config", Known::Any),
                    ("environment", Known::Any),
                ]),
            ),
        ])),
    ),
    // It says how the author's own tool checks the package, and nothing about installing it.
    ("kubeconform", Known::Any),
]);

const MANIFEST: Known = Known::Map(&[
    ("apiVersion", Known::Any),
    ("kind", Known::Any),
    ("metadata", Known::Any),
    ("spec", SPEC),
    ("test", TEST),
]);

/// Fields of `manifest` that are unknown, of a wrong form, or not honoured by this version.
pub(super) fn check(path: &str, manifest: &Value) -> Vec<Violation> {
    let mut found = Vec::new();
    walk(&MANIFEST, manifest, "", &mut |reason, details| {
        found.push(Violation::new(reason, details).in_file(path));
    });
    found
}

fn walk(known: &Known, value: &Value, field: &str, report: &mut dyn FnMut(Reason, String)) {
    if value.is_null() {
        return;
    }
    match known {
        Known::Any => {}
        Known::Later(what) => {
            report(
                Reason::NotSupported,
                format!("{field}: {what} are not supported yet"),
            );
        }
        Known::List(item) => match value.as_array() {
            Some(values) => {
                for (number, value) in values.iter().enumerate() {
                    walk(item, value, &format!("{field}[{number}]"), report);
                }
            }
            None => report(Reason::ManifestInvalid, format!("{field}: must be a list")),
        },
        Known::Map(fields) => match value.as_object() {
            Some(map) => {
                for (key, value) in map {
                    let below = if field.is_empty() {
                        key.clone()
                    } else {
                        format!("{field}.{key}")
                    };
                    match fields.iter().find(|(name, _)| name == key) {
                        Some((_, known)) => walk(known, value, &below, report),
                        None => report(Reason::ManifestInvalid, format!("{below}: unknown field")),
                    }
                }
            }
            None => report(Reason::ManifestInvalid, format!("{field}: must be a map")),
        },
    }
}
