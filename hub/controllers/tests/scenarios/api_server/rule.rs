//! Rules for requests that the server does not just answer: faults, delays, and the end of the process.

use std::sync::Arc;

use tokio::sync::watch;

use super::call::Call;

/// What becomes of one request.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Reaction {
    /// It is answered.
    Serve,
    /// Nothing is done, and the answer has this code.
    Refuse(u16),
    /// It is carried out, and the answer says that it took too long.
    LoseAnswer,
    /// It is neither carried out nor answered.
    Hang,
    /// It is carried out once the gate is open.
    Hold(Gate),
    /// The process ends before it is carried out.
    CrashBefore,
    /// The process ends after it was carried out.
    CrashAfter,
}

pub(super) type Rule = Box<dyn FnMut(&Call) -> Reaction + Send>;

/// Holds requests back until it is opened.
#[derive(Debug, Clone)]
pub(crate) struct Gate(Arc<watch::Sender<bool>>);

impl Gate {
    pub(crate) fn closed() -> Self {
        Self(Arc::new(watch::Sender::new(false)))
    }

    pub(crate) fn open(&self) {
        self.0.send_replace(true);
    }

    pub(crate) async fn passed(&self) {
        let _ = self.0.subscribe().wait_for(|open| *open).await;
    }
}

impl PartialEq for Gate {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

/// A rule for the `number`th durable write from now on, counted from 1.
pub(crate) fn on_write(number: usize, reaction: Reaction) -> impl FnMut(&Call) -> Reaction + Send {
    let mut seen = 0;
    move |call| {
        seen += usize::from(call.is_durable_write());
        if call.is_durable_write() && seen == number {
            reaction.clone()
        } else {
            Reaction::Serve
        }
    }
}
