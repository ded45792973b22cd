use serde_json::json;

use super::super::{Surprise, documents};

/// What surprises in a file, with line and character.
fn found(text: &str) -> Vec<(Surprise, usize, usize)> {
    let documents = documents("f.yaml", text.as_bytes()).unwrap();
    let found = documents.into_iter().flat_map(|it| it.found);
    found.map(|it| (it.surprise, it.line, it.column)).collect()
}

#[test]
fn what_is_read_otherwise_than_it_looks_is_told_with_its_place() {
    let key = |text: &str| text.to_owned();
    for (text, expected) in [
        (
            "a: 1\nb: {c: 1,\n  c: 2}\n",
            (Surprise::RepeatedKey(key("c")), 3, 3),
        ),
        ("1: a\n'1': b\n", (Surprise::RepeatedKey(key("1")), 2, 1)),
        ("a:\n  y: 1\n", (Surprise::KeyRead(key("true")), 2, 3)),
        ("off: 1\n", (Surprise::KeyRead(key("false")), 1, 1)),
        ("- 1.10: a\n", (Surprise::KeyRead(key("1.1")), 1, 3)),
        ("0777: a\n", (Surprise::KeyRead(key("511")), 1, 1)),
        ("1e3: a\n", (Surprise::KeyRead(key("1000")), 1, 1)),
        ("a: 'no'\nb: no\n", (Surprise::Word(false), 2, 4)),
        ("a: [On]\n", (Surprise::Word(true), 1, 5)),
        ("a: 12e03\n", (Surprise::Number, 1, 4)),
        ("a: 1_000\n", (Surprise::Number, 1, 4)),
        ("a: 9223372036854775808\n", (Surprise::InexactNumber, 1, 4)),
        (
            "a: 123456789012345678901234\n",
            (Surprise::InexactNumber, 1, 4),
        ),
        (
            "x: &x {b: 1}\na: {b: 2, <<: *x}\n",
            (Surprise::MergeReplaces(key("b")), 2, 11),
        ),
        ("a: !own b\n", (Surprise::TagIgnored, 1, 9)),
        ("a: !!set {b}\n", (Surprise::TagIgnored, 1, 10)),
        ("a: !!binary /w==\n", (Surprise::Binary, 1, 13)),
        ("a: b\n  ---\nc: d\n", (Surprise::DashesInText, 1, 4)),
        ("a: 1\n--- # two\nb: 2\n", (Surprise::Separator, 2, 1)),
        ("a: 1\r\n---\r\nb: 2\r\n", (Surprise::Separator, 2, 1)),
        ("a: 1\n--- {b: 2}\n", (Surprise::Separator, 2, 1)),
        ("a: 1\n...\nb: 2\n", (Surprise::AfterEnd, 3, 1)),
        ("a: |\n  -----END-----\n", (Surprise::DashesAtEnd, 2, 11)),
        ("-----\na: 1\n", (Surprise::DashesAtStart, 1, 1)),
        ("\n----\n\n---\na: 1\n", (Surprise::DashesAtStart, 2, 1)),
        ("# c\na: \"b\u{2028}c\"\n", (Surprise::LineBreak, 2, 6)),
        ("a: |\n  b\u{85}  c\n", (Surprise::LineBreak, 2, 4)),
    ] {
        let all = found(text);
        assert!(all.contains(&expected), "{text:?}: {all:?}");
        assert_eq!(all.len(), 1, "{text:?}: {all:?}");
    }
}

#[test]
fn what_is_read_as_it_looks_is_not_told() {
    for text in [
        "a: true\nb: False\nc: ~\n",
        "true: a\n1: b\n'y': c\n",
        "mode: 0644\nhex: 0x1F\nfloat: 1.5e3\n",
        "sha: 6123e456\nday: 2001-01-01\ntime: 12:30\n",
        "x: &x {b: 1}\na: {<<: *x, b: 2}\n",
        "a: !!str 12\nb: !!int '7'\nc: !!binary aGk=\n",
        "a: |\n  ---\nb: '\n  ---\n  '\n",
        "---\na: 1\n---\n---\n# c\n--- # empty\n",
        "--- # first\na: 1\n",
        "a: 1\n...\n---\nb: 2\n... # end\n",
        "a: b\n# --\n",
        "a: \"\\u2028\"\n",
        "",
        "----\n",
    ] {
        assert_eq!(found(text), [], "{text:?}");
    }
}

#[test]
fn of_each_document_a_bounded_number_is_told() {
    let text = format!("a: [{}]\n---\n{}", "no,".repeat(1_000), "b: no");
    let documents = documents("f.yaml", text.as_bytes()).unwrap();
    assert_eq!(documents[0].found.len(), crate::limit::YAML_SURPRISES);
    assert_eq!(documents[1].found.len(), 1);
    assert_eq!(documents[1].value, json!({"b": false}));
}

#[test]
fn what_is_told_quotes_no_value() {
    let text = "a: !own hunter2\nb: &x {hunter: hunter2}\nc: hunter2\n  ---\nd: hunter2-";
    let documents = documents("f.yaml", text.as_bytes()).unwrap();
    assert_eq!(documents[0].found.len(), 3);
    for found in &documents[0].found {
        let said = format!("{} {}", found.surprise, found.surprise.mend());
        assert!(!said.contains("hunter2"), "{said}");
    }
}
