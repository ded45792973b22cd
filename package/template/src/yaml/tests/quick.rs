//! The quick reader beside the composer: what it reads is what the composer reads, without anything to tell.

use std::fmt::Write as _;

use proptest::prelude::*;

use super::super::compose::compose;
use super::super::quick;
use super::super::split::is_blank;
use super::golden;

/// Whether the quick reader takes a text. If it does, the composer must make the same of it.
fn is_taken(text: &str) -> bool {
    let Some(value) = quick::read(text) else {
        return false;
    };
    let composed = match compose(text, false) {
        Ok(composed) => composed,
        Err(failure) => panic!("{text:?} is {value}, and else: {}", failure.message),
    };
    assert_eq!(value, composed.value, "{text:?}");
    assert_eq!(composed.found, [], "{text:?}");
    assert!(is_blank(&text[composed.end..]), "{text:?}");
    true
}

/// One line of a document, as it might be written, and as it might be written wrongly.
fn line() -> impl Strategy<Value = String> {
    let word = prop_oneof![
        8 => "[a-zA-Z][a-z0-9./_-]{0,4}",
        1 => "(y|no|on|Off|null|Null|~|true|<<|=|[.]inf|0x1f|0777|1_0|1e3|1[.]5|-1|12:30|2026-01-02|-|--|---|--a|-a)",
        1 => "[ !-~]{0,6}",
    ].boxed();
    let value = prop_oneof![
        4 => word.clone(),
        2 => (word.clone(), word.clone()).prop_map(|(one, other)| format!("{one} {other}")),
        2 => "\"[ !#-~]{0,8}\"",
        2 => "'[ -&(-~]{0,8}'",
        2 => "(\\||\\|-|\\|\\+|\\|2|>|>-|\\{\\}|\\[\\]|\\{a: b\\}|\\[a, b\\])",
        1 => "(&a b|\\*a|!!str 1|\"a\" b|'a''b'|\"a\\\\n\"|a: b|a:b|:a|a #b|a# b|\"a\"#b|''|\"\")",
    ];
    let flow = (
        word.clone(),
        word.clone(),
        prop_oneof!["[a-z]{0,2}", "[ -~]{0,5}"],
    );
    let flow = flow.prop_flat_map(|(one, other, any)| {
        prop_oneof![
            Just(format!("{{{one}: {other}}}")),
            Just(format!("[{one}, {other}]")),
            Just(format!("{{{one}: {other}, {any}: {any}}}")),
            Just(format!("[\"{one}\",'{other}' , {any}]")),
            Just(format!("[{{{one}: [{any}]}}, [ ], {{ }} ]")),
            Just(format!("{{\"{one}\": {any}, {other}: {{a: {one}}},}}")),
        ]
    });
    let value = prop_oneof![5 => value.boxed(), 2 => flow.boxed()].boxed();
    let key = prop_oneof![8 => word, 1 => "\"[ -~]{0,5}\"", 1 => "'[ -~]{0,5}'"].boxed();
    let content = prop_oneof![
        6 => (key.clone(), value.clone()).prop_map(|(key, value)| format!("{key}: {value}")),
        4 => key.clone().prop_map(|key| format!("{key}:")),
        3 => value.clone().prop_map(|value| format!("- {value}")),
        3 => (key, value.clone()).prop_map(|(key, value)| format!("- {key}: {value}")),
        1 => value.clone().prop_map(|value| format!("-   - {value}")),
        1 => Just("-".to_owned()),
        1 => value,
        1 => Just(String::new()),
    ]
    .boxed();
    let end = prop_oneof![8 => Just(""), 1 => Just("  "), 1 => Just(" # c"), 1 => Just("#")];
    let indent = prop_oneof![6 => (0..4_usize).prop_map(|it| 2 * it), 1 => 0..7_usize];
    (indent, content, end)
        .prop_map(|(indent, content, end)| format!("{:indent$}{content}{end}", ""))
}

/// A document that is right, but for what its scalars are.
fn nested(depth: u32) -> BoxedStrategy<Vec<String>> {
    let scalar = "(|a|a b|1|-2|1[.]5|true|\"x y\"|'x: y'|a # c|\\{\\}|\\[\\]|http://a.example:80/b|--flag=a|100m|\"\"|\\{a: b, c/d: \\[1, \"2\"\\]\\}|\\[a, 'b c' , \\{e: f\\}\\])";
    let leaf = scalar.prop_map(|it| vec![it]).boxed();
    if depth == 0 {
        return leaf;
    }
    let below = nested(depth - 1);
    let entry = |key: &str, value: Vec<String>| match value.as_slice() {
        [only] if !only.contains(": ") && !only.ends_with(':') && !only.starts_with("- ") => {
            vec![format!("{key}: {only}")]
        }
        lines => {
            let lines = lines.iter().map(|it| format!("  {it}"));
            std::iter::once(format!("{key}:")).chain(lines).collect()
        }
    };
    let map = prop::collection::btree_map("[a-z]{1,3}(/[a-z.-]{2})?", below.clone(), 1..4)
        .prop_map(move |map| {
            let entries = map.into_iter().map(|(key, value)| entry(&key, value));
            entries.flatten().collect()
        });
    let list = prop::collection::vec(below, 1..4).prop_map(|items| {
        let item = |lines: Vec<String>| {
            let mut marks = std::iter::once("- ").chain(std::iter::repeat("  "));
            let marked = lines
                .into_iter()
                .map(move |it| format!("{}{it}", marks.next().unwrap_or("")));
            marked.collect::<Vec<_>>()
        };
        items.into_iter().flat_map(item).collect()
    });
    let literal = prop::collection::vec("( {0,2}[!-~][ -~]{0,6})?", 1..4).prop_map(|lines| {
        [
            vec!["key: |".to_owned()],
            lines.iter().map(|it| format!("    {it}")).collect(),
        ]
        .concat()
    });
    prop_oneof![1 => leaf, 4 => map, 2 => list, 1 => literal].boxed()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn whatever_the_quick_reader_takes_the_composer_reads_alike(
        lines in prop::collection::vec(line(), 1..7), ends in any::<bool>(),
    ) {
        let text = lines.join("\n") + if ends { "\n" } else { "" };
        is_taken(&text);
        is_taken(text.trim());
    }

    #[test]
    fn a_document_that_is_right_is_read_alike(lines in nested(4), ends in any::<bool>()) {
        let text = lines.join("\n") + if ends { "\n" } else { "" };
        is_taken(&text);
        is_taken(text.trim());
    }
}

#[test]
fn every_document_of_the_golden_answers_is_read_alike() {
    let taken = golden::texts().filter(|text| is_taken(text)).count();
    assert!(taken >= 100, "only {taken} are taken");
}

#[test]
fn an_object_as_packages_have_it_is_read_quickly() {
    let mut text = String::from(
        "# An object.
apiVersion: apps/v1
kind: Deployment
metadata:
  name: lamp
  labels:
    app.kubernetes.io/name: \"lamp\"
  annotations:
    package-operator.run/phase: deploy # late
spec:
  replicas: 2
  template:
    spec:
      containers:
      - name: main
        image: 'registry.example/lamp:1'
        args:
        - --colour=red
        -   \"--number=1\"
        env:
          - name: SCRIPT
            value: |
              one

                two # no comment
          - {}
        resources:
          limits: {}
          claims: [{name: a, request: \"b c\"}, {}] # none
          requests:
            cpu: 100m
      volumes: []
",
    );
    assert!(is_taken(&text));
    for number in 0..1_000 {
        let _ = writeln!(text, "k{number}: v");
    }
    assert!(is_taken(&text));
}
