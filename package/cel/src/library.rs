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

use cel::{DeclarationError, Env, ExecutionError};

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

/// A failure of a function. What it says stays here: it would tell values.
fn failed(function: &str) -> ExecutionError {
    ExecutionError::function_error(function, "")
}

/// Makes a type of ours one of CEL's.
macro_rules! value {
    ($type:ident, $static:ident, $name:literal) => {
        static $static: cel::common::types::Type =
            cel::common::types::Type::new_unspecified_type($name);

        impl cel::common::value::Val for $type {
            fn get_type(&self) -> &cel::common::types::Type {
                &$static
            }

            fn cel_type() -> &'static cel::common::types::Type {
                &$static
            }

            fn equals(&self, other: &dyn cel::common::value::Val) -> bool {
                other
                    .downcast_ref::<$type>()
                    .is_some_and(|other| other == self)
            }

            fn clone_as_boxed<'v>(&self) -> Box<dyn cel::common::value::Val + 'v> {
                Box::new(self.clone())
            }

            fn as_any(&self) -> Option<&dyn std::any::Any> {
                Some(self)
            }
        }

        impl cel::common::value::StaticVal for $type {}
    };
}

use value;
