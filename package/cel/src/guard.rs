//! The checks of an expression: of its text before it is compiled, and of its tree after.

use std::collections::BTreeSet;

use cel::common::ast::{CallExpr, Expr, IdedExpr, LiteralValue, operators};

use crate::error::Error;
use crate::library::compile_regex;
use crate::limit::{
    MAX_BRACKET_DEPTH, MAX_COMPREHENSION_NESTING, MAX_REGEX_BYTES, MAX_SOURCE_BYTES, MAX_TREE_DEPTH,
};
use crate::qualified::{is_among, is_qualified};
use crate::tree::{bound_parts, children, variables_of};

/// Functions an expression may call, by either call style. Everything else is unknown, also where the
/// interpreter would have it: `lists.range` and the like build values of any size from few bytes.
const FUNCTIONS: &[&str] = &[
    "bool bytes charAt contains double duration dyn endsWith getDate getDayOfMonth getDayOfWeek getDayOfYear getFullYear \
     getHours getMilliseconds getMinutes getMonth getSeconds hasValue indexOf int join lastIndexOf lowerAscii matches or \
     orValue replace size split startsWith string substring timestamp trim type uint upperAscii value",
    // Kubernetes' own.
    "add asApproximateFloat asInteger cidr compareTo containsCIDR containsIP family find findAll format getEscapedPath \
     getHost getHostname getPort getQuery getScheme ip isCIDR isGlobalUnicast isGreaterThan isIP isInteger isLessThan \
     isLinkLocalMulticast isLinkLocalUnicast isLoopback isQuantity isSorted isURL isUnspecified masked max min \
     prefixLength quantity sign sub sum url validate",
];
/// Names of types, or the first parts of them.
const TYPE_NAMES: &str =
    "bool bytes double dyn int kubernetes list map net null_type optional_type string type uint";

/// Length and bracket nesting, on the bare text.
pub(crate) fn source(text: &str) -> Result<(), Error> {
    if text.len() > MAX_SOURCE_BYTES {
        return Err(Error::TooLong {
            bytes: text.len(),
            limit: MAX_SOURCE_BYTES,
        });
    }
    if deepest_brackets(text.as_bytes()) > MAX_BRACKET_DEPTH {
        return Err(Error::TooDeep {
            what: "brackets",
            limit: MAX_BRACKET_DEPTH,
        });
    }
    Ok(())
}

/// Deepest bracket nesting outside of strings and comments. Where the text is not valid CEL the answer may
/// be too high, never too low.
fn deepest_brackets(text: &[u8]) -> usize {
    let (mut depth, mut deepest, mut at) = (0usize, 0usize, 0usize);
    while at < text.len() {
        match text[at] {
            b'(' | b'[' | b'{' => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            b')' | b']' | b'}' => depth = depth.saturating_sub(1),
            b'/' if text.get(at + 1) == Some(&b'/') => {
                while at < text.len() && text[at] != b'\n' {
                    at += 1;
                }
                continue;
            }
            quote @ (b'"' | b'\'') => {
                at = string_end(text, at, quote);
                continue;
            }
            _ => {}
        }
        at += 1;
    }
    deepest
}

/// The index after the string literal that starts at `at`; for an unclosed one just after its quote, so
/// that what follows is still counted.
fn string_end(text: &[u8], at: usize, quote: u8) -> usize {
    let raw = at > 0 && matches!(text[at - 1], b'r' | b'R')
        || at > 1 && matches!(text[at - 1], b'b' | b'B') && matches!(text[at - 2], b'r' | b'R');
    let triple = text.get(at + 1) == Some(&quote) && text.get(at + 2) == Some(&quote);
    let width = if triple { 3 } else { 1 };
    let mut end = at + width;
    while end < text.len() {
        match text[end] {
            b'\\' if !raw => end += 2,
            b'\n' if !triple => return at + 1,
            byte if byte == quote && (!triple || text[end..].starts_with(&[quote; 3])) => {
                return end + width;
            }
            _ => end += 1,
        }
    }
    at + 1
}

/// Depth, comprehension nesting, functions and regular expressions of the compiled tree.
pub(crate) fn tree(expr: &IdedExpr) -> Result<(), Error> {
    walk(expr, 1, 0)
}

fn walk(expr: &IdedExpr, depth: usize, nesting: usize) -> Result<(), Error> {
    if depth > MAX_TREE_DEPTH {
        return Err(Error::TooDeep {
            what: "operations",
            limit: MAX_TREE_DEPTH,
        });
    }
    if let Expr::Comprehension(it) = &expr.expr {
        if nesting == MAX_COMPREHENSION_NESTING {
            return Err(Error::TooDeep {
                what: "comprehensions",
                limit: MAX_COMPREHENSION_NESTING,
            });
        }
        walk(&it.iter_range, depth + 1, nesting)?;
        return bound_parts(it)
            .into_iter()
            .try_for_each(|part| walk(part, depth + 1, nesting + 1));
    }
    if let Expr::Call(call) = &expr.expr {
        function(call)?;
    }
    children(expr)
        .into_iter()
        .try_for_each(|child| walk(child, depth + 1, nesting))
}

fn function(call: &CallExpr) -> Result<(), Error> {
    let name = call.func_name.as_str();
    if is_operator(name) {
        return Ok(());
    }
    let is_known = is_qualified(call) || FUNCTIONS.iter().any(|known| is_among(known, name));
    if !is_known {
        return Err(Error::UnknownFunction(name.to_owned()));
    }
    match (name, call.args.as_slice()) {
        // By either call style, the text comes first.
        ("matches", args) => regex(args.last()),
        ("find", [pattern]) | ("findAll", [pattern] | [pattern, _]) => regex(Some(pattern)),
        ("find" | "findAll", _) => regex(None),
        _ => Ok(()),
    }
}

