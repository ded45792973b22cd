use std::time::{Duration, Instant};

use proptest::prelude::*;
use serde_json::Value as Json;

use super::super::{decode, documents, encode};
use crate::json;
use crate::limit;
use crate::value::Value;

/// Texts that look like something else, and any.
fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        "[-+]?[0-9_]{1,4}([.:eE][-+0-9:._]{0,6})?",
        "0[xXobB]?[0-9a-fA-F_]{1,20}",
        "(y|n|yes|No|on|Off|null|~|true|<<|=|\\.inf|\\.nan|---|\\.\\.\\.|- |\\? |: |#)",
        "[ \t\n\r:#\\-?!&*'\"|>%@`,\\[\\]{}a\\\\]{0,12}",
        "[\u{85}\u{a0}\u{2028}\u{2029}\u{feff}\u{7f}\u{1}\n ab]{0,8}",
        any::<String>(),
        "[a-z ]{60,200}",
    ]
}

fn value() -> impl Strategy<Value = Json> {
    let number = prop_oneof![
        any::<f64>(),
        any::<i64>().prop_map(|it| it as f64),
        (-1000..1000_i32).prop_map(f64::from),
    ];
    let leaf = prop_oneof![
        Just(Json::Null),
        any::<bool>().prop_map(Json::from),
        // The one zero that is negative is written without its sign, and what is no number is null.
        number.prop_map(|number| Json::from(number + 0.0)),
        text().prop_map(Json::from),
    ];
    leaf.prop_recursive(4, 32, 5, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Json::from),
            prop::collection::vec((text(), inner), 0..5)
                .prop_map(|entries| Json::Object(entries.into_iter().collect())),
        ]
    })
}

fn shown(value: &Value) -> String {
    json::encode(value, json::Style::Compact, 1 << 24).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn what_is_written_is_read_as_the_same_value(value in value()) {
        let value = json::decode(&value).unwrap();
        let written = encode(&value, 1 << 24).unwrap();
        let read = decode(written.as_bytes());
        let read = read.map_err(|error| TestCaseError::fail(format!("{error}\n{written}")))?;
        prop_assert_eq!(shown(&read), shown(&value), "{}", written);
    }

    #[test]
    fn no_bytes_are_read_with_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = documents("f", &bytes).is_ok();
    }

    #[test]
    fn no_text_of_yaml_is_read_with_a_panic(
        parts in prop::collection::vec(prop_oneof![
            "[\\[\\]{}:,?!&*|>'\"%@`#\\- \t\n~<a1]{1,6}",
            Just("&x ".to_owned()), Just("*x".to_owned()), Just("<<: ".to_owned()), Just("\n---\n".to_owned()),
            Just("!!int ".to_owned()), Just("!!binary ".to_owned()), Just("a: ".to_owned()), Just("- ".to_owned()),
            Just("|+\n ".to_owned()), Just("\u{2028}".to_owned()), Just("\\'".to_owned()), text(),
        ], 0..30)
    ) {
        let _ = documents("f", parts.concat().as_bytes()).is_ok();
    }
}

/// Documents that are as much work as there can be. They are an eighth of the largest: what takes longer than in
/// proportion to its size is noticed here too.
fn costly() -> Vec<String> {
    let fill = |part: &str| part.repeat(limit::YAML_BYTES / 8 / part.len());
    let mut all: Vec<String> = [
        "- ", "[", "{", "a: ", "? ", "!", "&a ", "*a ", "'", "\"", "|\n", "#", "\t", " ", "\n",
        "\"a\"#\n", "\"\\'\" ", "- a\n", "a:\n", "[],", "{},", "a\n", ">\n\n", "%", "'' ", ":",
        ",", "\u{2028}", "- !a b\n", "[a: ", "...\n", "\"a\\",
    ]
    .map(fill)
    .to_vec();
    all.push(format!("a: \"{}\"", fill("\\'")));
    all.push(format!("[{}]", fill("\"a\"#\n,")));
    all.push(format!("a: |\n{}", fill(" b\n")));
    all.push(format!("a: >\n{}", fill(" b\n\n")));
    all.push(format!("a:\n  {}", fill("b c\n  ")));
    all.push(format!("{{{}}}", fill("<<: {a: 1}, ")));
    all.push((0..12_000).map(|it| format!("k{it}: 1\n")).collect());
    all.push("- &a {b: *a}\n".repeat(12_000));
    all
}

#[test]
fn a_document_of_any_content_takes_bounded_time() {
    for text in costly() {
        let began = Instant::now();
        let _ = documents("f", text.as_bytes()).is_ok();
        let taken = began.elapsed();
        let begin: String = text.chars().take(12).collect();
        // Without optimisation, on a machine that does something else; it is a twentieth of that otherwise.
        assert!(
            taken < Duration::from_secs(10),
            "{begin:?}… takes {taken:?}"
        );
    }
}
