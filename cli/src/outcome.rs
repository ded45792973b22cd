//! The result of a command that did not fail.

/// What a command ends with when nothing went wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// Everything is as asked for.
    Done,
    /// The answer is no, or the wait ran out.
    NotAsAsked,
}