fn is_operator(name: &str) -> bool {
    name.contains('_') && !name.chars().any(char::is_alphanumeric)
        || name == operators::IN
        || name == operators::NOT_STRICTLY_FALSE
}

fn regex(pattern: Option<&IdedExpr>) -> Result<(), Error> {
    let Some(Expr::Literal(LiteralValue::String(pattern))) = pattern.map(|it| &it.expr) else {
        return Err(Error::Regex("it must be a string literal".to_owned()));
    };
    let pattern = pattern.inner();
    if pattern.len() > MAX_REGEX_BYTES {
        return Err(Error::Regex(format!(
            "it has {} bytes, the limit is {MAX_REGEX_BYTES}",
            pattern.len()
        )));
    }
    compile_regex(pattern)
        .map(|_| ())
        .map_err(|error| Error::Regex(error.to_string()))
}

/// Refuses a name that is neither in `known` nor bound by a comprehension around it. With a dot before it, it is not
/// looked for among the latter.
pub(crate) fn variables(expr: &IdedExpr, known: &[&str]) -> Result<(), Error> {
    let mut bound: Vec<&str> = known.to_vec();
    names(expr, &mut bound, known)
}

fn names<'e>(expr: &'e IdedExpr, bound: &mut Vec<&'e str>, known: &[&str]) -> Result<(), Error> {
    match &expr.expr {
        Expr::Ident(name) => {
            let is_known = match name.strip_prefix('.') {
                Some(name) => known.contains(&name) || is_among(TYPE_NAMES, name),
                None => bound.contains(&name.as_str()) || is_among(TYPE_NAMES, name),
            };
            if is_known {
                return Ok(());
            }
            Err(Error::UnknownVariable {
                name: name.clone(),
                known: known.join(", "),
            })
        }
        Expr::Comprehension(it) => {
            names(&it.iter_range, bound, known)?;
            let depth = bound.len();
            bound.extend(variables_of(it));
            let result = bound_parts(it)
                .into_iter()
                .try_for_each(|part| names(part, bound, known));
            bound.truncate(depth);
            result
        }
        _ => children(expr)
            .into_iter()
            .try_for_each(|child| names(child, bound, known)),
    }
}

/// What `expr` gives when that is plainly not a boolean.
pub(crate) fn plainly_not_bool(expr: &IdedExpr) -> Option<&'static str> {
    match &expr.expr {
        Expr::Literal(LiteralValue::Boolean(_)) => None,
        Expr::Literal(LiteralValue::String(_)) => Some("a string"),
        Expr::Literal(LiteralValue::Null) => Some("null"),
        Expr::Literal(LiteralValue::Bytes(_)) => Some("bytes"),
        Expr::Literal(_) => Some("a number"),
        Expr::List(_) => Some("a list"),
        Expr::Map(_) | Expr::Struct(_) => Some("a map"),
        Expr::Comprehension(it) => match (&it.accu_init.expr, &it.result.expr) {
            (Expr::List(_), Expr::Ident(name)) if *name == it.accu_var => Some("a list"),
            _ => None,
        },
        Expr::Call(call) => match call.func_name.as_str() {
            operators::SUBSTRACT
            | operators::ADD
            | operators::MULTIPLY
            | operators::DIVIDE
            | operators::MODULO
            | operators::NEGATE
            | "size"
            | "int"
            | "uint"
            | "double"
            | "indexOf"
            | "lastIndexOf" => Some("a number, list or string"),
            "string" | "join" | "lowerAscii" | "upperAscii" | "trim" | "replace" | "substring"
            | "charAt" | "find" => Some("a string"),
            "split" | "findAll" => Some("a list"),
            _ => None,
        },
        _ => None,
    }
}

/// Paths below free variables that an evaluation may read, each as long as it is known beforehand.
pub(crate) fn reads(expr: &IdedExpr) -> BTreeSet<Vec<String>> {
    let mut found = BTreeSet::new();
    collect(expr, &mut Vec::new(), &mut found);
    found
}

fn collect<'e>(expr: &'e IdedExpr, bound: &mut Vec<&'e str>, found: &mut BTreeSet<Vec<String>>) {
    if let Some(mut path) = path(expr) {
        if let Some(name) = path[0].strip_prefix('.') {
            path[0] = name.to_owned();
            found.insert(path);
        } else if !bound.contains(&path[0].as_str()) {
            found.insert(path);
        }
        return;
    }
    if let Expr::Comprehension(it) = &expr.expr {
        collect(&it.iter_range, bound, found);
        let depth = bound.len();
        bound.extend(variables_of(it));
        for part in bound_parts(it) {
            collect(part, bound, found);
        }
        bound.truncate(depth);
        return;
    }
    for child in children(expr) {
        collect(child, bound, found);
    }
}

/// `a.b["c"]` as its segments.
fn path(expr: &IdedExpr) -> Option<Vec<String>> {
    let (mut path, last) = match &expr.expr {
        Expr::Ident(name) => return Some(vec![name.clone()]),
        Expr::Select(select) => (path(&select.operand)?, &select.field),
        Expr::Call(call) if call.func_name == operators::INDEX => match call.args.as_slice() {
            [
                operand,
                IdedExpr {
                    expr: Expr::Literal(LiteralValue::String(key)),
                    ..
                },
            ] => {
                let mut path = path(operand)?;
                path.push(key.inner().to_owned());
                return Some(path);
            }
            _ => return None,
        },
        _ => return None,
    };
    path.push(last.clone());
    Some(path)
}
