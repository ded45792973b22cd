//! One child process: its start, its state, its end and its log.

use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use tokio::sync::watch;

pub use crate::guard::Exit;
use crate::guard::{Error, Guard, Spawn, State};

/// What to start.
#[derive(Debug, Clone)]
pub struct ProcessSpec {
    /// What people call it, for instance `hub/kube-apiserver`.
    pub name: String,
    /// The executable.
    pub program: PathBuf,
    /// Its arguments.
    pub args: Vec<String>,
    /// Added to the environment it inherits.
    pub env: Vec<(String, String)>,
    /// Its working directory; the parent's when absent.
    pub dir: Option<PathBuf>,
    /// The file that its output is appended to.
    pub log: PathBuf,
}

/// A running process in a group of its own. Dropping it kills the group.
pub struct Process {
    guard: Guard,
    id: u64,
    name: String,
    log: PathBuf,
    state: watch::Receiver<State>,
}

impl Process {
    /// Starts a process in a group of its own, its output appended to `spec.log`.
    ///
    /// # Errors
    /// [`Error::Spawn`] with the operating system's reason; [`Error::Gone`] without a guard.
    pub async fn start(guard: &Guard, spec: &ProcessSpec) -> Result<Self, Error> {
        let id = guard.next_id();
        let child = Spawn {
            id,
            program: spec.program.clone(),
            args: spec.args.clone(),
            env: spec.env.clone(),
            dir: spec.dir.clone(),
            log: spec.log.clone(),
        };
        Ok(Self {
            state: guard.spawn(child).await?,
            guard: guard.clone(),
            id,
            name: spec.name.clone(),
            log: spec.log.clone(),
        })
    }

    /// What people call it.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its process id, which is also that of its group; none once it has ended.
    #[must_use]
    pub fn pid(&self) -> Option<i32> {
        match *self.state.borrow() {
            State::Running(pid) => Some(pid),
            _ => None,
        }
    }

    /// How it ended, if it has.
    #[must_use]
    pub fn exit(&self) -> Option<Exit> {
        match &*self.state.borrow() {
            State::Exited(exit) => Some(exit.clone()),
            _ => None,
        }
    }

    /// Waits for its end. The wait has no bound.
    pub async fn ended(&self) -> Exit {
        let mut state = self.state.clone();
        let end = state
            .wait_for(|state| matches!(state, State::Exited(_)))
            .await;
        match end.as_deref() {
            Ok(State::Exited(exit)) => exit.clone(),
            _ => Exit {
                code: None,
                text: "ended with its guard".to_owned(),
            },
        }
    }

    /// Asks it to end (SIGTERM), and kills the group when it has not after `grace`.
    pub async fn stop(&self, grace: Duration) -> Exit {
        self.guard.terminate(self.id);
        match tokio::time::timeout(grace, self.ended()).await {
            Ok(exit) => exit,
            Err(_) => self.kill().await,
        }
    }

    /// Kills the whole group (SIGKILL) and waits until it is gone.
    pub async fn kill(&self) -> Exit {
        self.guard.kill(self.id);
        self.ended().await
    }

    /// Stops it where it stands (SIGSTOP), or lets it go on (SIGCONT): a process that hangs. Nothing happens once it has
    /// ended.
    pub fn hang(&self, hangs: bool) {
        let signal = match hangs {
            true => Signal::STOP,
            false => Signal::CONT,
        };
        if let Some(pid) = self.pid().and_then(Pid::from_raw) {
            let _ = kill_process(pid, signal);
        }
    }

    /// The file that its output goes to.
    #[must_use]
    pub fn log_path(&self) -> &Path {
        &self.log
    }

    /// The last lines that it wrote, for error messages.
    #[must_use]
    pub fn log_tail(&self, lines: usize) -> String {
        log_tail(&self.log, lines)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if self.exit().is_none() {
            self.guard.kill(self.id);
        }
    }
}

/// At most the last 64 KiB of a log, cut to its last `lines` lines.
pub(crate) fn log_tail(path: &Path, lines: usize) -> String {
    const WINDOW: u64 = 64 * 1024;
    let read = || -> std::io::Result<Vec<u8>> {
        let mut file = std::fs::File::open(path)?;
        let from = file.metadata()?.len().saturating_sub(WINDOW);
        file.seek(SeekFrom::Start(from))?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        Ok(bytes)
    };
    match read() {
        Ok(bytes) => {
            let text = String::from_utf8_lossy(&bytes);
            let all: Vec<&str> = text.lines().collect();
            all[all.len().saturating_sub(lines)..].join("\n")
        }
        Err(error) => format!("(no log: {error})"),
    }
}
