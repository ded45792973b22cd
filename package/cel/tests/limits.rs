//! The limits, each one under and one over.

use serde_json::json;
use stevedore_cel::{
    Error, MAX_BOUND_ELEMENTS, MAX_BOUND_SIZE, MAX_BRACKET_DEPTH, MAX_REGEX_BYTES,
    MAX_SOURCE_BYTES, MAX_TREE_DEPTH, Program,
};

fn refused(source: &str) -> Error {
    Program::compile(source).map(|_| ()).expect_err(source)
}

#[test]
fn a_source_of_4_kib_compiles_and_one_byte_more_is_refused() {
    let source = |bytes: usize| format!("'{}' != ''", "x".repeat(bytes - 8));
    assert!(Program::compile(&source(MAX_SOURCE_BYTES)).is_ok());
    assert_eq!(
        refused(&source(MAX_SOURCE_BYTES + 1)),
        Error::TooLong {
            bytes: MAX_SOURCE_BYTES + 1,
            limit: MAX_SOURCE_BYTES
        }
    );
}

#[test]
fn brackets_nest_32_deep_and_no_deeper() {
    let nested = |depth: usize| format!("{}true{}", "(".repeat(depth), ")".repeat(depth));
    assert_eq!(
        Program::compile(&nested(MAX_BRACKET_DEPTH))
            .unwrap()
            .eval_bool(&[]),
        Ok(true)
    );
    assert_eq!(
        refused(&nested(MAX_BRACKET_DEPTH + 1)),
        Error::TooDeep {
            what: "brackets",
            limit: MAX_BRACKET_DEPTH
        }
    );
    assert!(matches!(refused(&nested(2_000)), Error::TooDeep { .. }));
}

#[test]
fn brackets_in_strings_and_comments_neither_add_to_the_depth_nor_hide_it() {
    let many = "(".repeat(40);
    let closing = ")".repeat(40);
    for harmless in [
        format!("'{many}' != ''"),
        format!("\"\"\"{many}\n\"{many}\"\"\" != ''"),
        format!("r'\\' != '{many}'"),
        format!("true // {many}"),
    ] {
        assert!(Program::compile(&harmless).is_ok(), "{harmless}");
    }
    let deep = format!("{}true{}", "(".repeat(33), ")".repeat(33));
    for hidden in [
        format!("'{closing}' != '' && {deep}"),
        format!("'\\'' != '' && {deep}"),
        format!("true // {closing}\n && {deep}"),
    ] {
        assert!(
            matches!(
                refused(&hidden),
                Error::TooDeep {
                    what: "brackets",
                    ..
                }
            ),
            "{hidden}"
        );
    }
}

#[test]
fn chains_of_operators_are_bounded_and_the_longest_allowed_one_evaluates_on_a_small_stack() {
    let sum = |terms: usize| format!("{} > 0", vec!["1"; terms].join(" + "));
    let longest = Program::compile(&sum(MAX_TREE_DEPTH - 1)).unwrap();
    assert_eq!(longest.eval_bool(&[]), Ok(true));
    assert_eq!(
        refused(&sum(MAX_TREE_DEPTH)),
        Error::TooDeep {
            what: "operations",
            limit: MAX_TREE_DEPTH
        }
    );
    let mixed = format!(
        "{}[self].map(a, [a].map(b, b.size())).size(){} > 0",
        "'x'.replace('x', [string(".repeat(4),
        ")].join('')).size()".repeat(4)
    );
    assert_eq!(
        Program::compile(&mixed)
            .unwrap()
            .eval_bool(&[("self", &json!(""))]),
        Ok(true)
    );
    let members = format!("a{} == 1", ".b".repeat(1_500));
    assert!(matches!(
        refused(&members),
        Error::TooDeep {
            what: "operations",
            ..
        }
    ));
}

#[test]
fn long_chains_of_any_operator_end_as_errors_and_not_as_a_crash() {
    for hostile in [
        "!".repeat(4_000) + "true",
        "-".repeat(4_000) + "1",
        "true ? ".repeat(580) + "1",
        format!("{}1{}", "true?1:".repeat(580), ""),
        "a && ".repeat(800) + "a",
        "[".repeat(32) + &"]".repeat(31),
        "a.b(".repeat(32) + &")".repeat(32),
        "'".to_owned(),
        "\u{0}".to_owned(),
        String::new(),
    ] {
        let _ = Program::compile(&hostile);
    }
}

#[test]
fn comprehensions_nest_twice_and_not_three_times() {
    let twice = "[1].all(a, [2].all(b, a < b))";
    assert_eq!(Program::compile(twice).unwrap().eval_bool(&[]), Ok(true));
    let thrice = "[1].all(a, [2].all(b, [3].all(c, a < b && b < c)))";
    assert_eq!(
        refused(thrice),
        Error::TooDeep {
            what: "comprehensions",
            limit: 2
        }
    );
}

