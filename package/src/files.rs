//! The files of a package, and the form in which they are stored.

mod map;
mod path;
mod stored;

pub use map::{FilesError, PackageFiles};
pub(crate) use path::{
    COMPONENTS, check_path, holds_objects, is_readable, is_template, output_path, template_path,
    whole_path,
};
pub use path::{PathError, is_hidden, package_order};
pub use stored::{Part, StoredError, StoredFiles};

#[cfg(test)]
pub(crate) mod tests;
