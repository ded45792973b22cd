//! Dependencies: their licences, their sources, and the crates of which there is none or one copy.

use super::manifest::{Package, Workspace, compiled};

/// Crates that must not be in the tree: a second crypto provider, and what is known unsound.
const BANNED: &[&str] = &[
    "ring",
    "openssl",
    "native-tls",
    "serde_yaml",
    "serde_yml",
    "rustls-pemfile",
    "tokio-tar",
];

/// Crates of which two versions would not understand each other.
const SINGLE_COPY: &[&str] = &[
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
fn licence_or_source_fault(package: &Package) -> Option<String> {
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
fn every_dependency_has_an_allowed_licence_and_source() {
    let workspace = Workspace::load();
    let faults: Vec<_> = workspace
        .packages()
        .filter_map(licence_or_source_fault)
        .collect();
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn one_crypto_provider_and_one_copy_of_what_must_agree() {
    let compiled = compiled();
    for banned in BANNED {
        let found = compiled.iter().find(|(name, _)| name == banned);
        assert!(found.is_none(), "{banned} must not be in the tree");
    }
    for single in SINGLE_COPY {
        let copies: Vec<_> = compiled.iter().filter(|(name, _)| name == single).collect();
        assert_eq!(
            copies.len(),
            1,
            "versions of {single} in the tree: {copies:?}"
        );
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