#[test]
fn a_chain_of_comprehensions_is_not_nesting() {
    let source = "[1, 2, 3].filter(a, a > 1).map(b, b * 2).exists(c, c == 6)";
    assert_eq!(Program::compile(source).unwrap().eval_bool(&[]), Ok(true));
}

#[test]
fn unknown_functions_are_refused_by_name_also_where_the_library_has_them() {
    for (source, name) in [
        ("lists.range(1000000000) == []", "range"),
        ("[3, 1].sort() == [1, 3]", "sort"),
        (
            "format.frobnicated().validate('a').hasValue()",
            "frobnicated",
        ),
        ("'a'.isCanonical()", "isCanonical"),
        ("frobnicate(self)", "frobnicate"),
    ] {
        assert_eq!(
            refused(source),
            Error::UnknownFunction(name.to_owned()),
            "{source}"
        );
    }
}

#[test]
fn a_regular_expression_is_a_short_valid_literal() {
    let regex = |bytes: usize| format!("'a'.matches('{}')", "a".repeat(bytes));
    assert!(Program::compile(&regex(MAX_REGEX_BYTES)).is_ok());
    assert!(matches!(
        refused(&regex(MAX_REGEX_BYTES + 1)),
        Error::Regex(_)
    ));
    assert!(matches!(
        refused("'a'.matches(self.pattern)"),
        Error::Regex(_)
    ));
    assert!(matches!(refused("'a'.matches('(')"), Error::Regex(_)));
    assert!(matches!(
        refused("'a'.matches('(\\\\w{200}){200}')"),
        Error::Regex(_)
    ));
}

#[test]
fn a_bound_list_has_2000_elements_and_no_more() {
    let program = Program::compile("size(self) > 0").unwrap();
    let list = |length: usize| json!(vec![0; length]);
    assert_eq!(
        program.eval_bool(&[("self", &list(MAX_BOUND_ELEMENTS))]),
        Ok(true)
    );
    let over = program.eval_bool(&[("self", &list(MAX_BOUND_ELEMENTS + 1))]);
    assert!(
        matches!(
            over,
            Err(Error::BindingTooLarge {
                limit: MAX_BOUND_ELEMENTS,
                ..
            })
        ),
        "{over:?}"
    );
}

#[test]
fn a_binding_has_4_mib_and_no_more() {
    let program = Program::compile("size(self) > 0").unwrap();
    let text = |bytes: usize| json!("x".repeat(bytes));
    assert_eq!(
        program.eval_bool(&[("self", &text(MAX_BOUND_SIZE - 16))]),
        Ok(true)
    );
    let over = program.eval_bool(&[("self", &text(MAX_BOUND_SIZE - 15))]);
    assert!(
        matches!(
            over,
            Err(Error::BindingTooLarge {
                limit: MAX_BOUND_SIZE,
                ..
            })
        ),
        "{over:?}"
    );
}

#[test]
fn an_evaluation_that_could_take_too_many_steps_is_refused_before_it_starts() {
    let program = Program::compile("self.all(a, self.all(b, a == b))").unwrap();
    assert_eq!(
        program.eval_bool(&[("self", &json!(vec![0; 100]))]),
        Ok(true)
    );
    let over = program.eval_bool(&[("self", &json!(vec![0; 2_000]))]);
    assert!(
        matches!(over, Err(Error::TooCostly { what: "steps", .. })),
        "{over:?}"
    );
}

#[test]
fn small_expressions_that_build_huge_values_are_refused_before_they_start() {
    let long = json!("x".repeat(1_000));
    for bomb in [
        format!(
            "self.size() > 0 && ['x']{} == []",
            ".map(x, x + x)".repeat(24)
        ),
        format!(
            "self{} == ''",
            ".replace('x', 'xxxxxxxxxxxxxxxxxxxx')".repeat(20)
        ),
        format!(
            "[self]{} == []",
            ".map(x, [x, x, x, x, x, x, x, x])".repeat(20)
        ),
        "self.split('').map(a, self.split('').join(self)) == []".to_owned(),
        "self.findAll('.').map(a, self.findAll('.').join(self)) == []".to_owned(),
        "self.findAll('.').all(a, a.find('[a-z]') == a)".to_owned(),
        "sets.contains(self.split('') + self.split(''), self.split(''))".to_owned(),
        format!(
            "{}self{} == ''",
            "'%s%s%s'.format(['x', 'y', ".repeat(15),
            "])".repeat(15)
        ),
        format!(
            "{}self{} == ''",
            "strings.quote(".repeat(20),
            ")".repeat(20)
        ),
        "url(self).getQuery().all(k, url(self).getQuery()[k] == [self])".to_owned(),
    ] {
        let program = Program::compile(&bomb).unwrap();
        let refused = program.eval_bool(&[("self", &long)]);
        assert!(
            matches!(refused, Err(Error::TooCostly { .. })),
            "{bomb}: {refused:?}"
        );
    }
}
