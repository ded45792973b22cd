//! `tests/golden/template.json` is what Go's own text/template answers: `package/tests/oracle` writes it.

use std::collections::BTreeSet;

use serde::Deserialize;
use serde_json::Value as Json;

use super::parse;
use crate::budget::Budget;
use crate::resources::{Env, Files};

#[derive(Deserialize)]
struct Golden {
    context: Json,
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    files: Vec<(String, String)>,
    execute: String,
    output: Option<String>,
    error: Option<String>,
}

fn golden() -> Golden {
    let text = include_str!("../../tests/golden/template.json");
    serde_json::from_str(text).expect("the file is JSON")
}

fn files() -> Files {
    let files = [
        ("notes.txt", "hello\nworld\n"),
        ("conf/a.json", r#"{"a": 1}"#),
        ("conf/b.json", r#"{"b": 2}"#),
        ("conf/deep/c.txt", "deep"),
    ];
    files
        .into_iter()
        .map(|(path, text)| (path.to_owned(), text.as_bytes().to_vec()))
        .collect()
}

fn ours(case: &Case, context: &Json, env: &Env<'_>) -> Result<String, String> {
    let files = case.files.iter().map(|(path, source)| (&**path, &**source));
    let set = parse(files, env).map_err(|error| error.to_string())?;
    let output = set.execute(
        &case.execute,
        context,
        env,
        &mut Budget::new(8_000_000, 16 << 20),
    );
    output
        .map(|output| output.text)
        .map_err(|error| error.to_string())
}

#[test]
fn output_is_what_go_makes_of_the_same_template() {
    let files = files();
    let env = Env {
        files: Some(&files),
        ..Env::default()
    };
    let Golden { context, cases } = golden();
    assert!(cases.len() >= 300, "only {} cases", cases.len());
    let mut differing = Vec::new();
    for case in &cases {
        let ours = ours(case, &context, &env);
        let agree = match (&ours, &case.output) {
            (Ok(ours), Some(go)) => ours == go,
            (Err(_), None) => true,
            _ => false,
        };
        if !agree {
            let go = case.output.as_ref().ok_or(case.error.as_ref());
            differing.push(format!("{:?}\n   go: {go:?}\n ours: {ours:?}", case.files));
        }
    }
    let shown = differing.join("\n");
    assert!(
        differing.is_empty(),
        "{} of {} differ:\n{shown}",
        differing.len(),
        cases.len()
    );
}

#[test]
fn every_function_has_a_case() {
    let golden = golden();
    let files = golden.cases.iter().flat_map(|case| &case.files);
    let sources: String = files.map(|(_, source)| format!("{source}\n")).collect();
    let words: BTreeSet<_> = sources
        .split(|letter: char| !letter.is_alphanumeric())
        .collect();
    let missing: Vec<_> = crate::functions::names()
        .into_iter()
        .filter(|name| !words.contains(name))
        .collect();
    assert!(missing.is_empty(), "no case calls {missing:?}");
}
