//! The sending side of a session: compares a deployment when its turn comes, so that its newest order goes out.

use std::collections::BTreeSet;

use stevedore_proto_core::{DeploymentUid, Digest, Features, Millis, Order, Reason, Tuple, limit};

use super::cluster_orders::{ClusterOrders, DesiredOrder, Relation};
use super::event::{Action, FreezeReason, Report};
use super::live::{InFlight, Phase, wait, wait_for_content};
use super::member::{KnownState, Member};
use super::step::Step;

/// Pause after frames were lost, so that a full queue can drain.
const PAUSE_AFTER_LOSS: Millis = 1_000;

/// What the order of a deployment needs.
enum Need {
    Nothing,
    Freeze(FreezeReason),
    /// The agent does not know what the order needs.
    Refuse(Features),
    Send {
        with_content: bool,
    },
    /// The member may have the content, or a tombstone that does not show in its root: it has to say so first.
    List,
}

impl Member {
    /// Marks deployments; the newest order of each is read when it is sent.
    pub(super) fn changed(&mut self, deployments: BTreeSet<DeploymentUid>) {
        if let Some(live) = &mut self.live {
            live.dirty.extend(deployments);
        }
    }

    pub(super) fn changed_all(&mut self, orders: &ClusterOrders) {
        let Some(live) = &mut self.live else {
            return;
        };
        live.dirty.extend(orders.orders.keys());
        live.dirty.extend(live.in_flight.keys());
        live.dirty.extend(self.frozen.keys());
        live.dirty.extend(self.quarantine.keys());
    }

    /// Frames are lost: nothing sent without an ack counts, and the member is asked what it has.
    pub(super) fn overflowed(&mut self, step: &mut Step<'_>) {
        if let Some(live) = &mut self.live {
            live.in_flight.clear();
            live.snapshot_due = true;
            live.ask_again(step.now + PAUSE_AFTER_LOSS);
        }
        self.changed_all(step.orders);
    }

    /// Orders that got no ack in time are compared and sent again.
    pub(super) fn repeat(&mut self, now: Millis) {
        let Some(live) = &mut self.live else {
            return;
        };
        for (deployment, order) in &mut live.in_flight {
            if !order.due && order.resend_at <= now {
                order.due = true;
                order.attempt = order.attempt.saturating_add(1);
                live.dirty.insert(*deployment);
            }
        }
    }

    /// Sends what differs, as far as the window allows.
    pub(super) fn flush(&mut self, step: &mut Step<'_>) {
        let Some(live) = &mut self.live else {
            return;
        };
        if !step.orders.loaded || !matches!(live.phase, Phase::Synced) {
            return;
        }
        if live.fenced {
            live.dirty.clear();
            return;
        }
        for deployment in live.dirty.clone() {
            match self.compare(deployment, step) {
                Need::Nothing => {}
                Need::Freeze(reason) => self.freeze(deployment, reason, step),
                Need::Refuse(missing) => self.not_for_this_agent(deployment, missing, step),
                Need::Send { with_content } => {
                    if !self.send(deployment, with_content, step) {
                        continue;
                    }
                }
                Need::List => return self.list(step),
            }
            if let Some(live) = &mut self.live {
                live.dirty.remove(&deployment);
            }
        }
        if let Some(live) = &mut self.live {
            live.conclude(step);
        }
    }

    /// What a deployment needs, after what no longer holds about it was dropped.
    fn compare(&mut self, deployment: DeploymentUid, step: &mut Step<'_>) -> Need {
        let desired = step.order(&deployment);
        let quarantined = self.quarantine.get(&deployment);
        let features = self.live.as_ref().map_or(Features::NONE, |it| it.features);
        let need = desired.map_or(Need::Nothing, |desired| {
            need(desired, &self.known, quarantined, features)
        });
        let refused = desired.is_some_and(|desired| quarantined == Some(&desired.order.tuple));
        if matches!(need, Need::Nothing)
            && let Some(live) = &mut self.live
        {
            live.in_flight.remove(&deployment);
        }
        if !refused {
            self.quarantine.remove(&deployment);
            if !matches!(need, Need::Freeze(_)) && self.frozen.remove(&deployment).is_some() {
                step.report(Report::Thawed(deployment));
            }
        }
        need
    }

    /// An order that the agent would carry out only in part is not sent, and shown like one that it refused.
    fn not_for_this_agent(
        &mut self,
        deployment: DeploymentUid,
        missing: Features,
        step: &mut Step<'_>,
    ) {
        let Some(desired) = step.order(&deployment) else {
            return;
        };
        if let Some(live) = &mut self.live {
            live.in_flight.remove(&deployment);
        }
        let tuple = desired.order.tuple;
        self.quarantine.insert(deployment, tuple);
        let words: Vec<_> = missing.words().collect();
        step.report(Report::Refused {
            deployment,
            tuple,
            reason: Reason::Unsupported,
            message: format!(
                "not sent: the agent is too old for what the package needs ({}); upgrade it",
                words.join(", ")
            ),
        });
    }

