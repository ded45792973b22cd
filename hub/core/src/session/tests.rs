use std::collections::BTreeSet;
use std::sync::Arc;

use stevedore_proto_core::message::{Close, CloseReason, Hello, Page, Welcome};
use stevedore_proto_core::{
    ContentRef, DeploymentUid, Digest, Environment, Features, Held, InstanceId, Leadership, Order,
    OrderBody, PackageRef, PackageUid, Reason, Settings, Stage, Term, TermId, ToAgent, ToHub,
    Tuple, held, limit,
};

use super::*;
use crate::fixtures::{cluster, leadership};

mod content;
mod hostile;
mod orders;
mod sessions;

const FIRST: Connection = Connection(1);

fn desired(package: u8, number: u64, content: &str, size: u64) -> DesiredOrder {
    let package = PackageUid::from_bytes([package; 16]);
    let deployment = DeploymentUid::derive(&package, &cluster(9));
    let Leadership { epoch, term } = leadership(1, 2);
    let body = OrderBody::Apply(ContentRef {
        digest: Digest::of(content.as_bytes()),
        size,
    });
    let mut order = Order {
        deployment,
        package: PackageRef {
            namespace: None,
            name: "demo".into(),
            uid: package,
            revision: number,
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
    let history = History::new(epoch, vec![TermStart { term, first: 1 }]);
    DesiredOrder {
        order: Arc::new(order),
        history: Arc::new(history),
        needs: Features::NONE,
        finished: false,
    }
}

fn orders(all: &[DesiredOrder]) -> ClusterOrders {
    let orders = all
        .iter()
        .map(|desired| (desired.order.deployment, desired.clone()))
        .collect();
    ClusterOrders {
        loaded: true,
        leadership: leadership(1, 2),
        orders,
    }
}

fn instance(id: u8) -> InstanceId {
    InstanceId::from_bytes([id; 16])
}

fn hello(by: InstanceId, held: &[&DesiredOrder]) -> ToHub {
    ToHub::Hello(Box::new(Hello {
        version: 1,
        oldest_version: 1,
        features: vec![],
        instance: by,
        incarnation: 0,
        sequence: 0,
        agent_version: "test".into(),
        seen: None,
        root: held::root(
            held.iter()
                .map(|desired| (desired.order.deployment, desired.order.tuple)),
        ),
        held: held.len() as u32,
        environment: Environment::default(),
        time: None,
        api_server_silent: None,
    }))
}

fn page(request: u32, held: &[&DesiredOrder], contents: &[&str]) -> ToHub {
    let entry = |desired: &&DesiredOrder| Held {
        deployment: desired.order.deployment,
        package: desired.order.package.clone(),
        tuple: desired.order.tuple,
        content: desired.order.content(),
        stage: Stage::Received,
    };
    ToHub::Page(Page {
        request,
        index: 0,
        last: true,
        held: held.iter().map(entry).collect(),
        contents: contents
            .iter()
            .map(|content| Digest::of(content.as_bytes()))
            .collect(),
    })
}

fn ack(desired: &DesiredOrder) -> ToHub {
    let (deployment, tuple) = (desired.order.deployment, desired.order.tuple);
    ToHub::Ack {
        deployment,
        tuple,
        stage: Stage::Received,
    }
}

struct Harness {
    member: Member,
    orders: ClusterOrders,
}

impl Harness {
    fn new(all: &[DesiredOrder]) -> Self {
        Self {
            member: Member::new(Pace::default()),
            orders: orders(all),
        }
    }

    fn step(&mut self, event: Event, now: u64) -> Vec<Action> {
        self.member.step(event, &self.orders, now)
    }

    fn hears(&mut self, connection: Connection, message: ToHub, now: u64) -> Vec<Action> {
        self.step(Event::Message(connection, Box::new(message)), now)
    }

    fn opens(&mut self, connection: Connection, message: ToHub, now: u64) -> Vec<Action> {
        self.step(Event::Opened(connection), now);
        self.hears(connection, message, now)
    }
}

/// Orders among actions, and whether their content goes with them.
fn sent(actions: &[Action]) -> Vec<(u64, bool)> {
    let order = |action: &Action| match action {
        Action::SendOrder {
            order,
            with_content,
            ..
        } => Some((order.tuple.number, *with_content)),
        _ => None,
    };
    actions.iter().filter_map(order).collect()
}

fn close(actions: &[Action]) -> Option<(Connection, CloseReason, u64)> {
    actions.iter().find_map(|action| match action {
        Action::Send(
            connection,
            ToAgent::Close(Close {
                reason,
                retry_after,
                ..
            }),
        ) => Some((*connection, reason.clone(), *retry_after)),
        _ => None,
    })
}

fn lists(actions: &[Action]) -> Option<u32> {
    actions.iter().find_map(|action| match action {
        Action::Send(_, ToAgent::List { request, .. }) => Some(*request),
        _ => None,
    })
}

fn incarnation(actions: &[Action]) -> Option<u64> {
    actions.iter().find_map(|action| match action {
        Action::Send(_, ToAgent::Welcome(Welcome { incarnation, .. })) => Some(*incarnation),
        _ => None,
    })
}

fn is_synced(actions: &[Action]) -> bool {
    actions
        .iter()
        .any(|action| matches!(action, Action::Send(_, ToAgent::SnapshotComplete { .. })))
}

fn reports(actions: &[Action], desired: impl Fn(&Report) -> bool) -> usize {
    actions
        .iter()
        .filter(|action| matches!(action, Action::Report(report) if desired(report)))
        .count()
}
