//! Session admission: decides on a Hello whether the agent gets the session, and what has to be compared.

use stevedore_proto_core::message::{
    CloseReason, Hello, OLDEST_PROTOCOL_VERSION, PROTOCOL_VERSION, Welcome,
};
use stevedore_proto_core::tuple::Precedence;
use stevedore_proto_core::{Millis, Stage, ToAgent};

use super::cluster_orders::ClusterOrders;
use super::event::{Action, Connection, FreezeReason, Report};
use super::identity::Claim;
use super::live::Live;
use super::member::{Heard, KnownState, Member, refuse};

impl Member {
    pub(super) fn hello(
        &mut self,
        connection: Connection,
        hello: &Hello,
        orders: &ClusterOrders,
        now: Millis,
        out: &mut Vec<Action>,
    ) {
        let retry_after = self.pace.retry_after;
        if !orders.loaded {
            let message = "the hub has not read all its ledgers yet";
            return refuse(
                connection,
                CloseReason::NotLoaded,
                message,
                retry_after,
                out,
            );
        }
        if self
            .live
            .as_ref()
            .is_some_and(|live| live.connection > connection)
        {
            let message = "a newer stream of this member has the session";
            return refuse(
                connection,
                CloseReason::Superseded,
                message,
                retry_after,
                out,
            );
        }
        let version = hello.version.min(PROTOCOL_VERSION);
        if version < hello.oldest_version.max(OLDEST_PROTOCOL_VERSION) {
            let message = format!(
                "the agent speaks {}–{}, the hub {OLDEST_PROTOCOL_VERSION}–{PROTOCOL_VERSION}",
                hello.oldest_version, hello.version
            );
            let slow = self.pace.duplicate_banned;
            return refuse(
                connection,
                CloseReason::UnsupportedVersion,
                &message,
                slow,
                out,
            );
        }
        let current = self.live.as_ref().map(|live| live.instance);
        match self
            .instances
            .claim(hello.instance, current, now, &self.pace)
        {
            Claim::Admit => self.supersede(hello, now, out),
            Claim::Refuse { retry_after } => {
                let message = "another process uses this identity";
                refuse(
                    connection,
                    CloseReason::DuplicateIdentity,
                    message,
                    retry_after,
                    out,
                );
                if let Some(kept) = current {
                    let refused = hello.instance;
                    out.push(Action::Report(Report::DuplicateIdentity { kept, refused }));
                }
                return;
            }
            Claim::Evict { refused } => {
                if let Some(live) = &self.live {
                    let message = "another process that runs longer uses this identity";
                    let banned = self.pace.duplicate_banned;
                    refuse(
                        live.connection,
                        CloseReason::DuplicateIdentity,
                        message,
                        banned,
                        out,
                    );
                }
                self.end(now);
                let kept = hello.instance;
                out.push(Action::Report(Report::DuplicateIdentity { kept, refused }));
            }
        }
        self.welcome(connection, version, hello, orders, now, out);
    }

    /// Ends an older session in favour of a newer one.
    fn supersede(&mut self, hello: &Hello, now: Millis, out: &mut Vec<Action>) {
        let Some(live) = &self.live else {
            return;
        };
        if live.instance == hello.instance {
            out.push(Action::Disconnect(live.connection));
        } else {
            let message = "a newer process of this member took over";
            refuse(
                live.connection,
                CloseReason::Superseded,
                message,
                self.pace.retry_after,
                out,
            );
        }
        self.end(now);
    }

    fn welcome(
        &mut self,
        connection: Connection,
        version: u32,
        hello: &Hello,
        orders: &ClusterOrders,
        now: Millis,
        out: &mut Vec<Action>,
    ) {
        let same_process = self
            .heard
            .is_some_and(|heard| heard.instance == hello.instance);
        let said = Heard {
            instance: hello.instance,
            incarnation: hello.incarnation,
            sequence: hello.sequence,
        };
        let report = self.heard != Some(said);
        if !same_process {
            self.quarantine.clear();
        }
        self.heard = None;
        self.lost_at = None;
        // What a member says about itself must not stop the hub, however large.
        self.incarnation = self.incarnation.max(hello.incarnation).saturating_add(1);
        let mut live = Live::new(connection, hello.instance, self.incarnation, now);
        let welcome = Welcome {
            version,
            features: Vec::new(),
            incarnation: self.incarnation,
            leadership: orders.leadership,
            heartbeat: self.pace.heartbeat,
            report,
            time: None,
        };
        out.push(Action::Send(connection, ToAgent::Welcome(welcome)));
        out.push(Action::Report(Report::Connected {
            incarnation: self.incarnation,
            instance: hello.instance,
            anew: report,
            agent_version: hello.agent_version.clone(),
            environment: Box::new(hello.environment.clone()),
            time: hello.time,
        }));
        let fence = match orders.compare_leadership(hello.seen.as_ref()) {
            Precedence::Current => None,
            Precedence::Older => Some(FreezeReason::HubRegressed),
            Precedence::Foreign => Some(FreezeReason::HubDiverged),
        };
        if let (Some(reason), Some(seen)) = (fence, hello.seen) {
            live.fenced = true;
            out.push(Action::Report(Report::Fenced { seen, reason }));
        }
        if hello.held == 0 {
            self.known = KnownState {
                whole: true,
                listed: true,
                ..KnownState::default()
            };
        } else if hello.root == orders.root() {
            self.believe(orders);
            self.known.whole = hello.held as usize == self.known.held.len();
        } else if !(self.known.listed && hello.root == self.known.root()) {
            live.list(now, out);
        }
        self.live = Some(live);
        self.changed_all(orders);
    }

    /// The member holds exactly what is wanted; stages and finished tombstones known before stay.
    fn believe(&mut self, orders: &ClusterOrders) {
        let wanted = orders.orders.iter().filter(|(_, wanted)| !wanted.finished);
        let mut held: std::collections::BTreeMap<_, _> = wanted
            .map(|(deployment, wanted)| (*deployment, (wanted.order.tuple, Stage::Received)))
            .collect();
        for (deployment, (tuple, stage)) in &self.known.held {
            match held.get_mut(deployment) {
                Some(entry) if entry.0 == *tuple => entry.1 = *stage,
                None if *stage == Stage::Deleted => {
                    held.insert(*deployment, (*tuple, *stage));
                }
                Some(_) | None => {}
            }
        }
        self.known.held = held;
    }
}
