//! Random expressions: every one ends as a value or as an error.

use serde_json::json;
use stevedore_cel::{Error, Program};

const TOKENS: &[&str] = &[
    "self",
    "self.a",
    "self.list",
    ".b",
    "?.b",
    "[0]",
    "[?0]",
    "['k']",
    "has(",
    "size(",
    ".all(x, ",
    ".map(x, ",
    ".filter(x, ",
    ".exists(y, ",
    ".exists_one(x, ",
    ".optMap(x, ",
    "x",
    "y",
    "(",
    ")",
    "[",
    "]",
    "{",
    "}",
    ",",
    ":",
    "?",
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
    ">=",
    " in ",
    "1",
    "-1",
    "1u",
    "1.5",
    "1e400",
    "0x",
    "9223372036854775807",
    "-9223372036854775808",
    "'a'",
    "\"b\"",
    "r'\\'",
    "b'\\xff'",
    "'\\u{0}'",
    "'''",
    "'\\400'",
    "null",
    "true",
    "false",
    "duration('1s')",
    "timestamp('0001-01-01T00:00:00Z')",
    "timestamp(-1)",
    "int(",
    "string(",
    "double(",
    "uint(",
    "bytes(",
    "type(",
    "optional.none()",
    ".matches('a*')",
    ".split('')",
    ".join(',')",
    ".replace('', 'é')",
    ".substring(1, 0)",
    ".charAt(-1)",
    ".lastIndexOf('', 99)",
    "`",
    "\n",
    "// x",
    "é",
    "\u{0}",
    "if",
    "package",
    "Struct{a: 1}",
    ".startsWith('a')",
    ".getHours('Mars/Base')",
    "quantity('1e999999999999')",
    "quantity(",
    ".sub(-9223372036854775808)",
    "ip('::')",
    ".masked()",
    "cidr('::/0')",
    "url('//[')",
    "url(",
    ".getQuery()",
    ".findAll('', -1)",
    ".sum()",
    ".min()",
    ".indexOf(null)",
    "format.uuid()",
    ".validate('é')",
    "sets.contains([], ",
    "'%s%'.format(",
];

fn next(state: &mut u64) -> usize {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    (*state >> 33) as usize
}

#[test]
fn random_expressions_end_as_a_value_or_an_error_and_never_as_a_panic() {
    let object = json!({
        "a": {"b": 1, "k": "text"}, "list": [1, "é", null, [2], {"b": 2.5}], "big": 18_446_744_073_709_551_615_u64,
    });
    let mut state = 0x1234_5678_9abc_def1_u64;
    let mut evaluated = 0;
    for _ in 0..3_000 {
        let length = 1 + next(&mut state) % 9;
        let source: String = (0..length)
            .map(|_| TOKENS[next(&mut state) % TOKENS.len()])
            .collect();
        match Program::compile(&source) {
            Err(error) => {
                let gave_up = error.to_string().contains("gave up");
                assert!(!gave_up, "the parser panicked on {source:?}");
            }
            Ok(program) => {
                evaluated += 1;
                let _: Result<_, Error> = program.eval(&[("self", &object)]);
            }
        }
    }
    assert!(evaluated > 100, "only {evaluated} were evaluated");
}

#[test]
fn a_long_list_of_small_objects_is_not_mistaken_for_a_bomb() {
    let condition =
        |number| json!({"type": "Available", "status": "True", "ports": [number, 1], "n": number});
    let list =
        json!({"items": (0..2_000).map(condition).collect::<Vec<_>>(), "text": "abc", "part": "b"});
    for rule in [
        "self.text.contains(self.part) && self.text.indexOf(self.part) == 1",
        "self.items.map(c, c.n).isSorted() && self.items.map(c, c.n).sum() == 1999000",
        "self.items.all(c, c.status == 'True')",
        "self.items.filter(c, c.type == 'Available').size() == 2000",
        "self.items.map(c, c.type).size() == 2000",
        "self.items.all(c, c.ports.exists(p, p == 1))",
        "self.items.map(c, c.n + 1).filter(n, n > 5).exists(n, n == 7)",
    ] {
        let program = Program::compile(rule).unwrap();
        assert_eq!(program.eval_bool(&[("self", &list)]), Ok(true), "{rule}");
    }
}
