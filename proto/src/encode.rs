//! Encoding for the wire. Total: every value of the types fits the wire; senders keep to the caps.

mod environment;

use bytes::Bytes;
use stevedore_proto_core::message::{self, OrderMessage};
use stevedore_proto_core::status::{
    Attribution, Blocker, Interference, MappedCondition, PhaseState, PhaseStatus, Truth, Verdict,
};
use stevedore_proto_core::{
    ContentRef, DeletionPolicy, DeploymentStatus, Digest, Epoch, Held, Leadership, OrderBody,
    PackageRef, Settings, Stage, Term, ToAgent, ToHub, Tuple,
};

use crate::v1;

fn bytes(bytes: &[u8]) -> Bytes {
    Bytes::copy_from_slice(bytes)
}

fn digest(digest: &Digest) -> Bytes {
    bytes(digest.as_bytes())
}

impl From<Epoch> for v1::Epoch {
    fn from(epoch: Epoch) -> Self {
        Self {
            counter: epoch.counter,
            id: bytes(epoch.id.as_bytes()),
        }
    }
}

impl From<Term> for v1::Term {
    fn from(term: Term) -> Self {
        Self {
            counter: term.counter,
            id: bytes(term.id.as_bytes()),
        }
    }
}

impl From<Leadership> for v1::Leadership {
    fn from(leadership: Leadership) -> Self {
        Self {
            epoch: Some(leadership.epoch.into()),
            term: Some(leadership.term.into()),
        }
    }
}

impl From<Tuple> for v1::Tuple {
    fn from(tuple: Tuple) -> Self {
        Self {
            epoch: Some(tuple.epoch.into()),
            term: Some(tuple.term.into()),
            number: tuple.number,
            digest: digest(&tuple.digest),
        }
    }
}

impl From<PackageRef> for v1::PackageRef {
    fn from(package: PackageRef) -> Self {
        Self {
            namespace: package.namespace,
            name: package.name,
            uid: bytes(package.uid.as_bytes()),
            revision: package.revision,
        }
    }
}

impl From<ContentRef> for v1::ContentRef {
    fn from(content: ContentRef) -> Self {
        Self {
            digest: digest(&content.digest),
            size: content.size,
        }
    }
}

impl From<Settings> for v1::Settings {
    fn from(settings: Settings) -> Self {
        let policy = match settings.deletion_policy {
            DeletionPolicy::Delete => v1::DeletionPolicy::Delete,
            DeletionPolicy::Orphan => v1::DeletionPolicy::Orphan,
        };
        Self {
            account: settings.account,
            target_namespace: settings.target_namespace,
            paused: settings.paused,
            deletion_policy: policy.into(),
        }
    }
}

impl From<OrderMessage> for v1::Order {
    fn from(message: OrderMessage) -> Self {
        let order = message.order;
        Self {
            deployment: bytes(order.deployment.as_bytes()),
            package: Some(order.package.into()),
            tuple: Some(order.tuple.into()),
            settings: Some(order.settings.into()),
            body: Some(match order.body {
                OrderBody::Apply(content) => v1::order::Body::Apply(content.into()),
                OrderBody::Tombstone => v1::order::Body::Tombstone(v1::Tombstone {}),
            }),
            content: message.content.map(Bytes::from_owner),
            traceparent: message.traceparent,
        }
    }
}

impl From<Stage> for v1::Stage {
    fn from(stage: Stage) -> Self {
        match stage {
            Stage::Received => Self::Received,
            Stage::Applied => Self::Applied,
            Stage::Available => Self::Available,
            Stage::Deleted => Self::Deleted,
        }
    }
}

impl From<Verdict> for v1::Verdict {
    fn from(verdict: Verdict) -> Self {
        let status = match verdict.status {
            Truth::True => v1::Truth::True,
            Truth::False => v1::Truth::False,
            Truth::Unknown => v1::Truth::Unknown,
        };
        Self {
            status: status.into(),
            reason: verdict.reason.into(),
            message: verdict.message,
        }
    }
}

impl From<PhaseStatus> for v1::PhaseStatus {
    fn from(phase: PhaseStatus) -> Self {
        let state = match phase.state {
            PhaseState::Pending => v1::PhaseState::Pending,
            PhaseState::Progressing => v1::PhaseState::Progressing,
            PhaseState::Available => v1::PhaseState::Available,
            PhaseState::Blocked => v1::PhaseState::Blocked,
            PhaseState::Deleting => v1::PhaseState::Deleting,
            PhaseState::Gone => v1::PhaseState::Gone,
        };
        Self {
            name: phase.name,
            state: state.into(),
            objects: phase.objects,
            ready: phase.ready,
            message: phase.message,
        }
    }
}

impl From<Blocker> for v1::Blocker {
    fn from(blocker: Blocker) -> Self {
        Self {
            reason: blocker.reason.into(),
            object: blocker.object,
            message: blocker.message,
            field: blocker.field,
        }
    }
}

