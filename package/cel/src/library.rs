//! Kubernetes' libraries of CEL functions beside the standard ones, with their names and meaning.
//!
//! A function is registered here, allowed in `guard` and bounded in `cost`: one that is missing in either of the latter
//! cannot be called.

mod address;
mod format;
mod lists;
mod quantity;
mod regexes;
mod sets;
mod url;
mod value;

use cel::{DeclarationError, Env};

pub(crate) use format::NAMES as FORMATS;
pub(crate) use regexes::compile as compile_regex;

/// Adds all of them.
pub(crate) fn extension(env: &mut Env) -> Result<(), DeclarationError> {
    address::extension(env)?;
    format::extension(env)?;
    lists::extension(env)?;
    quantity::extension(env)?;
    regexes::extension(env)?;
    sets::extension(env)?;
    url::extension(env)
}
