//! Orders of deployments: those that are held, and those that are being fetched or stored.

use std::collections::BTreeMap;

use stevedore_proto_core::message::OrderMessage;
use stevedore_proto_core::{DeploymentUid, Held, Tuple, limit};

/// What an offer waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum OfferState {
    Fetching,
    Storing,
}

/// An accepted order on its way to being durable, and the newer one that waits behind it.
#[derive(Debug, Clone)]
pub(super) struct Offer {
    pub(super) message: OrderMessage,
    pub(super) state: OfferState,
    pub(super) next: Option<OrderMessage>,
}

/// What is held, and what is about to be.
#[derive(Debug, Clone, Default)]
pub(super) struct Orders {
    pub(super) held: BTreeMap<DeploymentUid, Held>,
    pub(super) offers: BTreeMap<DeploymentUid, Offer>,
}

impl Orders {
    pub(super) fn new(held: Vec<Held>) -> Self {
        let held = held
            .into_iter()
            .map(|held| (held.deployment, held))
            .collect();
        Self {
            held,
            offers: BTreeMap::new(),
        }
    }

    pub(super) fn held(&self) -> impl Iterator<Item = &Held> {
        self.held.values()
    }

    pub(super) fn count(&self) -> u32 {
        u32::try_from(self.held.len()).expect("deployments are bounded")
    }

    pub(super) fn is_storing(&self) -> bool {
        self.offers
            .values()
            .any(|offer| offer.state == OfferState::Storing)
    }

    /// Drops a finished tombstone; anything else stays.
    pub(super) fn forget(&mut self, deployment: &DeploymentUid) -> bool {
        let finished = self.held.get(deployment).is_some_and(Held::is_finished);
        if finished {
            self.held.remove(deployment);
        }
        finished
    }

    /// What waits is offered again by the next session; only what is being stored goes on.
    pub(super) fn disconnected(&mut self) {
        self.offers
            .retain(|_, offer| offer.state == OfferState::Storing);
        for offer in self.offers.values_mut() {
            offer.next = None;
        }
    }

    /// The newest tuple accepted for a deployment, durable or not.
    pub(super) fn newest(&self, deployment: &DeploymentUid) -> Option<&Tuple> {
        match self.offers.get(deployment) {
            Some(offer) => Some(&offer.next.as_ref().unwrap_or(&offer.message).order.tuple),
            None => self.held.get(deployment).map(|held| &held.tuple),
        }
    }

    pub(super) fn is_full(&self, deployment: &DeploymentUid) -> bool {
        let new = !self.held.contains_key(deployment) && !self.offers.contains_key(deployment);
        let waiting = self
            .offers
            .keys()
            .filter(|deployment| !self.held.contains_key(deployment))
            .count();
        new && self.held.len() + waiting >= limit::DEPLOYMENTS
    }
}
