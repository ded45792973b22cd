//! The threads on which CEL runs, one expression after the other, and measured.
//!
//! An evaluation cannot be interrupted. One that takes too long is left behind: its package's expressions
//! are not evaluated again in this process, which is said in the status, and the others go on beside it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde_json::Value;
use stevedore_agent_core::probe::{Rule, RunInline, RunRule};
use tokio::sync::{Semaphore, oneshot};

/// The longest one object's evaluation may take.
pub(super) const LIMIT: Duration = Duration::from_secs(1);
/// Threads at the same time: the one whose turn it is, and those that were left behind.
const THREADS: usize = 4;

/// The threads for CEL.
pub(super) struct CelPool {
    /// Evaluations that somebody waits for.
    turn: Semaphore,
    /// Evaluations that run, waited for or not.
    threads: Arc<Semaphore>,
    limit: Duration,
}

/// What became of an evaluation.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Ran<T> {
    /// Its result.
    Done(T),
    /// It took too long or broke off: its package is in quarantine now.
    TimedOut,
    /// It was not started: too many were left behind and still run.
    Busy,
}

/// Whether a package's expressions are still evaluated.
#[derive(Debug, Default)]
pub(super) struct Quarantine(AtomicBool);

impl Quarantine {
    pub(super) fn is_on(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// Refuses every expression.
pub(super) struct Refuse;

impl RunRule for Refuse {
    fn run(&mut self, _: &Rule, _: &Value) -> Result<bool, String> {
        Err(format!(
            "an expression of this package took longer than {LIMIT:?} and is not evaluated again"
        ))
    }
}

impl CelPool {
    pub(super) fn new() -> Self {
        Self {
            turn: Semaphore::new(1),
            threads: Arc::new(Semaphore::new(THREADS)),
            limit: LIMIT,
        }
    }

    /// Runs an evaluation that needs CEL. Waits for those before it, each of which takes [`LIMIT`] at most.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        quarantine: &Quarantine,
        evaluate: impl FnOnce(&mut dyn RunRule) -> T + Send + 'static,
    ) -> Ran<T> {
        let _turn = self.turn.acquire().await;
        let Ok(thread) = Arc::clone(&self.threads).try_acquire_owned() else {
            return Ran::Busy;
        };
        let (answer, result) = oneshot::channel();
        // Not one of the runtime's threads: what is left behind would be missing there.
        let started = std::thread::Builder::new()
            .name("cel".into())
            .spawn(move || {
                let result = evaluate(&mut RunInline);
                drop(thread);
                // Nobody waits any more for what was left behind.
                let _ = answer.send(result);
            });
        if started.is_err() {
            return Ran::Busy;
        }
        if let Ok(Ok(result)) = tokio::time::timeout(self.limit, result).await {
            return Ran::Done(result);
        }
        quarantine.0.store(true, Ordering::Relaxed);
        Ran::TimedOut
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc;

    #[tokio::test]
    async fn an_expression_that_is_left_behind_delays_no_other_package() {
        let pool = CelPool {
            limit: LIMIT / 2,
            ..CelPool::new()
        };
        let mut ends = vec![];
        for _ in 0..THREADS {
            let (end, wait) = mpsc::channel::<()>();
            ends.push(end);
            let bad = Quarantine::default();
            let ran = pool.run(&bad, move |_| wait.recv().is_ok()).await;
            assert_eq!((ran, bad.is_on()), (Ran::TimedOut, true));
            if ends.len() < THREADS {
                let good = Quarantine::default();
                let ran = pool.run(&good, |_| 7).await;
                assert_eq!((ran, good.is_on()), (Ran::Done(7), false));
            }
        }
        let good = Quarantine::default();
        assert_eq!(pool.run(&good, |_| 7).await, Ran::Busy);
        assert!(!good.is_on(), "it is nobody's fault but the others'");
        drop(ends);
        let threads = pool.threads.acquire_many(THREADS as u32).await.unwrap();
        drop(threads);
        assert_eq!(pool.run(&good, |_| 7).await, Ran::Done(7));
    }
}
