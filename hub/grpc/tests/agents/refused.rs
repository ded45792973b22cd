use std::time::Duration;

use stevedore_hub_core::session::Report;
use stevedore_hub_grpc::identity::MemberName;
use stevedore_hub_grpc::pki::Authority;
use stevedore_hub_grpc::server::Settings;
use stevedore_proto::v1;
use stevedore_proto::v1::enrolment_client::EnrolmentClient;
use stevedore_proto::v1::hub_client::HubClient;
use stevedore_proto_core::content::Phase;
use stevedore_proto_core::message::{CloseReason, Hello};
use stevedore_proto_core::{Content, Digest, PackageUid, ToAgent, ToHub, limit};
use stevedore_runtime::tls::Identity;
use tokio::io::AsyncReadExt as _;
use tonic::Code;
use tonic::transport::Channel;

use crate::support::{
    Hub, SOON, cluster, hello, hub, hub_with, identity, is, key_and_csr, now, open, reason, session,
};

async fn content(channel: &Channel, digest: Digest) -> Result<Vec<u8>, tonic::Status> {
    let request = v1::ContentRequest {
        digest: digest.as_bytes().to_vec().into(),
    };
    let mut chunks = HubClient::new(channel.clone())
        .content(request)
        .await?
        .into_inner();
    let mut packed = vec![];
    while let Some(chunk) = chunks.message().await? {
        packed.extend_from_slice(&chunk.data);
    }
    Ok(packed)
}

/// Whether anything can be done over TLS with this identity. In TLS 1.3 a client learns of the refusal with
/// the first answer only.
async fn gets_in(hub: &Hub, identity: Identity) -> bool {
    match hub.connect(Some(identity)).await {
        Ok(channel) => open(&channel).await.is_ok(),
        Err(_) => false,
    }
}

#[tokio::test]
async fn without_a_certificate_everything_but_joining_is_refused() {
    let hub = hub().await;
    let channel = hub.connect(None).await.unwrap();
    let request = v1::RenewRequest {
        csr: key_and_csr().1.into(),
    };
    let refused = [
        open(&channel).await.err().unwrap(),
        content(&channel, Digest::of(b"")).await.unwrap_err(),
        EnrolmentClient::new(channel)
            .renew(request)
            .await
            .unwrap_err(),
    ];
    for status in refused {
        assert_eq!(
            (status.code(), reason(&status)),
            (Code::Unauthenticated, "NoCertificate")
        );
    }
}

#[tokio::test]
async fn certificates_of_others_expired_ones_and_servers_ones_do_not_get_in() {
    let hub = hub().await;
    let (name, _) = hub.member("one", cluster(1)).await;
    let other = Authority::create(now()).unwrap();
    assert!(gets_in(&hub, identity(&hub.authority, name, now(), 60)).await);
    assert!(
        !gets_in(&hub, identity(&other, name, now(), 60)).await,
        "another authority's"
    );
    assert!(
        !gets_in(&hub, identity(&hub.authority, name, now() - 100, 60)).await,
        "expired"
    );
    assert!(
        !gets_in(&hub, identity(&hub.authority, name, now() + 7200, 60)).await,
        "not yet valid"
    );
    let server = hub
        .authority
        .issue_server(&["127.0.0.1".into()], now(), 60)
        .unwrap();
    assert!(
        !gets_in(
            &hub,
            Identity::from_pem(&server.chain, &server.key).unwrap()
        )
        .await,
        "a server's"
    );
    assert!(
        hub.connect_trusting(None, &other).await.is_err(),
        "a hub of another authority was trusted"
    );
}

#[tokio::test]
async fn a_cluster_gets_only_content_that_its_own_orders_name() {
    let hub = hub().await;
    let (_, one) = hub.member("one", cluster(1)).await;
    let (_, two) = hub.member("two", cluster(2)).await;
    let secret = Content {
        phases: vec![Phase {
            name: "only-for-one".into(),
            objects: vec![],
            ..Phase::default()
        }],
        ..Content::default()
    };
    hub.ports
        .order(cluster(1), PackageUid::from_bytes([7; 16]), Some(&secret));
    let digest = Digest::of(&secret.to_bytes());

    assert!(!content(&one, digest).await.unwrap().is_empty());
    let (others, missing) = (
        content(&two, digest).await.unwrap_err(),
        content(&two, Digest::of(b"none")).await,
    );
    assert_eq!(
        (others.code(), reason(&others)),
        (Code::NotFound, "ContentMissing")
    );
    assert_eq!(
        missing.unwrap_err().message(),
        others.message(),
        "existence is told"
    );
}

