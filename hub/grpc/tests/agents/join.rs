use futures::StreamExt as _;
use futures::future::join_all;
use futures::stream;
use stevedore_hub_grpc::identity::MemberName;
use stevedore_proto::v1;
use stevedore_proto::v1::enrolment_client::EnrolmentClient;
use stevedore_proto_core::ClusterUid;
use stevedore_proto_core::join::{JoinSecret, JoinToken, RETRY_METADATA};
use stevedore_runtime::tls::Identity;
use tonic::Status;
use tonic::transport::Channel;

use crate::support::{Hub, cluster, digest, hub, identity, key_and_csr, now, reason, session};

fn request(token: &JoinToken, name: &str, cluster: ClusterUid) -> v1::EnrolRequest {
    v1::EnrolRequest {
        cluster: name.into(),
        secret: token.secret.reveal(),
        cluster_uid: cluster.as_bytes().to_vec().into(),
        csr: key_and_csr().1.into(),
    }
}

async fn enrol(channel: &Channel, request: v1::EnrolRequest) -> Result<v1::EnrolResponse, Status> {
    EnrolmentClient::new(channel.clone())
        .enrol(request)
        .await
        .map(|answer| answer.into_inner())
}

fn invite(hub: &Hub, name: &str, seconds: i64) -> JoinToken {
    hub.ports.invite(
        name,
        digest(&hub.authority),
        vec![hub.address.to_string()],
        seconds,
    )
}

#[tokio::test]
async fn guessing_names_is_slowed_down_and_told_when_to_come_back() {
    let hub = hub().await;
    let channel = hub.connect(None).await.unwrap();
    let token = invite(&hub, "one", 60);
    let guess = JoinToken {
        secret: JoinSecret::from_bytes([9; 32]),
        ..token.clone()
    };
    let guess = request(&guess, "one", cluster(1));
    let refusals = async |request: v1::EnrolRequest| {
        let attempts = (0..500).map(|_| enrol(&channel, request.clone()));
        let answers = join_all(attempts).await.into_iter();
        answers.map(Result::unwrap_err).collect::<Vec<_>>()
    };

    // What is no request is not an attempt: the others' attempts stay.
    let malformed = v1::EnrolRequest {
        csr: vec![].into(),
        ..guess.clone()
    };
    // Until the first answer the client does not know how many streams it may open at once.
    assert!(enrol(&channel, malformed.clone()).await.is_err());
    for status in refusals(malformed).await {
        assert_eq!(reason(&status), "InvalidRequest");
    }
    assert!(
        enrol(&channel, request(&token, "one", cluster(1)))
            .await
            .is_ok()
    );

    let answers = refusals(guess).await;
    let status = answers
        .iter()
        .find(|status| reason(status) == "Busy")
        .expect("most guesses are refused unread");
    let wait = status.metadata().get(RETRY_METADATA).expect("a time");
    let wait: u64 = wait.to_str().unwrap().parse().unwrap();
    assert!((1..=1_000).contains(&wait), "{wait}");
}

#[tokio::test]
async fn a_token_works_once_in_its_time_for_its_name_and_for_a_cluster_that_is_nobody_else() {
    let hub = hub().await;
    let channel = hub.connect(None).await.unwrap();
    let refused = async |request| reason(&enrol(&channel, request).await.unwrap_err()).to_owned();

    let token = invite(&hub, "one", 60);
    let answer = enrol(&channel, request(&token, "one", cluster(1)))
        .await
        .unwrap();
    assert_eq!(answer.authorities, [hub.authority.certificate_der()]);
    assert_eq!(
        refused(request(&token, "one", cluster(1))).await,
        "TokenUsed"
    );
    assert_eq!(
        refused(request(&token, "one", cluster(2))).await,
        "TokenUsed"
    );

    assert_eq!(
        refused(request(&invite(&hub, "late", 0), "late", cluster(3))).await,
        "TokenExpired"
    );
    let again = invite(&hub, "two", 60);
    assert_eq!(
        refused(request(&again, "two", cluster(1))).await,
        "AlreadyJoined"
    );
    let taken = invite(&hub, "one", 60);
    assert_eq!(
        refused(request(&taken, "one", cluster(4))).await,
        "AlreadyJoined"
    );
    let foreign = JoinToken {
        secret: JoinSecret::from_bytes([9; 32]),
        ..again.clone()
    };
    assert_eq!(
        refused(request(&foreign, "two", cluster(5))).await,
        "TokenForeign"
    );
    hub.ports.accept("two", false);
    assert_eq!(
        refused(request(&again, "two", cluster(5))).await,
        "NotAccepted"
    );

    // A request that is none does not cost the token.
    hub.ports.accept("two", true);
    let broken = v1::EnrolRequest {
        csr: vec![0; 10].into(),
        ..request(&again, "two", cluster(5))
    };
    assert_eq!(refused(broken).await, "InvalidRequest");
    assert!(
        enrol(&channel, request(&again, "two", cluster(5)))
            .await
            .is_ok()
    );
}

