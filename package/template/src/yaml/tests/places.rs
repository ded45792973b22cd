use serde_json::json;

use super::super::{document, documents, fields};
use crate::budget::Budget;
use crate::limit;

#[test]
fn places_of_fields_are_kept_within_bounds() {
    let single = document("f", b"a:\n- b: 1\n- {c: 2}\n").unwrap();
    let places = ["a", "a[0]", "a[0].b", "a[1].c", "c"].map(|it| single.fields.place(it));
    let at = |line, column| Some((line, column));
    assert_eq!(places, [at(1, 1), at(2, 3), at(2, 3), at(3, 4), None]);
    let long = "x".repeat(limit::YAML_PATH + 1);
    let single = document("f", format!("{long}: {{a: {{b: 1}}}}\nc: 1\n").as_bytes()).unwrap();
    assert_eq!(
        (single.fields.place(&long), single.fields.place("c")),
        (None, at(2, 1))
    );
    assert_eq!(single.fields.place("\0"), None);
    let many: String = (0..=limit::YAML_PLACES)
        .map(|it| format!("a{it}: 1\n"))
        .collect();
    let single = document("f", many.as_bytes()).unwrap();
    let last = limit::YAML_PLACES;
    assert!(single.fields.place(&format!("a{}", last - 1)).is_some());
    assert_eq!(single.fields.place(&format!("a{last}")), None);
}

#[test]
fn fields_of_any_document_of_a_file_are_found_in_the_file() {
    let text = "\n# none\n---\na: 1\n---\n\n  b:\n    c: [1,\n     2]\n---\na: [\n--- {d: 4}\n";
    let place = |index: usize, path: &str| {
        let fields = fields(text, index, &mut Budget::new(10_000, 0));
        fields.and_then(|fields| fields.place(path))
    };
    assert_eq!(place(0, "a"), Some((4, 1)));
    assert_eq!(place(1, "b"), Some((7, 3)));
    assert_eq!(place(1, "b.c[1]"), Some((9, 6)));
    assert_eq!(place(1, "a"), None);
    assert_eq!(place(2, "a"), None, "it cannot be read");
    assert_eq!(place(3, "d"), Some((12, 6)));
    assert_eq!(place(4, "a"), None);
    let line = |index| fields(text, index, &mut Budget::new(10_000, 0)).map(|it| it.line());
    assert_eq!([line(0), line(1)], [Some(4), Some(7)]);
    assert!(fields(text, 0, &mut Budget::new(10, 0)).is_none());
}

#[test]
fn a_line_of_dashes_at_the_start_of_a_file_is_passed_over() {
    let lines = |text: &str| {
        let read = documents("f", text.as_bytes()).unwrap();
        read.into_iter()
            .map(|it| (it.line, it.value))
            .collect::<Vec<_>>()
    };
    let both = [(3, json!({"a": 1})), (5, json!({"b": 2}))];
    assert_eq!(lines("----\n-----\na: 1\n---\nb: 2\n"), both);
    for text in [
        "---- a\nb: 1\n",
        "a: 1\n----\nb: 2\n",
        "-----BEGIN: 1\na: 2\n---- \n",
    ] {
        assert!(documents("f", text.as_bytes()).is_err(), "{text}");
    }
}
