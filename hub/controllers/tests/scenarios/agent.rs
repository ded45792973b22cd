//! An agent that works from memory: it takes orders, holds them, and says how far it is.
//!
//! As a real one it looks only at what its session was told about, and never takes a lower number, or the same
//! number for something else. Being offered one fails the test: no order number may be given twice.

use std::collections::{BTreeMap, BTreeSet};

use stevedore_hub_controllers::Hub;
use stevedore_hub_core::ports::{MemberUid, Members as _, Orders as _, Reports as _};
use stevedore_hub_core::session::Report;
use stevedore_proto_core::status::{Truth, Verdict};
use stevedore_proto_core::{
    ClusterUid, DeploymentStatus, DeploymentUid, Environment, Held, InstanceId, Order, Reason,
    Stage,
};

/// What the session still has to look at.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Due {
    Everything,
    These(BTreeSet<DeploymentUid>),
}

/// One member's agent and its session with one hub process.
#[derive(Debug)]
pub(crate) struct Agent {
    pub(crate) name: String,
    pub(crate) cluster: ClusterUid,
    pub(crate) member: MemberUid,
    /// Whether it dials the hub.
    pub(crate) is_online: bool,
    /// How far it gets with what it is ordered.
    pub(crate) reaches: Stage,
    /// Whether it carries tombstones out, or only takes them.
    pub(crate) tears_down: bool,
    /// Whether it says why it is not available: then it counts as failed.
    pub(crate) complaint: Option<String>,
    /// The reason that goes with it.
    pub(crate) reason: &'static str,
    /// Whether it looks at its orders, and speaks about them, once it has a session.
    pub(crate) speaks: bool,
    pub(crate) held: BTreeMap<DeploymentUid, Held>,
    /// What it says of its cluster.
    pub(crate) environment: Environment,
    /// Number of the process that it has a session with.
    session: Option<usize>,
    due: Due,
    /// Of its sessions: one more with each.
    pub(crate) incarnation: u64,
    sequence: u64,
}

impl Agent {
    pub(crate) fn new(name: &str, cluster: ClusterUid, member: MemberUid) -> Self {
        Self {
            name: name.to_owned(),
            cluster,
            member,
            is_online: true,
            reaches: Stage::Available,
            tears_down: true,
            complaint: None,
            reason: "Broken",
            speaks: true,
            held: BTreeMap::new(),
            environment: Environment {
                kubernetes_version: "v1.36.0".to_owned(),
                platform: "linux/amd64".to_owned(),
                ..Environment::default()
            },
            session: None,
            due: Due::Everything,
            incarnation: 0,
            sequence: 0,
        }
    }

    /// The same agent without its session.
    pub(crate) fn copy(&self) -> Self {
        Self {
            held: self.held.clone(),
            environment: self.environment.clone(),
            incarnation: self.incarnation,
            ..Self::new(&self.name, self.cluster, self.member)
        }
    }

    pub(crate) fn is_connected(&self) -> bool {
        self.session.is_some()
    }

    /// The process is gone, and every session with it.
    pub(crate) fn hung_up(&mut self, process: usize) {
        self.session.take_if(|session| *session == process);
    }

    pub(crate) fn told(&mut self, changed: &[DeploymentUid]) {
        match &mut self.due {
            Due::Everything => {}
            Due::These(due) => due.extend(changed),
        }
    }

    pub(crate) fn told_everything(&mut self) {
        self.due = Due::Everything;
    }

    /// Keeps the session, and does what is due in it.
    pub(crate) fn act(&mut self, process: usize, hub: &Hub) {
        let admitted = self.is_online && hub.admit(self.cluster, self.member).is_ok();
        if self.session == Some(process) && !admitted {
            self.session = None;
            self.say(hub, Report::Lost);
        }
        if self.session.is_none() && admitted {
            self.connect(process, hub);
        }
        if self.session != Some(process) || hub.leadership().is_none() || !self.speaks {
            return;
        }
        let due = std::mem::replace(&mut self.due, Due::These(BTreeSet::new()));
        let Some(orders) = hub.of(self.cluster) else {
            self.due = due;
            return;
        };
        for (deployment, wanted) in &orders.orders {
            let is_due = match &due {
                Due::Everything => true,
                Due::These(these) => these.contains(deployment),
            };
            if is_due && !wanted.finished {
                self.take(hub, &wanted.order);
            }
        }
    }

