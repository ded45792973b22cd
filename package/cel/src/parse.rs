//! The parser: makes the tree of an expression of its text.
//!
//! The library has two. The one that ANTLR made is the measure. It recurses deeply, so that it needs a thread of its own
//! with a large stack. The other takes a fraction of the time and is asked first, for short expressions in which both
//! agree; what it refuses goes to the former, whose errors are the ones that are told.

use std::thread;

use cel::common::ast::IdedExpr;
use cel::parser::pratt_parser::PrattParser;

use crate::environment::environment;
use crate::error::Error;
use crate::guard;

const STACK_BYTES: usize = 64 * 1024 * 1024;
/// Bytes of an expression that is parsed on the stack of whoever asks. It also clones what is called again and again.
const SHORT: usize = 256;

/// The tree of an expression, checked for its depth and for what it calls.
pub(crate) fn parse(source: &str) -> Result<IdedExpr, Error> {
    match quickly(source) {
        Some(tree) => guard::tree(&tree).map(|()| tree),
        None => thoroughly(source),
    }
}

fn quickly(source: &str) -> Option<IdedExpr> {
    if source.len() > SHORT || !is_usual(source) {
        return None;
    }
    let parser = PrattParser::new().enable_optional_syntax(true);
    parser.parse(source).ok()
}

/// Whether nothing stands in a text that the parsers read differently: escapes, prefixes of strings and line breaks in
/// them, hexadecimal numbers, signs that follow each other, and the macros of optional values; nor what would have to be
/// told from strings.
fn is_usual(source: &str) -> bool {
    let mut quote = None;
    let mut before = b' ';
    // Whether the last byte that is no space is a sign.
    let mut after_sign = false;
    for byte in source.bytes() {
        let is_plain = match byte {
            b'\\' | b'`' => false,
            b'\n' => quote.is_none(),
            _ => matches!(byte, b' '..=b'~'),
        };
        let is_quote = matches!(byte, b'\'' | b'"');
        let is_sign = matches!(byte, b'!' | b'-');
        if quote == Some(byte) {
            quote = None;
            after_sign = false;
        } else if quote.is_none() {
            let is_odd = match before {
                b'0' if byte.eq_ignore_ascii_case(&b'x') => true,
                b'/' => byte == b'/',
                _ => is_quote && before.is_ascii_alphanumeric() || after_sign && is_sign,
            };
            if is_odd {
                return false;
            }
            quote = is_quote.then_some(byte);
            after_sign = is_sign || after_sign && byte.is_ascii_whitespace();
        }
        if !is_plain {
            return false;
        }
        before = byte;
    }
    let odd = ["optMap", "optFlatMap", "'''", "\"\"\""];
    !odd.iter().any(|it| source.contains(it))
}

fn thoroughly(source: &str) -> Result<IdedExpr, Error> {
    thread::scope(|scope| {
        thread::Builder::new()
            .stack_size(STACK_BYTES)
            .spawn_scoped(scope, || {
                let tree = by_antlr(source)?;
                // One that is too deep is dropped where it was made.
                guard::tree(&tree).map(|()| tree)
            })
            .map_err(|_| Error::Syntax("no thread to compile on".to_owned()))?
            .join()
            .unwrap_or_else(|_| Err(Error::Syntax("the parser gave up on it".to_owned())))
    })
}

