//! A session whose executor is the test.

use std::sync::Arc;

use stevedore_proto_core::message::{OrderMessage, Welcome};
use stevedore_proto_core::{
    ClusterUid, DeploymentUid, Digest, Epoch, EpochId, Held, InstanceId, Leadership, Order,
    OrderBody, PackageRef, PackageUid, Reason, Settings, Stage, Term, TermId, ToAgent, ToHub,
    Tuple, content,
};

use crate::session::*;

pub(super) const CLUSTER: ClusterUid = ClusterUid::from_bytes([9; 16]);
pub(super) const BYTES: &[u8] = b"content";

pub(super) fn leadership() -> Leadership {
    Leadership {
        epoch: Epoch {
            counter: 1,
            id: EpochId::from_bytes([1; 16]),
        },
        term: Term {
            counter: 1,
            id: TermId::from_bytes([1; 16]),
        },
    }
}

pub(super) fn order(number: u64, body: OrderBody) -> Order {
    let package = PackageUid::from_bytes([2; 16]);
    let Leadership { epoch, term } = leadership();
    let mut order = Order {
        deployment: DeploymentUid::derive(&package, &CLUSTER),
        package: PackageRef {
            namespace: None,
            name: "demo".into(),
            uid: package,
            revision: 1,
        },
        tuple: Tuple {
            epoch,
            term,
            number,
            digest: Digest::of(b""),
        },
        settings: Settings::default(),
        body,
    };
    order.tuple.digest = order.digest();
    order
}

pub(super) fn apply(number: u64) -> Order {
    order(number, OrderBody::Apply(content::reference(BYTES)))
}

pub(super) fn message(order: &Order, content: Option<&[u8]>) -> ToAgent {
    let content = content.map(Arc::from);
    ToAgent::Order(Box::new(OrderMessage {
        order: order.clone(),
        content,
        traceparent: None,
    }))
}

pub(super) fn held(order: &Order) -> Held {
    Held {
        deployment: order.deployment,
        package: order.package.clone(),
        tuple: order.tuple,
        content: order.content(),
        stage: Stage::Received,
    }
}

pub(super) struct Harness {
    pub(super) session: Session,
    pub(super) now: u64,
}

impl Harness {
    pub(super) fn new(recovered: Recovered) -> Self {
        let identity = Identity {
            cluster: CLUSTER,
            instance: InstanceId::from_bytes([3; 16]),
            agent_version: "test".into(),
        };
        Self {
            session: Session::new(identity, recovered, Reconnect::default()),
            now: 0,
        }
    }

    /// With an open session.
    pub(super) fn up(recovered: Recovered) -> Self {
        let mut harness = Self::new(recovered);
        harness.step(Event::Tick);
        harness.step(Event::Connected(Connection(1)));
        harness.on_frame(welcome(1));
        assert!(harness.session.is_up());
        harness
    }

    pub(super) fn step(&mut self, event: Event) -> Vec<Action> {
        self.now += 1;
        self.session.step(event, self.now, 0)
    }

    pub(super) fn on_frame(&mut self, message: ToAgent) -> Vec<Action> {
        self.step(Event::Message(Connection(1), message))
    }

    pub(super) fn stored(&mut self, order: &Order) -> Vec<Action> {
        self.step(Event::Stored {
            deployment: order.deployment,
            tuple: order.tuple,
            result: Ok(()),
        })
    }
}

pub(super) fn welcome(incarnation: u64) -> ToAgent {
    ToAgent::Welcome(Welcome {
        version: 1,
        features: vec![],
        incarnation,
        leadership: leadership(),
        heartbeat: 12_000,
        report: true,
        time: None,
    })
}

pub(super) fn stores(actions: &[Action]) -> Vec<(u64, bool)> {
    let store = |action: &Action| match action {
        Action::Store { order, content, .. } => Some((order.tuple.number, content.is_some())),
        _ => None,
    };
    actions.iter().filter_map(store).collect()
}

pub(super) fn acks(actions: &[Action]) -> Vec<(u64, Stage)> {
    let ack = |action: &Action| match action {
        Action::Send(_, ToHub::Ack { tuple, stage, .. }) => Some((tuple.number, *stage)),
        _ => None,
    };
    actions.iter().filter_map(ack).collect()
}

pub(super) fn nacks(actions: &[Action]) -> Vec<Reason> {
    let nack = |action: &Action| match action {
        Action::Send(_, ToHub::Nack { reason, .. }) => Some(reason.clone()),
        _ => None,
    };
    actions.iter().filter_map(nack).collect()
}

pub(super) fn says_hello(actions: &[Action]) -> bool {
    actions
        .iter()
        .any(|action| matches!(action, Action::Send(_, ToHub::Hello(_))))
}
