//! Every bound, just within and just beyond.

use serde_json::json;

use super::{parse, run, run_within};
use crate::budget::{Budget, Exhausted};
use crate::error::ParseError;
use crate::limit;
use crate::resources::{Env, Limits};
use crate::set::TemplateSet;

fn failure(source: &str) -> String {
    run(source, &json!({"name": "x"})).expect_err("this must not run")
}

#[test]
fn output_may_have_four_mebibytes_and_no_byte_more() {
    let source = r#"{{repeat 4194303 "x"}}"#;
    assert_eq!(
        run(&format!("{source}y"), &json!({})).unwrap().text.len(),
        4 << 20
    );
    let message = run(&format!("{source}yz"), &json!({})).unwrap_err();
    assert!(
        message.contains("output exceeds 4194304 bytes"),
        "{message}"
    );
}

#[test]
fn a_string_beyond_the_output_limit_is_refused_before_it_is_made() {
    for source in [
        r#"{{repeat 4194305 "x"}}"#,
        r#"{{$x := repeat 4000000 "x"}}{{$y := cat $x $x}}"#,
        r#"{{$x := indent 4194304 "x"}}"#,
        r#"{{$x := repeat 2000 "\n"}}{{$x := indent 4000 $x}}"#,
        r#"{{$x := repeat 4000 "a"}}{{$x := replace "a" $x $x}}"#,
        r#"{{$x := printf "%9999999999d" 1}}{{$x := printf "%5000000s" "x"}}"#,
        r#"{{$x := repeat 4000 "a"}}{{$x := regexReplaceAll "a" $x $x}}"#,
        r#"{{$x := join (repeat 4000000 ",") (list 1 2 3)}}"#,
        r#"{{printf "%.50000f" 1.0}}"#,
        r#"{{$x := wrapWith 1 (repeat 4000 "a") (repeat 4000 "b")}}"#,
        r#"{{$x := wrap 1 (repeat 4000000 "a b ")}}"#,
        r#"{{$x := seq 9223372036854775806}}"#,
        r#"{{$x := b32enc (repeat 3000000 "x")}}"#,
        r#"{{$x := b64enc (repeat 4000000 "x")}}"#,
        r#"{{$x := regexQuoteMeta (repeat 2100000 ".")}}"#,
        r#"{{$x := camelcase (repeat 4000000 "x")}}"#,
        r#"{{$x := snakecase (repeat 2000000 "aB")}}"#,
        r#"{{$x := urlJoin (dict "path" (repeat 1400000 " "))}}"#,
        r#"{{$x := ((semver "1.0.0").SetMetadata (repeat 4194304 "x")).String}}"#,
        r#"{{$x := regexSplit "" (repeat 4000000 "x") -1}}"#,
        r#"{{$x := regexFindAll "." (repeat 4000000 "x") -1}}"#,
        r#"{{$x := splitn "x" 4000000 (repeat 4000000 "x")}}"#,
    ] {
        let message = failure(source);
        let named = ["exceeds", "too large", "budget"]
            .iter()
            .any(|word| message.contains(word));
        assert!(named, "{source}: {message}");
    }
}

#[test]
fn templates_nest_as_deep_as_allowed_and_no_deeper() {
    let recursive = |depth: usize| {
        format!(
            r#"{{{{define "r"}}}}{{{{if lt . {depth}}}}}{{{{template "r" (int (add 1 .))}}}}{{{{end}}}}{{{{end}}}}{{{{template "r" 1}}}}"#
        )
    };
    run(&recursive(32), &json!({})).unwrap();
    let message = run(&recursive(33), &json!({})).unwrap_err();
    assert!(
        message.contains("exceeded maximum template depth (32)"),
        "{message}"
    );
    let including = r#"{{define "r"}}{{include "r" .}}{{end}}{{include "r" .}}"#;
    assert!(failure(including).contains("exceeded maximum template depth (32)"));
}

#[test]
fn blocks_and_parentheses_nest_as_deep_as_allowed_and_no_deeper() {
    let blocks = |depth| format!("{}{}", "{{if 1}}".repeat(depth), "{{end}}".repeat(depth));
    let parens = |depth| format!("{{{{{}1{}}}}}", "(".repeat(depth), ")".repeat(depth));
    let chain = |depth| format!("{{{{if 0}}}}{}{{{{end}}}}", "{{else if 0}}".repeat(depth));
    for (name, source) in [
        ("if", &blocks as &dyn Fn(usize) -> String),
        ("(", &parens),
        ("else if", &chain),
    ] {
        let most = if name == "else if" { 63 } else { 64 };
        assert!(run(&source(most), &json!({})).is_ok(), "{name}");
        for depth in [most + 1, 100_000] {
            let message = run(&source(depth), &json!({})).unwrap_err();
            assert!(
                message.contains("nested more than 64 deep"),
                "{name}: {message}"
            );
        }
    }
}

