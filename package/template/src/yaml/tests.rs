mod golden;
mod places;
mod properties;
mod quick;
mod surprises;

use serde_json::{Value, json};

use super::*;
use crate::budget::Budget;
use crate::limit;

fn one(text: &str) -> Value {
    document("f.yaml", text.as_bytes()).unwrap().value
}

fn refused(text: &str) -> YamlError {
    documents("f.yaml", text.as_bytes()).expect_err("a refused document")
}

#[test]
fn documents_are_separated_by_lines_of_three_dashes_and_empty_ones_are_left_out() {
    let text = "---\n\n---\n# only a comment\n---\na: 1\n---\r\nb: |\n  text\n  --- no separator\n---\n---  \n";
    let documents = documents("f.yaml", text.as_bytes()).unwrap();
    let seen: Vec<_> = documents
        .iter()
        .map(|it| (it.index, it.line, it.value.clone()))
        .collect();
    assert_eq!(
        seen,
        [
            (0, 6, json!({"a": 1})),
            // A document is read without the space around it.
            (1, 8, json!({"b": "text\n--- no separator"}))
        ]
    );
}

#[test]
fn scalars_mean_what_they_mean_to_kubernetes() {
    assert_eq!(
        one(
            "a: yes\nb: off\nc: 0777\nd: 1e3\ne: 1.5\nf: 2.0\ng: '0777'\nh: ~\ni: 2026-01-02\nj: 9223372036854775807\nk: 0x10"
        ),
        json!({
            "a": true, "b": false, "c": 511, "d": 1000, "e": 1.5, "f": 2, "g": "0777", "h": null,
            "i": "2026-01-02", "j": i64::MAX, "k": 16,
        })
    );
}

#[test]
fn an_integer_that_no_float_holds_is_written_as_it_is() {
    let value = json!({
        "largest": u64::MAX, "odd": 9_007_199_254_740_993_u64, "smallest": i64::MIN, "small": 1.5, "whole": 7.0,
    });
    let text = to_text(&value, 1_000).unwrap();
    assert_eq!(
        text,
        "largest: 18446744073709551615\nodd: 9007199254740993\nsmall: 1.5\nsmallest: -9223372036854775808\nwhole: 7\n"
    );
}

#[test]
fn keys_become_text() {
    assert_eq!(one("1: a\nx: b"), json!({"1": "a", "x": "b"}));
}

#[test]
fn errors_name_file_line_and_document() {
    let error = refused("a: 1\n---\nb: 1\nc: [1\n");
    assert_eq!((error.path.as_str(), error.index), ("f.yaml", 1));
    assert!(
        error.line >= 4 && error.to_string().starts_with("f.yaml:"),
        "{error}"
    );
    let inner = refused("\n  \n---\n\na: 1\nb:\n  x: *y\n");
    assert_eq!((inner.line, inner.column), (7, 6), "{inner}");
    let first = refused("--- # c\n\n   a: b: c\n");
    assert_eq!((first.line, first.column), (3, 8), "{first}");
}

#[test]
fn of_repeated_keys_the_last_one_counts() {
    assert_eq!(one("a: 1\nb: 2\na: 3\n"), json!({"a": 3, "b": 2}));
    assert_eq!(one("{a: {b: 1}, \"a\": {c: 1}}"), json!({"a": {"c": 1}}));
}

#[test]
fn aliases_and_merge_keys_mean_what_they_mean_to_kubernetes() {
    let text = "\
base: &base
  image: lamp
  env: &env [{name: A, value: b}]
again: *env
east: {<<: *base, image: horn}
west: {image: bell, <<: *base}
both: {<<: [{port: 1, image: bell}, *base]}
";
    let env = json!([{"name": "A", "value": "b"}]);
    assert_eq!(
        one(text),
        json!({
            "base": {"image": "lamp", "env": env},
            "again": env,
            "east": {"image": "horn", "env": env},
            // As sigs.k8s.io/yaml 1.6 reads it: what is merged wins over what stands before it.
            "west": {"image": "lamp", "env": env},
            "both": {"image": "bell", "port": 1, "env": env},
        })
    );
    assert_eq!(
        one("a: &x 1\nb: &x 2\nc: *x"),
        json!({"a": 1, "b": 2, "c": 2})
    );
    refused("a: &x [*x]");
    refused("<<: 1");
    refused("<<: [{a: 1}, 1]");
    refused("a: &x 1\n---\nb: *x");
}