    /// Nothing is sent for a deployment until histories fit; reported once.
    pub(super) fn freeze(
        &mut self,
        deployment: DeploymentUid,
        reason: FreezeReason,
        step: &mut Step<'_>,
    ) {
        if let Some(live) = &mut self.live {
            live.in_flight.remove(&deployment);
        }
        if self.frozen.insert(deployment, reason) != Some(reason) {
            let held = self.known.tuple(&deployment).copied();
            step.report(Report::Frozen {
                deployment,
                held,
                reason,
            });
        }
    }

    /// Sends an order unless it is on its way; false when the window is full.
    fn send(&mut self, deployment: DeploymentUid, with_content: bool, step: &mut Step<'_>) -> bool {
        let (Some(live), Some(desired)) = (&mut self.live, step.order(&deployment)) else {
            return true;
        };
        let tuple = desired.order.tuple;
        let sent = live.in_flight.get(&deployment);
        let attempt = match sent.filter(|sent| sent.tuple == tuple) {
            Some(sent) if sent.due => sent.attempt,
            Some(_) => return true,
            None if live.window_is_full(&self.pace) => return false,
            None => 0,
        };
        let sent = InFlight {
            tuple,
            attempt,
            resend_at: step.now + wait(&self.pace, attempt),
            due: false,
            put_off: false,
        };
        live.in_flight.insert(deployment, sent);
        step.actions.push(Action::SendOrder {
            connection: live.connection,
            order: desired.order.clone(),
            with_content,
        });
        true
    }

    /// The content of an order cannot be made any more: whoever plans has to find another way.
    pub(super) fn content_missing(&mut self, deployment: DeploymentUid, step: &mut Step<'_>) {
        let at = step.now + self.pace.resend_at_most_after;
        if let Some(tuple) = self.put_off(deployment, at) {
            step.report(Report::ContentMissing { deployment, tuple });
        }
    }

    /// As [`Self::content_missing`], for every order on its way that names this content.
    pub(super) fn content_gone(&mut self, digest: &Digest, step: &mut Step<'_>) {
        let sent = self.live.iter().flat_map(|live| live.in_flight.keys());
        let names = |deployment: &&DeploymentUid| {
            let desired = step.order(deployment);
            desired.is_some_and(|desired| desired.names(digest))
        };
        for deployment in sent.filter(names).copied().collect::<Vec<_>>() {
            self.content_missing(deployment, step);
        }
    }

    /// The content of an order could not be read now.
    pub(super) fn content_late(&mut self, deployment: DeploymentUid, now: Millis) {
        let sent = self.live.as_ref();
        let sent = sent.and_then(|live| live.in_flight.get(&deployment));
        let attempt = sent.map_or(0, |order| order.attempt.saturating_sub(1));
        self.put_off(deployment, now + wait_for_content(&self.pace, attempt));
    }

    /// Tries an order again at `at`; until then it takes no room in the window.
    fn put_off(&mut self, deployment: DeploymentUid, at: Millis) -> Option<Tuple> {
        let order = self.live.as_mut()?.in_flight.get_mut(&deployment)?;
        order.attempt = order.attempt.max(1);
        order.resend_at = at;
        order.put_off = true;
        Some(order.tuple)
    }

    /// Orders that were put off for these contents are due.
    pub(super) fn content_back(&mut self, deployments: &BTreeSet<DeploymentUid>) {
        let Some(live) = &mut self.live else {
            return;
        };
        for deployment in deployments {
            if let Some(order) = live.in_flight.get_mut(deployment)
                && order.put_off
            {
                order.due = true;
                live.dirty.insert(*deployment);
            }
        }
    }
}

fn need(
    desired: &DesiredOrder,
    known: &KnownState,
    quarantined: Option<&Tuple>,
    features: Features,
) -> Need {
    if desired.finished {
        return Need::Nothing;
    }
    let held = known.tuple(&desired.order.deployment);
    match desired.relation(held) {
        Relation::InSync => return Need::Nothing,
        Relation::Foreign(reason) => return Need::Freeze(reason),
        Relation::Behind if quarantined == Some(&desired.order.tuple) => return Need::Nothing,
        Relation::Behind if !known.whole && held.is_none() => return Need::List,
        Relation::Behind => {}
    }
    let missing = desired.needs.without(features);
    if !missing.is_empty() {
        return Need::Refuse(missing);
    }
    let lacking = inline(&desired.order).filter(|digest| !known.contents.contains(digest));
    if lacking.is_some() && !known.listed && !known.held.is_empty() {
        return Need::List;
    }
    Need::Send {
        with_content: lacking.is_some(),
    }
}

/// The content that would travel with the order.
fn inline(order: &Order) -> Option<Digest> {
    order
        .content()
        .filter(|content| content.size <= limit::INLINE_CONTENT as u64)
        .map(|content| content.digest)
}
