//! The supervisor of a process' tasks: each has a name and an owner, and is started here and nowhere else.
//!
//! # Flow
//! [`Supervisor::new`] at the top of `main`; [`Supervisor::tasks`] is cloned into every component;
//! [`Supervisor::run`] is the last thing `main` awaits and its [`Exit`] becomes the exit code.
//!
//! # Guarantees
//! * An [essential](Tasks::essential) task that ends before shutdown, by return, error or panic, ends the
//!   process: `run` returns [`Exit::TaskEnded`] with its name and a non-zero code.
//! * A panic in any supervised task ends the process the same way (as `panic = "abort"` does in release builds).
//! * After shutdown begins `run` waits for all tasks up to the drain deadline, then names the ones left.
//! * Dropping a [`Scope`] aborts its children; dropping a [`Task`] does not stop it (it stays supervised).

use std::borrow::Cow;
use std::convert::Infallible;
use std::fmt::Display;
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt as _;
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};
use tokio_util::sync::CancellationToken;
use tracing::Instrument as _;

use crate::shutdown::Signals;

mod exit;
mod live;

pub use exit::Exit;

use live::{Ended, Inner, Registration};

/// Owns every task of the process. One per process, made in `main` (or one per test).
#[derive(Debug)]
pub struct Supervisor {
    tasks: Tasks,
    ended: watch::Receiver<Option<Ended>>,
}

/// A handle that starts tasks under an owner's name. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Tasks {
    owner: Cow<'static, str>,
    inner: Arc<Inner>,
}

/// A task did not produce its value: it panicked or was aborted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("task {name} was stopped before it finished")]
pub struct Stopped {
    name: String,
}

/// A handle to one running task. Dropping it leaves the task running under the supervisor.
#[derive(Debug)]
pub struct Task<T> {
    name: String,
    handle: JoinHandle<Option<T>>,
}

/// A group of tasks that must not outlive what they serve (a connection, a test).
#[derive(Debug)]
pub struct Scope {
    tasks: Tasks,
    set: JoinSet<()>,
}

impl Supervisor {
    /// A supervisor whose tasks stop when `shutdown` is cancelled.
    #[must_use]
    pub fn new(shutdown: CancellationToken) -> Self {
        let (inner, ended) = Inner::new(shutdown);
        let tasks = Tasks {
            owner: Cow::Borrowed(""),
            inner: Arc::new(inner),
        };
        Self { tasks, ended }
    }

    /// The handle components start their tasks with.
    #[must_use]
    pub fn tasks(&self) -> Tasks {
        self.tasks.clone()
    }

    /// Runs until a signal or until a task ends that must not, then drains for at most `drain`.
    pub async fn run(self, mut signals: Signals, drain: Duration) -> Exit {
        let signals = &mut signals;
        // Borrowed one after the other: the second signal is only listened for once the first has arrived.
        let first = {
            let mut ended = self.ended.clone();
            tokio::select! {
                name = signals.next() => { tracing::info!(signal = name, "shutting down"); None }
                () = self.tasks.inner.shutdown.cancelled() => None,
                reason = until_ended(&mut ended) => Some(reason),
            }
        };
        self.drain(
            first,
            async move {
                signals.next().await;
            },
            drain,
        )
        .await
    }

    /// As [`run`](Self::run), with the stop and the abort given as futures: for programs without signals and tests.
    pub async fn run_until(
        self,
        stop: impl Future<Output = ()>,
        abort: impl Future<Output = ()>,
        drain: Duration,
    ) -> Exit {
        let first = {
            let mut ended = self.ended.clone();
            tokio::select! {
                () = stop => None,
                () = self.tasks.inner.shutdown.cancelled() => None,
                reason = until_ended(&mut ended) => Some(reason),
            }
        };
        self.drain(first, abort, drain).await
    }

    async fn drain(
        self,
        first: Option<Ended>,
        abort: impl Future<Output = ()>,
        drain: Duration,
    ) -> Exit {
        let inner = &self.tasks.inner;
        inner.shutdown.cancel();
        let mut count = inner.count.subscribe();
        let exit = tokio::select! {
            _ = count.wait_for(|live| *live == 0) => Exit::Clean,
            () = tokio::time::sleep(drain) => Exit::Overdue { names: inner.names() },
            () = abort => Exit::Aborted,
        };
        inner.abort_all();
        let exit = match first.or_else(|| self.ended.borrow().clone()) {
            Some(Ended { name, reason }) => Exit::TaskEnded { name, reason },
            None => exit,
        };
        if exit == Exit::Clean {
            tracing::info!("stopped");
        } else {
            tracing::error!(code = exit.code(), "{exit}");
        }
        exit
    }
}

async fn until_ended(ended: &mut watch::Receiver<Option<Ended>>) -> Ended {
    match ended.wait_for(Option::is_some).await {
        Ok(reason) => reason.clone().expect("waited for a reason"),
        Err(_) => std::future::pending().await,
    }
}

impl Tasks {
    /// A handle whose tasks are named `owner/…` under this one's name.
    #[must_use]
    pub fn owner(&self, owner: impl Display) -> Tasks {
        Tasks {
            owner: Cow::Owned(self.full_name(&owner)),
            inner: Arc::clone(&self.inner),
        }
    }

    /// The token that is cancelled when the process shuts down.
    #[must_use]
    pub fn shutdown(&self) -> CancellationToken {
        self.inner.shutdown.clone()
    }

