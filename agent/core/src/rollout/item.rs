//! One object of a rollout.

use std::time::Duration;

use stevedore_proto_core::status::Blocker;
use stevedore_proto_core::{DeploymentUid, Millis, Reason};
use stevedore_retry::{Schedule, millis};

use super::context::{Context, Memory, Record};
use crate::adopt::{self, Ownership};
use crate::desired::{Desired, Guard};
use crate::failure::Failure;
use crate::key::Kind;
use crate::observation::{Observation, Owner};
use crate::probe::Probed;
use crate::retry::Backoff;

/// Why an object cannot go on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Block {
    /// Why.
    pub reason: Reason,
    /// For people.
    pub message: String,
    /// The field that it is about; empty where it is about none.
    pub field: String,
    /// Found by a check, before anything was written.
    pub preflight: bool,
}

impl Block {
    /// Found before anything was written.
    pub fn preflight(reason: Reason, message: impl Into<String>) -> Self {
        Self {
            reason,
            message: message.into(),
            field: String::new(),
            preflight: true,
        }
    }

    /// Found while it was carried out.
    pub fn new(reason: Reason, message: impl Into<String>) -> Self {
        Self {
            reason,
            message: message.into(),
            field: String::new(),
            preflight: false,
        }
    }

    /// A request about an object of this kind failed while it was carried out.
    pub(crate) fn refused(failure: &Failure, kind: &Kind) -> Self {
        Self {
            field: failure.field_about(kind).to_owned(),
            ..Self::new(failure.kind.reason(), failure.about(kind))
        }
    }

    /// As the hub is told of it.
    pub(crate) fn blocker(&self, object: String) -> Blocker {
        Blocker {
            reason: self.reason.clone(),
            object,
            message: self.message.clone(),
            field: self.field.clone(),
        }
    }
}

/// What is said of an object that is being deleted.
pub(crate) fn being_deleted(finalizers: &str) -> String {
    if finalizers.is_empty() {
        "is being deleted".to_owned()
    } else {
        format!("is being deleted, held by finalizers {finalizers}")
    }
}

/// What is known of an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Live {
    /// Nothing yet.
    Unread,
    /// Something happened to it: only a live GET tells.
    Unconfirmed,
    /// A live GET answered 404.
    Absent,
    /// It was like this.
    Present(Box<Observation>),
}

impl Live {
    pub(super) fn is_present(&self) -> bool {
        matches!(self, Self::Present(_))
    }
}

/// What an object needs next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Need {
    Nothing,
    List,
    Read,
    Write(Guard),
}

/// Repairs that follow each other: each further one within the window waits longer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Repairs {
    count: u8,
    last: Millis,
}

impl Repairs {
    const WINDOW: Millis = 600_000;
    const WAITS: Schedule = Schedule::new(Duration::from_millis(500), Duration::from_secs(300));
    /// From this many repairs within the window on, it is contention.
    pub(super) const CONTENTION: u8 = 4;

    pub(super) fn repaired(&mut self, now: Millis) {
        let recent = self.count > 0 && now.saturating_sub(self.last) < Self::WINDOW;
        self.count = if recent {
            self.count.saturating_add(1)
        } else {
            1
        };
        self.last = now;
    }

    pub(super) fn paused_until(&self) -> Millis {
        let wait = match self.count {
            0 | 1 => 0,
            n => millis(Self::WAITS.bound(u32::from(n - 1))),
        };
        self.last.saturating_add(wait)
    }

    pub(super) fn may_repair(&self, now: Millis) -> bool {
        now >= self.paused_until()
    }

    pub(super) fn count(&self) -> u8 {
        self.count
    }
}

/// One object on its way to what is desired of it.
///
/// While a request is under way (`busy`) nothing is decided about it: what happens meanwhile sets `recheck`, and what a
/// watch sees waits in `early`. A set begins with `fresh`, `checked` and `drifted` unset; `placed` is remembered where
/// the set before wanted the same content.
#[derive(Debug, Clone)]
pub(super) struct Item {
    pub(super) desired: Desired,
    pub(super) record: Option<Record>,
    pub(super) live: Live,
    /// What is known was read after the order was accepted, and after the last time that all was
    /// to be read again.
    pub(super) fresh: bool,
    /// Was in place as this order wants it: from now on changes are drift.
    pub(super) placed: bool,
    /// Somebody changed it, and it has not been put back yet.
    pub(super) drifted: bool,
    /// Its kind is served, as far as it is known: watched is only what can be.
    pub(super) served: bool,
    /// The server has checked this order's content.
    pub(super) checked: bool,
    /// A request is under way.
    pub(super) busy: bool,
    /// Something happened to it while a request was under way.
    pub(super) recheck: bool,
    /// What a watch saw while a request was under way whose answer says less: the latest of it.
    pub(super) early: Option<Box<Observation>>,
    /// A watch has seen it since that watch began its list: what has not been when the list ends is gone.
    pub(super) listed: bool,
    /// Conflicts in a row.
    pub(super) conflicts: u8,
    pub(super) block: Option<Box<Block>>,
    pub(super) backoff: Backoff,
    pub(super) repairs: Repairs,
}

