use stevedore_hub_core::session::Report;
use stevedore_hub_grpc::identity::MemberName;
use stevedore_hub_grpc::pki::Authority;
use stevedore_proto::v1;
use stevedore_proto::v1::enrolment_client::EnrolmentClient;
use stevedore_proto_core::exchange::{self, ExchangeRefusal};
use stevedore_proto_core::join::RETRY_METADATA;
use stevedore_runtime::tls::{ChannelBinding, Identity};
use tonic::Status;
use tonic::transport::Channel;

use crate::support::{Hub, cluster, hub, identity, key_and_csr, now, reason, session};

const DAY: i64 = 24 * 3600;
const LIFE: u32 = 90 * 24 * 3600;

/// A member's certificate that ended so many seconds ago.
fn ended(hub: &Hub, name: MemberName, ago: i64) -> Identity {
    identity(&hub.authority, name, now() - i64::from(LIFE) - ago, LIFE)
}

/// What an agent sends that holds `old` and the key `signer`, over the connection with this binding.
fn request(
    old: &Identity,
    signer: &Identity,
    binding: &ChannelBinding,
    csr: Vec<u8>,
) -> v1::ExchangeRequest {
    let signed = exchange::statement(binding.as_bytes(), old.leaf(), &csr);
    v1::ExchangeRequest {
        certificate: old.leaf().to_vec().into(),
        signature: signer.sign(signed.as_bytes()).unwrap().into(),
        csr: csr.into(),
    }
}

async fn send(
    channel: &Channel,
    request: v1::ExchangeRequest,
) -> Result<v1::ExchangeResponse, Status> {
    EnrolmentClient::new(channel.clone())
        .exchange(request)
        .await
        .map(|answer| answer.into_inner())
}

/// Asks as an agent does, for a new key.
async fn exchange(hub: &Hub, old: &Identity) -> Result<Identity, Status> {
    let (channel, binding) = hub.bare().await;
    let (key, csr) = key_and_csr();
    let answer = send(&channel, request(old, old, &binding, csr)).await?;
    assert!(
        answer
            .time_millis
            .unwrap()
            .abs_diff(now().unsigned_abs() * 1000)
            < 60_000
    );
    let chain: Vec<_> = answer.chain.into_iter().map(Vec::from).collect();
    Ok(Identity::from_der(&chain, &key.serialize_der()).unwrap())
}

async fn refused(hub: &Hub, old: &Identity) -> String {
    let status = exchange(hub, old).await.expect_err("a refusal");
    reason(&status).to_owned()
}

#[tokio::test]
async fn an_expired_certificate_is_exchanged_for_a_year_and_not_a_day_longer() {
    let hub = hub().await;
    let (name, _) = hub.member("one", cluster(1)).await;
    for ago in [-DAY, 1, 10 * DAY, 364 * DAY] {
        let new = exchange(&hub, &ended(&hub, name, ago)).await.unwrap();
        session(&hub.connect(Some(new)).await.unwrap(), 1).await;
    }
    let told = (
        name.cluster,
        Report::ExchangeRefused(ExchangeRefusal::CertificateTooOld),
    );
    assert!(!hub.ports.reports().borrow().contains(&told));
    let old = ended(&hub, name, 366 * DAY);
    assert_eq!(refused(&hub, &old).await, "CertificateTooOld");
    assert!(
        hub.ports.reports().borrow().contains(&told),
        "nobody was told"
    );
    assert_eq!(hub.counter("exchanges_total{outcome=\"Exchanged\"}"), 4);
}

#[tokio::test]
async fn only_who_holds_the_key_can_exchange_and_only_on_this_connection_for_this_request() {
    let hub = hub().await;
    let (name, _) = hub.member("one", cluster(1)).await;
    let (old, other) = (ended(&hub, name, DAY), ended(&hub, name, DAY));
    let (channel, binding) = hub.bare().await;
    let (_, elsewhere) = hub.bare().await;
    let csr = || key_and_csr().1;

    let stolen = request(&old, &other, &binding, csr());
    let replayed = request(&old, &old, &elsewhere, csr());
    let swapped = v1::ExchangeRequest {
        csr: csr().into(),
        ..request(&old, &old, &binding, csr())
    };
    let unsigned = v1::ExchangeRequest {
        signature: vec![].into(),
        ..request(&old, &old, &binding, csr())
    };
    for (what, request) in [
        ("a stolen certificate", stolen),
        ("a signature made on another connection", replayed),
        ("a signature over another request", swapped),
        ("no signature", unsigned),
    ] {
        let status = send(&channel, request).await.expect_err(what);
        assert_eq!(reason(&status), "KeyNotProven", "{what}");
    }
    let proven = request(&old, &old, &binding, csr());
    assert!(send(&channel, proven).await.is_ok());
}

