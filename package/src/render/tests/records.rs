//! The record of a rendering.

use super::children::{asks, lamp};
use super::filters::{conditional, filtered};
use super::*;

fn recorded(package: &Package, input: &RenderInput) -> (Rendered, Record) {
    let context = package.context(input).unwrap();
    package.render_recorded(&context).unwrap()
}

fn told(part: &Part) -> Vec<String> {
    let entries = part.entries.iter();
    let told = entries.map(|it| {
        let Entry {
            name, file, index, ..
        } = it;
        format!("{} {file} {index} {:?}", name.name, it.fate)
    });
    told.collect()
}

#[test]
fn what_is_left_out_is_recorded_with_the_expression_that_decided() {
    let two = format!(
        "{}---\n{}",
        object("b0", "one", ""),
        conditional("b1", "!cond.isBig")
    );
    let template = format!(
        "{{{{ if false }}}}{}{{{{ end }}}}",
        object("none", "one", "")
    );
    let package = filtered(
        &[("isBig", "config.size > 10")],
        &[("big/*", "true"), ("big/**", "!cond.isBig")],
        &[
            ("a.yaml.gotmpl", &conditional("a", "cond.isBig")),
            ("b.yaml", &two),
            ("big/c.yaml", &conditional("c", "true")),
            ("d.yaml.gotmpl", &template),
            ("empty.yml", "# nothing\n"),
        ],
    )
    .unwrap();
    let input = RenderInput {
        config: Some(json!({"size": 11})),
        ..input()
    };
    let (rendered, record) = recorded(&package, &input);
    let [part] = &record.parts[..] else {
        panic!("{record:?}");
    };
    let expected = [
        "a a.yaml.gotmpl 0 Applied",
        "b0 b.yaml 0 Applied",
        "b1 b.yaml 1 ConditionFalse",
        "c big/c.yaml 0 PathFalse { glob: \"big/**\", expression: \"!cond.isBig\" }",
    ];
    assert_eq!(told(part), expected);
    assert_eq!(part.without_objects, ["d.yaml.gotmpl", "empty.yml"]);
    let condition = |at: usize| part.entries[at].condition.as_ref().map(Expression::text);
    assert_eq!(
        [condition(0), condition(1), condition(2)],
        [Some("cond.isBig"), None, Some("!cond.isBig")]
    );
    let Condition {
        name,
        expression,
        holds,
    } = &part.conditions[0];
    assert_eq!(
        (&**name, expression.text(), *holds),
        ("isBig", "config.size > 10", true)
    );
    assert_eq!(part.phases.len(), 2, "empty ones too");
    assert_eq!(names(&rendered)[0].1, ["a", "b0"]);
}

#[test]
fn a_component_is_a_part_of_its_own_that_the_object_which_asks_for_it_names() {
    let left_out = conditional("out", "false").replace("phase: one", "phase: wires");
    let package = lamp(&[
        ("a.yaml", &asks("my-bulb", "one", "component: bulb")),
        ("b.yaml", &asks("my-horn", "two", "component: horn")),
        ("c.yaml", &object("c", "two", "")),
        ("components/horn/x.yaml", &left_out),
    ]);
    let (rendered, record) = recorded(&package, &input());
    let [root, bulb, horn] = &record.parts[..] else {
        panic!("{record:?}");
    };
    let expected = [
        "my-bulb a.yaml 0 Installs(1)",
        "my-horn b.yaml 0 Installs(2)",
        "c c.yaml 0 Applied",
    ];
    assert_eq!(told(root), expected);
    assert_eq!(
        (bulb.component.as_deref(), &*bulb.name),
        (Some("bulb"), "my-bulb")
    );
    let expected = [
        "my-horn-horn components/horn/h.yaml.gotmpl 0 Applied",
        "my-horn-wire components/horn/w.yaml.gotmpl 0 Applied",
        "out components/horn/x.yaml 0 ConditionFalse",
    ];
    assert_eq!(told(horn), expected);
    let applied = record.applied();
    for object in rendered
        .content
        .phases
        .iter()
        .flat_map(|phase| &phase.objects)
    {
        let name = crate::object_name::ObjectName::of(&object.object);
        assert!(applied.contains_key(&name), "{name}");
    }
}

#[test]
fn a_record_changes_nothing_and_keeps_a_bounded_number_of_what_is_left_out() {
    let count = limit::LEFT_OUT + 5;
    let out: Vec<String> = (0..count)
        .map(|at| conditional(&format!("o{at}"), "false"))
        .collect();
    let package = package(&[
        ("a.yaml", &out.join("---\n")),
        ("b.yaml", &object("b", "one", "")),
    ]);
    let (rendered, record) = recorded(&package, &input());
    let plain = render(&package, &input()).unwrap();
    assert_eq!(rendered.reference, plain.reference);
    assert_eq!(rendered.reads, plain.reads);
    let [part] = &record.parts[..] else {
        panic!("{} parts", record.parts.len());
    };
    assert_eq!((part.entries.len(), part.more), (limit::LEFT_OUT + 1, 5));
}
