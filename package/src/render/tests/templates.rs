//! The files and the maps of a package, as templates see them.

use super::*;

/// What a template writes as the data of an object.
fn written(template: &str, files: &[(&str, &str)], input: &RenderInput) -> String {
    let object = object("x", "one", "");
    let source = format!("{object}data:\n  text: {{{{ {template} | toString | toJson }}}}\n");
    let files = [&[("a.yaml.gotmpl", source.as_str())], files].concat();
    let rendered = render(&package(&files), input).unwrap();
    let object = &rendered.content.phases[0].objects[0].object;
    object["data"]["text"].as_str().unwrap().to_owned()
}

fn labelled(labels: &[(&str, &str)]) -> RenderInput {
    let owned = |(key, value): &(&str, &str)| ((*key).to_owned(), (*value).to_owned());
    RenderInput {
        labels: labels.iter().map(owned).collect(),
        ..input()
    }
}

#[test]
fn templates_read_files_but_neither_manifest_nor_lock() {
    let files = [
        ("notes.txt", "hello"),
        ("conf/manifest.txt", "a: 1"),
        ("components.txt", "seen"),
    ];
    let all = r#"keys (getFileGlob "**" | toJson | fromJson) | sortAlpha | join " ""#;
    assert_eq!(
        written(all, &files, &input()),
        "a.yaml.gotmpl components.txt conf/manifest.txt notes.txt"
    );
    let lock = "manifest.lock.yml";
    for hidden in ["manifest.yaml", lock] {
        let source = format!("{}# {{{{getFile \"{hidden}\"}}}}", object("x", "one", ""));
        let package = package(&[&files[..], &[("a.yaml.gotmpl", &source)]].concat());
        let failed = reasons(render(&package, &input()));
        assert_eq!(failed[0].0, Reason::Template, "{hidden}");
    }
}

#[test]
fn a_label_that_is_missing_where_there_are_none_is_an_empty_text() {
    let index = r#"index .package.metadata.labels "zone""#;
    assert_eq!(written(index, &[], &input()), "");
    assert_eq!(
        written(
            r#"printf "%T" .package.metadata.annotations"#,
            &[],
            &input()
        ),
        "map[string]string"
    );
    // As soon as there are some, it is nothing, as in the original.
    let some = labelled(&[("app", "lamp")]);
    assert_eq!(written(index, &[], &some), "<nil>");
    assert_eq!(
        written(&format!("printf \"%s\" ({index})"), &[], &some),
        "%!s(<nil>)"
    );
    // What is missing among images is nothing in any case.
    assert_eq!(written(r#"index .images "lamp""#, &[], &input()), "<nil>");
    assert_eq!(written(r#"len .dependencies"#, &[], &input()), "0");
}

#[test]
fn packages_with_and_without_labels_share_no_rendering_that_shows_the_difference() {
    let object = object("x", "one", "");
    let source =
        format!("{object}data:\n  zone: \"{{{{index .package.metadata.labels \"zone\"}}}}\"\n");
    let package = package(&[("a.yaml.gotmpl", &source)]);
    let keyed = |labels: &[(&str, &str)]| {
        let context = package.context(&labelled(labels)).unwrap();
        let rendered = package.render(&context).unwrap();
        (
            rendered.reads.key(&package.digest(), &context),
            rendered.reference,
        )
    };
    let (none, some, others) = (keyed(&[]), keyed(&[("app", "a")]), keyed(&[("tier", "b")]));
    assert_ne!(none.0, some.0);
    assert_ne!(none.1, some.1);
    assert_eq!(some.0, others.0);
    assert_eq!(some.1, others.1);
}