    fn connect(&mut self, process: usize, hub: &Hub) {
        self.session = Some(process);
        self.due = Due::Everything;
        self.incarnation += 1;
        let report = Report::Connected {
            incarnation: self.incarnation,
            instance: InstanceId::from_bytes(*self.cluster.as_bytes()),
            anew: true,
            agent_version: "v1".to_owned(),
            environment: Box::new(self.environment.clone()),
            time: None,
        };
        self.say(hub, report);
    }

    fn take(&mut self, hub: &Hub, order: &Order) {
        assert!(order.is_intact(), "{}: {order:?}", self.name);
        if let Some(held) = self.held.get(&order.deployment) {
            let (held, offered) = (held.tuple, order.tuple);
            let rises = offered.epoch.counter > held.epoch.counter
                || (offered.epoch == held.epoch && offered.number > held.number);
            assert!(
                rises || offered == held,
                "{}: a number was given twice, or fell: holds {held:?}, is offered {offered:?}",
                self.name
            );
        }
        let stage = match (order.is_tombstone(), self.tears_down) {
            (true, true) => Stage::Deleted,
            (true, false) => Stage::Received,
            (false, _) => self.reaches,
        };
        let held = Held {
            deployment: order.deployment,
            package: order.package.clone(),
            tuple: order.tuple,
            content: order.content(),
            stage,
        };
        self.held.insert(order.deployment, held);
        let progress = Report::Progress {
            deployment: order.deployment,
            tuple: order.tuple,
            stage,
        };
        self.say(hub, progress);
        self.report(hub, order.deployment);
    }

    /// Says of everything that it runs how far it is by now.
    pub(crate) fn report_all(&mut self, hub: &Hub) {
        let deployments: Vec<_> = self.held.keys().copied().collect();
        for deployment in deployments {
            let reaches = self.reaches;
            let held = self.held.get_mut(&deployment).unwrap();
            if held.content.is_some() {
                held.stage = reaches;
            }
            self.report(hub, deployment);
        }
    }

    /// Its data is lost: it takes everything anew.
    pub(crate) fn forget_what_it_holds(&mut self) {
        self.held.clear();
        self.due = Due::Everything;
    }

    /// Says how far it is with one deployment.
    pub(crate) fn report(&mut self, hub: &Hub, deployment: DeploymentUid) {
        let Held { tuple, stage, .. } = self.held[&deployment];
        self.sequence += 1;
        let is_available = stage == Stage::Available && self.complaint.is_none();
        let verdict = |status, reason: &str, message: &str| Verdict {
            status,
            reason: Reason::parse(reason),
            message: message.to_owned(),
        };
        let available = match &self.complaint {
            _ if is_available => verdict(Truth::True, "Available", ""),
            Some(complaint) => verdict(Truth::False, self.reason, complaint),
            None => verdict(Truth::False, "Applying", ""),
        };
        let status = DeploymentStatus {
            deployment,
            observed: tuple,
            stage,
            available,
            phases: vec![],
            blockers: vec![],
            attributions: vec![],
            conditions: vec![],
        };
        let report = Report::Status {
            incarnation: self.incarnation,
            sequence: self.sequence,
            status: Box::new(status),
        };
        self.say(hub, report);
    }

    /// Says everything it holds, when it is asked.
    pub(crate) fn answer_census(&self, process: usize, hub: &Hub) {
        if self.session == Some(process) {
            let held = self.held.values().cloned().collect();
            self.say(hub, Report::Listing(held));
        }
    }

    pub(crate) fn say(&self, hub: &Hub, report: Report) {
        hub.report(self.cluster, self.member, report);
    }
}
