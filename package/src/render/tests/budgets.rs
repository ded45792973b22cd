//! The budget that all files of a rendering share.

use super::*;

const PLENTY: u64 = 1_000_000;

fn within(files: &[(&str, &str)], steps: u64, output: usize) -> Result<Rendered, Invalid> {
    let package = package(files);
    let context = package.context(&input()).unwrap();
    package.render_within(&context, &mut Budget::new(steps, output))
}

/// Both files render within the budget, one without the other, and together they do not.
fn fit_alone_and_not_together(one: (&str, &str), other: (&str, &str), steps: u64, output: usize) {
    for alone in [one, other] {
        let rendered = within(&[alone], steps, output);
        assert!(rendered.is_ok(), "{}: {:?}", alone.0, rendered.err());
    }
    let together = within(&[one, other], steps, output);
    let invalid = together.map(|_| ()).expect_err("one budget for both");
    assert!(invalid.is_too_costly(), "{invalid}");
}

#[test]
fn templates_share_one_budget_of_steps() {
    let loops = |name: &str| format!("{}{{{{range 20000}}}}{{{{end}}}}", object(name, "one", ""));
    let (one, other) = (loops("a"), loops("b"));
    fit_alone_and_not_together(
        ("a.yaml.gotmpl", &one),
        ("b.yaml.gotmpl", &other),
        30_000,
        4_000,
    );
}

#[test]
fn templates_share_one_budget_of_output() {
    let writes = |name: &str| format!("{}# {{{{repeat 2000 `x`}}}}\n", object(name, "one", ""));
    let (one, other) = (writes("a"), writes("b"));
    fit_alone_and_not_together(
        ("a.yaml.gotmpl", &one),
        ("b.yaml.gotmpl", &other),
        PLENTY,
        4_000,
    );
}

#[test]
fn files_that_are_no_templates_are_paid_for_by_their_values() {
    let holds = |name: &str| format!("{}data: {{{}}}\n", object(name, "one", ""), keys(500));
    let (one, other) = (holds("a"), holds("b"));
    fit_alone_and_not_together(("a.yaml", &one), ("b.yaml", &other), 15_000, 0);
}

fn keys(count: usize) -> String {
    (0..count).map(|at| format!("k{at}: v, ")).collect()
}

#[test]
fn conditions_share_one_budget_with_everything_else() {
    let conditional = |name: &str, condition: &str| {
        let annotation = format!(", package-operator.run/condition: '{condition}'");
        object(name, "one", &annotation)
    };
    // These are costly because each has to be compiled: a template may write any condition.
    let one = conditional("a", "cluster.name == \"east\"");
    let other = conditional("b", "cluster.name == \"east\" || true");
    let (a, b) = ("a.yaml.gotmpl", "b.yaml.gotmpl");
    fit_alone_and_not_together((a, &one), (b, &other), 5_000, 1_000);
    let again = conditional("b", "cluster.name == \"east\"");
    let same = within(&[(a, &one), (b, &again)], 5_000, 1_000);
    assert_eq!(same.unwrap().content.phases[0].objects.len(), 2);
    // And these because they are evaluated.
    let digits = "[0, 1, 2, 3, 4, 5, 6, 7, 8, 9]";
    let pairs = format!("{digits}.all(x, {digits}.map(y, x * y).size() == 10)");
    let (one, other) = (conditional("a", &pairs), conditional("b", &pairs));
    fit_alone_and_not_together(("a.yaml", &one), ("b.yaml", &other), 4_000, 0);
}

#[test]
fn all_templates_write_16_mib_and_no_more_each_4_mib() {
    let writes = format!("{{{{repeat {} `x`}}}}", 4 << 20);
    let object = object("a", "one", "");
    let all = |count: usize| {
        let names: Vec<String> = (0..count).map(|at| format!("{at}.txt.gotmpl")).collect();
        let mut files: Vec<(&str, &str)> = names.iter().map(|name| (&**name, &*writes)).collect();
        files.push(("a.yaml", &object));
        render(&package(&files), &input())
    };
    assert!(all(4).is_ok());
    let invalid = all(5).map(|_| ()).expect_err("20 MiB");
    assert!(invalid.is_too_costly(), "{invalid}");
    assert!(
        invalid.to_string().contains("more than 16777216 bytes"),
        "{invalid}"
    );
}

#[test]
fn nothing_is_executed_or_read_after_the_budget_is_used_up() {
    let endless = "{{range 9223372036854775807}}{{end}}";
    let fails = "{{fail `never`}}";
    let files = [("a.yaml.gotmpl", endless), ("b.yaml.gotmpl", fails)];
    let invalid = within(&files, 10_000, 0).map(|_| ()).expect_err("endless");
    let found: Vec<_> = invalid.violations().iter().map(|it| it.reason).collect();
    assert_eq!(found, [Reason::TooCostly]);
    assert!(
        invalid.to_string().contains("a.yaml.gotmpl: line 1"),
        "{invalid}"
    );
}

