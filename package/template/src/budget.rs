//! The budget of steps and output that one piece of work takes from, all its parts together.

use thiserror::Error as ThisError;

/// Steps and output that are left. A step is about a quarter of a microsecond of an optimised build: executing a
/// node of a template, handling 32 bytes, a tenth of reading a value of YAML.
#[derive(Debug, Clone)]
pub struct Budget {
    limits: (u64, usize),
    steps: u64,
    output: usize,
    exhausted: bool,
}

/// The budget does not suffice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ThisError)]
pub enum Exhausted {
    /// Of so many steps.
    #[error("the budget of {0} steps is used up")]
    Steps(u64),
    /// Of so many bytes of output.
    #[error("all templates together write more than {0} bytes")]
    Output(usize),
}

impl Budget {
    /// So many steps, and so many bytes of templates' output.
    pub fn new(steps: u64, output: usize) -> Self {
        Self {
            limits: (steps, output),
            steps,
            output,
            exhausted: false,
        }
    }

    /// Takes steps, before or after what they stand for.
    ///
    /// # Errors
    /// When there are fewer left; then none are.
    pub fn charge(&mut self, steps: u64) -> Result<(), Exhausted> {
        let left = self.steps.checked_sub(steps);
        self.exhausted |= left.is_none();
        self.steps = left.unwrap_or(0);
        left.map(drop).ok_or(Exhausted::Steps(self.limits.0))
    }

    /// Takes bytes of output.
    ///
    /// # Errors
    /// When there are fewer left.
    pub fn write(&mut self, bytes: usize) -> Result<(), Exhausted> {
        let left = self.output.checked_sub(bytes);
        self.exhausted |= left.is_none();
        self.output = left.unwrap_or(self.output);
        left.map(drop).ok_or(Exhausted::Output(self.limits.1))
    }

    /// Whether it did not suffice at some time, also where that error was dropped.
    pub fn is_exhausted(&self) -> bool {
        self.exhausted
    }
}
