//! Handlers of what a member sends: pages, acks, refusals, reports and heartbeats.

use stevedore_proto_core::message::Page;
use stevedore_proto_core::reason::Retry;
use stevedore_proto_core::{
    DeploymentStatus, DeploymentUid, Digest, Millis, Reason, Stage, ToAgent, Tuple, limit,
};

use super::event::{FreezeReason, Report};
use super::live::{Listing, Phase, wait};
use super::member::Member;
use super::step::Step;

impl Member {
    pub(super) fn page(&mut self, page: Page, step: &mut Step<'_>) {
        let Some(live) = &mut self.live else {
            return;
        };
        let Phase::Listing(listing) = &mut live.phase else {
            return;
        };
        if page.request != live.request || page.index != listing.next_index {
            return;
        }
        listing.next_index += 1;
        listing.since = step.now;
        let before = listing.held.len() + listing.contents.len();
        listing.held.extend(page.held);
        listing.contents.extend(page.contents);
        if listing.held.len() > limit::DEPLOYMENTS
            || listing.contents.len() > 8 * limit::DEPLOYMENTS
        {
            return self.break_off("more deployments than allowed", step);
        }
        if page.last {
            let listing = std::mem::take(listing);
            live.phase = Phase::Synced;
            self.listed(listing, step);
        } else if listing.held.len() + listing.contents.len() == before {
            // Each page restarts the time for the next one, so empty pages could go on for ever.
            self.break_off("a page that brings nothing and is not the last", step);
        }
    }

    fn listed(&mut self, listing: Listing, step: &mut Step<'_>) {
        let before = std::mem::take(&mut self.known.held);
        for held in &listing.held {
            let (deployment, tuple, stage) = (held.deployment, held.tuple, held.stage);
            let is_ordered = step
                .order(&deployment)
                .is_some_and(|desired| desired.order.tuple == tuple);
            if is_ordered && before.get(&deployment) != Some(&(tuple, stage)) {
                step.report(Report::Progress {
                    deployment,
                    tuple,
                    stage,
                });
            }
            self.known.held.insert(deployment, (tuple, stage));
        }
        self.known.contents = listing.contents;
        self.known.listed = true;
        self.known.whole = true;
        step.report(Report::Listing(listing.held));
        self.changed_all(step.orders);
    }

    /// Moves what the member is known to hold, forward only.
    pub(super) fn acknowledged(
        &mut self,
        deployment: DeploymentUid,
        tuple: Tuple,
        stage: Stage,
        step: &mut Step<'_>,
    ) {
        let Some(live) = &mut self.live else {
            return;
        };
        if let Some(order) = live.in_flight.get(&deployment)
            && order.tuple == tuple
        {
            live.in_flight.remove(&deployment);
        }
        let desired = step.order(&deployment);
        if desired.is_some() {
            // Only what is ordered can need anything: a member cannot make this set grow.
            live.dirty.insert(deployment);
        }
        let forward = match self.known.held.get(&deployment) {
            None => self.known.held.len() < limit::DEPLOYMENTS,
            Some((held, before)) if *held == tuple => stage > *before,
            Some((held, _)) => position(&tuple) > position(held),
        };
        if !forward {
            return;
        }
        self.known.held.insert(deployment, (tuple, stage));
        let desired = desired.filter(|desired| desired.order.tuple == tuple);
        if let Some(content) = desired.and_then(|desired| desired.order.content()) {
            self.known.contents.insert(content.digest);
        }
        step.report(Report::Progress {
            deployment,
            tuple,
            stage,
        });
    }

    pub(super) fn refused(
        &mut self,
        deployment: DeploymentUid,
        tuple: Tuple,
        reason: Reason,
        message: String,
        step: &mut Step<'_>,
    ) {
        let Some(live) = &mut self.live else {
            return;
        };
        let sent = live.in_flight.get_mut(&deployment);
        let Some(sent) = sent.filter(|sent| sent.tuple == tuple) else {
            return;
        };
        if reason == Reason::ContentUnavailable
            && let Some(desired) = step.order(&deployment)
            && let Some(content) = desired.order.content()
        {
            self.known.contents.remove(&content.digest);
            sent.put_off = true;
        }
        if reason.retry() == Retry::Soon {
            sent.attempt = sent.attempt.max(1);
            sent.due = false;
            sent.resend_at = step.now + wait(&self.pace, sent.attempt - 1);
        } else {
            live.in_flight.remove(&deployment);
            live.dirty.insert(deployment);
            self.quarantine.insert(deployment, tuple);
        }
        let freeze = match reason {
            Reason::HubRegressed => Some(FreezeReason::HubRegressed),
            Reason::HubDiverged => Some(FreezeReason::HubDiverged),
            _ => None,
        };
        step.report(Report::Refused {
            deployment,
            tuple,
            reason,
            message,
        });
        if let Some(reason) = freeze {
            self.freeze(deployment, reason, step);
        }
    }

    pub(super) fn status(
        &mut self,
        sequence: u64,
        status: Box<DeploymentStatus>,
        step: &mut Step<'_>,
    ) {
        let Some(live) = &mut self.live else {
            return;
        };
        if sequence <= live.sequence {
            return;
        }
        live.gap |= sequence != live.sequence + 1;
        live.sequence = sequence;
        step.report(Report::Status {
            incarnation: live.incarnation,
            sequence,
            status,
        });
    }

    /// Every heartbeat says it; told is when it changes.
    pub(super) fn api_server(&mut self, silent: Option<Millis>, step: &mut Step<'_>) {
        let Some(live) = &mut self.live else {
            return;
        };
        let before = std::mem::replace(&mut live.is_api_server_silent, silent.is_some());
        if before != silent.is_some() {
            step.report(Report::ApiServer { silent });
        }
    }

    /// Anti-entropy: a heartbeat that differs from what is known leads to a listing.
    pub(super) fn heartbeat(&mut self, root: &Digest, sequence: u64, step: &mut Step<'_>) {
        let Some(live) = &mut self.live else {
            return;
        };
        step.send(live.connection, ToAgent::Beat);
        live.gap |= sequence > live.sequence;
        live.sequence = live.sequence.max(sequence);
        if live.gap || *root != self.known.root() {
            self.list(step);
        }
    }
}

/// Comparable only between tuples one member said it holds.
fn position(tuple: &Tuple) -> (u64, u64) {
    (tuple.epoch.counter, tuple.number)
}