#[test]
fn a_rendering_parses_nothing_of_what_the_package_holds() {
    // Parsing is paid for with a step for each byte of a template, with thousands for a condition.
    let template = format!(
        "{{{{/* {} */}}}}{}",
        "x".repeat(1_000_000),
        object("a", "one", "")
    );
    let conditional = |at: usize| {
        let annotation = format!(", package-operator.run/condition: 'cluster.name != \"{at}\"'");
        object(&format!("o{at}"), "one", &annotation)
    };
    let plain = (0..10).map(conditional).collect::<Vec<_>>().join("---\n");
    let package = package(&[("a.yaml.gotmpl", &template), ("b.yaml", &plain)]);
    let context = package.context(&input()).unwrap();
    for _ in 0..2 {
        let rendered = package.render_within(&context, &mut Budget::new(5_000, 1_000));
        assert_eq!(rendered.unwrap().content.phases[0].objects.len(), 11);
    }
}

#[test]
fn what_a_package_holds_parsed_counts_as_its_bytes() {
    let bytes = |more: &[(&str, &str)]| package(more).bytes();
    let none = bytes(&[]);
    let templates = "{{.}}".repeat(1_000);
    let plain = format!("{}data: {{{}}}\n", object("a", "one", ""), keys(1_000));
    let conditional = object(
        "a",
        "one",
        ", package-operator.run/condition: 'cluster.name != \"\"'",
    );
    for (path, text, least) in [
        ("a.yaml.gotmpl", &templates, 200_000),
        ("a.yaml", &plain, 100_000),
        ("a.yaml", &conditional, 1_000),
        ("a.txt", &templates, templates.len()),
    ] {
        let held = bytes(&[(path, text)]) - none;
        assert!((least..5 * least).contains(&held), "{path}: {held}");
    }
}

#[test]
fn what_a_manifest_holds_compiled_counts_as_well() {
    let bytes = |spec: &str| package_with(spec, &[]).unwrap().bytes();
    let with = |expression: &str| {
        let rules = json!([{"rule": expression, "messageExpression": "'a'"}]);
        let schema = json!({"type": "object", "x-kubernetes-validations": rules});
        let filter = json!({
            "conditions": [{"name": "a", "expression": expression}],
            "paths": [{"glob": "a", "expression": expression}],
        });
        bytes(&format!(
            "  config: {{openAPIV3Schema: {schema}}}\n  filter: {filter}\n  #"
        ))
    };
    let long = format!("'{}' != ''", "x".repeat(1_000));
    let held = with(&long) - with("'' != ''");
    assert!((300_000..1_000_000).contains(&held), "{held}");
}

#[test]
fn conditions_that_no_rendering_could_afford_to_compile_are_refused_when_the_package_is_loaded() {
    let conditional = |at: usize| {
        let text = format!("cluster.name != \"{at:01000}\"");
        let annotation = format!(", package-operator.run/condition: '{text}'");
        object(&format!("o{at}"), "one", &annotation)
    };
    let load = |count: usize| {
        let plain = (0..count)
            .map(conditional)
            .collect::<Vec<_>>()
            .join("---\n");
        package_with("", &[("a.yaml", &plain)]).map(|_| ())
    };
    assert!(load(20).is_ok());
    let invalid = load(160).expect_err("8 million steps");
    assert!(invalid.is_too_costly(), "{invalid}");
    assert!(invalid.to_string().contains("in a.yaml idx"), "{invalid}");
}

#[test]
fn templates_with_more_parts_than_may_be_kept_are_refused_when_the_package_is_loaded() {
    let template = "{{.}}".repeat(limit::TEMPLATE_PARTS);
    let invalid = package_with("", &[("a.txt.gotmpl", &template)]).map(|_| ());
    let invalid = invalid.expect_err("too many parts");
    assert_eq!(
        invalid.violations()[0].reason,
        Reason::TooLarge,
        "{invalid}"
    );
}

#[test]
fn a_package_that_no_rendering_could_afford_to_read_is_refused_when_it_is_loaded() {
    let template = "x".repeat(limit::RENDER_STEPS as usize / 2);
    let load = |more: &str| {
        let second = format!("{template}{more}");
        package_with(
            "",
            &[("a.txt.gotmpl", &template), ("b.txt.gotmpl", &second)],
        )
    };
    assert!(load("").is_ok());
    let invalid = load("y").map(|_| ()).expect_err("a byte more");
    assert!(invalid.is_too_costly(), "{invalid}");
    assert!(invalid.to_string().contains("in b.txt.gotmpl"), "{invalid}");
}

#[test]
fn objects_are_counted_while_they_are_read() {
    let all: Vec<String> = (0..=limit::OBJECTS)
        .map(|number| object(&format!("o{number}"), "one", ""))
        .collect();
    let files = [
        ("a.yaml", all.join("---\n")),
        ("b.yaml", object("b", "unknown phase", "")),
    ];
    let files = files.each_ref().map(|(path, text)| (*path, text.as_str()));
    let invalid = render(&package(&files), &input()).expect_err("too many objects");
    assert_eq!(
        invalid.to_string(),
        "too large: at least 1001 objects, the limit is 1000"
    );
}

#[test]
fn templates_that_fail_are_given_up_after_as_many_as_are_reported() {
    let names: Vec<String> = (0..60).map(|at| format!("{at}.yaml.gotmpl")).collect();
    let files: Vec<(&str, &str)> = names.iter().map(|name| (&**name, "{{fail `x`}}")).collect();
    let invalid = render(&package(&files), &input()).expect_err("60 failures");
    assert!(invalid.to_string().ends_with("; and 1 more"), "{invalid}");
}
