//! Any program of ours as a process: started, awaited, killed, started again.

use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::sync::Mutex;

use crate::error::Error;
use crate::guard::Guard;
use crate::process::{Exit, Process, ProcessSpec};
use crate::start::{http_status, until_ready};

/// What to run.
#[derive(Debug, Clone)]
pub struct DaemonSpec {
    /// What people call it; also names its log.
    pub name: String,
    /// The executable.
    pub program: PathBuf,
    /// Its arguments.
    pub args: Vec<String>,
    /// Added to the environment it inherits.
    pub env: Vec<(String, String)>,
    /// A plain HTTP URL on the loopback address that answers 200 when it is ready. Absent: it is ready at once.
    pub ready_url: Option<String>,
}

impl DaemonSpec {
    /// A program without arguments.
    #[must_use]
    pub fn new(name: impl Into<String>, program: impl Into<PathBuf>) -> Self {
        Self {
            name: name.into(),
            program: program.into(),
            args: Vec::new(),
            env: Vec::new(),
            ready_url: None,
        }
    }

    /// More arguments.
    #[must_use]
    pub fn args<S: Into<String>>(mut self, args: impl IntoIterator<Item = S>) -> Self {
        self.args.extend(args.into_iter().map(Into::into));
        self
    }

    /// One more variable of its environment.
    #[must_use]
    pub fn env(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.env.push((name.into(), value.into()));
        self
    }

    /// Where it says that it is ready.
    #[must_use]
    pub fn ready_url(mut self, url: impl Into<String>) -> Self {
        self.ready_url = Some(url.into());
        self
    }
}

/// A program that runs, or has run and can run again. Dropping it kills it.
pub struct Daemon {
    guard: Guard,
    log: PathBuf,
    state: Mutex<(DaemonSpec, Option<Process>)>,
}

impl Daemon {
    /// Prepares it; nothing runs yet.
    pub(crate) fn new(guard: &Guard, spec: DaemonSpec, log: PathBuf) -> Self {
        Self {
            guard: guard.clone(),
            log,
            state: Mutex::new((spec, None)),
        }
    }

    /// Starts it and waits until it is ready, at most 120 s. Nothing happens if it runs.
    ///
    /// # Errors
    /// When it ends or does not become ready, with the end of its log.
    pub async fn start(&self) -> Result<(), Error> {
        let mut state = self.state.lock().await;
        let (spec, slot) = &mut *state;
        if slot
            .as_ref()
            .is_some_and(|process| process.exit().is_none())
        {
            return Ok(());
        }
        let child = ProcessSpec {
            name: spec.name.clone(),
            program: spec.program.clone(),
            args: spec.args.clone(),
            env: spec.env.clone(),
            dir: None,
            log: self.log.clone(),
        };
        let process = Process::start(&self.guard, &child).await?;
        if let Some(url) = &spec.ready_url {
            until_ready(&process, || async {
                match http_status(url).await? {
                    200 => Ok(()),
                    other => Err(format!("{url} answers {other}")),
                }
            })
            .await?;
        }
        *slot = Some(process);
        Ok(())
    }

    /// Changes what the next start runs, for instance its arguments.
    pub async fn change(&self, change: impl FnOnce(&mut DaemonSpec)) {
        change(&mut self.state.lock().await.0);
    }

    /// Its process id, none when it does not run.
    pub async fn pid(&self) -> Option<i32> {
        self.state.lock().await.1.as_ref().and_then(Process::pid)
    }

    /// How it ended, if it was started and has ended by itself.
    pub async fn exit(&self) -> Option<Exit> {
        self.state.lock().await.1.as_ref().and_then(Process::exit)
    }

    /// Ends it in good order, after `grace` by force; how it ended, none if it did not run.
    pub async fn stop(&self, grace: Duration) -> Option<Exit> {
        let process = self.state.lock().await.1.take()?;
        Some(process.stop(grace).await)
    }

    /// Kills it (SIGKILL) and waits until it is gone; how it ended, none if it did not run.
    pub async fn kill(&self) -> Option<Exit> {
        let process = self.state.lock().await.1.take()?;
        Some(process.kill().await)
    }

    /// All it wrote, over all its starts.
    #[must_use]
    pub fn log_path(&self) -> &Path {
        &self.log
    }

    /// The last lines it wrote.
    #[must_use]
    pub fn log_tail(&self, lines: usize) -> String {
        crate::process::log_tail(&self.log, lines)
    }
}
