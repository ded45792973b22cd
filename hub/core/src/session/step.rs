//! One step of the session machine: the orders and the time that it goes by, and the actions it takes.

use stevedore_proto_core::message::{Close, CloseReason};
use stevedore_proto_core::{DeploymentUid, Millis, ToAgent};

use super::cluster_orders::{ClusterOrders, DesiredOrder};
use super::event::{Action, Connection, Report};

/// Passed to every handler of one [`Event`](super::Event).
pub(super) struct Step<'a> {
    pub(super) orders: &'a ClusterOrders,
    pub(super) now: Millis,
    pub(super) actions: Vec<Action>,
}

impl<'a> Step<'a> {
    pub(super) fn new(orders: &'a ClusterOrders, now: Millis) -> Self {
        Self {
            orders,
            now,
            actions: Vec::new(),
        }
    }

    /// What the hub wants of a deployment.
    pub(super) fn order(&self, deployment: &DeploymentUid) -> Option<&'a DesiredOrder> {
        self.orders.orders.get(deployment)
    }

    pub(super) fn send(&mut self, connection: Connection, message: ToAgent) {
        self.actions.push(Action::Send(connection, message));
    }

    pub(super) fn report(&mut self, report: Report) {
        self.actions.push(Action::Report(report));
    }

    /// Ends a stream and says why.
    pub(super) fn close(&mut self, connection: Connection, close: Close) {
        self.send(connection, ToAgent::Close(close));
        self.actions.push(Action::Disconnect(connection));
    }

    /// Ends a stream on which the agent broke the protocol.
    pub(super) fn protocol_error(&mut self, connection: Connection, message: &str) {
        self.close(
            connection,
            Close::new(CloseReason::ProtocolError, message, 0),
        );
    }
}
