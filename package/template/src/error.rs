//! The errors of the engine: why templates are not accepted, and why an execution failed.

use thiserror::Error as ThisError;

use crate::budget::Exhausted;
use crate::limit;

/// Why a set of files is not accepted.
#[derive(Debug, Clone, PartialEq, Eq, ThisError)]
pub enum ParseError {
    /// Go's parser refuses it too, or it names a function that is not offered, or nests too deep.
    #[error("template: {file}:{line}: {message}")]
    Syntax {
        /// The file, as it was named to [`crate::set::TemplateSet::parse`].
        file: String,
        /// The line, from 1.
        line: u32,
        /// What is wrong, in Go's words.
        message: String,
    },
    /// The files have more than [`limit::TEMPLATE_PARTS`] together.
    #[error(
        "template: {file}: more than {} texts, actions and operands up to here",
        limit::TEMPLATE_PARTS
    )]
    TooLarge {
        /// The file in which the limit was passed.
        file: String,
    },
    /// The budget does not suffice.
    #[error("template: {file}: {exhausted}")]
    Exhausted {
        /// The file that could not be paid for.
        file: String,
        /// What is used up.
        exhausted: Exhausted,
    },
}

/// Why an execution failed.
#[derive(Debug, Clone, PartialEq, Eq, ThisError)]
#[error("template: {file}:{line}:{column}: executing {template:?} at <{context}>: {message}")]
pub struct ExecError {
    /// The file in which execution stopped.
    pub file: String,
    /// The line, from 1.
    pub line: u32,
    /// The column in bytes, from 0.
    pub column: u32,
    /// The template that was being executed: the file, or what it defines.
    pub template: String,
    /// The expression that failed.
    pub context: String,
    /// What is wrong, in Go's words.
    pub message: String,
    /// Where the context has no entry that the expression names as a field: the keys from its root.
    pub missing: Option<Box<[String]>>,
}