#[test]
fn endless_work_ends_when_the_budget_is_used_up() {
    for source in [
        "{{range 9223372036854775807}}{{end}}",
        "{{range until 9223372036854775807}}{{end}}",
        "{{$x := untilStep 0 9223372036854775807 1}}",
        "{{range 100000}}{{range 100000}}{{end}}{{end}}",
        "{{$x := list 1}}{{range 100000}}{{$x = concat $x $x}}{{end}}",
        r#"{{$x := until 100000}}{{$x := uniq $x}}"#,
        r#"{{range 100000}}{{$x := repeat 1000000 "x"}}{{end}}"#,
        r#"{{range 100000}}{{$x := regexMatch (print .) "a"}}{{end}}"#,
        r#"{{$x := list 1 1}}{{range 40}}{{$x = list $x $x}}{{end}}{{if deepEqual $x (list $x)}}{{end}}{{$y := deepEqual $x $x}}"#,
    ] {
        assert!(
            failure(source).contains("the budget of 2000000 steps is used up"),
            "{source}"
        );
    }
}

#[test]
fn the_budget_is_exact() {
    let run = |steps| run_within("a{{1}}b", &json!({}), steps, Limits::default());
    let least = (0..100).find(|steps| run(*steps).is_ok()).unwrap();
    assert!(least > 3);
    assert!(run(least - 1).unwrap_err().contains("steps is used up"));
}

#[test]
fn values_that_share_or_hold_themselves_end_in_an_error() {
    let shared = r#"{{$x := list 1 1}}{{range 40}}{{$x = list $x $x}}{{end}}"#;
    let cyclic = r#"{{$d := dict}}{{$_ := set $d "d" $d}}"#;
    for verb in [
        "print $x",
        "toJson $x",
        "toYaml $x",
        "$x",
        r#"printf "%v" $x"#,
        "quote $x",
    ] {
        let message = failure(&format!("{shared}{{{{{verb}}}}}"));
        assert!(message.contains("exceeds"), "{verb}: {message}");
    }
    for verb in [
        "print $d",
        "toJson $d",
        "toPrettyJson $d",
        "toYaml $d",
        "$d",
        "merge (dict) $d | print",
    ] {
        let message = failure(&format!("{cyclic}{{{{{verb}}}}}"));
        assert!(message.contains("nested too deeply"), "{verb}: {message}");
    }
    let compared = r#"{{$e := dict}}{{$_ := set $e "d" $e}}{{deepEqual $d $e}}"#;
    assert!(failure(&format!("{cyclic}{compared}")).contains("nested too deeply"));
    assert_eq!(run(&format!("{cyclic}ok"), &json!({})).unwrap().text, "ok");
}

#[test]
fn deeply_nested_values_are_freed_without_exhausting_the_stack() {
    let deep = "{{$x := list}}{{range 300000}}{{$x = list $x}}{{end}}ok";
    assert_eq!(run(deep, &json!({})).unwrap().text, "ok");
    let maps = r#"{{$x := dict}}{{range 200000}}{{$x = dict "a" $x}}{{end}}ok"#;
    assert_eq!(run(maps, &json!({})).unwrap().text, "ok");
}

