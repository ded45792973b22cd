//! Source files: reachable, and of a size that one person can hold in mind.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::manifest::Workspace;

/// Production lines that a file may have; tests at its end do not count.
const BUDGET: usize = 500;

/// Files under a crate's `src` that no `mod` line reaches.
pub(crate) fn orphans(workspace: &Workspace) -> Vec<String> {
    let mut found = BTreeSet::new();
    let mut reached = BTreeSet::new();
    for package in workspace.members() {
        collect(&package.folder().join("src"), &mut found);
        for target in &package.targets {
            if target.kind.iter().any(|kind| kind != "custom-build") {
                follow(&target.src_path, true, &mut reached);
            }
        }
    }
    found
        .difference(&reached)
        .filter(|path| !is_generated(path))
        .map(|path| path.display().to_string())
        .collect()
}

/// Files with more production lines than the budget.
pub(crate) fn over_budget(workspace: &Workspace) -> Vec<String> {
    let mut files = BTreeSet::new();
    for package in workspace.members() {
        collect(&package.folder().join("src"), &mut files);
    }
    files
        .iter()
        .filter(|path| !is_generated(path) && !is_test(path))
        .filter_map(|path| {
            let text = std::fs::read_to_string(path).expect("a source file can be read");
            let lines = text
                .lines()
                .take_while(|line| line.trim() != "#[cfg(test)]")
                .count();
            (lines > BUDGET).then(|| format!("{} has {lines} lines", path.display()))
        })
        .collect()
}

/// Generated code is included by a macro, and is of the size it is.
fn is_generated(path: &Path) -> bool {
    path.components().any(|part| part.as_os_str() == "gen")
}

/// `x/tests.rs` and what stands below `x/tests/`.
fn is_test(path: &Path) -> bool {
    path.with_extension("")
        .components()
        .any(|part| part.as_os_str() == "tests")
}

fn collect(folder: &Path, into: &mut BTreeSet<PathBuf>) {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return;
    };
    for entry in entries {
        let path = entry.expect("a folder can be read").path();
        if path.is_dir() {
            collect(&path, into);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            into.insert(path);
        }
    }
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
            collect(&folder.join(inner.trim()), reached);
        }
    }
}
