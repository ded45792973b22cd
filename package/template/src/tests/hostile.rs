//! Nothing a package contains may bring the process down.

use proptest::prelude::*;
use serde_json::json;

use super::{STEPS, execute, parse, run_within};
use crate::budget::Budget;
use crate::functions;
use crate::resources::{Env, Limits};

/// Bits of templates, so that arbitrary rows of them often mean something.
const PIECES: &[&str] = &[
    "{{",
    "}}",
    "{{- ",
    " -}}",
    "{{/*",
    "*/}}",
    "(",
    ")",
    "|",
    " ",
    ".",
    "$",
    "$x",
    ":=",
    "=",
    ",",
    "\"a\"",
    "`r`",
    "'c'",
    "1",
    "-1",
    "0x",
    "1.5",
    "1e9",
    "nil",
    "true",
    "if ",
    "else",
    "end",
    "range ",
    "with ",
    "define ",
    "template ",
    "block ",
    "break",
    "continue",
    ".a",
    ".b.c",
    ".list",
    ".map",
    "and",
    "or",
    "not",
    "eq",
    "lt",
    "index",
    "slice",
    "len",
    "printf",
    "\"%d %v %*d %[3]q\"",
    "print",
    "html",
    "toJson",
    "fromJson",
    "toYaml",
    "fromYaml",
    "list",
    "dict",
    "set",
    "merge",
    "dig",
    "trunc",
    "substr",
    "repeat",
    "indent",
    "replace",
    "split",
    "join",
    "until",
    "untilStep",
    "regexReplaceAll",
    "\"[a-\\\\d]\"",
    "semverCompare",
    "semver",
    ".Compare",
    ".IncMajor",
    "chunk",
    "deepCopy",
    "urlParse",
    "urlJoin",
    "snakecase",
    "camelcase",
    "wrapWith",
    "abbrevboth",
    "b32dec",
    "divf",
    "round",
    "seq",
    "splitn",
    "regexSplit",
    "regexFindAll",
    "clean",
    "\">=1.x\"",
    "include",
    "\"\\xff\\u00e9\"",
    "text",
    "\n",
    "é",
    "\u{0}",
    "9223372036854775807",
    "{{end}}",
    "{{if .a}}",
    "{{range .list}}",
    "{{define \"a\"}}",
    "{{template \"a\" .}}",
    "{{.map}}",
];

fn limits() -> Limits {
    Limits {
        output: 1 << 16,
        recursion: 32,
    }
}

/// Executing must end; how does not matter.
fn survive(source: &str) {
    let context = json!({
        "a": "text", "b": {"c": 1}, "list": [1, "é", null, {"k": []}], "map": {"x": 1.5, "y": {}},
    });
    let _ = run_within(source, &context, 20_000, limits());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]

    #[test]
    fn arbitrary_text_never_panics(source in ".{0,200}") {
        survive(&source);
        survive(&format!("{{{{{source}}}}}"));
    }

    #[test]
    fn arbitrary_rows_of_tokens_never_panic(
        pieces in prop::collection::vec(prop::sample::select(PIECES), 0..40),
    ) {
        survive(&pieces.concat());
        survive(&pieces.join(" "));
        survive(&format!("{{{{{}}}}}", pieces.join(" ")));
    }

    #[test]
    fn any_function_with_any_arguments_never_panics(
        name in prop::sample::select(functions::names()),
        arguments in prop::collection::vec(
            prop::sample::select(&[
                "1", "-1", "0", "2.5", "1e300", "\"a\"", "\"\"", "\"\\xff\"", "nil", ".list", ".map", "true", ".a", ".b",
                "(list)", "(rest (list))", "(dict \"a\" .map)", "(until 3)", "(splitList \",\" \"a,b\")", "(add 1 2)",
                "9223372036854775807", "-9223372036854775808", "(split \"a\" \"bab\")", "\"%s%[5]v\"", "(index \"a\" 0)",
                "\"x: {{y\"", "\"(?i)[^\\\\d-x]*\"", "\"é漢\"", "4", "\"1.2.3\"",
            ][..]),
            0..5,
        ),
    ) {
        let call = format!("{name} {}", arguments.join(" "));
        survive(&format!("{{{{{call}}}}}"));
        survive(&format!("{{{{{call} | toJson}}}}{{{{{call} | print}}}}"));
    }

    #[test]
    fn any_format_never_panics(format in "[%#+ \\-0-9.*\\[\\]a-zA-Zé]{0,12}") {
        for value in ["1", "-1.5", "\"é\"", "nil", ".map", ".list", "true", "1e300", "5 6"] {
            survive(&format!("{{{{printf {format:?} {value}}}}}"));
        }
    }

    #[test]
    fn a_string_survives_being_written_as_yaml(text in "[ -~\\n\\té:#'\"\\\\]{0,40}") {
        let context = json!({ "text": text });
        // What toYAML trims is the line break that ends the document.
        for source in [
            r#"{{(fromYAML (print (toYAML .) "\n")).text}}"#,
            r#"{{index (fromYAML (print (toYAML (list .text)) "\n")) 0}}"#,
        ] {
            let output = run_within(source, &context, STEPS, Limits::default());
            prop_assert_eq!(output.map(|output| output.text), Ok(text.clone()));
        }
    }

    #[test]
    fn a_string_survives_being_written_as_json(text in any::<String>()) {
        let context = json!({ "text": text });
        let source = "{{(fromJson (toJson .)).text}}";
        let output = run_within(source, &context, STEPS, Limits::default());
        prop_assert_eq!(output.map(|output| output.text), Ok(text));
    }
}

#[test]
fn templates_of_several_files_that_call_each_other_end() {
    let env = Env {
        limits: limits(),
        ..Env::default()
    };
    let files = [("a", "{{template \"b\" .}}"), ("b", "{{include \"a\" .}}")];
    let set = parse(files, &env).unwrap();
    let budget = &mut Budget::new(STEPS, 1 << 16);
    let error = execute(&set, "a", &json!({}), &env, budget).unwrap_err();
    assert!(
        error.message.contains("exceeded maximum template depth"),
        "{error}"
    );
}
