//! Source files of the workspace, without generated code.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// A file of Rust.
pub(crate) struct Source {
    /// Its path from the root of the workspace.
    pub(crate) path: String,
    pub(crate) text: String,
}

/// The root of the workspace.
pub(crate) fn root() -> &'static Path {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    folder.parent().expect("the crate is in a workspace")
}

/// Every file of Rust that a person writes.
pub(crate) fn sources() -> Vec<Source> {
    let read = |path: &PathBuf| Source {
        path: relative(path),
        text: std::fs::read_to_string(path).expect("a source file can be read"),
    };
    rust_files(root()).iter().map(read).collect()
}

/// A path from the root of the workspace.
pub(crate) fn relative(path: &Path) -> String {
    let path = path.strip_prefix(root()).unwrap_or(path);
    path.display().to_string()
}

/// Files of Rust below a folder: what was built or generated is left out.
pub(crate) fn rust_files(folder: &Path) -> BTreeSet<PathBuf> {
    let mut files = BTreeSet::new();
    let Ok(entries) = std::fs::read_dir(folder) else {
        return files;
    };
    for entry in entries {
        let path = entry.expect("a folder can be read").path();
        let name = path.file_name().and_then(|name| name.to_str());
        let is_ours = name.is_some_and(|name| !name.starts_with('.') && !LEFT_OUT.contains(&name));
        if path.is_dir() && is_ours {
            files.extend(rust_files(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.insert(path);
        }
    }
    files
}

/// Folders of what is built, and of code that is generated and included by a macro.
const LEFT_OUT: [&str; 2] = ["target", "gen"];
