//! `tests/golden/yaml.json` was made by `tests/oracle/yaml` of the package with the Go libraries that Package Operator and
//! kubectl read YAML with.

use serde::Deserialize;
use serde_json::Value;

use super::super::{Document, Found, Surprise, decode, documents, encode, read};

#[derive(Deserialize)]
struct Golden {
    values: Vec<Single>,
    files: Vec<File>,
}

#[derive(Deserialize)]
struct Single {
    text: String,
    #[serde(default)]
    value: Value,
    written: Option<String>,
    error: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct File {
    text: String,
    #[serde(default)]
    documents: Vec<Value>,
    error: Option<String>,
    #[serde(default)]
    original: Vec<Value>,
    original_error: Option<String>,
}

fn golden() -> Golden {
    let text = include_str!("../../../tests/golden/yaml.json");
    serde_json::from_str(text).expect("the file is JSON")
}

/// All texts that Go was asked about.
pub(super) fn texts() -> impl Iterator<Item = String> {
    let Golden { values, files } = golden();
    let values = values.into_iter().map(|case| case.text);
    values.chain(files.into_iter().map(|case| case.text))
}

/// Whether two values are the same, numbers being the same as they are in JSON.
fn is_same(ours: &Value, go: &Value) -> bool {
    match (ours, go) {
        (Value::Number(one), Value::Number(other)) => {
            one == other || (one.as_i64().is_none() && one.as_f64() == other.as_f64())
        }
        (Value::Array(one), Value::Array(other)) => {
            one.len() == other.len()
                && one
                    .iter()
                    .zip(other)
                    .all(|(one, other)| is_same(one, other))
        }
        (Value::Object(one), Value::Object(other)) => {
            one.len() == other.len()
                && one
                    .iter()
                    .all(|(key, value)| other.get(key).is_some_and(|other| is_same(value, other)))
        }
        _ => ours == go,
    }
}

fn show(differing: &[String], of: usize) {
    let count = differing.len();
    assert!(
        differing.is_empty(),
        "{count} of {of} differ:\n{}",
        differing.join("\n")
    );
}

/// What Go reads and we refuse, each for a reason that the reference of the format gives.
const REFUSED: &[&str] = &[
    "[a]]",
    "{a: 1}}",
    "\"a\" b",
    "a: {\n\tb: c\n}\n",
    "[?a]",
    "{?a: b}",
    "[-a, -]",
    "{a: -}",
    "[-, {k: -}]",
    "[a:]",
    "{a:}",
    "a: b\u{85}c: d\n",
];

/// What Go refuses and we read, since the newer YAML has it.
const READ: &[&str] = &[
    "%FOO bar\n---\na: 1\n",
    "...\n",
    "...\na: 1\n",
    "a: |\n  \tb\n",
    "a: \"\\0\\a\\b\\t\\n\\v\\f\\r\\e\\ \\\"\\/\\\\\\N\\_\\L\\P\"\n",
    "a: \"\\ud83d\\udea2\"\n",
    "-\ta\n",
    "\ta: b\n",
    "a:\n  b: c\n\t\n",
    "a: b\n\t# c\n",
    "[a?b]",
    "[:a]",
    "{a: :b}",
    "[http://a.example/b?c=d&e, {k: http://a.example/b?c=d&e}]",
    "[:a, {k: :a}]",
];

/// What is read otherwise: line breaks that the newer YAML has not.
const OTHERWISE: &[&str] = &[
    "a: |\n  b\u{2028}  c\n",
    "a: |\n  b\u{85}  c\n",
    "a: \"b\u{85} c\"\n",
    "a: b\u{2028}  c\n",
];

#[test]
fn a_document_is_what_go_makes_of_it() {
    let cases = golden().values;
    assert!(cases.len() >= 1_500, "only {} cases", cases.len());
    let mut differing = Vec::new();
    for case in &cases {
        let ours = read::first(case.text.as_bytes()).map_err(|error| error.to_string());
        let is_listed = |list: &[&str]| list.contains(&case.text.as_str());
        let agree = match (&ours, &case.error) {
            (Ok(ours), None) => {
                is_same(ours, &case.value) != is_listed(OTHERWISE) && !is_listed(REFUSED)
            }
            (Err(_), None) => is_listed(REFUSED),
            (Ok(_), Some(_)) => is_listed(READ),
            (Err(_), Some(_)) => !is_listed(READ),
        };
        if !agree {
            let go = case.error.as_ref().map_or(Ok(&case.value), Err);
            differing.push(format!("{:?}\n   go: {go:?}\n ours: {ours:?}", case.text));
        }
    }
    show(&differing, cases.len());
}

#[test]
fn what_is_written_of_a_document_is_what_go_writes() {
    let cases = golden().values;
    let mut differing = Vec::new();
    for case in &cases {
        let Some(go) = &case.written else { continue };
        let Ok(value) = decode(case.text.as_bytes()) else {
            continue;
        };
        let ours = encode(&value, 1 << 20);
        // These two Go writes so that it, or readers of the newer YAML, do not read them again.
        let is_quoted = go.contains("<<:") || go.contains(['\u{2028}', '\u{2029}']);
        let is_listed = OTHERWISE.contains(&case.text.as_str());
        if (ours.as_ref() == Ok(go)) == is_quoted && !is_listed {
            differing.push(format!("{:?}\n   go: {go:?}\n ours: {ours:?}", case.text));
        }
    }
    show(&differing, cases.len());
}

#[test]
fn the_documents_of_a_file_are_those_that_kubectl_finds() {
    let cases = golden().files;
    let mut differing = Vec::new();
    for case in &cases {
        let ours = documents("f.yaml", case.text.as_bytes()).map_err(|error| error.to_string());
        let agree = match (&ours, &case.error, &case.original_error) {
            (Ok(ours), None, _) => has_values(ours, &case.documents),
            // Dashes with something behind them begin a document, as YAML has it.
            (Ok(ours), Some(_), None) => has_values(&ours[..case.original.len()], &case.original),
            (Ok(_), Some(_), Some(_)) => case.text.lines().any(|line| line == "..."),
            (Err(_), error, _) => error.is_some(),
        };
        if !agree {
            let go = case.error.as_ref().map_or(Ok(&case.documents), Err);
            let ours = ours.map(values);
            differing.push(format!("{:?}\n   go: {go:?}\n ours: {ours:?}", case.text));
        }
    }
    show(&differing, cases.len());
}

#[test]
fn where_package_operator_reads_other_documents_there_is_a_warning() {
    let cases = golden().files;
    let mut compared = 0;
    let mut differing = Vec::new();
    for case in cases.iter().filter(|case| case.original_error.is_none()) {
        let Ok(ours) = documents("f.yaml", case.text.as_bytes()) else {
            continue;
        };
        // Dashes at its beginning are taken off as well: it would be a list, and that is no object.
        if case.text.starts_with('-') && !case.text.starts_with("---") {
            continue;
        }
        let found = ours.iter().flat_map(|document| &document.found);
        let told =
            |found: &Found| matches!(found.surprise, Surprise::Separator | Surprise::DashesAtEnd);
        compared += 1;
        if found.clone().any(told) == has_values(&ours, &case.original) {
            let (text, original) = (&case.text, &case.original);
            let found: Vec<_> = found.collect();
            differing.push(format!("{text:?}\n   go: {original:?}\n ours: {found:?}"));
        }
    }
    assert!(compared >= 80, "only {compared} are compared");
    show(&differing, compared);
}

fn values(documents: Vec<Document>) -> Vec<Value> {
    documents.into_iter().map(|it| it.value).collect()
}

fn has_values(ours: &[Document], go: &[Value]) -> bool {
    ours.len() == go.len()
        && ours
            .iter()
            .zip(go)
            .all(|(ours, go)| is_same(&ours.value, go))
}