fn by_antlr(source: &str) -> Result<IdedExpr, Error> {
    environment().parser().parse(source).map_err(|failure| {
        let first = failure.errors.first();
        let message = first.map_or_else(String::new, |first| {
            format!("line {} column {}: {}", first.pos.0, first.pos.1, first.msg)
        });
        Error::Syntax(message)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What expressions are made of, and what is made of them wrongly.
    const PARTS: &[&str] = &[
        "a",
        "b.c",
        ".a",
        ".",
        "?.b",
        ".?b",
        "[",
        "]",
        "[0]",
        "[?0]",
        "['k']",
        "(",
        ")",
        "{",
        "}",
        ",",
        ":",
        "?",
        "has(",
        "has(a.b)",
        ".all(x, x)",
        ".all(x, ",
        ".map(x, x > 1, x)",
        ".filter(x, ",
        ".exists(y, y)",
        ".exists_one(x, ",
        ".optMap(x, x)",
        ".optFlatMap(x, ",
        "size(a)",
        "f(",
        ".g()",
        ".g(1, a)",
        "x",
        "+",
        "-",
        "*",
        "/",
        "%",
        "!",
        "&&",
        "||",
        "==",
        "!=",
        "<",
        "<=",
        ">",
        ">=",
        " in ",
        "in",
        "=",
        "&",
        "|",
        "1",
        "-1",
        "0",
        "007",
        "1u",
        "1U",
        "1.5",
        "1.",
        ".5",
        "1e3",
        "1E-3",
        "1e400",
        "0x",
        "0x1f",
        "0XFFu",
        "-0x1f",
        "9223372036854775807",
        "-9223372036854775808",
        "9223372036854775808",
        "18446744073709551615u",
        "'a'",
        "\"b\"",
        "''",
        "'''c'''",
        "\"\"\"d\ne\"\"\"",
        "r'\\'",
        "R\"\\n\"",
        "b'x'",
        "B'\\xff'",
        "br'\\'",
        "rb'\\'",
        "'\\n'",
        "'\\u00e9'",
        "'\\U0001F600'",
        "'\\x41'",
        "'\\101'",
        "'\\400'",
        "'\\q'",
        "'\\",
        "'",
        "\"",
        "null",
        "true",
        "false",
        "optional.none()",
        "duration('1s')",
        "`a`",
        "a.`b`",
        "\n",
        " ",
        "\t",
        "// x\n",
        "//",
        "\u{0}",
        "$",
        "@",
        "#",
        ";",
        "if",
        "package",
        "package.b",
        "a.package",
        "as",
        "Struct{a: 1}",
        "a.S{}",
        "S{?a: 1}",
        "{}",
        "{'a': 1, 'b': 2}",
        "{?'a': b}",
        "[1, 2,]",
        "[?a]",
        "{1: 2,}",
        "f(1,)",
        "__a",
        "_",
        "A1",
    ];

    fn next(state: &mut u64) -> usize {
        *state ^= *state << 13;
        *state ^= *state >> 7;
        *state ^= *state << 17;
        (*state >> 33) as usize
    }

    /// A tree without the numbers of its nodes, which nothing here looks at.
    fn shape(tree: &IdedExpr) -> String {
        let written = format!("{tree:?}");
        let mut parts = written.split("id: ");
        let first = parts.next().unwrap_or_default().to_owned();
        parts.fold(first, |text, part| {
            text + part.trim_start_matches(|it: char| it.is_ascii_digit())
        })
    }

    /// Compares what both parsers make of a text; whether the quick one takes it.
    fn compare(source: &str) -> bool {
        let Some(quick) = quickly(source) else {
            return false;
        };
        let thorough = by_antlr(source);
        let thorough = thorough.map(|tree| shape(&tree));
        assert_eq!(Ok(shape(&quick)), thorough, "{source:?}");
        true
    }

    /// On a stack that is large enough for ANTLR.
    fn on_large_stack(work: impl FnOnce() + Send) {
        thread::scope(|scope| {
            let spawned = thread::Builder::new().stack_size(STACK_BYTES);
            let joined = spawned.spawn_scoped(scope, work).unwrap().join();
            joined.unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        });
    }

    #[test]
    fn conditions_as_people_write_them_are_parsed_quickly() {
        on_large_stack(|| {
            for source in [
                "self.status.phase == \"Active\" && self.spec.finalizers.exists(name, name == \"kubernetes\")",
                "has(self.data) && self.data[\"answer\"].matches(\"^[0-9]+$\") && int(self.data.answer) == -42",
                "!has(environment.openShift) && environment.kubernetes.version.startsWith('v')",
                "'min ' + string(self.min) + ' exceeds max - 0x1 !! ' + string(self.max)",
                "cluster.labels.?tier.orValue('') in ['edge', \"it's\"] ? config.n - 1 > 2 : false",
            ] {
                assert!(compare(source), "{source}");
            }
            for source in [
                "'a\nb'",
                "r'a'",
                "0x1",
                "!-1",
                "a - -1",
                "a.optMap(x, x)",
                "'\\n'",
                "'''a'''",
                "a // it's",
                "'é'",
            ] {
                assert!(!compare(source), "{source}");
            }
        });
    }

    #[test]
    fn the_quick_parser_makes_of_an_expression_what_antlr_makes_of_it() {
        on_large_stack(|| {
            let mut state = 0x1234_5678_9abc_def1_u64;
            let mut taken = 0;
            for round in 0..20_000 {
                let length = 1 + next(&mut state) % (1 + round % 8);
                let source: String = (0..length)
                    .map(|_| PARTS[next(&mut state) % PARTS.len()])
                    .collect();
                taken += usize::from(compare(&source));
            }
            assert!(taken > 1_000, "only {taken} are taken");
        });
    }
}
