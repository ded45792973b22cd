//! CEL with the limits that hostile input needs.
//!
//! Expressions come from package authors: probe rules, conditions, and the validation rules of schemas. The interpreter
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
//! Compiling may run on a short-lived thread with a large stack, because one of the parsers recurses deeply (an
//! unoptimised build needs megabytes for a dozen parentheses). The thread does no I/O and has ended when
//! [`Program::compile`] returns, so the crate stays a pure function of its arguments.
//!
//! Error messages never contain values of the evaluated objects: those may be Secrets.

mod bind;
mod cost;
mod environment;
mod error;
mod guard;
mod library;
mod limit;
mod parse;
mod program;
mod qualified;
mod shape;
mod structural;
mod tree;

pub use bind::Numbers;
pub use error::Error;
pub use limit::*;
pub use program::{Bindings, Outcome, Program};
pub use structural::field_name;
