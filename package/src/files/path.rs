//! Paths of a package's files: which are allowed, their order, and what a file is by its path.

use std::cmp::Ordering;

use thiserror::Error as ThisError;

use crate::limit;

/// The folder that holds the components of a package that has some.
pub(crate) const COMPONENTS: &str = "components";
const TEMPLATE_SUFFIX: &str = ".gotmpl";

/// A path that is not one of a package's.
#[derive(Debug, Clone, PartialEq, Eq, ThisError)]
pub enum PathError {
    /// Empty, absolute, with `.`, `..` or empty segments, with a backslash or a control character.
    #[error("{0:?} is not a canonical path")]
    NotCanonical(String),
    /// Longer than [`limit::PATH_BYTES`] or deeper than [`limit::PATH_SEGMENTS`].
    #[error("a path of {bytes} bytes and {segments} segments is too long (limits {max_bytes} and {max_segments})",
        max_bytes = limit::PATH_BYTES, max_segments = limit::PATH_SEGMENTS)]
    TooLong {
        /// Bytes of the path.
        bytes: usize,
        /// Segments of the path.
        segments: usize,
    },
}

/// Whether a segment of `path` begins with a dot.
pub fn is_hidden(path: &str) -> bool {
    path.split('/').any(|segment| segment.starts_with('.'))
}

/// The order of objects inside a phase: by path, where `/` sorts before any other character (`a`, `a/b`, `b`).
pub fn package_order(one: &str, other: &str) -> Ordering {
    one.split('/').cmp(other.split('/'))
}

/// Whether a path may be one of a package's.
pub(crate) fn check_path(path: &str) -> Result<(), PathError> {
    let segments = path.split('/').count();
    if path.len() > limit::PATH_BYTES || segments > limit::PATH_SEGMENTS {
        return Err(PathError::TooLong {
            bytes: path.len(),
            segments,
        });
    }
    let odd = |segment: &str| matches!(segment, "" | "." | "..");
    if path.split('/').any(odd) || path.chars().any(|it| it == '\\' || it.is_control()) {
        return Err(PathError::NotCanonical(path.to_owned()));
    }
    Ok(())
}

/// Whether a file is the manifest, or its lock.
fn is_manifest(path: &str) -> bool {
    let name = path
        .strip_suffix(".yaml")
        .or_else(|| path.strip_suffix(".yml"));
    matches!(name, Some("manifest" | "manifest.lock"))
}

/// Whether templates can read a file: they see neither manifest nor lock. What belongs to components is not among the
/// files of a root.
pub(crate) fn is_readable(path: &str) -> bool {
    !is_manifest(path)
}

/// Whether a file is a template.
pub(crate) fn is_template(path: &str) -> bool {
    path.ends_with(TEMPLATE_SUFFIX)
}

/// The path a template's output is stored under.
pub(crate) fn output_path(template: &str) -> &str {
    template.strip_suffix(TEMPLATE_SUFFIX).unwrap_or(template)
}

/// The path of a component's or the root's own file, as seen from the folder of the whole package.
pub(crate) fn whole_path(component: Option<&str>, path: &str) -> String {
    match component {
        Some(component) => format!("{COMPONENTS}/{component}/{path}"),
        None => path.to_owned(),
    }
}

/// The path of the template that writes a file.
pub(crate) fn template_path(output: &str) -> String {
    format!("{output}{TEMPLATE_SUFFIX}")
}

/// Whether a file's documents are objects: YAML that is neither a manifest nor a helper.
pub(crate) fn holds_objects(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    (path.ends_with(".yaml") || path.ends_with(".yml"))
        && !name.starts_with('_')
        && !is_manifest(path)
}
