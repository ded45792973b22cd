//! Messages between the parent and its guard: one JSON value per line.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// Set in the environment of a guard, and in nobody else's.
pub(super) const ENTER: &str = "STEVEDORE_FLEET_GUARD";

/// The line by which a guard says that it serves.
pub(super) const READY: &str = "stevedore-guard ready";

/// From the parent.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum Command {
    /// Start a process in a group of its own.
    Spawn(Spawn),
    /// Send a signal to the group of a process that has not ended.
    Signal { id: u64, signal: Signal },
    /// Remove this folder when the parent is gone.
    Scratch { path: PathBuf },
}

/// One process to start.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Spawn {
    pub(crate) id: u64,
    pub(crate) program: PathBuf,
    pub(crate) args: Vec<String>,
    pub(crate) env: Vec<(String, String)>,
    pub(crate) dir: Option<PathBuf>,
    pub(crate) log: PathBuf,
}

/// The two ways to end a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum Signal {
    Terminate,
    Kill,
}

/// From the guard.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum Event {
    Spawned {
        id: u64,
        pid: i32,
    },
    Failed {
        id: u64,
        error: String,
    },
    Exited {
        id: u64,
        code: Option<i32>,
        text: String,
    },
}
