//! `tests/golden/template.json` is what Go's own text/template answers: `package/tests/oracle` writes it.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use serde_json::Value as Json;

use super::{execute, parse};
use crate::budget::Budget;
use crate::functions;
use crate::lex::{Lexer, token};
use crate::resources::{Env, Files};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Golden {
    offered: Vec<String>,
    refused: Vec<String>,
    maps_of_strings: Vec<Vec<String>>,
    contexts: BTreeMap<String, Json>,
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    #[serde(default)]
    context: String,
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
    let budget = &mut Budget::new(8_000_000, 16 << 20);
    let output = execute(&set, &case.execute, context, env, budget);
    output
        .map(|output| output.text)
        .map_err(|error| error.to_string())
}

#[test]
fn output_is_what_go_makes_of_the_same_template() {
    let files = files();
    let Golden {
        maps_of_strings,
        contexts,
        cases,
        ..
    } = golden();
    let maps_of_strings: Vec<Vec<&str>> = maps_of_strings
        .iter()
        .map(|path| path.iter().map(String::as_str).collect())
        .collect();
    let maps_of_strings: Vec<&[&str]> = maps_of_strings.iter().map(Vec::as_slice).collect();
    let env = Env {
        files: Some(&files),
        maps_of_strings: &maps_of_strings,
        ..Env::default()
    };
    assert!(cases.len() >= 1500, "only {} cases", cases.len());
    let mut differing = Vec::new();
    for case in &cases {
        let ours = ours(case, &contexts[&case.context], &env);
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

/// The words of a template that may call a function: those of its actions, without its texts and strings.
fn words(source: &str) -> BTreeSet<String> {
    let mut lexer = Lexer::new(source);
    let mut words = BTreeSet::new();
    loop {
        let token = lexer.next_token();
        match token.kind {
            token::Kind::Identifier => words.insert(token.text.into_owned()),
            token::Kind::Eof | token::Kind::Error => return words,
            _ => false,
        };
    }
}

#[test]
fn every_function_has_five_cases_and_more() {
    let golden = golden();
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for case in &golden.cases {
        let sources = case.files.iter().map(|(_, source)| source.as_str());
        for word in words(&sources.collect::<Vec<_>>().join("{{/**/}}")) {
            *counts.entry(word).or_default() += 1;
        }
    }
    let lacking: Vec<_> = functions::names()
        .into_iter()
        .map(|name| (name, counts.get(name).copied().unwrap_or(0)))
        .filter(|(_, count)| *count < 5)
        .collect();
    assert!(lacking.is_empty(), "less than five cases call {lacking:?}");
}

#[test]
fn every_function_of_sprig_is_there_or_refused_with_a_reason() {
    let golden = golden();
    let ours = functions::names();
    for name in &golden.offered {
        assert!(ours.contains(&name.as_str()), "{name} is missing");
    }
    for name in &golden.refused {
        assert!(!ours.contains(&name.as_str()), "{name} is there");
        let message = super::run(&format!("{{{{{name}}}}}"), &Json::Null).unwrap_err();
        let why = functions::why_refused(name).unwrap_or_else(|| panic!("{name} has no reason"));
        let wanted = format!("function {name:?} not defined: {why}");
        assert!(message.ends_with(&wanted), "{message}");
    }
}

#[test]
fn the_reference_says_of_every_function_whether_it_is_there() {
    let reference = include_str!("../../../../docs/package-format.md");
    let rows: BTreeSet<&str> = reference
        .lines()
        .filter(|line| line.starts_with('|'))
        .flat_map(|row| row.split('`').skip(1).step_by(2))
        .flat_map(str::split_whitespace)
        .collect();
    let golden = golden();
    let refused = golden.refused.iter().map(String::as_str);
    for name in functions::names().into_iter().chain(refused) {
        assert!(rows.contains(name), "{name} is in no table");
    }
}