#[test]
fn a_document_has_1000_aliases_and_no_more() {
    let text = |count: usize| format!("a: &x 1\nb: [{}]\n", vec!["*x"; count].join(","));
    assert_eq!(
        one(&text(limit::YAML_ALIASES))["b"]
            .as_array()
            .unwrap()
            .len(),
        limit::YAML_ALIASES
    );
    refused(&text(limit::YAML_ALIASES + 1));
}

#[test]
fn what_aliases_stand_for_counts_like_what_is_written() {
    let values = |each: usize| {
        let list = vec!["1"; each].join(",");
        format!("a: &x [{list}]\nb: [{}]\n", ["*x"; 9].join(","))
    };
    // Ten lists, and the map, its two keys and the list of lists around them.
    let most = (limit::YAML_NODES - 4) / 10 - 1;
    assert!(documents("f", values(most).as_bytes()).is_ok());
    assert_eq!(
        refused(&values(most + 1)).message,
        "more than 100000 values, aliases expanded"
    );
    let bytes = |each: usize| {
        let text = "x".repeat(each);
        format!("a: &x {text}\nb: [{}]\n", ["*x"; 9].join(","))
    };
    let most = (limit::YAML_BYTES - 2) / 10;
    assert!(documents("f", bytes(most).as_bytes()).is_ok());
    assert!(
        refused(&bytes(most + 1))
            .message
            .contains("aliases expanded")
    );
    let deep = format!(
        "a: &x {}{}\nb: {}*x{}\n",
        "[".repeat(40),
        "]".repeat(40),
        "[".repeat(40),
        "]".repeat(40)
    );
    assert_eq!(refused(&deep).message, "nests deeper than 64");
    let merged = format!(
        "a: &x {{{}}}\nb:\n{}",
        (0..1_000)
            .map(|at| format!("k{at}: 1,"))
            .collect::<String>(),
        "- {<<: *x}\n".repeat(60)
    );
    let all = "more than 100000 values, aliases expanded";
    assert_eq!(refused(&merged).message, all);
    let nested = |depth: usize| {
        let list = vec!["1"; 4_000].join(",");
        format!("{}[{list}]{}", "&x [".repeat(depth), "]".repeat(depth))
    };
    assert!(documents("f", nested(20).as_bytes()).is_ok());
    let kept = "more than 100000 values with anchors";
    assert_eq!(refused(&nested(40)).message, kept);
}

#[test]
fn documents_are_read_one_by_one_as_long_as_the_budget_suffices() {
    let text = "a: 1\n---\nb: [1, 2, 3]\n---\nc: [\n";
    let read = |steps: u64| {
        let mut budget = Budget::new(steps, 0);
        let mut documents = Documents::new("f", text.as_bytes());
        let mut count = 0;
        loop {
            match documents.next_within(&mut budget) {
                Ok(Some(_)) => count += 1,
                Ok(None) => unreachable!("the last one is no YAML"),
                Err(Unreadable::Yaml(_)) => return (count, "no YAML"),
                Err(Unreadable::Exhausted(_)) => return (count, "exhausted"),
            }
        }
    };
    assert_eq!(read(10), (0, "exhausted"));
    assert_eq!(read(100), (1, "exhausted"));
    assert_eq!(read(1_000), (2, "no YAML"));
}

#[test]
fn a_bomb_of_aliases_ends_at_once() {
    let mut bomb = "a0: &a0 [x,x,x,x,x,x,x,x,x]\n".to_owned();
    for level in 1..20 {
        let previous = format!("*a{}", level - 1);
        bomb.push_str(&format!(
            "a{level}: &a{level} [{}]\n",
            [previous.as_str(); 9].join(",")
        ));
    }
    refused(&bomb);
}

#[test]
fn a_document_has_1_4_million_bytes_and_no_more() {
    let text = |bytes: usize| format!("a: {}", "x".repeat(bytes - 3));
    assert!(documents("f", text(limit::YAML_BYTES).as_bytes()).is_ok());
    assert!(
        refused(&text(limit::YAML_BYTES + 1))
            .message
            .contains("the limit is")
    );
    let two = format!(
        "{}\n---\n{}",
        text(limit::YAML_BYTES - 1),
        text(limit::YAML_BYTES - 1)
    );
    assert_eq!(documents("f", two.as_bytes()).unwrap().len(), 2);
}

