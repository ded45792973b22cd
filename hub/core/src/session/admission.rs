//! Session admission: decides on a Hello whether the agent gets the session, and what has to be compared.

use std::collections::BTreeMap;

use stevedore_proto_core::message::{
    Close, CloseReason, Hello, OLDEST_PROTOCOL_VERSION, PROTOCOL_VERSION, Welcome,
};
use stevedore_proto_core::tuple::Precedence;
use stevedore_proto_core::{Features, InstanceId, Stage, ToAgent};

use super::cluster_orders::ClusterOrders;
use super::event::{Action, Connection, FreezeReason, Report};
use super::identity::Claim;
use super::live::Live;
use super::member::{Heard, KnownState, Member};
use super::step::Step;

impl Member {
    pub(super) fn hello(&mut self, connection: Connection, hello: &Hello, step: &mut Step<'_>) {
        let checked = self.check(connection, hello, step.orders);
        let admitted = checked.and_then(|version| {
            self.claim(hello.instance, step)?;
            Ok(version)
        });
        match admitted {
            Ok(version) => self.welcome(connection, version, hello, step),
            Err(close) => step.close(connection, close),
        }
    }

    /// The version that both sides speak, or why there is no session for any instance of the member.
    fn check(
        &self,
        connection: Connection,
        hello: &Hello,
        orders: &ClusterOrders,
    ) -> Result<u32, Close> {
        let retry_after = self.pace.retry_after;
        if !orders.loaded {
            let message = "the hub has not read all its ledgers yet";
            return Err(Close::new(CloseReason::NotLoaded, message, retry_after));
        }
        if self.session().is_some_and(|live| live > connection) {
            let message = "a newer stream of this member has the session";
            return Err(Close::new(CloseReason::Superseded, message, retry_after));
        }
        let version = hello.version.min(PROTOCOL_VERSION);
        if version < hello.oldest_version.max(OLDEST_PROTOCOL_VERSION) {
            let message = format!(
                "the agent speaks {}–{}, the hub {OLDEST_PROTOCOL_VERSION}–{PROTOCOL_VERSION}",
                hello.oldest_version, hello.version
            );
            let retry_after = self.pace.duplicate_banned;
            let reason = CloseReason::UnsupportedVersion;
            return Err(Close::new(reason, message, retry_after));
        }
        Ok(version)
    }

    /// Gives the session to this instance, and ends the one that is open; or says why not.
    fn claim(&mut self, instance: InstanceId, step: &mut Step<'_>) -> Result<(), Close> {
        let current = self.live.as_ref().map(|live| live.instance);
        let claim = self
            .instances
            .claim(instance, current, step.now, &self.pace);
        match claim {
            Claim::Admit => {
                let message = "a newer process of this member has the session";
                let close = Close::new(CloseReason::Superseded, message, self.pace.retry_after);
                // A process that dialled again needs no word on its old stream.
                self.give_way((current != Some(instance)).then_some(close), step);
            }
            Claim::Refuse { retry_after } => {
                if let Some(kept) = current {
                    let refused = instance;
                    step.report(Report::DuplicateIdentity { kept, refused });
                }
                let message = "another process uses this identity";
                let reason = CloseReason::DuplicateIdentity;
                return Err(Close::new(reason, message, retry_after));
            }
            Claim::Evict { refused } => {
                let message = "another process that runs longer uses this identity";
                let banned = self.pace.duplicate_banned;
                let close = Close::new(CloseReason::DuplicateIdentity, message, banned);
                self.give_way(Some(close), step);
                let kept = instance;
                step.report(Report::DuplicateIdentity { kept, refused });
            }
        }
        Ok(())
    }

    /// Ends the open session in favour of another stream.
    fn give_way(&mut self, close: Option<Close>, step: &mut Step<'_>) {
        let Some(connection) = self.session() else {
            return;
        };
        match close {
            Some(close) => step.close(connection, close),
            None => step.actions.push(Action::Disconnect(connection)),
        }
        self.end(step.now);
    }

    fn welcome(
        &mut self,
        connection: Connection,
        version: u32,
        hello: &Hello,
        step: &mut Step<'_>,
    ) {
        let said = Heard {
            instance: hello.instance,
            incarnation: hello.incarnation,
            sequence: hello.sequence,
        };
        let heard = self.heard.take();
        let anew = heard != Some(said);
        if heard.is_none_or(|heard| heard.instance != hello.instance) {
            self.quarantine.clear();
        }
        self.lost_at = None;
        // What a member says about itself must not stop the hub, however large.
        self.incarnation = self.incarnation.max(hello.incarnation).saturating_add(1);
        let welcome = Welcome {
            version,
            features: Vec::new(),
            incarnation: self.incarnation,
            leadership: step.orders.leadership,
            heartbeat: self.pace.heartbeat,
            report: anew,
            time: None,
        };
        step.send(connection, ToAgent::Welcome(welcome));
        step.report(Report::Connected {
            incarnation: self.incarnation,
            instance: hello.instance,
            anew,
            agent_version: hello.agent_version.clone(),
            environment: Box::new(hello.environment.clone()),
            time: hello.time,
        });
        let features = Features::offered(hello.features.iter().map(String::as_str));
        let mut live = Live::new(
            connection,
            hello.instance,
            self.incarnation,
            features,
            step.now,
        );
        live.fenced = fence(hello, step);
        if !self.note_held(hello, step.orders) {
            live.list(step);
        }
        self.live = Some(live);
        self.api_server(hello.api_server_silent, step);
        self.changed_all(step.orders);
    }

    /// Notes what a Hello says is held; false when the member has to list it.
    fn note_held(&mut self, hello: &Hello, orders: &ClusterOrders) -> bool {
        if hello.held == 0 {
            self.known = KnownState {
                whole: true,
                listed: true,
                ..KnownState::default()
            };
        } else if hello.root == orders.root() {
            self.know_in_sync(orders);
            self.known.whole = hello.held as usize == self.known.held.len();
        } else {
            return self.known.listed && hello.root == self.known.root();
        }
        true
    }

    /// The member holds exactly what is ordered. Stages that were known of it stay, and finished tombstones.
    fn know_in_sync(&mut self, orders: &ClusterOrders) {
        let known = &mut self.known.held;
        let mut held = BTreeMap::new();
        for (deployment, desired) in &orders.orders {
            if !desired.finished {
                let received = (desired.order.tuple, Stage::Received);
                let before = known.remove(deployment);
                let same = before.filter(|(tuple, _)| *tuple == received.0);
                held.insert(*deployment, same.unwrap_or(received));
            }
        }
        known.retain(|_, (_, stage)| *stage == Stage::Deleted);
        known.append(&mut held);
    }
}

/// Reports that the member has met a leadership beside which this hub must not order; false when it has not.
fn fence(hello: &Hello, step: &mut Step<'_>) -> bool {
    let Some(seen) = hello.seen else {
        return false;
    };
    let reason = match step.orders.leadership.compared_to(&seen) {
        Precedence::Current => return false,
        Precedence::Older => FreezeReason::HubRegressed,
        Precedence::Foreign => FreezeReason::HubDiverged,
    };
    step.report(Report::Fenced { seen, reason });
    true
}
