use super::*;
use crate::violation::Reason;

const MANIFEST: &str = "apiVersion: manifests.package-operator.run/v1alpha1
kind: PackageManifest
metadata: {name: lamp}
spec:
  scopes: [Cluster]
  phases: [{name: only}]
";

fn files(entries: &[(&str, &str)]) -> PackageFiles {
    let mut files = PackageFiles::new();
    files.insert("manifest.yaml", MANIFEST.into()).unwrap();
    for (path, text) in entries {
        files.insert(path, text.as_bytes().to_vec()).unwrap();
    }
    files
}

/// What is shown of a place in a file that has this text.
fn excerpt(path: &str, text: &str, line: usize, column: Option<usize>) -> Excerpt {
    let violation = Violation::new(Reason::InvalidYaml, "").in_file(path);
    let violation = violation.on(Position { line, column });
    let files = files(&[(path, text)]);
    Excerpts::new(&files, None, 100)
        .of_violation(&violation)
        .unwrap()
}

/// The line of a ConfigMap, and what is marked of it.
fn marked(line: &str, column: Option<usize>) -> (String, String) {
    let text = format!("kind: ConfigMap\n{line}\n");
    let line = excerpt("a.yaml", &text, 2, column).line.unwrap();
    let marked = line.text[line.marked].to_owned();
    (line.text, marked)
}

#[test]
fn the_character_of_a_column_is_marked_or_the_whole_line() {
    let of = |line: &str, column| marked(line, column).1;
    assert_eq!(of("  a: [", Some(6)), "[");
    assert_eq!(of("  a: [", None), "a: [");
    assert_eq!(of("\t\ta: [", Some(3)), "a");
    assert_eq!(of("  größe: 日本", Some(11)), "本");
    assert_eq!(of("  a: [", Some(7)), "", "at the end of the line");
    assert_eq!(of("  a: [", Some(99)), "");
    assert_eq!(of("", None), "");
}

#[test]
fn a_long_line_is_cut_around_what_is_marked() {
    let line = format!("{}X{}", "a".repeat(5_000), "b".repeat(5_000));
    let (text, mark) = marked(&line, Some(5_001));
    assert_eq!(mark, "X");
    assert!(text.starts_with("…a") && text.ends_with("b…"), "{text}");
    assert_eq!(text.chars().count(), 102);
    let (text, _) = marked(&line, None);
    assert_eq!(text, format!("{}…", "a".repeat(100)));
}

#[test]
fn a_character_that_a_terminal_obeys_is_shown_as_an_escape() {
    let (text, mark) = marked("a: \u{1b}[31m", Some(4));
    assert_eq!((&*text, &*mark), ("a: \\u{1b}[31m", "\\u{1b}"));
}

#[test]
fn of_a_document_that_may_be_a_secret_no_line_is_shown() {
    let value = "  password: hunter2";
    for (document, is_shown) in [
        ("kind: ConfigMap\ndata:", true),
        ("apiVersion: v1\nkind: Pod # of it\nspec: [", true),
        ("kind: Secret\nstringData:", false),
        ("kind: \"Secret\"\nstringData:", false),
        ("kind: &k Secret\nstringData:", false),
        ("kind: ConfigMap\nkind: Secret\nstringData:", false),
        ("\"kind\": Secret\nkind: ConfigMap\nstringData:", false),
        ("kind: List\nitems:", false),
        ("data:", false),
        ("kind: ConfigMap\n---\ndata:", false),
        ("kind: Secret\n---\nkind: ConfigMap\ndata:", true),
    ] {
        let text = format!("{document}\n{value}\n");
        let line = text.lines().count();
        let found = excerpt("a.yaml", &text, line, Some(3));
        assert_eq!(found.line.is_some(), is_shown, "{document}");
        assert_eq!(found.is_secret, !is_shown, "{document}");
    }
}

#[test]
fn of_a_template_that_writes_a_secret_the_actions_are_shown() {
    let text = "kind: Secret\ndata:\n  one: hunter{{ .config.x }}two{{ fail \"no\" }}2\n";
    let line = excerpt("a.yaml.gotmpl", text, 3, Some(17)).line.unwrap();
    assert_eq!(line.text, "  …{{ .config.x }}…{{ fail \"no\" }}…");
    assert_eq!(&line.text[line.marked], ".");
    let whole = excerpt("a.yaml.gotmpl", &text.replace("Secret", "Pod"), 3, Some(17));
    assert!(whole.line.unwrap().text.contains("hunter"));
}

#[test]
fn a_document_is_found_by_its_number() {
    let text = "# of the lamp\n---\nkind: Pod\n---\n\n# its map\n\nkind: ConfigMap\n";
    let files = files(&[("a.yaml", text)]);
    let violation = Violation::new(Reason::PhaseMissing, "").at("a.yaml", 1);
    let found = Excerpts::new(&files, None, 100)
        .of_violation(&violation)
        .unwrap();
    assert_eq!(found.position.line, 8);
    assert_eq!(found.line.unwrap().text, "kind: ConfigMap");
}

