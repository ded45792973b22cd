//! The errors of expressions, which never carry values.

use thiserror::Error as ThisError;

/// Why an expression is refused or did not give a result. No variant carries values of evaluated objects.
#[derive(Debug, Clone, PartialEq, Eq, ThisError)]
#[non_exhaustive]
pub enum Error {
    /// The source is longer than [`crate::limit::MAX_SOURCE_BYTES`].
    #[error("the expression has {bytes} bytes, the limit is {limit}")]
    TooLong {
        /// Bytes of the source.
        bytes: usize,
        /// The limit.
        limit: usize,
    },
    /// Brackets or operators nest too deep.
    #[error("the expression nests {what} deeper than {limit}")]
    TooDeep {
        /// `brackets`, `operations` or `comprehensions`.
        what: &'static str,
        /// The limit.
        limit: usize,
    },
    /// The source is not CEL.
    #[error("not a CEL expression: {0}")]
    Syntax(String),
    /// A function that is not offered here.
    #[error("unknown function {0:?}")]
    UnknownFunction(String),
    /// A variable that is not bound here.
    #[error("unknown variable {name:?} (known: {known})")]
    UnknownVariable {
        /// The name used.
        name: String,
        /// The names bound, joined by commas.
        known: String,
    },
    /// A regular expression that is not a literal, too long, or not valid.
    #[error("regular expression: {0}")]
    Regex(String),
    /// The expression can only give something else than a boolean.
    #[error("the expression gives {0}, not a boolean")]
    NotBool(String),
    /// A bound value is too large to evaluate on.
    #[error("{name:?} is too large to evaluate on: {what}, the limit is {limit}")]
    BindingTooLarge {
        /// The variable.
        name: String,
        /// What is too large.
        what: String,
        /// The limit.
        limit: usize,
    },
    /// On these values the evaluation could take too many steps or too much memory.
    #[error("the expression could need {estimate} {what} on these values, the limit is {limit}")]
    TooCostly {
        /// `steps` or `bytes`.
        what: &'static str,
        /// The estimate, an upper bound.
        estimate: u64,
        /// The limit.
        limit: u64,
    },
    /// The evaluation failed, for example because a field is missing.
    #[error("evaluation failed: {0}")]
    Evaluation(String),
}

/// The message of an evaluation error with the values left out. A key is named only where the expression
/// itself spells it: one that was computed may be a value.
pub(crate) fn evaluation(error: &cel::ExecutionError, source: &str) -> Error {
    use cel::ExecutionError as E;
    let message = match error {
        E::NoSuchKey(key) if source.contains(key.as_str()) => format!("no such key: {key}"),
        E::NoSuchKey(_) => "no such key".to_owned(),
        E::NoSuchOverload(overload) => overload.to_string(),
        E::UndeclaredReference(name) => format!("undeclared reference to {name:?}"),
        E::InvalidArgumentCount { expected, actual } => {
            format!("expected {expected} arguments, got {actual}")
        }
        E::UnexpectedType { got, want } => format!("unexpected type: got {got:?}, want {want:?}"),
        E::NotSupportedAsMethod { method, .. } => {
            format!("{method:?} is not a method of that type")
        }
        E::ValuesNotComparable(..) => "values cannot be compared".to_owned(),
        E::UnsupportedBinaryOperator(operator, ..) => {
            format!("operator {operator:?} does not apply to these types")
        }
        E::UnsupportedIndex(..) => "that type cannot be used as an index".to_owned(),
        E::FunctionError { function, .. } => format!("function {function:?} failed"),
        E::DivisionByZero(..) => "division by zero".to_owned(),
        E::RemainderByZero(..) => "remainder by zero".to_owned(),
        E::Overflow(operator, ..) => format!("operator {operator:?} overflowed"),
        E::IndexOutOfBounds(..) => "index out of bounds".to_owned(),
        E::DuplicateKey(..) => "a map literal repeats a key".to_owned(),
        _ => "the operation is not supported on these values".to_owned(),
    };
    Error::Evaluation(message)
}
