use std::path::Path;

use super::*;

mod orphans;

const TEMPLATE: &str = "apiVersion: v1
kind: Namespace
metadata:
  name: {{ .package.metadata.name }}
  annotations:
    package-operator.run/phase: only
";

fn manifest(name: &str, more: &str, case: &str) -> String {
    format!(
        "apiVersion: manifests.package-operator.run/v1alpha1
kind: PackageManifest
metadata: {{name: {name}}}
spec:
  scopes: [Cluster]
  phases: [{{name: only}}]
{more}test:
  template:
  - name: {case}
    context: {{package: {{metadata: {{name: hall}}}}}}
"
    )
}

fn write(folder: &Path, path: &str, text: &str) {
    let path = folder.join(path);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, text).unwrap();
}

/// A package of a root and a component, with the fixtures of both as Package Operator leaves them.
fn package() -> tempfile::TempDir {
    let place = tempfile::tempdir().unwrap();
    let root = manifest("lamp", "  components: {}\n", "bright");
    let rendered = TEMPLATE.replace("{{ .package.metadata.name }}", "hall");
    for (path, text) in [
        ("manifest.yaml", root),
        ("deep/a.yaml.gotmpl", TEMPLATE.to_owned()),
        (".test-fixtures/bright/deep/a.yaml", rendered.clone()),
        ("components/bulb/manifest.yaml", manifest("any", "", "dim")),
        ("components/bulb/b.yaml.gotmpl", TEMPLATE.to_owned()),
        ("components/bulb/.test-fixtures/dim/b.yaml", rendered),
    ] {
        write(place.path(), path, &text);
    }
    place
}

fn test(folder: &Path) -> Test {
    Test {
        path: folder.to_owned(),
        cases: Vec::new(),
        component: None,
        update: false,
        output: Format::Name,
    }
}

/// What became of each case that is asked for.
fn all(test: &Test) -> Vec<Tested> {
    let contents = folder::read(&test.path).unwrap();
    let checked = contents.load();
    let package = checked.package.as_ref().unwrap();
    let subject = Subject::checked(&contents.files, &checked);
    let cases = chosen(package, test, subject).unwrap().into_iter();
    cases
        .map(|case| one(test, subject, &case).unwrap())
        .collect()
}

fn verdicts(test: &Test) -> Vec<(String, Verdict)> {
    let tested = all(test).into_iter();
    tested.map(|it| (it.case, it.verdict)).collect()
}

#[test]
fn fixtures_of_the_original_pass_in_a_root_and_in_a_component() {
    let place = package();
    let expected = [
        ("bright".into(), Verdict::Passed),
        ("dim".into(), Verdict::Passed),
    ];
    assert_eq!(verdicts(&test(place.path())), expected);
    for format in [Format::Table, Format::Json, Format::Yaml, Format::Name] {
        let test = Test {
            output: format,
            ..test(place.path())
        };
        run(&test).unwrap();
    }
}

#[test]
fn a_case_and_a_component_can_be_chosen_and_unknown_ones_are_refused() {
    let place = package();
    let chosen = |cases: &[&str], component: Option<&str>| Test {
        cases: cases.iter().map(|name| (*name).to_owned()).collect(),
        component: component.map(str::to_owned),
        ..test(place.path())
    };
    let names = |test: &Test| -> Vec<String> { all(test).into_iter().map(|it| it.case).collect() };
    assert_eq!(names(&chosen(&["dim"], None)), ["dim"]);
    assert_eq!(names(&chosen(&["dim", "bright"], None)), ["bright", "dim"]);
    assert_eq!(names(&chosen(&[], Some("bulb"))), ["dim"]);
    let refused = |test: &Test| run(test).unwrap_err().to_string();
    assert_eq!(
        refused(&chosen(&["dark"], None)),
        "there is no test case \"dark\"; there are bright, bulb/dim"
    );
    let other = refused(&chosen(&["bright"], Some("bulb")));
    assert_eq!(
        other,
        "there is no test case \"bright\"; there are bulb/dim"
    );
    let unknown = run(&chosen(&[], Some("horn"))).unwrap_err();
    let shown = crate::failure::report(&unknown);
    assert!(shown.contains("\"horn\" is none of bulb"), "{shown}");
}

/// The same where the first case has a fixture that is missing, one that is superfluous and one that differs.
fn differing() -> tempfile::TempDir {
    let place = package();
    let new = TEMPLATE.replace("{{ .package.metadata.name }}", "new");
    for (path, text) in [
        (
            ".test-fixtures/bright/deep/a.yaml",
            "kind: Namespace\n\u{1b}[2J\n",
        ),
        (".test-fixtures/bright/b.yaml", "x"),
        ("new.yaml", &new),
    ] {
        write(place.path(), path, text);
    }
    place
}

