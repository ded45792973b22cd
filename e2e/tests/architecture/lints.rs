//! Lints: every crate inherits those of the workspace, and their configuration.

use super::manifest::Workspace;

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