impl From<Attribution> for v1::Attribution {
    fn from(attribution: Attribution) -> Self {
        let kind = match attribution.kind {
            Interference::Drift => v1::Interference::Drift,
            Interference::Contention => v1::Interference::Contention,
        };
        Self {
            kind: kind.into(),
            object: attribution.object,
            manager: attribution.manager,
        }
    }
}

impl From<MappedCondition> for v1::MappedCondition {
    fn from(condition: MappedCondition) -> Self {
        Self {
            r#type: condition.r#type,
            verdict: Some(condition.verdict.into()),
        }
    }
}

fn all<T, U: From<T>>(items: Vec<T>) -> Vec<U> {
    items.into_iter().map(U::from).collect()
}

impl From<DeploymentStatus> for v1::DeploymentStatus {
    fn from(status: DeploymentStatus) -> Self {
        Self {
            deployment: bytes(status.deployment.as_bytes()),
            observed: Some(status.observed.into()),
            stage: v1::Stage::from(status.stage).into(),
            available: Some(status.available.into()),
            phases: all(status.phases),
            blockers: all(status.blockers),
            attributions: all(status.attributions),
            conditions: all(status.conditions),
        }
    }
}

impl From<message::Hello> for v1::Hello {
    fn from(hello: message::Hello) -> Self {
        Self {
            version: hello.version,
            oldest_version: hello.oldest_version,
            features: hello.features,
            instance: bytes(hello.instance.as_bytes()),
            incarnation: hello.incarnation,
            sequence: hello.sequence,
            agent_version: hello.agent_version,
            seen: hello.seen.map(v1::Leadership::from),
            root: digest(&hello.root),
            held: hello.held,
            environment: Some(hello.environment.into()),
            time_millis: hello.time,
            api_server_silent_millis: hello.api_server_silent,
        }
    }
}

impl From<Held> for v1::Held {
    fn from(held: Held) -> Self {
        Self {
            deployment: bytes(held.deployment.as_bytes()),
            package: Some(held.package.into()),
            tuple: Some(held.tuple.into()),
            content: held.content.map(v1::ContentRef::from),
            stage: v1::Stage::from(held.stage).into(),
        }
    }
}

impl From<message::Page> for v1::Page {
    fn from(page: message::Page) -> Self {
        Self {
            request: page.request,
            index: page.index,
            last: page.last,
            held: all(page.held),
            contents: page.contents.iter().map(digest).collect(),
        }
    }
}

impl From<ToHub> for v1::ToHub {
    fn from(message: ToHub) -> Self {
        use v1::to_hub::Message;
        let message = match message {
            ToHub::Hello(hello) => Message::Hello((*hello).into()),
            ToHub::Page(page) => Message::Page(page.into()),
            ToHub::Ack {
                deployment,
                tuple,
                stage,
            } => Message::Ack(v1::Ack {
                deployment: bytes(deployment.as_bytes()),
                tuple: Some(tuple.into()),
                stage: v1::Stage::from(stage).into(),
            }),
            ToHub::Nack {
                deployment,
                tuple,
                reason,
                message,
            } => Message::Nack(v1::Nack {
                deployment: bytes(deployment.as_bytes()),
                tuple: Some(tuple.into()),
                reason: reason.into(),
                message,
            }),
            ToHub::Status { sequence, status } => Message::Status(v1::StatusReport {
                sequence,
                status: Some((*status).into()),
            }),
            ToHub::Heartbeat {
                root,
                sequence,
                api_server_silent,
            } => Message::Heartbeat(v1::Heartbeat {
                root: digest(&root),
                sequence,
                api_server_silent_millis: api_server_silent,
            }),
            ToHub::Environment(environment) => Message::Environment((*environment).into()),
        };
        Self {
            message: Some(message),
        }
    }
}

impl From<message::Welcome> for v1::Welcome {
    fn from(welcome: message::Welcome) -> Self {
        Self {
            version: welcome.version,
            features: welcome.features,
            incarnation: welcome.incarnation,
            leadership: Some(welcome.leadership.into()),
            heartbeat_millis: welcome.heartbeat,
            report: welcome.report,
            time_millis: welcome.time,
        }
    }
}

impl From<message::Close> for v1::Close {
    fn from(close: message::Close) -> Self {
        Self {
            reason: close.reason.into(),
            message: close.message,
            retry_after_millis: close.retry_after,
            redirect: close.redirect,
        }
    }
}

impl From<ToAgent> for v1::ToAgent {
    fn from(message: ToAgent) -> Self {
        use v1::to_agent::Message;
        let message = match message {
            ToAgent::Welcome(welcome) => Message::Welcome(welcome.into()),
            ToAgent::Close(close) => Message::Close(close.into()),
            ToAgent::List { request, statuses } => Message::List(v1::List { request, statuses }),
            ToAgent::Order(order) => Message::Order((*order).into()),
            ToAgent::SnapshotComplete { root } => Message::SnapshotComplete(v1::SnapshotComplete {
                root: digest(&root),
            }),
            ToAgent::Beat => Message::Beat(v1::Beat {}),
        };
        Self {
            message: Some(message),
        }
    }
}