    /// Starts a task that must run as long as the process does.
    ///
    /// Ending before shutdown, with `Ok` or with `Err`, ends the process and names the task. An error during
    /// shutdown is logged.
    pub fn essential<F, E>(&self, name: impl Display, future: F)
    where
        F: Future<Output = Result<(), E>> + Send + 'static,
        E: Display,
    {
        let full = self.full_name(&name);
        let inner = Arc::clone(&self.inner);
        let watched = async move {
            let failed = future.await.err().map(|error| error.to_string());
            if !inner.shutdown.is_cancelled() {
                inner.end(&full, failed.unwrap_or_else(|| "returned".to_owned()));
            } else if let Some(error) = failed {
                tracing::warn!(task = full, error, "task failed while shutting down");
            }
        };
        let _ = self.start(&name, watched);
    }

    /// Starts an essential task whose work goes on for ever; shutdown ends it at its next await point.
    pub fn run_until_shutdown<F>(&self, name: impl Display, work: F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        self.try_until_shutdown(name, work.map(Ok::<(), Infallible>));
    }

    /// As [`run_until_shutdown`](Self::run_until_shutdown), for work that may fail.
    pub fn try_until_shutdown<F, E>(&self, name: impl Display, work: F)
    where
        F: Future<Output = Result<(), E>> + Send + 'static,
        E: Display + Send + 'static,
    {
        let stop = self.shutdown();
        self.essential(name, async move {
            stop.run_until_cancelled(work).await.unwrap_or(Ok(()))
        });
    }

    /// Starts a task that shutdown ends at its next await point; its value is `None` then.
    pub fn spawn_until_shutdown<F, T>(&self, name: impl Display, work: F) -> Task<Option<T>>
    where
        F: Future<Output = T> + Send + 'static,
        T: Send + 'static,
    {
        let stop = self.shutdown();
        self.spawn(name, async move { stop.run_until_cancelled(work).await })
    }

    /// Starts a task and returns a handle to its value.
    pub fn spawn<F, T>(&self, name: impl Display, future: F) -> Task<T>
    where
        F: Future<Output = T> + Send + 'static,
        T: Send + 'static,
    {
        self.start(&name, future)
    }

    /// A group whose tasks are aborted when it is dropped.
    #[must_use]
    pub fn scope(&self, name: impl Display) -> Scope {
        Scope {
            tasks: self.owner(name),
            set: JoinSet::new(),
        }
    }

    fn full_name(&self, name: &impl Display) -> String {
        if self.owner.is_empty() {
            name.to_string()
        } else {
            format!("{}/{name}", self.owner)
        }
    }

    fn start<F, T>(&self, name: &impl Display, future: F) -> Task<T>
    where
        F: Future<Output = T> + Send + 'static,
        T: Send + 'static,
    {
        let name = self.full_name(name);
        let (id, wrapped) = self.wrap(name.clone(), future);
        #[expect(clippy::disallowed_methods, reason = "the one place where tasks start")]
        let handle = tokio::spawn(wrapped);
        self.inner.set_abort(id, handle.abort_handle());
        Task { name, handle }
    }

    /// Registers a task and returns the future that keeps its registration and reports its panic.
    fn wrap<F, T>(
        &self,
        name: String,
        future: F,
    ) -> (u64, impl Future<Output = Option<T>> + Send + 'static)
    where
        F: Future<Output = T> + Send + 'static,
        T: Send + 'static,
    {
        let registration = Registration::new(Arc::clone(&self.inner), name.clone());
        let id = registration.id;
        let span = tracing::info_span!("task", task = %name);
        let wrapped = async move {
            let registration = registration;
            match AssertUnwindSafe(future).catch_unwind().await {
                Ok(value) => Some(value),
                Err(panic) => {
                    registration
                        .inner
                        .end(&name, format!("panicked: {}", panic_text(&*panic)));
                    None
                }
            }
        };
        (id, wrapped.instrument(span))
    }
}

fn panic_text(panic: &(dyn std::any::Any + Send)) -> String {
    panic
        .downcast_ref::<&str>()
        .map(|text| (*text).to_owned())
        .or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "no message".to_owned())
}

impl<T> Task<T> {
    /// Waits for the task's value.
    ///
    /// # Errors
    /// [`Stopped`] when it was aborted or panicked (a panic also ends the process).
    pub async fn join(self) -> Result<T, Stopped> {
        match self.handle.await {
            Ok(Some(value)) => Ok(value),
            Ok(None) | Err(_) => Err(Stopped { name: self.name }),
        }
    }

    /// Stops the task at its next await point.
    pub fn abort(&self) {
        self.handle.abort();
    }
}

impl Scope {
    /// Starts a child of this scope.
    pub fn spawn<F>(&mut self, name: impl Display, future: F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let (id, wrapped) = self.tasks.wrap(self.tasks.full_name(&name), future);
        let abort = self.set.spawn(wrapped.map(|_| ()));
        self.tasks.inner.set_abort(id, abort);
    }

    /// Waits until one child ends; `None` when there is none left.
    pub async fn join_next(&mut self) -> Option<()> {
        self.set.join_next().await.map(|_| ())
    }

    /// Number of children that have not been joined.
    #[must_use]
    pub fn len(&self) -> usize {
        self.set.len()
    }

    /// Whether there is no child left to join.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.set.is_empty()
    }
}

#[cfg(test)]
mod tests;
