//! `tests/golden/template.json` was made by `tests/golden/gen` with Go's own text/template.

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
