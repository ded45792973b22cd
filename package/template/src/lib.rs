//! Go's text/template as packages use it: the language, a fixed list of functions, and the YAML and JSON that templates
//! read and write.
//!
//! Pure and bounded: no clock, no randomness, no I/O. Templates are parsed once ([`set::TemplateSet::parse`]) and executed
//! as often as wanted; both take their steps from a [`budget::Budget`], and an execution has limits of its own
//! ([`resources::Limits`]). The language is that of Go 1.26 with `missingkey=error`; the context passes through JSON, so
//! its numbers are `float64`, and map keys are always visited in order.
//!
//! An execution also reports which parts of the context it read ([`reads::Reads`]), so that its output can be
//! reused for every context that agrees on those.
//!
//! Read it from the ground up: `lex`, `parse` and `ast` make trees of text; `machine` holds a running execution, `exec`
//! walks a tree and `eval` evaluates its expressions; `functions` are what expressions call, which see of the execution
//! only its `resources`.

mod ast;
mod base;
pub mod budget;
pub mod error;
mod eval;
mod exec;
mod format;
mod functions;
mod glob;
mod json;
mod letters;
mod lex;
pub mod limit;
mod literal;
mod machine;
mod parse;
pub mod reads;
mod regexp;
pub mod resources;
pub mod set;
mod url;
mod value;
mod version;
pub mod version_range;
pub mod yaml;

#[cfg(test)]
mod tests;
