//! Fixtures that no case has.

use super::*;

const OBJECT: &str = "apiVersion: v1
kind: Namespace
metadata: {name: hall, annotations: {package-operator.run/phase: only}}
";

/// The same package with fixtures of a case that is no more in the component.
fn orphaned(files: &[(&str, &str)]) -> tempfile::TempDir {
    let place = package();
    for (path, text) in files {
        let path = format!("components/bulb/.test-fixtures/gone/{path}");
        write(place.path(), &path, text);
    }
    place
}

fn of_no_case(test: &Test) -> Vec<Tested> {
    let contents = folder::read(&test.path).unwrap();
    let package = contents.load().package.unwrap();
    let orphans = orphans(&package, test).unwrap().into_iter();
    orphans.map(|it| without_case(test, it).unwrap()).collect()
}

#[test]
fn fixtures_of_a_case_that_is_no_more_are_named_and_removed_if_they_are_ours() {
    let place = orphaned(&[("a.yaml", OBJECT), ("deep/b.yaml", OBJECT)]);
    let folder = place.path();
    run(&test(folder)).unwrap();
    let found = of_no_case(&test(folder));
    let told: Vec<_> = found.iter().map(|it| (&*it.case, it.verdict)).collect();
    assert_eq!(told, [("gone", Verdict::NoCase)]);
    assert_eq!(found[0].component.as_deref(), Some("bulb"));
    assert!(words(&found[0]).contains("--update"));
    let chosen = Test {
        cases: vec!["dim".to_owned()],
        ..test(folder)
    };
    assert!(of_no_case(&chosen).is_empty(), "it is not asked for");
    let update = Test {
        update: true,
        ..test(folder)
    };
    let removed = &of_no_case(&update)[0];
    assert_eq!(words(removed), "removed a.yaml, deep/b.yaml");
    let all = folder.join("components/bulb/.test-fixtures");
    assert!(all.join("dim").exists() && !all.join("gone").exists());
    assert!(of_no_case(&update).is_empty());
}

#[cfg(unix)]
#[test]
fn what_may_be_somebody_elses_is_not_removed() {
    let elsewhere = tempfile::tempdir().unwrap();
    write(elsewhere.path(), "a.yaml", OBJECT);
    let notes = orphaned(&[("a.yaml", OBJECT), ("notes.md", "mine")]);
    let link = orphaned(&[("a.yaml", OBJECT)]);
    let gone = "components/bulb/.test-fixtures/gone";
    std::os::unix::fs::symlink(elsewhere.path(), link.path().join(gone).join("other")).unwrap();
    let linked = package();
    let place = linked.path().join(gone);
    std::os::unix::fs::symlink(elsewhere.path(), place).unwrap();
    for place in [&notes, &link, &linked] {
        let update = Test {
            update: true,
            ..test(place.path())
        };
        let left = &of_no_case(&update)[0];
        assert_eq!(left.verdict, Verdict::NoCase);
        assert!(words(left).contains("remove it"), "{}", words(left));
        assert!(place.path().join(gone).join("a.yaml").exists());
        run(&update).unwrap();
    }
    assert!(elsewhere.path().join("a.yaml").exists());
}
