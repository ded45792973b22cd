//! Source files: reachable, and of a size that one person can hold in mind.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::manifest::Workspace;
use super::source::{relative, rust_files, sources};

/// Lines that a file may have, tests included.
const LARGEST: usize = 400;

/// Files under a crate's `src` that no `mod` line reaches.
fn orphans(workspace: &Workspace) -> Vec<String> {
    let mut found = BTreeSet::new();
    let mut reached = BTreeSet::new();
    for package in workspace.members() {
        found.extend(rust_files(&package.folder().join("src")));
        for target in &package.targets {
            if target.kind.iter().any(|kind| kind != "custom-build") {
                follow(&target.src_path, true, &mut reached);
            }
        }
    }
    let orphans = found.difference(&reached);
    orphans.map(|path| relative(path)).collect()
}

/// Follows `mod x;` lines from a file. `root` says whether submodules stand beside the file
/// (crate root) or in a folder of its name.
fn follow(file: &Path, root: bool, reached: &mut BTreeSet<PathBuf>) {
    if !reached.insert(file.to_owned()) {
        return;
    }
    let text = std::fs::read_to_string(file).expect("a source file can be read");
    let beside = file.parent().expect("a file is in a folder");
    let folder = if root {
        beside.to_owned()
    } else {
        file.with_extension("")
    };
    for line in text.lines() {
        let words = line.trim().trim_end_matches(';');
        let Some(name) = words
            .strip_prefix("pub(crate) mod ")
            .or_else(|| words.strip_prefix("pub mod "))
            .or_else(|| words.strip_prefix("mod "))
        else {
            continue;
        };
        if line.trim().ends_with(';') {
            let path = folder.join(format!("{name}.rs"));
            if path.exists() {
                follow(&path, false, reached);
            }
        } else if let Some(inner) = name.strip_suffix(" {") {
            // An inline module whose files stand in a folder of its name.
            reached.extend(rust_files(&folder.join(inner.trim())));
        }
    }
}

#[test]
fn every_source_file_is_reached_from_a_crate_root() {
    let orphans = orphans(&Workspace::load());
    assert!(
        orphans.is_empty(),
        "no `mod` line reaches:\n{}",
        orphans.join("\n")
    );
}

#[test]
fn no_source_file_outgrows_its_budget() {
    let mut large = vec![];
    for source in sources() {
        let lines = source.text.lines().count();
        if lines > LARGEST {
            large.push(format!("{}: has {lines} lines", source.path));
        }
    }
    assert!(large.is_empty(), "split these:\n{}", large.join("\n"));
}
