//! The table of directions of `docs/ARCHITECTURE.md`, and the lists that dependencies must fit.

use super::manifest::Package;

/// What one crate of the workspace may and must not use.
pub(crate) struct Row {
    pub(crate) crate_name: &'static str,
    /// Crates of this workspace that it may use.
    pub(crate) may_use: &'static [&'static str],
    /// Other crates that it must not name, even though they are in the tree.
    pub(crate) never: &'static [&'static str],
    /// Decides only: nothing in its closure does I/O.
    pub(crate) pure: bool,
}

const NO_KUBE: &[&str] = &["kube", "kube-client", "kube-runtime", "k8s-openapi"];
const NO_GRPC: &[&str] = &["tonic", "prost", "tonic-prost"];
const NO_KUBE_GRPC: &[&str] = &[
    "kube",
    "kube-client",
    "kube-runtime",
    "k8s-openapi",
    "tonic",
    "prost",
    "tonic-prost",
];
const PURE: &[&str] = &[
    "kube",
    "kube-client",
    "kube-runtime",
    "k8s-openapi",
    "tonic",
    "prost",
    "tonic-prost",
    "tokio",
    "rand",
    "getrandom",
    "anyhow",
];

pub(crate) const ROWS: &[Row] = &[
    Row {
        crate_name: "stevedore-proto-core",
        may_use: &[],
        never: PURE,
        pure: true,
    },
    Row {
        crate_name: "stevedore-proto",
        may_use: &["stevedore-proto-core"],
        never: NO_KUBE,
        pure: false,
    },
    Row {
        crate_name: "stevedore-cel",
        may_use: &[],
        never: PURE,
        pure: true,
    },
    Row {
        crate_name: "stevedore-template",
        may_use: &[],
        never: PURE,
        pure: true,
    },
    Row {
        crate_name: "stevedore-package",
        may_use: &[
            "stevedore-proto-core",
            "stevedore-cel",
            "stevedore-template",
        ],
        never: PURE,
        pure: true,
    },
    Row {
        crate_name: "stevedore-crds",
        may_use: &["stevedore-proto-core"],
        never: &["tokio", "tonic", "prost", "kube-client"],
        pure: false,
    },
    Row {
        crate_name: "stevedore-client",
        may_use: &["stevedore-crds", "stevedore-runtime"],
        never: NO_GRPC,
        pure: false,
    },
    Row {
        crate_name: "stevedore-retry",
        may_use: &[],
        never: PURE,
        pure: true,
    },
    Row {
        crate_name: "stevedore-runtime",
        may_use: &["stevedore-retry"],
        never: NO_KUBE_GRPC,
        pure: false,
    },
    Row {
        crate_name: "stevedore-hub-core",
        may_use: &[
            "stevedore-retry",
            "stevedore-proto-core",
            "stevedore-package",
        ],
        never: PURE,
        pure: true,
    },
    Row {
        crate_name: "stevedore-hub-grpc",
        may_use: &[
            "stevedore-hub-core",
            "stevedore-proto",
            "stevedore-proto-core",
            "stevedore-runtime",
        ],
        never: NO_KUBE,
        pure: false,
    },
    Row {
        crate_name: "stevedore-hub-controllers",
        may_use: &[
            "stevedore-hub-core",
            "stevedore-proto-core",
            "stevedore-package",
            "stevedore-client",
            "stevedore-crds",
            "stevedore-runtime",
        ],
        never: NO_GRPC,
        pure: false,
    },
    Row {
        crate_name: "stevedore-hub",
        may_use: &[
            "stevedore-hub-core",
            "stevedore-hub-grpc",
            "stevedore-hub-controllers",
            "stevedore-proto-core",
            "stevedore-package",
            "stevedore-crds",
            "stevedore-runtime",
            "stevedore-deploy",
        ],
        never: &[],
        pure: false,
    },
    Row {
        crate_name: "stevedore-agent-core",
        may_use: &["stevedore-retry", "stevedore-proto-core", "stevedore-cel"],
        never: PURE,
        pure: true,
    },
    Row {
        crate_name: "stevedore-agent",
        may_use: &[
            "stevedore-agent-core",
            "stevedore-proto",
            "stevedore-proto-core",
            "stevedore-client",
            "stevedore-crds",
            "stevedore-runtime",
            "stevedore-cel",
        ],
        never: &[],
        pure: false,
    },
    Row {
        crate_name: "stevedore",
        may_use: &[
            "stevedore-client",
            "stevedore-crds",
            "stevedore-package",
            "stevedore-deploy",
            "stevedore-fleet",
            "stevedore-runtime",
            "stevedore-proto-core",
        ],
        never: NO_GRPC,
        pure: false,
    },
    Row {
        crate_name: "stevedore-deploy",
        may_use: &[],
        never: PURE,
        pure: true,
    },
    Row {
        crate_name: "stevedore-fleet",
        may_use: &["stevedore-client", "stevedore-deploy", "stevedore-runtime"],
        never: NO_GRPC,
        pure: false,
    },
    Row {
        crate_name: "stevedore-e2e",
        may_use: &[
            "stevedore",
            "stevedore-agent",
            "stevedore-agent-core",
            "stevedore-cel",
            "stevedore-client",
            "stevedore-crds",
            "stevedore-deploy",
            "stevedore-fleet",
            "stevedore-hub",
            "stevedore-hub-controllers",
            "stevedore-hub-core",
            "stevedore-hub-grpc",
            "stevedore-package",
            "stevedore-proto",
            "stevedore-proto-core",
            "stevedore-runtime",
        ],
        never: &[],
        pure: false,
    },
];

