//! The exit of a process.

use std::fmt::{self, Display};
use std::process::ExitCode;

/// How the process ended.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use = "the exit decides the process's code"]
pub enum Exit {
    /// Shutdown was asked for and every task ended in time.
    Clean,
    /// An essential task ended, or some task panicked, while the process was meant to run on.
    TaskEnded {
        /// The task's full name, `owner/name`.
        name: String,
        /// The error it returned, or how it ended without one.
        reason: String,
    },
    /// Shutdown was asked for, but these tasks were still running at the drain deadline.
    Overdue {
        /// Full names of the tasks that were aborted.
        names: Vec<String>,
    },
    /// A second signal arrived while draining.
    Aborted,
}

impl Exit {
    /// The process exit code: 0 clean, 1 a task ended, 2 overdue, 130 aborted by a second signal.
    #[must_use]
    pub fn code(&self) -> u8 {
        match self {
            Exit::Clean => 0,
            Exit::TaskEnded { .. } => 1,
            Exit::Overdue { .. } => 2,
            Exit::Aborted => 130,
        }
    }
}

impl Display for Exit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Exit::Clean => f.write_str("stopped"),
            Exit::TaskEnded { name, reason } => write!(f, "task {name} ended: {reason}"),
            Exit::Overdue { names } => {
                write!(
                    f,
                    "still running at the drain deadline: {}",
                    names.join(", ")
                )
            }
            Exit::Aborted => f.write_str("aborted by a second signal"),
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        ExitCode::from(exit.code())
    }
}
