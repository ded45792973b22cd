//! Flags that every daemon takes on its command line, and the file that says where it listens.

use std::io;
use std::path::{Path, PathBuf};

use crate::log;

/// Flags of every daemon.
#[derive(Debug, Clone, clap::Args)]
pub struct Flags {
    /// How log lines look.
    #[arg(long, value_enum, default_value_t, env = "STEVEDORE_LOG_FORMAT")]
    pub log_format: log::Format,

    /// Which log lines are written, in the syntax of RUST_LOG.
    #[arg(long, default_value = "info", value_name = "FILTER", env = "RUST_LOG")]
    pub log: String,

    /// Write the bound addresses here as JSON, once they are known.
    #[arg(long, value_name = "FILE")]
    pub ready_file: Option<PathBuf>,
}

/// The file that says where a daemon listens cannot be written.
#[derive(Debug, thiserror::Error)]
#[error("cannot write ready file {}", path.display())]
pub struct ReadyFileError {
    path: PathBuf,
    source: io::Error,
}

impl Flags {
    /// Installs the process's logging.
    ///
    /// # Errors
    /// When the filter is invalid or logging was set up before.
    pub fn init_log(&self) -> Result<(), log::Error> {
        log::init(self.log_format, &self.log)
    }

    /// Writes what was bound, where a file was asked for.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn write_ready(&self, json: &str) -> Result<(), ReadyFileError> {
        self.ready_file
            .as_deref()
            .map_or(Ok(()), |path| write_whole(path, json))
    }
}

/// Renamed into place, so that a reader never sees half of it.
fn write_whole(path: &Path, content: &str) -> Result<(), ReadyFileError> {
    let part = path.with_extension("part");
    std::fs::write(&part, content)
        .and_then(|()| std::fs::rename(&part, path))
        .map_err(|source| ReadyFileError {
            path: path.to_owned(),
            source,
        })
}