/// What no pure crate may reach, however indirectly.
pub(crate) const NEVER_BELOW_PURE: &[&str] = &[
    "tokio",
    "kube",
    "kube-client",
    "k8s-openapi",
    "tonic",
    "hyper",
    "rustls",
    "reqwest",
    "backoff",
    "dashmap",
];

/// Crates that must not be in the tree: a second crypto provider, and what is known unsound.
pub(crate) const BANNED: &[&str] = &[
    "ring",
    "openssl",
    "native-tls",
    "serde_yaml",
    "serde_yml",
    "rustls-pemfile",
    "tokio-tar",
];

/// Crates of which two versions would not understand each other.
pub(crate) const SINGLE_COPY: &[&str] = &[
    "kube",
    "k8s-openapi",
    "tonic",
    "prost",
    "rustls",
    "tokio",
    "serde",
    "serde_json",
    "cel",
    "serde-saphyr",
    "sha2",
];

/// Licences that a dependency may have; one of the alternatives of an `OR` is enough.
const LICENCES: &[&str] = &[
    "Apache-2.0",
    "Apache-2.0 WITH LLVM-exception",
    "MIT",
    "MIT-0",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "ISC",
    "Zlib",
    "0BSD",
    "BSL-1.0",
    "CC0-1.0",
    "CDLA-Permissive-2.0",
    "OpenSSL",
    "Unicode-3.0",
    "Unicode-DFS-2016",
    "Unlicense",
    "WTFPL",
];

/// Why a package of the tree is not allowed, if it is not.
pub(crate) fn licence_or_source_fault(package: &Package) -> Option<String> {
    let id = format!("{} {}", package.name, package.version);
    match package.source.as_deref() {
        // A path inside this workspace, or the public registry that cargo uses by default.
        None => {}
        Some(source) if source.starts_with("registry+") => {}
        Some(source) => return Some(format!("{id}: comes from {source}")),
    }
    let Some(expression) = &package.license else {
        return Some(format!("{id}: names no licence"));
    };
    (!allowed(expression)).then(|| format!("{id}: licence {expression} is not in the list"))
}

/// Evaluates an SPDX expression: `OR` needs one allowed side, `AND` needs both. The old `/`
/// means `OR`.
fn allowed(expression: &str) -> bool {
    let expression = expression.replace('/', " OR ");
    let mut depth = 0;
    for (operator, any) in [(" OR ", true), (" AND ", false)] {
        let mut parts = vec![];
        let mut from = 0;
        for (at, character) in expression.char_indices() {
            match character {
                '(' => depth += 1,
                ')' => depth -= 1,
                _ => {}
            }
            if depth == 0 && expression[at..].starts_with(operator) {
                parts.push(&expression[from..at]);
                from = at + operator.len();
            }
        }
        if !parts.is_empty() {
            parts.push(&expression[from..]);
            return if any {
                parts.into_iter().any(allowed)
            } else {
                parts.into_iter().all(allowed)
            };
        }
    }
    let plain = expression.trim();
    match plain
        .strip_prefix('(')
        .and_then(|inner| inner.strip_suffix(')'))
    {
        Some(inner) => allowed(inner),
        None => LICENCES.contains(&plain),
    }
}

#[test]
fn licence_expressions_are_evaluated() {
    assert!(allowed("MIT OR GPL-3.0"));
    assert!(allowed("MIT/Apache-2.0"));
    assert!(allowed("(MIT OR GPL-3.0) AND Unicode-3.0"));
    assert!(allowed("Apache-2.0 WITH LLVM-exception OR GPL-3.0"));
    assert!(!allowed("MIT AND GPL-3.0"));
    assert!(!allowed("GPL-3.0"));
}
