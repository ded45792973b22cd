//! Steps that have to succeed before others start, and what stands against them.

use stevedore_proto_core::{Millis, Reason};

use crate::failure::{Failure, FailureKind};
use crate::retry::{BLOCKED, Backoff, Spread, schedule};
use crate::rollout::{Block, earlier};

/// One step that has to succeed before others start.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Gate {
    pub(super) open: bool,
    pub(super) busy: bool,
    /// What is asked at this moment no longer counts.
    void: bool,
    pub(super) block: Vec<Block>,
    pub(super) backoff: Backoff,
}

impl Gate {
    pub(super) fn shut(&mut self) {
        *self = Self {
            busy: self.busy,
            ..Self::default()
        };
    }

    /// It is asked again. Until there is an answer, what is known to be in the way stays so.
    pub(super) fn reopen(&mut self) {
        self.open = false;
        self.void = self.busy;
        self.backoff.clear();
    }

    pub(super) fn wants(&self, now: Millis, wake: &mut Option<Millis>) -> bool {
        if self.open || self.busy {
            return false;
        }
        *wake = earlier(*wake, self.backoff.wake(now));
        self.backoff.ready(now)
    }

    /// Takes the answer in, unless it no longer counts.
    pub(super) fn settle(
        &mut self,
        result: Result<(), Setback>,
        now: Millis,
        spread: &mut Spread,
    ) -> bool {
        self.busy = false;
        if std::mem::take(&mut self.void) {
            return false;
        }
        match result {
            Ok(()) => {
                *self = Self {
                    open: true,
                    ..Self::default()
                };
            }
            Err(Setback { blocks, at_least }) => {
                let retry = blocks.first().map(|block| block.reason.retry());
                // What never passes by itself is asked again too: a gate has nobody else to open it.
                let schedule = retry.and_then(schedule).unwrap_or(BLOCKED);
                self.open = false;
                self.backoff.fail(now, schedule, at_least, spread);
                self.block = blocks;
            }
        }
        true
    }
}

/// What stands against a gate, and how long it is left alone at least.
pub(super) struct Setback {
    blocks: Vec<Block>,
    at_least: Option<Millis>,
}

impl From<Vec<Block>> for Setback {
    fn from(blocks: Vec<Block>) -> Self {
        Self {
            blocks,
            at_least: None,
        }
    }
}

impl From<&Failure> for Setback {
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
