//! Progress for a person to see while programs are found, built and started.

use std::path::PathBuf;
use std::time::Duration;

use crate::tools::Tool;

/// One thing that happened. Open to growth: show what you do not know by its `Display`.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Event {
    /// `KUBEBUILDER_ASSETS` is set but not usable.
    AssetsIgnored {
        /// The folder it names.
        folder: PathBuf,
    },
    /// Another process builds into the same cache.
    WaitingForBuild {
        /// The cache folder.
        folder: PathBuf,
    },
    /// A program is being built from source.
    Building {
        /// Which.
        tool: Tool,
        /// Counts from 1.
        number: usize,
        /// How many will be built.
        of: usize,
    },
    /// The build of a program goes on.
    StillBuilding {
        /// Which.
        tool: Tool,
        /// For how long already.
        elapsed: Duration,
        /// The last line that the build wrote.
        line: String,
    },
    /// A program was built.
    Built {
        /// Which.
        tool: Tool,
        /// In what time.
        elapsed: Duration,
    },
    /// The build of our own programs goes on.
    Compiling {
        /// For how long already.
        elapsed: Duration,
        /// The last line that cargo wrote.
        line: String,
    },
    /// A process is being started.
    Starting {
        /// What people call it, for instance `hub/kube-apiserver`.
        name: String,
    },
    /// A cluster or server answers.
    Ready {
        /// What people call it.
        name: String,
        /// Since its start.
        elapsed: Duration,
    },
}

impl std::fmt::Display for Event {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::AssetsIgnored { folder } => write!(
                f,
                "KUBEBUILDER_ASSETS is ignored: {} has not both etcd and kube-apiserver",
                folder.display()
            ),
            Self::WaitingForBuild { folder } => {
                write!(f, "waiting for another build into {}", folder.display())
            }
            Self::Building { tool, number, of } => {
                write!(
                    f,
                    "building {tool} ({number} of {of}; minutes the first time)"
                )
            }
            Self::StillBuilding {
                tool,
                elapsed,
                line,
            } => {
                write!(f, "building {tool}, {} s {line}", elapsed.as_secs())
            }
            Self::Built { tool, elapsed } => write!(f, "built {tool} in {} s", elapsed.as_secs()),
            Self::Compiling { elapsed, line } => write!(
                f,
                "building hub and agent, {} s {}",
                elapsed.as_secs(),
                line.trim()
            ),
            Self::Starting { name } => write!(f, "starting {name}"),
            Self::Ready { name, elapsed } => {
                write!(f, "{name} is ready after {:.1} s", elapsed.as_secs_f64())
            }
        }
    }
}

/// Is told what happens. Calls come from several tasks and must return at once.
pub trait Progress: Send + Sync {
    /// One thing happened.
    fn report(&self, event: &Event);
}

/// Says nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct Silent;

impl Progress for Silent {
    fn report(&self, _event: &Event) {}
}

/// Writes one line to standard error for everything: for tests and plain terminals.
#[derive(Debug, Clone, Copy, Default)]
pub struct Lines;

impl Progress for Lines {
    fn report(&self, event: &Event) {
        eprintln!("fleet: {event}");
    }
}