#[test]
fn of_what_a_template_wrote_the_written_line_is_shown_and_the_template_named() {
    let cases = "test: {template: [
  {name: one, context: {package: {metadata: {name: lamp}}, config: {}}}]}
";
    let template = "{{ `kind: Pod` }}\n{{ `a: [` }}\n";
    for (more, component) in [
        ("", None),
        (cases, None),
        ("", Some("bulb")),
        (cases, Some("bulb")),
    ] {
        let manifest = format!("{MANIFEST}{more}");
        let mut files = PackageFiles::new();
        let folder = component.map_or(String::new(), |name| format!("components/{name}/"));
        if component.is_some() {
            let root = format!("{MANIFEST}  components: {{}}\n");
            files.insert("manifest.yaml", root.into()).unwrap();
        }
        for (path, text) in [("manifest.yaml", &*manifest), ("a.yaml.gotmpl", template)] {
            let path = format!("{folder}{path}");
            files.insert(&path, text.as_bytes().to_vec()).unwrap();
        }
        let package = Package::load(files.clone()).unwrap();
        let invalid = package.check().unwrap_err();
        let violation = &invalid.violations()[0];
        let mut excerpts = Excerpts::new(&files, Some(&package), 100);
        let found = excerpts.of_violation(violation).unwrap();
        assert_eq!(found.path, format!("{folder}a.yaml.gotmpl"));
        assert!(found.is_written);
        assert_eq!(found.line.unwrap().text, "a: [", "{more} {component:?}");
    }
}

#[test]
fn of_a_manifest_every_line_is_shown() {
    let files = files(&[]);
    let violation = Violation::new(Reason::ManifestInvalid, "").in_file("manifest.yaml");
    let violation = violation.on(Position {
        line: 5,
        column: Some(3),
    });
    let found = Excerpts::new(&files, None, 100)
        .of_violation(&violation)
        .unwrap();
    assert_eq!(found.line.unwrap().text, "  scopes: [Cluster]");
    let nowhere = Violation::new(Reason::ManifestInvalid, "").in_file("manifest.yaml");
    assert_eq!(
        Excerpts::new(&files, None, 100).of_violation(&nowhere),
        None
    );
}

/// Where the field is marked in document 1 of a file: line, column, and what is shown of the line.
fn field_in(text: &str, field: Field) -> (usize, Option<usize>, Option<String>) {
    let files = files(&[("a.yaml", text)]);
    let violation = Violation::new(Reason::MetadataInvalid, "").at("a.yaml", 1);
    let found = Excerpts::new(&files, None, 100)
        .of_violation(&violation.about(field))
        .unwrap();
    let Position { line, column } = found.position;
    let shown = found.line.map(|line| line.text[line.marked].to_owned());
    (line, column, shown)
}

#[test]
fn the_field_of_an_object_is_marked_or_else_what_it_would_be_in() {
    let text = "kind: First\n---\n\n  # of the lamp\nkind: Lamp\nmetadata:\n  name: a\n  labels:\n    a.example/b: 1\n  \
                finalizers:\n  - one\n  - two\n";
    let mark = |field| field_in(text, field);
    let shown = |letter: &str| Some(letter.to_owned());
    let label = Field::of(&["metadata", "labels", "a.example/b"]);
    assert_eq!(mark(label), (9, Some(5), shown("a")));
    let missing = Field::of(&["metadata", "labels", "a.example/c"]);
    assert_eq!(mark(missing), (8, Some(3), shown("l")));
    let missing = Field::of(&["metadata", "annotations", "a"]);
    assert_eq!(mark(missing), (6, Some(1), shown("m")));
    let item = Field::of(&["metadata", "finalizers"]).item(1);
    assert_eq!(mark(item), (12, Some(5), shown("t")));
    let nowhere = Field::of(&["spec", "image"]);
    assert_eq!(mark(nowhere), (5, None, shown("kind: Lamp")));
}

#[test]
fn the_field_of_a_secret_is_found_and_its_line_is_not_shown() {
    let text = "kind: First\n---\nkind: Secret\ndata:\n  a: hunter2\n";
    let found = field_in(text, Field::of(&["data", "a"]));
    assert_eq!(found, (5, Some(3), None));
}

#[test]
fn a_field_of_what_a_template_wrote_is_marked_in_that() {
    let template = "{{ range until 2 }}---\napiVersion: v1\nkind: Lamp\nmetadata:\n  name: a{{ . }}\n  labels: {a: 1}\n{{ end }}";
    let files = files(&[("a.yaml.gotmpl", template)]);
    let package = Package::load(files.clone()).unwrap();
    let invalid = package.check().unwrap_err();
    let mut excerpts = Excerpts::new(&files, Some(&package), 100);
    let violations = invalid.violations().iter();
    let labels = violations.filter(|it| it.reason == Reason::LabelsInvalid);
    let places = labels.map(|it| excerpts.of_violation(it).unwrap().position);
    let places: Vec<_> = places.map(|it| (it.line, it.column)).collect();
    assert_eq!(places, [(6, Some(12)), (12, Some(12))], "{invalid}");
}