#[tokio::test]
async fn content_that_an_order_names_and_the_hub_lost_is_told_to_the_planner() {
    let hub = hub().await;
    let (_, channel) = hub.member("one", cluster(1)).await;
    let large = Content {
        phases: vec![Phase {
            name: "x".repeat(2 * limit::INLINE_CONTENT),
            objects: vec![],
            ..Phase::default()
        }],
        ..Content::default()
    };
    let package = PackageUid::from_bytes([7; 16]);
    let (deployment, tuple) = hub.ports.order(cluster(1), package, Some(&large));
    hub.ports.lose(&large);
    let mut stream = session(&channel, 1).await;
    stream
        .until(|message| matches!(message, ToAgent::Order(_)))
        .await;
    let lost = content(&channel, Digest::of(&large.to_bytes())).await;
    assert_eq!(reason(&lost.unwrap_err()), "ContentMissing");
    let told = (cluster(1), Report::ContentMissing { deployment, tuple });
    let mut reports = hub.ports.reports();
    let seen = reports.wait_for(|all| all.contains(&told));
    let in_time = tokio::time::timeout(SOON, seen).await;
    assert!(in_time.is_ok(), "nobody was told");
}

#[tokio::test]
async fn a_session_of_a_revoked_or_refused_member_ends_within_five_seconds_and_does_not_start_again()
 {
    let hub = hub().await;
    for told in [true, false] {
        let (_, channel) = hub.member("one", cluster(1)).await;
        let mut stream = session(&channel, 1).await;
        hub.ports.accept("one", false);
        let since = tokio::time::Instant::now();
        if told {
            hub.sessions.members_changed();
        }
        is(&stream.closed().await, CloseReason::NotAccepted);
        assert!(since.elapsed().as_secs() < 5, "{:?}", since.elapsed());
        is(
            &open(&channel).await.unwrap().closed().await,
            CloseReason::NotAccepted,
        );

        hub.ports.accept("one", true);
        let mut stream = session(&channel, 1).await;
        hub.ports.forget("one");
        if told {
            hub.sessions.members_changed();
        }
        is(&stream.closed().await, CloseReason::Revoked);
        is(
            &open(&channel).await.unwrap().closed().await,
            CloseReason::Revoked,
        );
    }
}

/// What a member is told by every call that it may make.
async fn answers(channel: &Channel) -> Vec<String> {
    let request = v1::RenewRequest {
        csr: key_and_csr().1.into(),
    };
    let renewed = EnrolmentClient::new(channel.clone()).renew(request).await;
    let mut stream = open(channel).await.unwrap();
    // Only a hub that would open the session reads this.
    let _ = stream
        .to_hub
        .send(ToHub::Hello(Box::new(hello(1))).into())
        .await;
    let opened = match stream.next().await {
        Some(ToAgent::Close(close)) => close.reason.as_str().to_owned(),
        other => format!("{other:?}"),
    };
    vec![
        opened,
        reason(&content(channel, Digest::of(b"")).await.unwrap_err()).to_owned(),
        renewed.map_or_else(
            |status| reason(&status).to_owned(),
            |_| "a certificate".to_owned(),
        ),
    ]
}

#[tokio::test]
async fn every_call_of_a_member_that_may_not_take_part_is_refused_whatever_its_certificate_says() {
    let hub = hub().await;
    let (name, channel) = hub.member("one", cluster(1)).await;
    let good = answers(&channel).await;
    assert!(good[0].contains("Welcome"), "{good:?}");
    assert_eq!(good[1..], ["ContentMissing", "a certificate"]);

    hub.ports.accept("one", false);
    assert_eq!(answers(&channel).await, ["NotAccepted"; 3]);
    hub.ports.accept("one", true);
    hub.ports.forget("one");
    assert_eq!(answers(&channel).await, ["Revoked"; 3]);
    // The cluster joined again, as another member; and that record is no other cluster's.
    let member = hub.ports.join("one", cluster(1));
    assert_eq!(answers(&channel).await, ["Revoked"; 3]);
    let foreign = MemberName {
        cluster: cluster(2),
        member,
    };
    for name in [name, foreign] {
        let old = identity(&hub.authority, name, now(), 3600);
        let channel = hub.connect(Some(old)).await.unwrap();
        assert_eq!(answers(&channel).await, ["Revoked"; 3], "{name:?}");
    }
}

