//! One sample of every message, with every field set somewhere.

use std::sync::Arc;

use stevedore_proto::v1;
use stevedore_proto_core::message::{Close, CloseReason, Hello, OrderMessage, Page, Welcome};
use stevedore_proto_core::status::{
    Attribution, Blocker, Interference, MappedCondition, PhaseState, PhaseStatus, Truth, Verdict,
};
use stevedore_proto_core::{
    ContentRef, DeletionPolicy, DeploymentStatus, DeploymentUid, Digest, Epoch, EpochId, Held,
    InstanceId, Leadership, Order, OrderBody, PackageRef, PackageUid, Reason, Settings, Stage,
    Term, TermId, ToAgent, ToHub, Tuple,
};

use super::environments;

/// What a wall clock showed.
const TIME: u64 = 1_800_000_000_123;

fn leadership() -> Leadership {
    Leadership {
        epoch: Epoch {
            counter: 2,
            id: EpochId::from_bytes([2; 16]),
        },
        term: Term {
            counter: 7,
            id: TermId::from_bytes([7; 16]),
        },
    }
}

pub(super) fn tuple() -> Tuple {
    let Leadership { epoch, term } = leadership();
    Tuple {
        epoch,
        term,
        number: 42,
        digest: Digest::of(b"order"),
    }
}

pub(super) fn deployment() -> DeploymentUid {
    DeploymentUid::from_bytes([3; 16])
}

fn package() -> PackageRef {
    PackageRef {
        namespace: Some("shop".into()),
        name: "demo".into(),
        uid: PackageUid::from_bytes([4; 16]),
        revision: 5,
    }
}

fn content() -> ContentRef {
    ContentRef {
        digest: Digest::of(b"content"),
        size: 7,
    }
}

fn verdict() -> Verdict {
    Verdict {
        status: Truth::False,
        reason: Reason::opaque("ProbeFailed"),
        message: "1 of 2 replicas".into(),
    }
}

/// A status whose blocker names a field.
fn status_with_field() -> DeploymentStatus {
    let mut status = status();
    status.blockers[0].field = "spec.template".into();
    status
}

pub(super) fn status() -> DeploymentStatus {
    DeploymentStatus {
        deployment: deployment(),
        observed: tuple(),
        stage: Stage::Applied,
        available: verdict(),
        phases: [
            PhaseState::Pending,
            PhaseState::Progressing,
            PhaseState::Available,
            PhaseState::Blocked,
            PhaseState::Deleting,
            PhaseState::Gone,
        ]
        .map(|state| PhaseStatus {
            name: "deploy".into(),
            state,
            objects: 3,
            ready: 2,
            message: "waits".into(),
        })
        .to_vec(),
        blockers: vec![Blocker {
            reason: Reason::opaque("Finalizer"),
            object: "ConfigMap shop/demo".into(),
            message: "example/keep".into(),
            field: String::new(),
        }],
        attributions: vec![
            Attribution {
                kind: Interference::Drift,
                object: "Deployment shop/demo".into(),
                manager: "kubectl-edit".into(),
            },
            Attribution {
                kind: Interference::Contention,
                object: "Deployment shop/demo".into(),
                manager: "other".into(),
            },
        ],
        conditions: vec![MappedCondition {
            r#type: "example/Ready".into(),
            verdict: verdict(),
        }],
    }
}

pub(super) fn order(body: OrderBody) -> OrderMessage {
    OrderMessage {
        order: Order {
            deployment: deployment(),
            package: package(),
            tuple: tuple(),
            settings: Settings {
                account: Some("installer".into()),
                target_namespace: Some("shop".into()),
                paused: true,
                deletion_policy: DeletionPolicy::Orphan,
            },
            body,
        },
        content: (body != OrderBody::Tombstone).then(|| Arc::from(b"content".as_slice())),
        traceparent: Some("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01".into()),
    }
}

pub(super) fn hello() -> Hello {
    Hello {
        version: 1,
        oldest_version: 1,
        features: vec!["example".into()],
        instance: InstanceId::from_bytes([9; 16]),
        incarnation: 11,
        sequence: 12,
        agent_version: "0.1.0".into(),
        seen: Some(leadership()),
        root: Digest::of(b"root"),
        held: 16,
        environment: environments::environment(),
        time: None,
        api_server_silent: None,
    }
}

pub(super) fn page() -> Page {
    let held = |content: Option<ContentRef>, stage| Held {
        deployment: deployment(),
        package: package(),
        tuple: tuple(),
        content,
        stage,
    };
    Page {
        request: 13,
        index: 1,
        last: true,
        held: vec![
            held(Some(content()), Stage::Received),
            held(Some(content()), Stage::Available),
            held(None, Stage::Deleted),
        ],
        contents: vec![Digest::of(b"content"), Digest::of(b"older")],
    }
}

