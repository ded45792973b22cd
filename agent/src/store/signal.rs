//! Signals between the store and the rest of the agent: something happened, read again.

use tokio::sync::watch;

/// Counts how often something happened.
#[derive(Debug, Default)]
pub(crate) struct Signal(watch::Sender<u64>);

impl Signal {
    /// It happened.
    pub(crate) fn raise(&self) {
        self.0.send_modify(|count| *count += 1);
    }

    /// Changes whenever it happens from now on.
    pub(crate) fn subscribe(&self) -> watch::Receiver<u64> {
        self.0.subscribe()
    }
}