#[tokio::test]
async fn a_name_that_no_cluster_can_have_is_refused_and_costs_nothing() {
    let hub = hub().await;
    let channel = hub.connect(None).await.unwrap();
    let token = invite(&hub, "one", 60);
    let long = "a".repeat(254);
    for name in ["?x", "?limit=0", "a/b", "..", "%2e%2e", "", "One", &long] {
        let refused = enrol(&channel, request(&token, name, cluster(1))).await;
        let refused = refused.unwrap_err();
        assert_eq!(reason(&refused), "InvalidRequest", "{name:?}");
        assert!(refused.message().contains("1 to 63 characters"));
    }
    let joined = enrol(&channel, request(&token, "one", cluster(1))).await;
    assert!(joined.is_ok(), "the token is not used up");
}

#[tokio::test]
async fn names_are_compared_whole() {
    let hub = hub().await;
    let channel = hub.connect(None).await.unwrap();
    let longest = "a".repeat(63);
    let names = [
        "a",
        "a1",
        "aa",
        "a-b",
        "cluster1",
        "cluster10",
        "system",
        &longest,
    ];
    let tokens: Vec<_> = names.iter().map(|name| invite(&hub, name, 60)).collect();
    for (at, token) in tokens.iter().enumerate() {
        for other in names.iter().filter(|other| **other != names[at]) {
            let answer = enrol(&channel, request(token, other, cluster(200))).await;
            assert_eq!(
                reason(&answer.unwrap_err()),
                "TokenForeign",
                "{} as {other}",
                names[at]
            );
        }
    }
    for (at, token) in tokens.iter().enumerate() {
        let cluster = cluster(u8::try_from(at).unwrap());
        assert!(
            enrol(&channel, request(token, names[at], cluster))
                .await
                .is_ok(),
            "{}",
            names[at]
        );
    }
}

#[tokio::test]
async fn of_a_thousand_parallel_uses_of_one_token_exactly_one_succeeds() {
    let hub = hub().await;
    let token = invite(&hub, "one", 60);
    let csr = key_and_csr().1;
    let call = |channel: Channel, call: u16| {
        let mut cluster = [0; 16];
        cluster[..2].copy_from_slice(&call.to_be_bytes());
        let request = v1::EnrolRequest {
            csr: csr.clone().into(),
            ..request(&token, "one", ClusterUid::from_bytes(cluster))
        };
        async move { enrol(&channel, request).await }
    };
    // Each connection has as many calls on their way as the hub allows.
    let connections = join_all((0..20_u16).map(|at| {
        let (hub, call) = (&hub, &call);
        async move {
            let channel = hub.connect(None).await.unwrap();
            let calls = (0..50).map(|nth| call(channel.clone(), 50 * at + nth));
            stream::iter(calls)
                .buffer_unordered(8)
                .collect::<Vec<_>>()
                .await
        }
    }));
    let answers = connections.await.concat();
    assert_eq!(answers.iter().filter(|answer| answer.is_ok()).count(), 1);
    for refused in answers.iter().filter_map(|answer| answer.as_ref().err()) {
        assert!(
            ["TokenUsed", "Busy"].contains(&reason(refused)),
            "{refused:?}"
        );
    }
}

#[tokio::test]
async fn a_renewal_gives_the_same_identity_and_leaves_the_session_open() {
    let hub = hub().await;
    let (name, channel) = hub.member("one", cluster(1)).await;
    let mut stream = session(&channel, 1).await;

    let (key, csr) = key_and_csr();
    let answer = EnrolmentClient::new(channel.clone())
        .renew(v1::RenewRequest { csr: csr.into() })
        .await;
    let chain: Vec<_> = answer
        .unwrap()
        .into_inner()
        .chain
        .into_iter()
        .map(Vec::from)
        .collect();
    let (_, leaf) = x509_parser::parse_x509_certificate(&chain[0]).unwrap();
    let names = leaf
        .subject_alternative_name()
        .unwrap()
        .unwrap()
        .value
        .general_names
        .clone();
    assert_eq!(
        names,
        [x509_parser::extensions::GeneralName::URI(&name.to_uri())]
    );

    stream.heartbeat().await;
    stream
        .until(|message| *message == stevedore_proto_core::ToAgent::Beat)
        .await;
    let mut registry = prometheus_client::registry::Registry::default();
    hub.sessions.metrics().register(&mut registry);
    let mut text = String::new();
    prometheus_client::encoding::text::encode(&mut text, &registry).unwrap();
    assert!(
        text.contains("certificates_renewed_total 1") && text.contains("streams 1"),
        "{text}"
    );
    let renewed = Identity::from_der(&chain, &key.serialize_der()).unwrap();
    session(&hub.connect(Some(renewed)).await.unwrap(), 1).await;
}

#[tokio::test]
async fn a_forgotten_member_cannot_renew() {
    let hub = hub().await;
    let (name, channel) = hub.member("one", cluster(1)).await;
    hub.ports.forget("one");
    let renew = async |channel: Channel| {
        let request = v1::RenewRequest {
            csr: key_and_csr().1.into(),
        };
        EnrolmentClient::new(channel)
            .renew(request)
            .await
            .unwrap_err()
    };
    assert_eq!(reason(&renew(channel).await), "Revoked");
    // Joined again: the certificate from before does not become good.
    let member = hub.ports.join("one", cluster(1));
    let old = identity(&hub.authority, name, now(), 60);
    assert_eq!(
        reason(&renew(hub.connect(Some(old)).await.unwrap()).await),
        "Revoked"
    );
    let new = identity(&hub.authority, MemberName { member, ..name }, now(), 60);
    session(&hub.connect(Some(new)).await.unwrap(), 1).await;
}
