//! A queue of keys that wait to be worked on: each once, never two at a time, some not before a moment.

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use stevedore_runtime::supervise::Tasks;
use tokio::sync::Notify;
use tokio::time::Instant;

/// A set of keys to work on. Adding a key that waits or is being worked on is cheap and loses nothing.
#[derive(Debug)]
pub(crate) struct Queue<K> {
    state: Mutex<State<K>>,
    wake: Notify,
}

#[derive(Debug)]
struct State<K> {
    waiting: BTreeMap<K, Instant>,
    /// Waiting keys that are not being worked on, the first due first.
    due: BTreeSet<(Instant, K)>,
    running: BTreeSet<K>,
}

impl<K> Default for Queue<K> {
    fn default() -> Self {
        Self {
            state: Mutex::new(State {
                waiting: BTreeMap::new(),
                due: BTreeSet::new(),
                running: BTreeSet::new(),
            }),
            wake: Notify::new(),
        }
    }
}

impl<K: Ord + Clone> Queue<K> {
    /// The key is to be worked on now, or right after the work on it that runs.
    pub(crate) fn add(&self, key: K) {
        self.add_after(key, Duration::ZERO);
    }

    /// The key is to be worked on after `delay` at the latest.
    pub(crate) fn add_after(&self, key: K, delay: Duration) {
        let due = Instant::now() + delay;
        let mut state = self.state.lock();
        let before = state.waiting.get(&key).copied();
        if before.is_some_and(|before| before <= due) {
            return;
        }
        if let Some(before) = before {
            state.due.remove(&(before, key.clone()));
        }
        state.waiting.insert(key.clone(), due);
        if !state.running.contains(&key) {
            state.due.insert((due, key));
        }
        drop(state);
        self.wake.notify_one();
    }

    /// Whether no key waits.
    #[cfg(test)]
    pub(crate) fn is_empty(&self) -> bool {
        self.state.lock().waiting.is_empty()
    }

    /// The next due key that is not being worked on, marked so from now on; else when to look again.
    fn take(&self) -> Result<K, Option<Instant>> {
        let mut state = self.state.lock();
        let now = Instant::now();
        match state.due.first() {
            Some((due, _)) if *due > now => Err(Some(*due)),
            Some(_) => {
                let (_, key) = state.due.pop_first().expect("the first is there");
                state.waiting.remove(&key);
                state.running.insert(key.clone());
                Ok(key)
            }
            None => Err(None),
        }
    }

    async fn next(&self) -> K {
        loop {
            let wake = self.wake.notified();
            match self.take() {
                Ok(key) => return key,
                Err(Some(due)) => tokio::select! {
                    () = wake => {}
                    () = tokio::time::sleep_until(due) => {}
                },
                Err(None) => wake.await,
            }
        }
    }

    fn done(&self, key: &K) {
        let mut state = self.state.lock();
        state.running.remove(key);
        if let Some(due) = state.waiting.get(key).copied() {
            state.due.insert((due, key.clone()));
        }
        drop(state);
        self.wake.notify_one();
    }
}

/// Works on keys for ever, at most `limit` at a time. `work` says when it wants the key again, if at all.
pub(crate) async fn drive<K, F>(
    name: &'static str,
    queue: Arc<Queue<K>>,
    limit: usize,
    tasks: Tasks,
    work: impl Fn(K) -> F,
) where
    K: Ord + Clone + Send + Sync + 'static,
    F: Future<Output = Option<Duration>> + Send + 'static,
{
    let mut scope = tasks.scope(name);
    loop {
        while scope.len() >= limit {
            scope.join_next().await;
        }
        let key = tokio::select! {
            key = queue.next() => key,
            Some(()) = scope.join_next() => continue,
        };
        let (queue, future) = (Arc::clone(&queue), work(key.clone()));
        scope.spawn(name, async move {
            let again = future.await;
            queue.done(&key);
            if let Some(delay) = again {
                queue.add_after(key, delay);
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_worked_on_by_one_at_a_time_and_an_addition_meanwhile_is_kept() {
        let queue = Queue::default();
        queue.add("a");
        queue.add("a");
        assert_eq!(queue.take(), Ok("a"));
        assert_eq!(queue.take(), Err(None));
        queue.add("a");
        assert_eq!(queue.take(), Err(None));
        queue.done(&"a");
        assert_eq!(queue.take(), Ok("a"));
    }

    #[test]
    fn a_later_addition_brings_a_delayed_key_forward() {
        let queue = Queue::default();
        queue.add_after("a", Duration::from_secs(60));
        assert!(matches!(queue.take(), Err(Some(_))));
        queue.add("a");
        assert_eq!(queue.take(), Ok("a"));
    }
}