#[test]
fn the_deepest_allowed_execution_fits_a_thread_of_two_mebibytes() {
    let open = "{{if true}}{{range 1}}{{with 1}}".repeat(10);
    let close = "{{end}}".repeat(30);
    let within = |inner: &str| format!("{}{inner}{}", "(print ".repeat(20), ")".repeat(20));
    for body in [
        format!(r#"{open}{{{{include "r" 1}}}}{close}"#),
        format!(r#"{open}{{{{template "r" 1}}}}{close}"#),
        format!("{{{{{}}}}}", within(r#"(include "r" 1)"#)),
        format!("{open}{{{{{}}}}}{close}", within(r#"(include "r" 1)"#)),
    ] {
        let source = format!(r#"{{{{define "r"}}}}{body}{{{{end}}}}{{{{include "r" .}}}}"#);
        let thread = std::thread::Builder::new().stack_size(2 << 20);
        let running = thread.spawn(move || run(&source, &json!({}))).unwrap();
        let message = running.join().expect("no panic").unwrap_err();
        assert!(message.contains("nested more than 256 deep"), "{message}");
    }
}

#[test]
fn a_context_nested_too_deeply_is_refused() {
    let mut context = json!(1);
    for _ in 0..200 {
        context = json!({ "a": context });
    }
    assert!(
        run("x", &context)
            .unwrap_err()
            .contains("the context is nested too deeply")
    );
}

#[test]
fn text_that_is_not_utf8_can_pass_through_but_not_out() {
    let encoded = r#"{{b64dec "/w==" | b64enc}}"#;
    assert_eq!(run(encoded, &json!({})).unwrap().text, "/w==");
    let message = failure(r#"{{b64dec "/w=="}}"#);
    assert!(
        message.contains("the output is not valid UTF-8"),
        "{message}"
    );
}

#[test]
fn what_the_engine_leaves_out_is_refused_by_name() {
    for (name, why) in [
        ("now", ": it reads the clock"),
        ("randAlpha", ": it draws by chance"),
        ("genPrivateKey", ": it draws by chance"),
        ("env", ": it reads the machine that renders"),
        ("getHostByName", ": it reads the machine that renders"),
        ("tpl", ""),
        ("getFile", ""),
    ] {
        let message = failure(&format!("a\n{{{{{name}}}}}"));
        let wanted = format!("template: f:2: function {name:?} not defined{why}");
        assert!(message.starts_with(&wanted), "{message}");
    }
    assert!(failure("{{call .name}}").contains("error calling call"));
    assert!(failure("{{1i}}").contains("complex numbers are not supported"));
    assert!(failure(r#"{{fromYaml "a: ["}}"#).contains("unclosed bracket"));
}

#[test]
fn an_expression_that_go_accepts_and_this_engine_cannot_do_is_an_error_and_never_no_match() {
    let too_large = "needs more than 1048576 bytes compiled";
    for (pattern, why) in [
        (r"(\pL{30}){30}".to_owned(), too_large),
        (r"\pL".repeat(1_000), too_large),
        (format!("[{}]", r"\pL\PL".repeat(1_000)), too_large),
        (r"(?i)[\x00-\x{10ffff}]".repeat(5), too_large),
        ("a".repeat(limit::REGEX_BYTES + 1), too_large),
        (
            format!("{}a{}", "(".repeat(101), ")".repeat(101)),
            "nests more than 100 deep",
        ),
        (
            format!("a{}", "*(?i)".repeat(101)),
            "nests more than 100 deep",
        ),
    ] {
        let message = failure(&format!("{{{{regexMatch `{pattern}` `a`}}}}"));
        let named = message.contains("error calling regexMatch: ") && message.contains(why);
        assert!(named, "{message}");
    }
    assert_eq!(
        run("{{regexMatch `(` `(`}}", &json!({})).unwrap().text,
        "false"
    );
    let message = failure("{{mustRegexMatch `(` `(`}}");
    assert!(
        message.contains("error parsing regexp: missing closing )"),
        "{message}"
    );
    let message = failure("{{range 1000000}}{{$x := regexMatch (print .) `a`}}{{end}}");
    assert!(message.contains("steps is used up"), "{message}");
}

#[test]
fn searching_with_a_large_expression_costs_more_than_with_a_small_one() {
    let search = |pattern: &str| {
        let source = format!("{{{{$x := repeat 100000 `a`}}}}{{{{regexMatch `{pattern}` $x}}}}");
        run(&source, &json!({}))
    };
    assert!(search("a[ab]*b").is_ok());
    let message = search("a[ab]{900}b").unwrap_err();
    assert!(message.contains("steps is used up"), "{message}");
}

#[test]
fn a_failure_names_file_place_template_and_expression() {
    let cases = [
        (
            "a\n  {{.foo}}",
            "template: f:2:4: executing \"f\" at <.foo>: map has no entry for key \"foo\"",
        ),
        (
            "{{.name.x}}",
            "template: f:1:2: executing \"f\" at <.name.x>: can't evaluate field x in type string",
        ),
        (
            "{{define \"t\"}}\n{{upper 1}}{{end}}{{template \"t\"}}",
            "template: f:2:8: executing \"t\" at <1>: expected string; found 1",
        ),
        (
            "{{fail \"no\"}}",
            "template: f:1:2: executing \"f\" at <fail \"no\">: error calling fail: no",
        ),
        (
            "{{range .name}}{{end}}",
            "template: f:1:8: executing \"f\" at <.name>: range can't iterate over x",
        ),
        (
            "{{lt 1 \"a\"}}",
            "template: f:1:2: executing \"f\" at <lt 1 \"a\">: error calling lt: incompatible types for comparison: int and string",
        ),
        ("x\n{{if}}{{end}}", "template: f:2: missing value for if"),
    ];
    for (source, message) in cases {
        assert_eq!(failure(source), message);
    }
}

#[test]
fn the_deepest_allowed_regular_expression_fits_a_thread_of_two_mebibytes() {
    let groups = format!("{}a{}", "(|a(".repeat(50), "))".repeat(50));
    let repeated = format!("{}a{}", "(?:b|a".repeat(50), ")*".repeat(50));
    for pattern in [groups, repeated] {
        let source = format!("{{{{regexReplaceAll `{pattern}` (repeat 100 `a`) `$1`}}}}");
        let thread = std::thread::Builder::new().stack_size(2 << 20);
        let running = thread.spawn(move || run(&source, &json!({})).map(|_| ()));
        assert_eq!(running.unwrap().join().expect("no panic"), Ok(()));
    }
}

#[test]
fn templates_are_parsed_for_a_step_a_byte_and_no_file_in_vain() {
    let files = [("a", "{{1}}"), ("b", "{{")];
    let parse = |steps| {
        let parsed = TemplateSet::parse(files, &Env::default(), &mut Budget::new(steps, 0));
        parsed.map(|_| ()).expect_err("the second is no template")
    };
    assert!(matches!(&*parse(7), [ParseError::Syntax { file, .. }] if file == "b"));
    for (steps, file) in [(4, "a"), (6, "b")] {
        let error = parse(steps);
        let exhausted = Exhausted::Steps(steps);
        let file = file.to_owned();
        assert_eq!(error, [ParseError::Exhausted { file, exhausted }]);
    }
}

#[test]
fn templates_have_250_000_parts_together_and_no_more() {
    // The file itself, and for each action what it writes.
    let source = |parts: usize| "{{.}}".repeat((parts - 1) / 2);
    let most = source(limit::TEMPLATE_PARTS - 1);
    let set = parse([("a", most.as_str())], &Env::default()).unwrap();
    assert!(set.bytes() <= 2 * most.len() + limit::TEMPLATE_PARTS * limit::TEMPLATE_PART_BYTES);
    let error = parse([("a", most.as_str()), ("b", "{{.}}")], &Env::default()).map(|_| ());
    let file = "b".to_owned();
    assert_eq!(error, Err(ParseError::TooLarge { file }));
    for endless in [
        "{{.a.a.a.a",
        "{{print 1 1 1 1",
        "{{1|1|1",
        "{{define `a`}}{{end}}",
    ] {
        let source = endless.repeat(limit::TEMPLATE_PARTS);
        assert!(parse([("a", source.as_str())], &Env::default()).is_err());
    }
}

#[test]
fn parsing_takes_no_longer_for_each_name_the_more_names_there_are() {
    let definitions: String = (0..60_000)
        .map(|at| format!("{{{{define \"d{at}\"}}}}{{{{end}}}}"))
        .collect();
    let variables: String = (0..60_000)
        .map(|at| format!("{{{{$v{at} := $v0}}}}"))
        .collect();
    let variables = format!("{{{{$v0 := 1}}}}{variables}");
    for source in [definitions, variables] {
        assert!(parse([("f", source.as_str())], &Env::default()).is_ok());
    }
}

#[test]
fn a_variable_costs_more_the_more_stand_before_it() {
    let variables: String = (0..20_000).map(|_| "{{$v := 1}}").collect();
    let reading = |name: &str| {
        let source = format!(
            "{{{{$first := 1}}}}{variables}{{{{range 2000}}}}{{{{$_ := {name}}}}}{{{{end}}}}"
        );
        run(&source, &json!({}))
    };
    assert!(reading("$v").is_ok());
    let message = reading("$first").unwrap_err();
    assert!(message.contains("steps is used up"), "{message}");
}

#[test]
fn a_map_of_many_keys_is_written_as_yaml_without_moving_all_of_them_for_each() {
    let source = "{{split `,` (repeat 80000 `,`) | toYaml | len}}";
    assert!(run(source, &json!({})).is_ok());
}
