//! Values of types of ours, and failures of functions.

use cel::ExecutionError;

/// A failure of a function. What it says stays here: it would tell values.
pub(super) fn failed(function: &str) -> ExecutionError {
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

pub(super) use value;