#[tokio::test]
async fn a_member_that_may_not_take_part_cannot_exchange() {
    let hub = hub().await;
    let (name, _) = hub.member("one", cluster(1)).await;
    let old = ended(&hub, name, DAY);
    hub.ports.accept("one", false);
    assert_eq!(refused(&hub, &old).await, "NotAccepted");
    hub.ports.accept("one", true);
    assert!(exchange(&hub, &old).await.is_ok());
    hub.ports.forget("one");
    assert_eq!(refused(&hub, &old).await, "Revoked");
    // Joined again it is another member, and the record of another cluster is not this one's.
    let member = hub.ports.join("one", cluster(1));
    assert_eq!(refused(&hub, &old).await, "Revoked");
    let foreign = MemberName {
        cluster: cluster(2),
        member,
    };
    assert_eq!(refused(&hub, &ended(&hub, foreign, DAY)).await, "Revoked");
}

#[tokio::test]
async fn only_certificates_that_this_hub_gave_to_members_are_exchanged() {
    let hub = hub().await;
    let (name, _) = hub.member("one", cluster(1)).await;
    let other = Authority::create(now() - 200 * DAY).unwrap();
    let foreign = identity(&other, name, now() - 100 * DAY, LIFE);
    let server = hub
        .authority
        .issue_server(&["127.0.0.1".into()], now() - 100 * DAY, LIFE)
        .unwrap();
    let server = Identity::from_pem(&server.chain, &server.key).unwrap();
    for certificate in [foreign, server] {
        assert_eq!(refused(&hub, &certificate).await, "CertificateForeign");
    }
    let early = identity(&hub.authority, name, now() + DAY, LIFE);
    assert_eq!(refused(&hub, &early).await, "CertificateNotYetValid");
}

#[tokio::test]
async fn a_signing_request_is_looked_at_once_the_key_of_the_certificate_is_proven() {
    let hub = hub().await;
    let (name, _) = hub.member("one", cluster(1)).await;
    let old = ended(&hub, name, DAY);
    let (channel, binding) = hub.bare().await;
    let proven = request(&old, &old, &binding, vec![0; 10]);
    let stolen = request(&old, &ended(&hub, name, DAY), &binding, vec![0; 10]);
    let long = v1::ExchangeRequest {
        certificate: vec![0; 20_000].into(),
        ..stolen.clone()
    };
    for (request, refusal) in [
        (v1::ExchangeRequest::default(), "CertificateForeign"),
        (stolen, "KeyNotProven"),
        (proven, "InvalidRequest"),
        (long, "InvalidRequest"),
    ] {
        let status = send(&channel, request).await.unwrap_err();
        assert_eq!(reason(&status), refusal);
    }
}

#[tokio::test]
async fn a_member_that_asks_for_certificates_without_pause_is_told_when_to_come_back() {
    let hub = hub().await;
    let (name, channel) = hub.member("one", cluster(1)).await;
    let (other_name, other) = hub.member("two", cluster(2)).await;
    let renew = async |channel: &Channel| {
        let request = v1::RenewRequest {
            csr: key_and_csr().1.into(),
        };
        EnrolmentClient::new(channel.clone()).renew(request).await
    };
    let mut given = 0;
    let busy = loop {
        match renew(&channel).await {
            Ok(_) if given < 50 => given += 1,
            Ok(_) => panic!("there is no end"),
            Err(status) => break status,
        }
    };
    assert_eq!((given, reason(&busy)), (5, "Busy"));
    let wait = busy.metadata().get(RETRY_METADATA).expect("a time");
    let wait: u64 = wait.to_str().unwrap().parse().unwrap();
    assert!((1..=60_000).contains(&wait), "{wait}");
    assert_eq!(refused(&hub, &ended(&hub, name, DAY)).await, "Busy");
    assert!(renew(&other).await.is_ok(), "another member's was taken");
    // Whoever has the other's certificate without its key takes nothing from it.
    let old = ended(&hub, other_name, DAY);
    let (bare, binding) = hub.bare().await;
    for _ in 0..20 {
        let stolen = request(&old, &ended(&hub, name, DAY), &binding, key_and_csr().1);
        let status = send(&bare, stolen).await.unwrap_err();
        assert_eq!(reason(&status), "KeyNotProven");
    }
    assert!(exchange(&hub, &old).await.is_ok());
}