#[test]
fn what_is_missing_superfluous_and_different_is_shown_and_fails() {
    let place = differing();
    let tested = &all(&test(place.path()))[0];
    assert_eq!(tested.verdict, Verdict::Differs);
    let told = tested.differences.iter();
    let told: Vec<_> = told.map(|it| (&*it.file, it.difference)).collect();
    let expected = [
        ("b.yaml", "Superfluous"),
        ("deep/a.yaml", "Changed"),
        ("new.yaml", "Missing"),
    ];
    assert_eq!(told, expected);
    let shown = anstream::adapter::strip_str(&tested.shown).to_string();
    let expected = "\
.test-fixtures/bright/b.yaml is a fixture, and is not rendered

--- .test-fixtures/bright/deep/a.yaml
+++ deep/a.yaml as case bright renders it
@@ -1,2 +1,6 @@
+apiVersion: v1
 kind: Namespace
-\\u{1b}[2J
+metadata:
+  name: hall
+  annotations:
+    package-operator.run/phase: only

.test-fixtures/bright/new.yaml is rendered, and is no fixture

";
    assert_eq!(shown, expected);
    let failed = run(&test(place.path())).unwrap_err().to_string();
    assert!(
        failed.starts_with("1 of 2 test cases failed; \""),
        "{failed}"
    );
}

#[test]
fn no_value_of_a_secret_is_shown_in_whatever_form() {
    let place = package();
    let secret = |password: &str| {
        format!(
            "apiVersion: v1\nkind: Secret\nmetadata:\n  name: token\n  namespace: a\n  annotations: {{package-operator.run/phase: only}}\n\
             stringData: {{user: hunter1, password: {password}}}\n"
        )
    };
    write(place.path(), "token.yaml", &secret("hunter2"));
    let fixture = ".test-fixtures/bright/token.yaml";
    write(place.path(), fixture, &secret("hunter3"));
    let tested = &all(&test(place.path()))[0];
    let program = serde_json::to_string(tested).unwrap();
    let shown = anstream::adapter::strip_str(&tested.shown).to_string();
    for text in [&program, &shown] {
        assert!(!text.contains("hunter"), "{text}");
    }
    let expected = "-  password: (hidden)
+  password: (hidden, and not as in the fixture)
   user: (hidden)
";
    assert!(shown.contains(expected), "{shown}");
}

#[test]
fn what_is_asked_for_is_written_once() {
    let place = differing();
    let update = Test {
        update: true,
        ..test(place.path())
    };
    let tested = &all(&update)[0];
    assert_eq!(tested.verdict, Verdict::Updated);
    assert_eq!(words(tested), "wrote deep/a.yaml, new.yaml; removed b.yaml");
    assert_eq!(all(&update)[0].verdict, Verdict::Passed);
    run(&test(place.path())).unwrap();
}

#[test]
fn a_case_without_fixtures_fails_until_they_are_written() {
    let place = package();
    let folder = place.path();
    std::fs::remove_dir_all(folder.join("components/bulb/.test-fixtures")).unwrap();
    assert_eq!(
        verdicts(&test(folder))[1],
        ("dim".into(), Verdict::NoFixtures)
    );
    assert!(run(&test(folder)).is_err());
    assert!(
        !folder.join("components/bulb/.test-fixtures").exists(),
        "nothing is written unasked"
    );
    let update = Test {
        update: true,
        ..test(folder)
    };
    run(&update).unwrap();
    run(&test(folder)).unwrap();
}

#[test]
fn a_case_that_renders_to_nothing_needs_no_fixtures() {
    let place = package();
    let folder = place.path();
    std::fs::remove_file(folder.join("deep/a.yaml.gotmpl")).unwrap();
    let update = Test {
        update: true,
        ..test(folder)
    };
    assert_eq!(words(&all(&update)[0]), "removed deep/a.yaml");
    assert!(!folder.join(".test-fixtures/bright").exists());
    assert_eq!(verdicts(&test(folder))[0].1, Verdict::Passed);
}

#[test]
fn a_case_that_is_invalid_fails_alone_and_is_not_updated() {
    let place = package();
    let folder = place.path();
    write(
        folder,
        "deep/a.yaml.gotmpl",
        &TEMPLATE.replace("only", "other"),
    );
    let update = Test {
        update: true,
        ..test(folder)
    };
    let tested = all(&update);
    let found: Vec<_> = tested.iter().map(|it| it.verdict).collect();
    assert_eq!(found, [Verdict::Invalid, Verdict::Passed]);
    assert_eq!(tested[0].violations[0].reason, "PhaseUnknown");
    assert!(
        tested[0].shown.contains("in test case \"bright\""),
        "{}",
        tested[0].shown
    );
    let failed = run(&update).unwrap_err().to_string();
    assert_eq!(failed, "1 of 2 test cases failed");
}

#[test]
fn each_case_is_looked_at_by_itself() {
    let place = package();
    let folder = place.path();
    let two = manifest("lamp", "  components: {}\n", "bright");
    let second = "  - name: dark\n    context: {package: {metadata: {name: hall}}}\n";
    write(folder, "manifest.yaml", &format!("{two}{second}"));
    write(
        folder,
        "deep/a.yaml.gotmpl",
        &TEMPLATE.replace("only", "other"),
    );
    let dark = Test {
        cases: vec!["dark".to_owned()],
        ..test(folder)
    };
    for test in [dark, test(folder)] {
        let invalid = verdicts(&test)
            .into_iter()
            .filter(|it| it.1 == Verdict::Invalid);
        let all = if test.cases.is_empty() { 2 } else { 1 };
        assert_eq!(
            invalid.count(),
            all,
            "what is wrong in one is wrong in the other"
        );
    }
}

#[test]
fn a_package_that_cannot_be_loaded_is_refused_and_one_without_cases_is_fine() {
    let place = tempfile::tempdir().unwrap();
    let folder = place.path();
    let whole = manifest("lamp", "", "one");
    let without = whole.split("test:").next().unwrap();
    write(folder, "manifest.yaml", without);
    for format in [Format::Table, Format::Json] {
        let test = Test {
            output: format,
            ..test(folder)
        };
        run(&test).unwrap();
    }
    write(folder, "manifest.yaml", "kind: [");
    let refused = run(&test(folder)).unwrap_err().to_string();
    assert_eq!(refused, "the package is not valid: 1 violation");
}
