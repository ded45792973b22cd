//! Members whose certificate expired while they were away.

use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rcgen::{CertificateParams, KeyPair};
use serde_json::{Map, Value, json};
use stevedore_agent::hub_link::Credentials;
use stevedore_fleet::stack::write_token;
use stevedore_hub_grpc::identity::MemberName;
use stevedore_hub_grpc::pki::{self, Authority};

use super::peer;
use stevedore_e2e::api::{condition, core, get, list, merge, ours, uid};
use stevedore_e2e::draft::{Draft, members};
use stevedore_e2e::harness::{WITHIN, alone, await_state};
use stevedore_e2e::world::{SMALL, World, seen_on};

const DAY: i64 = 24 * 3600;

/// One entry of a Secret.
fn entry(secret: &Value, key: &str) -> String {
    let text = secret["data"][key].as_str().expect("an entry");
    String::from_utf8(STANDARD.decode(text).expect("base64")).expect("text")
}

/// Puts an identity into the member's cluster that the hub gave to it so many days ago, for 90.
async fn age(world: &World, member: &str, days: i64) {
    let secret = core("stevedore-system", "secrets", "stevedore-ca");
    let secret = get(&world.client(), &secret).await.expect("the hub's CA");
    let authority = Authority::from_pem(entry(&secret, "tls.crt"), entry(&secret, "tls.key"));
    let object = format!("{}/{member}", ours("memberclusters"));
    let object = get(&world.client(), &object).await.expect("it has joined");
    let name = MemberName {
        cluster: object["spec"]["clusterUID"]
            .as_str()
            .unwrap()
            .parse()
            .unwrap(),
        member: uid(&object).parse().expect("a UID"),
    };
    let key = KeyPair::generate().expect("a key");
    let request = CertificateParams::default().serialize_request(&key);
    let request = pki::Request::parse(request.expect("a request").der()).expect("a request");
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .expect("a time");
    let then = i64::try_from(now.as_secs()).expect("a time") - days * DAY;
    let issued = authority
        .expect("an authority")
        .sign_member(&request, name, then, pki::MEMBER_SECONDS)
        .expect("a certificate");
    let cluster = world.cluster(member);
    let aged = Credentials {
        chain: vec![issued.certificate],
        key: key.serialize_der(),
        ..peer::credentials(cluster).await
    };
    let data: Map<_, _> = aged
        .to_data()
        .into_iter()
        .map(|(key, value)| (key, json!(STANDARD.encode(value))))
        .collect();
    let path = core("stevedore-system", "secrets", "stevedore-agent-identity");
    merge(&cluster.client(), &path, &json!({"data": data}))
        .await
        .expect("an identity");
}

/// A package on the member, whose agent was killed then and got a certificate that was issued so many days ago.
async fn away_for(world: &World, days: i64) -> Draft {
    let draft = Draft::new("lasting", &["only"])
        .namespace("only")
        .config_map("map", "only", "ours");
    draft.roll_out(world, &members(), 1).await;
    world.agent("member-1").daemon.kill().await;
    world.connected("member-1", "Unknown").await;
    age(world, "member-1", days).await;
    draft
}

#[test]
fn a_member_that_was_away_for_a_hundred_days_comes_back_by_itself() {
    alone(SMALL, async |world| {
        let draft = away_for(world, 100).await;
        world.start_agent_offline("member-1").await;
        world.connected("member-1", "True").await;
        let exchanged = "stevedore_hub_exchanges_total{outcome=\"Exchanged\"}";
        assert_eq!(world.hub_counter(exchanged).await, 1);
        // It hears and answers again.
        let next = draft.clone().config_map("fresh", "only", "new");
        next.upgrade(world, "2").await;
        next.available(world, 1).await;
    });
}

#[test]
fn a_member_whose_certificate_is_too_old_repairs_on_says_so_and_joins_again_with_a_token() {
    alone(SMALL, async |world| {
        let draft = away_for(world, 90 + 366).await;
        let client = world.cluster("member-1").client();
        let map = core("lasting", "configmaps", "map");
        let before = get(&client, &map).await.expect("it is there");
        let agent = world.agent("member-1");
        world.start_agent_offline("member-1").await;

        let member = format!("{}/member-1", ours("memberclusters"));
        let refused = |member: &Value| condition(member, "Connected").1 == "CertificateTooOld";
        world.seen("the refusal", &member, refused).await;
        await_state("the agent says what it lacks", WITHIN, || async {
            let log = std::fs::read_to_string(agent.daemon.log_path()).expect("a log");
            if log.contains("CertificateTooOld") && log.contains("no new join token") {
                return Ok(());
            }
            Err(agent.daemon.log_tail(5))
        })
        .await;
        // Meanwhile it repairs.
        merge(&client, &map, &json!({"data": {"value": "theirs"}}))
            .await
            .expect("an edit");
        let after = seen_on(&client, "the edit is put back", WITHIN, &map, |map| {
            map["data"]["value"] == "ours"
        })
        .await;
        assert_eq!(uid(&after), uid(&before));
        let still = get(&world.client(), &member).await.expect("it is there");
        assert!(refused(&still), "{still}");

        // It runs on, and finds the token.
        let token = world.stevedore(["cluster", "join", "member-1"]).await.ok();
        write_token(world.cluster("member-1"), token.trim()).expect("the token can be kept");
        world.connected("member-1", "True").await;
        draft.available(world, 1).await;
        let after = get(&client, &map).await.expect("it is there");
        assert_eq!(uid(&after), uid(&before), "it was made again");
        let events = list(&world.client(), "/apis/events.k8s.io/v1/events").await;
        let said = |event: &Value| event["reason"] == "CertificateTooOld";
        assert!(events.iter().any(said), "{events:?}");
    });
}
