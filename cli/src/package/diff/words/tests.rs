use serde_json::json;
use stevedore_package::diff::{FileChange, ObjectName, Replaced};

use super::*;

fn change(field: &str, before: Value, after: Value) -> FieldChange {
    let some = |value: Value| Some(value).filter(|it| !it.is_null());
    FieldChange {
        field: field.into(),
        before: some(before),
        after: some(after),
    }
}

fn changed(objects: usize, fields: Vec<FieldChange>) -> Group {
    let name = |at: usize| ObjectName {
        group: "apps".into(),
        kind: "Deployment".into(),
        namespace: Some("harbour".into()),
        name: format!("web-{at}"),
    };
    Group {
        objects: (0..objects).map(name).collect(),
        change: Change::Changed {
            phase: None,
            fields,
            more: 0,
        },
    }
}

fn of(objects: Vec<Group>) -> Vec<String> {
    let content = Difference {
        objects,
        ..Difference::default()
    };
    lines(&ManifestDifference::default(), &content)
}

#[test]
fn a_group_is_told_with_its_objects_and_the_fields_that_change() {
    let fields = vec![
        change("spec.replicas", 1.into(), 3.into()),
        change("spec.paused", true.into(), Value::Null),
        change("data[\"x\u{1b}\"]", Value::Null, "a\u{1b}[31m".into()),
    ];
    let expected = "\
~ 2 objects
  Deployment.apps harbour/web-0
  Deployment.apps harbour/web-1
    spec.replicas
      - 1
      + 3
    spec.paused
      - true
    data[\"x\\u{1b}\"]
      + \"a\\u001b[31m\"";
    assert_eq!(of(vec![changed(2, fields)]).join("\n"), expected);
    assert_eq!(of(vec![]), ["no difference"]);
}

#[test]
fn of_a_text_with_several_lines_those_that_differ_are_told() {
    let before = "a: 1\nb: 2\nc: 3\n";
    let shown = |after: &str| {
        let group = changed(1, vec![change("data.x", before.into(), after.into())]);
        of(vec![group])[2..].join("\n")
    };
    assert_eq!(
        shown("a: 1\nb: 9\nc: 3\n"),
        "      - line 2: b: 2\n      + line 2: b: 9"
    );
    assert_eq!(shown("a: 1\nb: 2\nnew\nc: 3\n"), "      + line 3: new");
    let many = format!("{before}{}", "x\n".repeat(20));
    assert!(
        shown(&many).ends_with("and 12 more lines"),
        "{}",
        shown(&many)
    );
}

#[test]
fn every_line_fits_and_shows_where_long_values_differ() {
    let long = |end: &str| json!(format!("{}{end}{}", "x".repeat(300), "y".repeat(300)));
    let deep = json!({"a": vec!["word"; 100]});
    let fields = vec![
        change("a", long("1"), long("2")),
        change("b", deep.clone(), Value::Null),
        change(
            "c",
            json!(format!("one\n{}", "z".repeat(200))),
            json!("two\n"),
        ),
    ];
    let manifest = ManifestDifference {
        components_added: vec!["horn".into()],
        files: vec![FileChange {
            file: "manifest.yaml".into(),
            fields,
        }],
        ..ManifestDifference::default()
    };
    let phase = |name: &str| PhaseTitle {
        name: name.into(),
        class: None,
    };
    let content = Difference {
        phases: Some(Replaced {
            before: vec![phase("a")],
            after: (0..60).map(|at| phase(&format!("phase-{at}"))).collect(),
        }),
        ..Difference::default()
    };
    let lines = lines(&manifest, &content);
    let told = lines.join("\n");
    assert!(
        lines.iter().all(|line| line.chars().count() <= WIDTH),
        "{told}"
    );
    assert!(
        told.contains("xxx1yyy") && told.contains("xxx2yyy"),
        "{told}"
    );
    assert!(
        told.starts_with("+ component horn\n~ manifest.yaml\n"),
        "{told}"
    );
}

#[test]
fn many_objects_and_fields_are_counted() {
    let fields = (0..40).map(|at| change(&format!("f{at}"), 1.into(), 2.into()));
    let told = of(vec![changed(25, fields.collect())]).join("\n");
    assert!(told.contains("  and 5 more\n"), "{told}");
    assert!(
        told.ends_with("and 10 more fields; -o json tells more"),
        "{told}"
    );
}
