//! Handlers of what a member sends: pages, acks, refusals, reports and heartbeats.

use stevedore_proto_core::message::{CloseReason, Page};
use stevedore_proto_core::reason::Retry;
use stevedore_proto_core::{
    DeploymentStatus, DeploymentUid, Digest, Millis, Reason, Stage, ToAgent, Tuple, limit,
};

use super::cluster_orders::ClusterOrders;
use super::event::{Action, FreezeReason, Report};
use super::live::{Listing, Phase, wait};
use super::member::{Member, refuse};

impl Member {
    pub(super) fn page(
        &mut self,
        page: Page,
        orders: &ClusterOrders,
        now: Millis,
        out: &mut Vec<Action>,
    ) {
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
        listing.since = now;
        let before = listing.held.len() + listing.contents.len();
        listing.held.extend(page.held);
        listing.contents.extend(page.contents);
        let broken = if listing.held.len() > limit::DEPLOYMENTS
            || listing.contents.len() > 8 * limit::DEPLOYMENTS
        {
            Some("more deployments than allowed")
        } else if !page.last && listing.held.len() + listing.contents.len() == before {
            // Every page gives the next one its time: pages without end would too.
            Some("a page that brings nothing and is not the last")
        } else {
            None
        };
        if let Some(message) = broken {
            refuse(live.connection, CloseReason::ProtocolError, message, 0, out);
            self.end(now);
            return;
        }
        if page.last {
            let listing = std::mem::replace(&mut live.phase, Phase::Synced);
            if let Phase::Listing(listing) = listing {
                self.listed(listing, orders, out);
            }
        }
    }

    fn listed(&mut self, listing: Listing, orders: &ClusterOrders, out: &mut Vec<Action>) {
        let before = std::mem::take(&mut self.known.held);
        for held in &listing.held {
            let now = (held.tuple, held.stage);
            let is_wanted = orders
                .orders
                .get(&held.deployment)
                .is_some_and(|wanted| wanted.order.tuple == held.tuple);
            if is_wanted && before.get(&held.deployment) != Some(&now) {
                let (tuple, stage) = now;
                out.push(Action::Report(Report::Progress {
                    deployment: held.deployment,
                    tuple,
                    stage,
                }));
            }
            self.known.held.insert(held.deployment, now);
        }
        self.known.contents = listing.contents;
        self.known.listed = true;
        self.known.whole = true;
        out.push(Action::Report(Report::Listing(listing.held)));
        self.changed_all(orders);
    }

    /// Moves what the member is believed to hold, forward only.
    pub(super) fn acknowledged(
        &mut self,
        deployment: DeploymentUid,
        tuple: Tuple,
        stage: Stage,
        orders: &ClusterOrders,
        out: &mut Vec<Action>,
    ) {
        let Some(live) = &mut self.live else {
            return;
        };
        if live
            .in_flight
            .get(&deployment)
            .is_some_and(|order| order.tuple == tuple)
        {
            live.in_flight.remove(&deployment);
        }
        if orders.orders.contains_key(&deployment) {
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
        let wanted = orders
            .orders
            .get(&deployment)
            .filter(|wanted| wanted.order.tuple == tuple);
        if let Some(content) = wanted.and_then(|wanted| wanted.order.content()) {
            self.known.contents.insert(content.digest);
        }
        out.push(Action::Report(Report::Progress {
            deployment,
            tuple,
            stage,
        }));
    }

    #[expect(
        clippy::too_many_arguments,
        reason = "the fields of one message, and what they are judged by"
    )]
    pub(super) fn refused(
        &mut self,
        deployment: DeploymentUid,
        tuple: Tuple,
        reason: Reason,
        message: String,
        orders: &ClusterOrders,
        now: Millis,
        out: &mut Vec<Action>,
    ) {
        let Some(live) = &mut self.live else {
            return;
        };
        let Some(order) = live
            .in_flight
            .get_mut(&deployment)
            .filter(|order| order.tuple == tuple)
        else {
            return;
        };
        if reason == Reason::ContentUnavailable
            && let Some(content) = orders
                .orders
                .get(&deployment)
                .and_then(|wanted| wanted.order.content())
        {
            self.known.contents.remove(&content.digest);
            order.put_off = true;
        }
        if reason.retry() == Retry::Soon {
            order.attempt = order.attempt.max(1);
            order.due = false;
            order.resend_at = now + wait(&self.pace, order.attempt - 1);
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
        out.push(Action::Report(Report::Refused {
            deployment,
            tuple,
            reason,
            message,
        }));
        if let Some(reason) = freeze {
            self.freeze(deployment, reason, out);
        }
    }

    pub(super) fn status(
        &mut self,
        sequence: u64,
        status: Box<DeploymentStatus>,
        out: &mut Vec<Action>,
    ) {
        let Some(live) = &mut self.live else {
            return;
        };
        if sequence <= live.sequence {
            return;
        }
        live.gap |= sequence != live.sequence + 1;
        live.sequence = sequence;
        let incarnation = live.incarnation;
        out.push(Action::Report(Report::Status {
            incarnation,
            sequence,
            status,
        }));
    }

    /// Anti-entropy: a heartbeat that does not say what is believed leads to a listing.
    pub(super) fn heartbeat(
        &mut self,
        root: &Digest,
        sequence: u64,
        now: Millis,
        out: &mut Vec<Action>,
    ) {
        let Some(live) = &mut self.live else {
            return;
        };
        out.push(Action::Send(live.connection, ToAgent::Beat));
        live.gap |= sequence > live.sequence;
        live.sequence = live.sequence.max(sequence);
        if matches!(live.phase, Phase::Synced) && (live.gap || *root != self.known.root()) {
            live.list(now, out);
        }
    }
}

/// Comparable only between tuples one member said it holds.
fn position(tuple: &Tuple) -> (u64, u64) {
    (tuple.epoch.counter, tuple.number)
}
