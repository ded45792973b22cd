//! The open session: dirty deployments, orders in flight, and the listing that is being read.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use stevedore_proto_core::{
    DeploymentUid, Digest, Features, Held, InstanceId, Millis, ToAgent, Tuple,
};
use stevedore_retry::{Schedule, millis};

use super::event::Connection;
use super::pace::Pace;
use super::step::Step;

/// Pages being collected.
#[derive(Debug, Clone, Default)]
pub(super) struct Listing {
    pub(super) since: Millis,
    pub(super) next_index: u32,
    /// Reports were asked for again.
    statuses: bool,
    pub(super) held: Vec<Held>,
    pub(super) contents: BTreeSet<Digest>,
}

/// Whether the hub knows what the member holds.
#[derive(Debug, Clone)]
pub(super) enum Phase {
    /// It does; differences may be sent.
    Synced,
    /// It asked, and waits for the last page.
    Listing(Listing),
    /// It has to ask again.
    Resync { at: Millis },
}

/// An order without an ack.
#[derive(Debug, Clone, Copy)]
pub(super) struct InFlight {
    pub(super) tuple: Tuple,
    pub(super) attempt: u32,
    pub(super) resend_at: Millis,
    /// No ack came in time: it is to be sent again.
    pub(super) due: bool,
    /// It waits for its content: the hub could not read it, or the member could not fetch it.
    pub(super) put_off: bool,
}

/// One open session.
#[derive(Debug, Clone)]
pub(super) struct Live {
    pub(super) connection: Connection,
    pub(super) instance: InstanceId,
    pub(super) incarnation: u64,
    /// What the agent says it knows.
    pub(super) features: Features,
    pub(super) last_heard: Millis,
    /// Highest report sequence heard.
    pub(super) sequence: u64,
    /// Some report before it is missing.
    pub(super) gap: bool,
    pub(super) phase: Phase,
    pub(super) request: u32,
    pub(super) dirty: BTreeSet<DeploymentUid>,
    pub(super) in_flight: BTreeMap<DeploymentUid, InFlight>,
    /// `SnapshotComplete` is still to be sent.
    pub(super) snapshot_due: bool,
    /// The member has met a newer leadership: it would refuse everything.
    pub(super) fenced: bool,
    /// Its API server does not answer, as it said last.
    pub(super) is_api_server_silent: bool,
}

impl Live {
    pub(super) fn new(
        connection: Connection,
        instance: InstanceId,
        incarnation: u64,
        features: Features,
        now: Millis,
    ) -> Self {
        Self {
            connection,
            instance,
            incarnation,
            features,
            last_heard: now,
            sequence: 0,
            gap: false,
            phase: Phase::Synced,
            request: 0,
            dirty: BTreeSet::new(),
            in_flight: BTreeMap::new(),
            snapshot_due: true,
            fenced: false,
            is_api_server_silent: false,
        }
    }

    pub(super) fn wake_at(&self, pace: &Pace) -> Option<Millis> {
        let phase = match &self.phase {
            Phase::Synced => None,
            Phase::Listing(listing) => Some(listing.since + pace.listing_within),
            Phase::Resync { at } => Some(*at),
        };
        let resend = self
            .in_flight
            .values()
            .filter(|order| !order.due)
            .map(|order| order.resend_at);
        resend
            .chain(phase)
            .chain([self.last_heard + pace.lost_after])
            .min()
    }

    /// Asks for pages; what was collected for an older request is dropped.
    pub(super) fn list(&mut self, step: &mut Step<'_>) {
        self.request = self.request.wrapping_add(1);
        let statuses = self.lacks_reports();
        self.gap = false;
        self.phase = Phase::Listing(Listing {
            since: step.now,
            statuses,
            ..Listing::default()
        });
        let request = self.request;
        step.send(self.connection, ToAgent::List { request, statuses });
    }

    /// The listing was not answered in time, or frames were lost: ask again at `at`.
    pub(super) fn ask_again(&mut self, at: Millis) {
        self.gap = self.lacks_reports();
        self.phase = Phase::Resync { at };
    }

    /// Whether some report is missing, or was asked for and may not have been sent yet.
    pub(super) fn lacks_reports(&self) -> bool {
        self.gap || matches!(&self.phase, Phase::Listing(listing) if listing.statuses)
    }

    pub(super) fn window_is_full(&self, pace: &Pace) -> bool {
        self.in_flight
            .values()
            .filter(|order| order.attempt == 0)
            .count()
            >= pace.window
    }

    /// Says that everything that differed was sent.
    pub(super) fn conclude(&mut self, step: &mut Step<'_>) {
        if self.snapshot_due && self.dirty.is_empty() {
            self.snapshot_due = false;
            let root = step.orders.root();
            step.send(self.connection, ToAgent::SnapshotComplete { root });
        }
    }
}

/// Time until an order without an ack is sent again.
pub(super) fn wait(pace: &Pace, attempt: u32) -> Millis {
    grown(pace.resend_after, attempt, pace)
}

/// Time until an order is tried again whose content could not be read.
pub(super) fn wait_for_content(pace: &Pace, attempt: u32) -> Millis {
    grown(pace.content_after, attempt, pace)
}

fn grown(first: Millis, attempt: u32, pace: &Pace) -> Millis {
    let [first, cap] = [first, pace.resend_at_most_after].map(Duration::from_millis);
    millis(Schedule::new(first, cap).bound(attempt))
}