fn heartbeats() -> [(&'static str, ToHub); 2] {
    [
        ("heartbeat", None),
        ("heartbeat-with-silent-api-server", Some(22_000)),
    ]
    .map(|(name, api_server_silent)| {
        let heartbeat = ToHub::Heartbeat {
            root: Digest::of(b"root"),
            sequence: 15,
            api_server_silent,
        };
        (name, heartbeat)
    })
}

pub(super) fn to_hub() -> Vec<(&'static str, ToHub)> {
    let (deployment, tuple) = (deployment(), tuple());
    vec![
        ("hello", ToHub::Hello(Box::new(hello()))),
        (
            "hello-with-time",
            ToHub::Hello(Box::new(Hello {
                time: Some(TIME),
                ..hello()
            })),
        ),
        (
            "hello-with-silent-api-server",
            ToHub::Hello(Box::new(Hello {
                api_server_silent: Some(22_000),
                ..hello()
            })),
        ),
        ("page", ToHub::Page(page())),
        (
            "ack",
            ToHub::Ack {
                deployment,
                tuple,
                stage: Stage::Available,
            },
        ),
        (
            "nack",
            ToHub::Nack {
                deployment,
                tuple,
                reason: Reason::CrdOutdated,
                message: "stored less than was sent".into(),
            },
        ),
        (
            "status",
            ToHub::Status {
                sequence: 14,
                status: Box::new(status()),
            },
        ),
        (
            "status-with-field",
            ToHub::Status {
                sequence: 16,
                status: Box::new(status_with_field()),
            },
        ),
    ]
    .into_iter()
    .chain(heartbeats())
    .chain(environments::to_hub())
    .collect()
}

fn welcome() -> Welcome {
    Welcome {
        version: 1,
        features: vec!["example".into()],
        incarnation: 12,
        leadership: leadership(),
        heartbeat: 12_000,
        report: true,
        time: None,
    }
}

pub(super) fn to_agent() -> Vec<(&'static str, ToAgent)> {
    vec![
        ("welcome", ToAgent::Welcome(welcome())),
        (
            "welcome-with-time",
            ToAgent::Welcome(Welcome {
                time: Some(TIME),
                ..welcome()
            }),
        ),
        (
            "close",
            ToAgent::Close(Close {
                reason: CloseReason::NotLeader,
                message: "another replica leads".into(),
                retry_after: 2_000,
                redirect: Some("hub-1.example:8443".into()),
            }),
        ),
        (
            "list",
            ToAgent::List {
                request: 13,
                statuses: true,
            },
        ),
        (
            "order-apply",
            ToAgent::Order(Box::new(order(OrderBody::Apply(content())))),
        ),
        (
            "order-tombstone",
            ToAgent::Order(Box::new(order(OrderBody::Tombstone))),
        ),
        (
            "snapshot-complete",
            ToAgent::SnapshotComplete {
                root: Digest::of(b"root"),
            },
        ),
        ("beat", ToAgent::Beat),
    ]
}

pub(super) fn enrol_request() -> v1::EnrolRequest {
    v1::EnrolRequest {
        cluster: "edge-1".into(),
        secret: "00".repeat(32),
        cluster_uid: vec![1; 16].into(),
        csr: b"request".as_slice().into(),
    }
}

pub(super) fn enrol_response() -> v1::EnrolResponse {
    v1::EnrolResponse {
        chain: vec![b"leaf".as_slice().into(), b"issuer".as_slice().into()],
        authorities: vec![b"authority".as_slice().into()],
        time_millis: None,
    }
}

pub(super) fn enrol_response_with_time() -> v1::EnrolResponse {
    v1::EnrolResponse {
        time_millis: Some(TIME),
        ..enrol_response()
    }
}

pub(super) fn renew_request() -> v1::RenewRequest {
    v1::RenewRequest {
        csr: b"request".as_slice().into(),
    }
}

pub(super) fn renew_response() -> v1::RenewResponse {
    let v1::EnrolResponse {
        chain,
        authorities,
        time_millis,
    } = enrol_response_with_time();
    v1::RenewResponse {
        chain,
        authorities,
        time_millis,
    }
}

pub(super) fn exchange_request() -> v1::ExchangeRequest {
    v1::ExchangeRequest {
        certificate: b"leaf".as_slice().into(),
        signature: b"signature".as_slice().into(),
        csr: b"request".as_slice().into(),
    }
}

pub(super) fn exchange_response() -> v1::ExchangeResponse {
    let v1::EnrolResponse {
        chain,
        authorities,
        time_millis,
    } = enrol_response_with_time();
    v1::ExchangeResponse {
        chain,
        authorities,
        time_millis,
    }
}
