//! CEL with the limits that hostile input needs.
//!
//! Expressions come from package authors: probe rules and `condition` annotations. The interpreter
//! below has no cost model and cannot be interrupted once it runs, so everything that can be bounded is
//! bounded before it starts:
//!
//! * at [`Program::compile`]: length, bracket nesting, depth of the syntax tree, nesting of
//!   comprehensions, the functions that may be called, the size of regular expressions;
//! * at [`Program::eval`]: the size of what is bound, and an estimate of steps and of memory computed from
//!   the expression and the sizes of the values bound to it. The estimate is an upper bound for the
//!   functions allowed here, not a budget enforced while the interpreter runs.
//!
//! An evaluation therefore ends, but it may still take up to seconds in the worst case. Callers run it off
//! their event loop, measure it, and quarantine an expression that takes too long.
//!
//! Compiling runs on a short-lived thread with a large stack, because the parser recurses deeply (an
//! unoptimised build needs megabytes for a dozen parentheses). The thread does no I/O and has ended when
//! [`Program::compile`] returns, so the crate stays a pure function of its arguments.
//!
//! Error messages never contain values of the evaluated objects: those may be Secrets.

mod bind;
mod cost;
mod error;
mod guard;
mod program;

pub use error::Error;
pub use program::{Bindings, Outcome, Program};

/// Longest expression that is compiled, in bytes.
pub const MAX_SOURCE_BYTES: usize = 4 * 1024;
/// Deepest nesting of `(`, `[` and `{`, checked before the parser sees the source.
pub const MAX_BRACKET_DEPTH: usize = 32;
/// Deepest syntax tree: a chain of operators or of member accesses counts one per link (`&&` and `||` are
/// balanced and count logarithmically). Evaluating the deepest tree fits a stack of 2 MiB, also unoptimised.
pub const MAX_TREE_DEPTH: usize = 32;
/// How deep `all`, `exists`, `map`, `filter` and the like may be nested in each other's bodies.
pub const MAX_COMPREHENSION_NESTING: usize = 2;
/// Longest regular expression, in bytes; it must be a literal.
pub const MAX_REGEX_BYTES: usize = 256;
/// Most elements of one list or map that is bound.
pub const MAX_BOUND_ELEMENTS: usize = 2_000;
/// Largest total of what is bound to one evaluation: bytes of strings plus 16 for every value.
pub const MAX_BOUND_SIZE: usize = 4 * 1024 * 1024;
/// Most steps one evaluation may be estimated to take (a step is half a microsecond or so).
pub const MAX_STEPS: u64 = 2_000_000;
/// Most bytes one evaluation may be estimated to build.
pub const MAX_MEMORY: u64 = 64 * 1024 * 1024;
