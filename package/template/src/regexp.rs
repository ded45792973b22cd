//! Regular expressions as Go's `regexp` reads and means them, on the engine of the `regex` crate.
//!
//! Go's syntax is no subset of that crate's: `\d`, `\s`, `\w` and `\b` mean ASCII, a brace that counts nothing and a
//! bracket in brackets mean themselves, `\Q…\E` quotes. So it has a parser of its own, which makes the tree that the
//! crate compiles. What Go refuses is refused, except that scripts may also be named by their aliases (`\p{Grek}`).

mod parser;
mod refused;
mod scanner;

use regex_automata::meta;
use regex_automata::util::captures::Captures;

use crate::limit;
use parser::Parsed;

pub(crate) use refused::Refused;

/// Positions of an expression that a search follows for one step per byte.
const SIZE_PER_STEP: u64 = 16;

/// A compiled expression; a copy is cheap.
#[derive(Clone)]
pub(crate) struct Regex {
    compiled: meta::Regex,
    /// Names of groups, and the groups; one name may stand for several.
    names: Vec<(Box<str>, usize)>,
    /// Steps that a search costs for each byte of the text.
    pub(crate) steps_per_byte: u64,
}

/// Steps that compiling an expression costs: more than anything else that a template does.
pub(crate) fn cost(pattern: &str) -> u64 {
    20_000 + pattern.len() as u64
}

impl Regex {
    /// Compiles an expression.
    pub(crate) fn new(pattern: &str) -> Result<Self, Refused> {
        let Parsed { hir, names, size } = parser::parse(pattern)?;
        let config = meta::Config::new()
            .nfa_size_limit(Some(limit::REGEX_COMPILED_BYTES))
            .hybrid_cache_capacity(limit::REGEX_COMPILED_BYTES);
        let compiled = meta::Builder::new().configure(config).build_from_hir(&hir);
        let compiled = compiled.map_err(|error| match error.size_limit() {
            Some(_) => Refused::too_large(),
            None => Refused::Unsupported("is not supported here".to_owned()),
        })?;
        Ok(Self {
            compiled,
            names,
            steps_per_byte: 1 + size / SIZE_PER_STEP,
        })
    }

    pub(crate) fn is_match(&self, text: &str) -> bool {
        self.compiled.is_match(text)
    }

    /// The first match.
    pub(crate) fn find<'t>(&self, text: &'t str) -> Option<&'t str> {
        self.compiled.find(text).map(|found| &text[found.range()])
    }

    /// Where the matches are, none overlapping another.
    pub(crate) fn matches(&self, text: &str) -> impl Iterator<Item = std::ops::Range<usize>> {
        self.compiled.find_iter(text).map(|found| found.range())
    }

    /// All matches with their groups, none overlapping another.
    pub(crate) fn captures<'r, 't>(&'r self, text: &'t str) -> meta::CapturesMatches<'r, 't> {
        self.compiled.captures_iter(text)
    }

    /// Appends `template` with `$1`, `${name}` and `$$` replaced, as Go's `Expand` does.
    pub(crate) fn expand(&self, template: &str, text: &str, groups: &Captures, out: &mut String) {
        let mut rest = template;
        while let Some((before, after)) = rest.split_once('$') {
            out.push_str(before);
            if let Some(after) = after.strip_prefix('$') {
                out.push('$');
                rest = after;
            } else if let Some((name, after)) = reference(after) {
                out.push_str(self.group(name, text, groups));
                rest = after;
            } else {
                out.push('$');
                rest = after;
            }
        }
        out.push_str(rest);
    }

    /// What a group matched, which is named by its number or its name.
    fn group<'t>(&self, name: &str, text: &'t str, groups: &Captures) -> &'t str {
        let is_number = name.bytes().all(|byte| byte.is_ascii_digit());
        let found = if is_number && (name == "0" || !name.starts_with('0')) {
            let number = name.parse().ok();
            number.and_then(|number| groups.get_group(number))
        } else {
            let mut named = self.names.iter().filter(|(known, _)| **known == *name);
            named.find_map(|(_, number)| groups.get_group(*number))
        };
        found.map_or("", |span| &text[span.range()])
    }
}

/// The name that follows a `$`, in braces or not, and what follows it; none where it is malformed.
fn reference(text: &str) -> Option<(&str, &str)> {
    let inner = text.strip_prefix('{');
    let from = inner.unwrap_or(text);
    let end = from.find(|letter: char| !letter.is_alphanumeric() && letter != '_');
    let (name, rest) = from.split_at(end.unwrap_or(from.len()));
    let rest = match inner {
        Some(_) => rest.strip_prefix('}')?,
        None => rest,
    };
    (!name.is_empty()).then_some((name, rest))
}
