//! Where CEL runs: on a blocking thread, one after the other, and measured.
//!
//! An evaluation cannot be interrupted. One that takes too long is given up on: its package's expressions
//! are not evaluated again in this process, and that is said in the status.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde_json::Value;
use stevedore_agent_core::probe::{Rule, RunInline, RunRule};
use tokio::sync::Semaphore;

/// The longest one object's evaluation may take.
pub(super) const LIMIT: Duration = Duration::from_secs(1);
/// Evaluations at the same time: fewer than the process has blocking threads, which others need too.
const THREADS: usize = 1;

/// The blocking thread for CEL.
pub(super) struct CelPool {
    threads: Arc<Semaphore>,
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
            threads: Arc::new(Semaphore::new(THREADS)),
        }
    }

    /// Runs an evaluation that needs CEL; `None` when it took too long, which starts the quarantine, or when
    /// it could not be run.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        quarantine: &Quarantine,
        evaluate: impl FnOnce(&mut dyn RunRule) -> T + Send + 'static,
    ) -> Option<T> {
        let permit = Arc::clone(&self.threads).acquire_owned().await.ok()?;
        let work = tokio::task::spawn_blocking(move || {
            let result = evaluate(&mut RunInline);
            drop(permit);
            result
        });
        match tokio::time::timeout(LIMIT, work).await {
            Ok(result) => result.ok(),
            Err(_) => {
                quarantine.0.store(true, Ordering::Relaxed);
                None
            }
        }
    }
}
