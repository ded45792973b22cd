//! Bounds on what a package installs with its components.

use super::*;

#[test]
fn names_of_phases_that_are_taken_or_too_long_are_told_apart() {
    let long = "p".repeat(63);
    let manifest = component_manifest(&format!("{{name: {long}}}, {{name: two}}"), "");
    let package = lamp(&[
        ("b.yaml", &asks("my-bulb", "one", "component: bulb")),
        ("components/bulb/manifest.yaml", &manifest),
        ("components/bulb/g.yaml.gotmpl", &object("g", &long, "")),
    ]);
    let rendered = render(&package, &input()).unwrap();
    let (name, _) = phases(&rendered)[1];
    assert_eq!(name.len(), 63);
    assert!(name.starts_with("bulb/ppp"), "{name}");
    assert_eq!(phases(&render(&package, &input()).unwrap())[1].0, name);
}

#[test]
fn a_package_with_all_its_components_has_64_phases_and_no_more() {
    let asked = |count: usize| {
        let all: Vec<_> = (0..count)
            .map(|number| asks(&format!("bulb-{number}"), "one", "component: bulb"))
            .collect();
        render(&lamp(&[("b.yaml", &all.join("---\n"))]), &input())
    };
    assert_eq!(asked(63).unwrap().content.phases.len(), 64);
    assert_eq!(reasons(asked(64))[0].0, Reason::TooLarge);
}

#[test]
fn all_components_together_have_1_000_objects_and_no_more() {
    let glass = |count: usize| {
        let name = |number| format!("{{{{ .package.metadata.name }}}}-{number}");
        let all: Vec<_> = (0..count)
            .map(|number| object(&name(number), "glow", ""))
            .collect();
        all.join("---\n")
    };
    let twice = format!(
        "{}---\n{}",
        asks("one", "one", "component: bulb"),
        asks("two", "one", "component: bulb")
    );
    let asked = |count: usize| {
        let files = [
            ("b.yaml", &*twice),
            ("components/bulb/g.yaml.gotmpl", &glass(count)),
        ];
        render(&lamp(&files), &input())
    };
    // The two that ask count as well.
    assert!(asked(limit::OBJECTS / 2 - 1).is_ok());
    assert_eq!(reasons(asked(limit::OBJECTS / 2))[0].0, Reason::TooLarge);
}
