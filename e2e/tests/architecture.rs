//! The house as its manifests draw it: who may use whom, licences, sources, lints, file sizes.

#[path = "architecture/circles.rs"]
mod circles;
#[path = "architecture/files.rs"]
mod files;
#[path = "architecture/manifest.rs"]
mod manifest;
#[path = "architecture/table.rs"]
mod table;

use manifest::Workspace;

#[test]
fn every_crate_uses_only_what_its_row_allows() {
    let workspace = Workspace::load();
    let mut faults = vec![];
    for package in workspace.members() {
        let Some(row) = table::ROWS
            .iter()
            .find(|row| row.crate_name == package.name)
        else {
            faults.push(format!(
                "{}: has no row in the table of directions",
                package.name
            ));
            continue;
        };
        for dependency in package.normal_dependencies() {
            if dependency.starts_with("stevedore-") && !row.may_use.contains(&dependency) {
                faults.push(format!("{}: must not use {dependency}", package.name));
            }
            if row.never.contains(&dependency) {
                faults.push(format!("{}: must never see {dependency}", package.name));
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn pure_crates_reach_no_clock_network_or_cluster_through_others() {
    let workspace = Workspace::load();
    let mut faults = vec![];
    for row in table::ROWS.iter().filter(|row| row.pure) {
        for reached in workspace.closure(row.crate_name) {
            if table::NEVER_BELOW_PURE.contains(&reached.as_str()) {
                faults.push(format!("{}: reaches {reached}", row.crate_name));
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn every_row_of_the_table_stands_for_a_crate() {
    let workspace = Workspace::load();
    for row in table::ROWS {
        assert!(
            workspace
                .members()
                .any(|package| package.name == row.crate_name),
            "{}: the table names a crate that is gone",
            row.crate_name
        );
    }
}

#[test]
fn every_dependency_has_an_allowed_licence_and_source() {
    let workspace = Workspace::load();
    let faults: Vec<_> = workspace
        .packages()
        .filter_map(table::licence_or_source_fault)
        .collect();
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn one_crypto_provider_and_one_copy_of_what_must_agree() {
    let compiled = manifest::compiled();
    for banned in table::BANNED {
        let found = compiled.iter().find(|(name, _)| name == banned);
        assert!(found.is_none(), "{banned} must not be in the tree");
    }
    for single in table::SINGLE_COPY {
        let copies: Vec<_> = compiled.iter().filter(|(name, _)| name == single).collect();
        assert_eq!(
            copies.len(),
            1,
            "versions of {single} in the tree: {copies:?}"
        );
    }
}

#[test]
fn every_crate_inherits_the_lints_of_the_workspace() {
    for package in Workspace::load().members() {
        let text = std::fs::read_to_string(&package.manifest_path).expect("a manifest can be read");
        assert!(
            text.contains("[lints]\nworkspace = true"),
            "{}: has no `[lints] workspace = true`",
            package.name
        );
    }
}

#[test]
fn no_crate_leaves_the_clippy_configuration_of_the_workspace() {
    // clippy reads the nearest one only: methods that the root disallows would be allowed there.
    for package in Workspace::load().members() {
        let own = package.folder().join("clippy.toml");
        assert!(!own.exists(), "{}: has a clippy.toml", package.name);
    }
}

#[test]
fn every_source_file_is_reached_from_a_crate_root() {
    let orphans = files::orphans(&Workspace::load());
    assert!(
        orphans.is_empty(),
        "no `mod` line reaches:\n{}",
        orphans.join("\n")
    );
}

#[test]
fn no_two_files_import_each_other_however_indirectly() {
    let found = circles::circles(&Workspace::load());
    assert!(found.is_empty(), "open these:\n{}", found.join("\n"));
}

#[test]
fn a_circle_is_found_through_use_lines_paths_and_parents() {
    for (parent, child) in [
        (
            "mod child; use child::Part; pub struct Whole;",
            "use super::Whole; pub struct Part;",
        ),
        (
            "mod child; pub struct Whole; fn f() { child::g() }",
            "pub fn g(_: crate::parent::Whole) {}",
        ),
        (
            "mod child; use self::child::{Part, Other as O}; pub fn g() {}",
            "use crate::parent; fn f() { parent::g() }",
        ),
    ] {
        assert_eq!(circles::between(parent, child).len(), 1, "{parent} {child}");
    }
    for (parent, child) in [
        ("mod child; pub struct Whole;", "use super::Whole;"),
        (
            "mod child; use child::Part;",
            "#[cfg(test)] mod tests { use crate::parent::Whole; }",
        ),
        (
            "mod child; pub use child::Part; mod inner { pub struct Whole; }",
            "use inner::Other; mod inner {}",
        ),
    ] {
        assert_eq!(
            circles::between(parent, child),
            Vec::<String>::new(),
            "{parent} {child}"
        );
    }
}

#[test]
fn no_source_file_outgrows_its_budget() {
    let large = files::over_budget(&Workspace::load());
    assert!(
        large.is_empty(),
        "reshape these files:\n{}",
        large.join("\n")
    );
}
