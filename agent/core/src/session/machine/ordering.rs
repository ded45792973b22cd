//! Transitions of orders: decided on, fetched, stored, acknowledged.

use std::sync::Arc;

use stevedore_proto_core::message::OrderMessage;
use stevedore_proto_core::status::shorten;
use stevedore_proto_core::{
    DeploymentUid, Digest, Held, Reason, Stage, ToHub, Tuple, content, limit,
};

use super::Session;
use crate::session::accept::{Decision, decide};
use crate::session::event::{Action, FetchError, StoreError};
use crate::session::orders::{Offer, OfferState};

impl Session {
    pub(super) fn offered(&mut self, message: OrderMessage, out: &mut Vec<Action>) {
        let Some(leader) = self.leader else {
            return;
        };
        let order = &message.order;
        if let Err((reason, text)) = self.check(&message) {
            self.refuse(order.deployment, order.tuple, reason, text, out);
            return;
        }
        let newest = self.orders.newest(&order.deployment);
        match decide(&order.tuple, newest, &leader, self.seen.as_ref()) {
            Decision::Refuse(reason, text) => {
                self.refuse(order.deployment, order.tuple, reason, text, out);
            }
            Decision::Same => {
                if !self.orders.offers.contains_key(&order.deployment) {
                    self.acknowledge(order.deployment, out);
                }
            }
            Decision::Accept => match self.orders.offers.get_mut(&order.deployment) {
                Some(offer) if offer.state == OfferState::Storing => offer.next = Some(message),
                Some(_) | None => self.start(message, out),
            },
        }
    }

    /// What is wrong with an order by itself, whatever is held.
    fn check(&self, message: &OrderMessage) -> Result<(), (Reason, &'static str)> {
        let order = &message.order;
        if !order.is_intact() {
            return Err((
                Reason::DigestMismatch,
                "the tuple does not name the order's digest",
            ));
        }
        if DeploymentUid::derive(&order.package.uid, &self.identity.cluster) != order.deployment {
            return Err((
                Reason::WrongCluster,
                "the deployment belongs to another cluster",
            ));
        }
        if self.orders.is_full(&order.deployment) {
            return Err((
                Reason::TooLarge,
                "the member holds as many deployments as it can",
            ));
        }
        let Some(reference) = order.content() else {
            return Ok(());
        };
        if reference.size > limit::CONTENT as u64 {
            return Err((
                Reason::TooLarge,
                "the content is larger than an order may carry",
            ));
        }
        match &message.content {
            Some(bytes) if content::verify(bytes, &reference).is_err() => Err((
                Reason::DigestMismatch,
                "the content does not have the digest the order names",
            )),
            Some(_) | None => Ok(()),
        }
    }

    /// Stores an accepted order, or fetches its content first. Replaces what waited for content.
    fn start(&mut self, message: OrderMessage, out: &mut Vec<Action>) {
        let deployment = message.order.deployment;
        let lacking = message.order.content().filter(|reference| {
            message.content.is_none() && !self.contents.contains(&reference.digest)
        });
        let state = match lacking {
            Some(content) => {
                out.push(Action::Fetch {
                    deployment,
                    content,
                });
                OfferState::Fetching
            }
            None => {
                out.push(store(&message));
                OfferState::Storing
            }
        };
        self.orders.offers.insert(
            deployment,
            Offer {
                message,
                state,
                next: None,
            },
        );
    }

    pub(super) fn fetched(
        &mut self,
        deployment: DeploymentUid,
        digest: Digest,
        result: Result<Arc<[u8]>, FetchError>,
        out: &mut Vec<Action>,
    ) {
        let Some(offer) = self.orders.offers.get_mut(&deployment) else {
            return;
        };
        let lacking = offer
            .message
            .order
            .content()
            .filter(|reference| reference.digest == digest);
        let (OfferState::Fetching, Some(reference)) = (offer.state, lacking) else {
            return;
        };
        let tuple = offer.message.order.tuple;
        let failure = match result {
            Ok(bytes) if bytes.len() as u64 == reference.size => {
                offer.message.content = Some(bytes);
                offer.state = OfferState::Storing;
                out.push(store(&offer.message));
                return;
            }
            Ok(_) => (
                Reason::DigestMismatch,
                "fetched content does not have its size".to_owned(),
            ),
            Err(error) => (Reason::ContentUnavailable, error.message),
        };
        self.orders.offers.remove(&deployment);
        self.refuse(deployment, tuple, failure.0, &failure.1, out);
    }

    pub(super) fn stored(
        &mut self,
        deployment: DeploymentUid,
        tuple: Tuple,
        result: Result<(), StoreError>,
        out: &mut Vec<Action>,
    ) {
        let storing = |offer: &Offer| {
            offer.state == OfferState::Storing && offer.message.order.tuple == tuple
        };
        if !self.orders.offers.get(&deployment).is_some_and(storing) {
            return;
        }
        let Some(mut offer) = self.orders.offers.remove(&deployment) else {
            return;
        };
        match result {
            Ok(()) => self.accepted(&offer.message, out),
            Err(error)
                if error.reason == Reason::ContentUnavailable
                    && offer.message.content.is_none() =>
            {
                if let Some(reference) = offer.message.order.content() {
                    self.contents.remove(&reference.digest);
                }
                offer.next.get_or_insert(offer.message);
            }
            Err(error) => self.refuse(deployment, tuple, error.reason, &error.message, out),
        }
        if let Some(next) = offer.next {
            self.start(next, out);
        }
    }

    fn accepted(&mut self, message: &OrderMessage, out: &mut Vec<Action>) {
        let order = &message.order;
        if let Some(reference) = order.content() {
            self.contents.insert(reference.digest);
        }
        let held = Held {
            deployment: order.deployment,
            package: order.package.clone(),
            tuple: order.tuple,
            content: order.content(),
            stage: Stage::Received,
        };
        self.orders.held.insert(order.deployment, held);
        self.acknowledge(order.deployment, out);
    }

    /// A stage only rises, and only for the order that is held.
    pub(super) fn progress(
        &mut self,
        deployment: DeploymentUid,
        tuple: Tuple,
        stage: Stage,
        out: &mut Vec<Action>,
    ) {
        let Some(held) = self.orders.held.get_mut(&deployment) else {
            return;
        };
        let is_last_of_tombstone = stage == Stage::Deleted;
        if held.tuple != tuple
            || stage <= held.stage
            || is_last_of_tombstone != held.content.is_none()
        {
            return;
        }
        held.stage = stage;
        self.acknowledge(deployment, out);
    }

    fn acknowledge(&self, deployment: DeploymentUid, out: &mut Vec<Action>) {
        if let Some(held) = self.orders.held.get(&deployment) {
            self.send(
                ToHub::Ack {
                    deployment,
                    tuple: held.tuple,
                    stage: held.stage,
                },
                out,
            );
        }
    }

    fn refuse(
        &self,
        deployment: DeploymentUid,
        tuple: Tuple,
        reason: Reason,
        message: &str,
        out: &mut Vec<Action>,
    ) {
        let message = shorten(message.to_owned(), limit::MESSAGE);
        self.send(
            ToHub::Nack {
                deployment,
                tuple,
                reason: reason.clone(),
                message,
            },
            out,
        );
        out.push(Action::Refused {
            deployment,
            tuple,
            reason,
        });
    }
}

fn store(message: &OrderMessage) -> Action {
    Action::Store {
        order: Box::new(message.order.clone()),
        content: message.content.clone(),
        traceparent: message.traceparent.clone(),
    }
}
