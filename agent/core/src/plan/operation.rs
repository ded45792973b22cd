//! Operations that are retried until they succeed, and what stands against them.

use stevedore_proto_core::reason::Retry;
use stevedore_proto_core::{Millis, Reason};

use crate::failure::{Failure, FailureKind};
use crate::retry::{BLOCKED, Backoff, Jitter, schedule};
use crate::rollout::{Block, earlier};

/// One step that has to succeed before others start.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Operation {
    pub(super) done: bool,
    pub(super) busy: bool,
    /// What is asked at this moment no longer counts.
    outdated: bool,
    pub(super) block: Vec<Block>,
    pub(super) backoff: Backoff,
}

impl Operation {
    pub(super) fn reset(&mut self) {
        *self = Self {
            busy: self.busy,
            ..Self::default()
        };
    }

    /// It is asked again. Until there is an answer, what is known to be in the way stays so.
    pub(super) fn start_over(&mut self) {
        self.done = false;
        self.outdated = self.busy;
        self.backoff.clear();
    }

    pub(super) fn is_due(&self, now: Millis, wake: &mut Option<Millis>) -> bool {
        if self.done || self.busy {
            return false;
        }
        *wake = earlier(*wake, self.backoff.wake(now));
        self.backoff.ready(now)
    }

    /// Takes the answer in, unless it no longer counts.
    pub(super) fn finish(
        &mut self,
        result: Result<(), OperationFailure>,
        now: Millis,
        jitter: &mut Jitter,
    ) -> bool {
        self.busy = false;
        if std::mem::take(&mut self.outdated) {
            return false;
        }
        match result {
            Ok(()) => {
                *self = Self {
                    done: true,
                    ..Self::default()
                };
            }
            Err(OperationFailure { blocks, at_least }) => {
                let retry = blocks.first().map(|block| block.reason.retry());
                let before = self.block.first().map(|block| block.reason.retry());
                if before == Some(Retry::Often)
                    && matches!(retry, Some(Retry::Later | Retry::Seldom))
                {
                    // How long it waited for a namespace says nothing of what it waits for now.
                    self.backoff.clear();
                }
                // What never passes by itself is asked again too: a operation has nobody else to open it.
                let schedule = retry.and_then(schedule).unwrap_or(BLOCKED);
                self.done = false;
                self.backoff.fail(now, schedule, at_least, jitter);
                self.block = blocks;
            }
        }
        true
    }
}

/// What stands against a operation, and how long it is left alone at least.
pub(super) struct OperationFailure {
    blocks: Vec<Block>,
    at_least: Option<Millis>,
}

impl From<Vec<Block>> for OperationFailure {
    fn from(blocks: Vec<Block>) -> Self {
        Self {
            blocks,
            at_least: None,
        }
    }
}

impl From<&Failure> for OperationFailure {
    fn from(failure: &Failure) -> Self {
        let reason = match failure.kind {
            FailureKind::NotFound | FailureKind::NoKind => Reason::NotFound,
            kind => kind.reason(),
        };
        Self {
            blocks: vec![Block::new(reason, &failure.message)],
            at_least: failure.retry_after,
        }
    }
}