#[test]
fn documents_nest_64_deep_and_no_deeper() {
    let flow = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    assert!(documents("f", flow(limit::YAML_DEPTH).as_bytes()).is_ok());
    refused(&flow(limit::YAML_DEPTH + 1));
    let block = |depth: usize| {
        (0..depth)
            .map(|level| format!("{}a:\n", " ".repeat(level)))
            .collect::<String>()
    };
    assert!(documents("f", block(limit::YAML_DEPTH).as_bytes()).is_ok());
    refused(&block(limit::YAML_DEPTH + 1));
    refused(&flow(100_000));
}

#[test]
fn a_document_has_100_000_nodes_and_no_more() {
    let list = |nodes: usize| format!("[{}]", vec!["1"; nodes - 1].join(","));
    assert!(documents("f", list(limit::YAML_NODES).as_bytes()).is_ok());
    refused(&list(limit::YAML_NODES + 1));
}

#[test]
fn text_that_is_not_utf_8_is_refused_with_its_line() {
    let error = documents("f", b"a: 1\nb: \xff").expect_err("not UTF-8");
    assert_eq!(error.line, 2);
}

#[test]
fn of_a_file_that_holds_one_document_the_first_is_read() {
    assert!(document("f", b"").is_err());
    assert!(document("f", b"# nothing\n").is_err());
    assert!(document("f", b"---\n---\na: 1\n").is_err());
    let more = document("f", b"a: 1\n---\nb: 1\n").unwrap();
    assert_eq!(more.value, json!({"a": 1}));
    assert_eq!(more.found[0].surprise, Surprise::AfterEnd);
    assert_eq!(more.found[0].line, 3);
    assert!(document("f", b"---\na: 1\n---\n").is_ok());
}

#[test]
fn messages_never_quote_values_of_a_document() {
    let broken = [
        "password: hunter2: x",
        "password: \"hunter2\n",
        "password: 'hunter2' x",
        "password: [hunter2",
        "password: {hunter2: ",
        "password: &hunter2 a\nb: *hunter2",
        "b: *hunter2",
        "a: &hunter2 [*hunter2]",
        "a: &x hunter2\n<<: *x",
        "a: &x {hunter2: 1}\n<<: [*x, *x, hunter2]",
        "a: &x [hunter2]\n*x : 1",
        "password: !!int hunter2",
        "password: !!binary hunter2",
        "password: !hunter2 x",
        "password: |hunter2\n  x",
        "password: @hunter2",
        "password: `hunter2`",
        "password: %hunter2",
        "\thunter2: x",
        "password: hunter2\n x: y\n  z",
        "- hunter2\nb: c",
        "password: \"\\hunter2\"",
        "password: \"\\xhunter2\"",
        "%hunter2\n---\n",
        "? [hunter2]\n: x",
        "? {hunter2: 1}\n: x",
        "<<: hunter2",
        "a: .inf",
        "password: hunter2\n--- hunter2\nb: 1",
        "!!float hunter2",
        "!!bool hunter2: 1",
        "a: !!null hunter2",
        "a: !!timestamp hunter2",
    ];
    for text in broken {
        if let Err(error) = documents("f.yaml", text.as_bytes()) {
            assert!(!error.to_string().contains("hunter2"), "{text:?}: {error}");
        }
    }
}

#[test]
fn messages_are_in_the_words_of_this_format() {
    for (text, message) in [
        ("b: *x", "f.yaml:1:4: the alias has no anchor before it"),
        (
            "a: &x [*x]",
            "f.yaml:1:8: the alias stands for something that it is part of",
        ),
        ("---\n---\n\na: [", "f.yaml:4:4: unclosed bracket '['"),
        ("~: 1", "f.yaml:1:1: a key is null; quote it, or give one"),
        ("[a]: 1", "f.yaml:1:1: a list or a map cannot be a key"),
        (
            "a: .inf",
            "f.yaml:1:4: infinity or no number: JSON has neither",
        ),
        (
            "a: !!int b",
            "f.yaml:1:10: the value is no integer, as its tag says",
        ),
        (
            "<<: 1",
            "f.yaml:1:1: a merge key stands for a map or a list of maps",
        ),
    ] {
        assert_eq!(refused(text).to_string(), message);
    }
    let deep = "[".repeat(65) + &"]".repeat(65);
    assert_eq!(refused(&deep).message, "nests deeper than 64");
    let many = format!("[{}]", "1,".repeat(limit::YAML_NODES));
    let all = "more than 100000 values, aliases expanded";
    assert_eq!(refused(&many).message, all);
}