#[tokio::test]
async fn a_connection_of_a_member_that_may_not_take_part_any_more_ends_without_a_call() {
    let hub = hub_with(Settings {
        recheck: Duration::from_millis(100),
        ..Settings::default()
    })
    .await;
    for forget in [false, true] {
        let (name, _) = hub.member("one", cluster(1)).await;
        let mut idle = hub
            .stream(identity(&hub.authority, name, now(), 3600))
            .await;
        // The hub speaks first: from here on the connection counts as a member's.
        idle.read_u8().await.unwrap();
        if forget {
            hub.ports.forget("one");
        } else {
            hub.ports.accept("one", false);
        }
        let ended = async {
            let mut settings = vec![];
            idle.read_to_end(&mut settings).await
        };
        let ended = tokio::time::timeout(SOON, ended).await;
        assert!(ended.is_ok(), "it stays open");
    }
}

#[tokio::test]
async fn hub_and_member_tell_each_other_what_their_clocks_show() {
    let hub = hub().await;
    let (_, channel) = hub.member("one", cluster(1)).await;
    let stream = &mut open(&channel).await.unwrap();
    let hello = Hello {
        time: Some(12_345),
        ..hello(1)
    };
    stream.send(ToHub::Hello(Box::new(hello))).await;
    let ToAgent::Welcome(welcome) = stream.until(|_| true).await else {
        panic!("no welcome");
    };
    let shown = welcome.time.expect("a time") / 1000;
    assert!(shown.abs_diff(now().unsigned_abs()) < 60, "{shown}");
    let told = |report: &Report| {
        matches!(
            report,
            Report::Connected {
                time: Some(12_345),
                ..
            }
        )
    };
    let mut reports = hub.ports.reports();
    let seen = reports.wait_for(|all| all.iter().any(|(_, report)| told(report)));
    assert!(tokio::time::timeout(SOON, seen).await.is_ok());
}

#[tokio::test]
async fn a_message_above_the_limit_ends_the_stream_before_it_is_read() {
    let hub = hub().await;
    let (_, channel) = hub.member("one", cluster(1)).await;
    // A request's field of the wire's type `string`, so long that the message has exactly `size` bytes.
    let padded = |size: usize| {
        let message = |length: usize| -> v1::ToHub {
            let mut hello = hello(1);
            hello.agent_version = "x".repeat(length);
            ToHub::Hello(Box::new(hello)).into()
        };
        let length = (1..=size)
            .rev()
            .find(|length| prost_len(&message(*length)) <= size)
            .unwrap();
        let message = message(length);
        assert_eq!(prost_len(&message), size);
        message
    };
    for (size, why) in [
        (stevedore_proto::TO_HUB_MESSAGE, "agent_version"),
        (stevedore_proto::TO_HUB_MESSAGE + 1, "too large"),
    ] {
        let mut stream = open(&channel).await.unwrap();
        stream.to_hub.send(padded(size)).await.unwrap();
        let close = stream.closed().await;
        is(&close, CloseReason::ProtocolError);
        assert!(close.message.contains(why), "{size}: {}", close.message);
    }
}

fn prost_len(message: &v1::ToHub) -> usize {
    prost::Message::encoded_len(message)
}

#[tokio::test]
async fn a_stream_ends_with_its_certificate() {
    let hub = hub().await;
    let name = MemberName {
        cluster: cluster(1),
        member: hub.ports.join("one", cluster(1)),
    };
    let until = now() + 3;
    let short = identity(&hub.authority, name, now(), 3);
    let mut stream = session(&hub.connect(Some(short)).await.unwrap(), 1).await;
    is(&stream.closed().await, CloseReason::GoingAway);
    assert!(now() >= until - 1 && stream.next().await.is_none());
}
