//! `getFile` and `getFileGlob`: the other files of the package, as the caller holds them.

use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;

use regex::bytes::{Regex, RegexBuilder};

use super::functions::{HostFunction, Kind};
use super::value::{Elem, Map, Value};
use super::{Env, Limits};

/// The content of a package by path.
pub type PackageFiles = BTreeMap<String, Vec<u8>>;

/// Bytes of a compiled pattern.
const PATTERN_BYTES: usize = 64 * 1024;
/// Steps that compiling a pattern costs.
const COMPILING: u64 = 2_000;

/// An environment in which templates can read these files, and nothing else.
#[must_use]
pub fn with_files(files: Arc<PackageFiles>, limits: Limits) -> Env {
    let globbed = Arc::clone(&files);
    // Every path is looked at.
    let looking: u64 = files.keys().map(|path| 1 + path.len() as u64).sum();
    let get = HostFunction::new([Kind::Str], move |args| {
        let content = files.get(&path(args)).ok_or("file not found")?;
        Ok(Value::from(content.clone()))
    });
    let glob = HostFunction::new([Kind::Str], move |args| {
        let pattern = compile(&path(args))?;
        let found = globbed
            .iter()
            .filter(|(path, _)| pattern.is_match(path.as_bytes()));
        let entries =
            found.map(|(path, content)| (Rc::from(path.as_bytes()), Value::from(content.clone())));
        Ok(Value::Map(Map::typed(entries.collect(), Elem::Str)))
    })
    .costing(COMPILING + looking);
    let functions = [("getFile", get), ("getFileGlob", glob)];
    let functions = functions
        .into_iter()
        .map(|(name, function)| (name.to_owned(), function));
    Env {
        functions: functions.collect(),
        limits,
    }
}

fn path(args: &[Value]) -> String {
    match args.first() {
        Some(Value::Str(path)) => String::from_utf8_lossy(path).into_owned(),
        _ => String::new(),
    }
}

/// A glob as a regular expression: `*` and `?` stay within a path segment, `**` does not; `[abc]`,
/// `[!abc]`, `{a,b}` and `\` are known.
fn compile(glob: &str) -> Result<Regex, String> {
    let bad = || format!("bad pattern {glob:?}");
    if glob.len() > 1024 {
        return Err("the pattern is too long".to_owned());
    }
    let mut pattern = String::from("^(?s-u:");
    let mut open = 0usize;
    let mut letters = glob.chars().peekable();
    while let Some(letter) = letters.next() {
        match letter {
            '*' if letters.next_if_eq(&'*').is_some() => pattern.push_str(".*"),
            '*' => pattern.push_str("[^/]*"),
            '?' => pattern.push_str("(?u:[^/])"),
            '{' => {
                open += 1;
                pattern.push_str("(?:");
            }
            '}' => {
                open = open.checked_sub(1).ok_or_else(bad)?;
                pattern.push(')');
            }
            ',' if open > 0 => pattern.push('|'),
            '[' => {
                pattern.push_str("(?u:[");
                if letters.next_if_eq(&'!').is_some() {
                    pattern.push('^');
                }
                loop {
                    match letters.next().ok_or_else(bad)? {
                        ']' => break,
                        '-' => pattern.push('-'),
                        other => pattern.push_str(&regex::escape(&other.to_string())),
                    }
                }
                pattern.push_str("])");
            }
            '\\' => {
                let next = letters.next().ok_or_else(bad)?;
                pattern.push_str(&regex::escape(&next.to_string()));
            }
            other => pattern.push_str(&regex::escape(&other.to_string())),
        }
    }
    if open > 0 {
        return Err(bad());
    }
    pattern.push_str(")$");
    RegexBuilder::new(&pattern)
        .size_limit(PATTERN_BYTES)
        .dfa_size_limit(PATTERN_BYTES)
        .build()
        .map_err(|_| bad())
}