impl Item {
    pub(super) fn new(desired: Desired, memory: Memory) -> Self {
        Self {
            served: !(desired.unserved || desired.defined_here),
            desired,
            record: memory.record,
            live: memory
                .seen
                .map_or(Live::Unread, |seen| Live::Present(Box::new(seen))),
            fresh: false,
            placed: memory.placed,
            drifted: false,
            checked: false,
            busy: false,
            recheck: false,
            early: None,
            listed: true,
            conflicts: 0,
            block: None,
            backoff: Backoff::default(),
            repairs: Repairs::default(),
        }
    }

    /// Something happened to it: only a live GET tells what.
    pub(super) fn doubt(&mut self) {
        if self.busy {
            self.recheck = true;
        } else {
            self.live = Live::Unconfirmed;
            self.backoff.retry_now();
        }
    }

    /// A set that follows ours has it: nothing that is recorded of it proves anything any more.
    pub(super) fn hand_over(&mut self) {
        self.record = None;
        self.placed = false;
        self.drifted = false;
        self.block = None;
        self.backoff.clear();
    }

    /// Whether another deployment wrote it last.
    pub(super) fn is_of_another(&self, ours: DeploymentUid) -> bool {
        self.seen()
            .is_some_and(|seen| matches!(seen.owner, Owner::Deployment { uid, .. } if uid != ours))
    }

    /// Whether a set that follows ours has it.
    pub(super) fn is_handed_over(&self, context: &Context) -> bool {
        self.seen()
            .is_some_and(|seen| matches!(self.ownership(seen, context), Ownership::HandedOver(_)))
    }

    pub(super) fn seen(&self) -> Option<&Observation> {
        match &self.live {
            Live::Present(seen) => Some(seen),
            _ => None,
        }
    }

    pub(super) fn probed(&self) -> Probed {
        self.seen()
            .map_or(Probed::NotYet, |seen| seen.probed.clone())
    }

    /// It was read, and its probes could not be evaluated at that time.
    pub(super) fn waits_for_probe(&self) -> bool {
        self.fresh
            && self
                .seen()
                .is_some_and(|seen| seen.probed == Probed::NotYet)
    }

    pub(super) fn established(&self) -> bool {
        self.seen().is_some_and(|seen| seen.established)
    }

    pub(super) fn ownership(&self, seen: &Observation, context: &Context) -> Ownership {
        let recorded = self.record.as_ref().map(|record| &*record.uid);
        adopt::decide(seen, self.desired.policy, &context.claim(recorded))
    }

    /// It is ours, as wanted, and nobody changed it since our last write.
    pub(super) fn in_place(&self, context: &Context) -> bool {
        self.seen().is_some_and(|seen| {
            seen.terminating.is_none()
                && self.ownership(seen, context) == Ownership::Ours
                && self.up_to_date(seen, context)
        })
    }

    fn up_to_date(&self, seen: &Observation, context: &Context) -> bool {
        let as_wanted = matches!(seen.owner, Owner::Deployment { content, .. }
            if content == self.desired.content);
        as_wanted && seen.labelled == Some(context.deployment) && self.is_as_left(seen)
    }

    /// Nobody touched it since our last write. What is then not as wanted was wanted otherwise by that write.
    pub(super) fn is_as_left(&self, seen: &Observation) -> bool {
        self.record.as_ref().is_some_and(|record| {
            record.uid == seen.uid
                && record.fingerprint.is_some()
                && record.fingerprint == seen.fingerprint
        })
    }

    pub(super) fn need(&self, context: &Context, paused: bool) -> Need {
        match &self.live {
            Live::Unread if self.record.is_some() => Need::List,
            Live::Unread if paused => Need::Read,
            Live::Unconfirmed => Need::Read,
            Live::Unread | Live::Absent => Need::Write(Guard::Create),
            Live::Present(_) if self.is_handed_over(context) => {
                if self.fresh {
                    Need::Nothing
                } else {
                    Need::Read
                }
            }
            Live::Present(seen) if seen.terminating.is_some() => self.need_while_blocked(),
            Live::Present(seen) => match self.ownership(seen, context) {
                Ownership::Newer(_) | Ownership::Foreign(_) => self.need_while_blocked(),
                Ownership::Ours if self.up_to_date(seen, context) && self.fresh => {
                    if seen.probed == Probed::NotYet {
                        Need::Read
                    } else {
                        Need::Nothing
                    }
                }
                Ownership::Ours if self.up_to_date(seen, context) => Need::List,
                _ if paused && !self.fresh => Need::Read,
                Ownership::HandedOver(_) => Need::Nothing,
                Ownership::Ours | Ownership::Adopt => Need::Write(Guard::on(seen)),
            },
        }
    }

    /// Something is in the way. Judged under this order: the wait is over, see whether it still is. Only
    /// remembered from the order before: see whether it is, for nothing else would ever tell.
    fn need_while_blocked(&self) -> Need {
        if self.block.is_some() || !self.fresh {
            Need::Read
        } else {
            Need::Nothing
        }
    }

    /// Does not stand against writing the part it belongs to.
    pub(super) fn may_go_on(&self, context: &Context) -> bool {
        if self.placed || self.in_place(context) || self.is_handed_over(context) {
            return true;
        }
        self.block.is_none() && self.checked && !matches!(self.live, Live::Unconfirmed)
    }
}
