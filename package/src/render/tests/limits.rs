use super::*;

#[test]
fn a_set_has_1000_objects_and_no_more() {
    let all = |count: usize| {
        (0..count)
            .map(|number| object(&format!("o{number}"), "one", ""))
            .collect::<Vec<_>>()
            .join("---\n")
    };
    let rendered = render(&package(&[("a.yaml", &all(limit::OBJECTS))]), &input()).unwrap();
    assert_eq!(rendered.content.phases[0].objects.len(), limit::OBJECTS);
    assert_eq!(
        reasons(render(
            &package(&[("a.yaml", &all(limit::OBJECTS + 1))]),
            &input()
        )),
        [(Reason::TooLarge, None)]
    );
}

#[test]
fn a_whole_set_has_16_mib_and_no_more() {
    let big = |name: &str, bytes: usize| {
        format!(
            "{}data: {{a: {}}}\n",
            object(name, "one", "").replace("ConfigMap", "Lamp"),
            "x".repeat(bytes)
        )
    };
    let with = |last: usize| {
        let mut files: Vec<(String, String)> = (0..13)
            .map(|number| {
                (
                    format!("{number:02}.yaml"),
                    big(&format!("o{number:02}"), 1_250_000),
                )
            })
            .collect();
        files.push(("99.yaml".to_owned(), big("last", last)));
        let files: Vec<(&str, &str)> = files
            .iter()
            .map(|(path, text)| (path.as_str(), text.as_str()))
            .collect();
        render(&package(&files), &input())
    };
    let base = with(1).unwrap().reference.size as usize;
    let fits = stevedore_proto_core::limit::CONTENT - base + 1;
    assert_eq!(
        with(fits).unwrap().reference.size as usize,
        stevedore_proto_core::limit::CONTENT
    );
    assert_eq!(reasons(with(fits + 1)), [(Reason::TooLarge, None)]);
}

#[test]
fn a_set_that_one_stored_object_cannot_hold_is_refused_by_that_name() {
    let content = |bytes: usize| Content {
        phases: vec![Phase {
            name: "one".to_owned(),
            objects: vec![PhaseObject {
                object: json!({"data": "x".repeat(bytes)}),
                ..PhaseObject::default()
            }],
            ..Phase::default()
        }],
        ..Content::default()
    };
    let fits = stevedore_proto_core::limit::STORED_OBJECT - content(0).stored_size();
    assert!(check_stored_size(&content(fits)).is_ok());
    assert_eq!(
        check_stored_size(&content(fits + 1))
            .expect_err("one byte more")
            .reason,
        Reason::TooLarge
    );
}

#[test]
fn at_most_50_violations_are_listed_and_the_rest_is_counted() {
    let all: Vec<String> = (0..60)
        .map(|number| object(&format!("o{number}"), "three", ""))
        .collect();
    let invalid =
        render(&package(&[("a.yaml", &all.join("---\n"))]), &input()).expect_err("60 violations");
    assert_eq!(invalid.violations().len(), limit::VIOLATIONS);
    assert!(invalid.to_string().ends_with("; and 10 more"));
}
