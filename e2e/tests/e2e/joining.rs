//! Admission of members: tokens, certificates, and clusters that were forgotten.

use serde_json::json;
use stevedore_fleet::stack::{Hosted, prepare_agent, write_token};
use stevedore_proto_core::join::JoinToken;
use stevedore_proto_core::message::CloseReason;
use stevedore_proto_core::{Digest, Environment, ToAgent};
use tonic::Code;

use super::peer::{self, Session};
use stevedore_e2e::api::{condition, core, create, get, list, ours, uid};
use stevedore_e2e::draft::{Draft, named};
use stevedore_e2e::harness::{WITHIN, alone, await_state, shared};
use stevedore_e2e::world::{SMALL, Shape, World};

/// A member that has joined, and one that has not.
const ONE_OF_TWO: Shape = Shape {
    members: 2,
    joined: 1,
    ..SMALL
};

/// Two clusters that nobody has invited.
const NONE_OF_TWO: Shape = Shape {
    joined: 0,
    ..ONE_OF_TWO
};

/// An agent for a cluster, started with this token, whatever becomes of it.
async fn try_to_join(world: &World, cluster: &str, token: &str) -> Hosted {
    let agent = prepare_to_join(world, cluster, token).await;
    agent.daemon.start().await.expect("the agent starts");
    agent
}

/// An agent for a cluster that is to be started with this token.
async fn prepare_to_join(world: &World, cluster: &str, token: &str) -> Hosted {
    let cluster = world.cluster(cluster);
    let file = write_token(cluster, token).expect("the token can be kept");
    let args = ["--join-token-file".to_owned(), file.display().to_string()];
    let agent = prepare_agent(&world.fleet, cluster, &world.programs, args)
        .await
        .expect("the agent can be installed");
    agent.daemon.change(|spec| spec.ready_url = None).await;
    agent
}

async fn logs(agent: &Hosted, words: &str) {
    await_state(&format!("the agent says {words:?}"), WITHIN, || async {
        let log = std::fs::read_to_string(agent.daemon.log_path()).expect("a log");
        if log.contains(words) {
            return Ok(());
        }
        Err(agent.daemon.log_tail(5))
    })
    .await;
}

/// Waits for an Event of this reason about a member.
async fn shown(world: &World, member: &str, reason: &str) {
    await_state(&format!("{member} shows {reason}"), WITHIN, || async {
        let events = list(&world.client(), "/apis/events.k8s.io/v1/events").await;
        let said: Vec<_> = events
            .iter()
            .filter(|event| event["regarding"]["name"] == member)
            .map(|event| event["reason"].as_str().unwrap_or_default().to_owned())
            .collect();
        if said.iter().any(|one| one == reason) {
            return Ok(());
        }
        Err(said.join(", "))
    })
    .await;
}

#[test]
fn a_token_is_refused_when_it_was_used_or_names_another_authority() {
    alone(ONE_OF_TWO, async |world| {
        let used = std::fs::read_to_string(world.cluster("member-1").folder().join("join-token"))
            .expect("the token that member-1 joined with");
        let agent = try_to_join(world, "member-2", &used).await;
        logs(&agent, "TokenUsed").await;
        shown(world, "member-1", "TokenUsed").await;
        agent.daemon.kill().await;

        let text = world.stevedore(["cluster", "join", "member-2"]).await.ok();
        let mut token: JoinToken = text.trim().parse().expect("a token");
        let right = token.ca;
        token.ca = Digest::of(b"another authority");
        let agent = try_to_join(world, "member-2", &token.to_string()).await;
        logs(&agent, "of another authority than the one pinned").await;
        let path = format!("{}/member-2", ours("memberclusters"));
        let member = get(&world.client(), &path).await.expect("it was invited");
        assert!(member["spec"]["clusterUID"].is_null(), "{member}");
        agent.daemon.kill().await;

        token.ca = right;
        let agent = try_to_join(world, "member-2", &token.to_string()).await;
        world.connected("member-2", "True").await;
        agent.daemon.kill().await;
    });
}

#[test]
fn of_two_clusters_that_join_with_one_token_at_once_one_succeeds_and_the_other_by_its_own() {
    alone(NONE_OF_TWO, async |world| {
        let token = world.stevedore(["cluster", "join", "one"]).await.ok();
        let agents = [
            prepare_to_join(world, "member-1", token.trim()).await,
            prepare_to_join(world, "member-2", token.trim()).await,
        ];
        let [one, other] = &agents;
        let (one, other) = tokio::join!(one.daemon.start(), other.daemon.start());
        one.and(other).expect("the agents start");
        let path = format!("{}/one", ours("memberclusters"));
        let member = world.connected("one", "True").await;
        shown(world, "one", "TokenUsed").await;
        let mut losers = vec![];
        for (agent, cluster) in agents.iter().zip(world.fleet.members()) {
            let namespace = get(&cluster.client(), "/api/v1/namespaces/kube-system").await;
            let namespace = namespace.expect("every cluster has one");
            let log = std::fs::read_to_string(agent.daemon.log_path()).expect("a log");
            if member["spec"]["clusterUID"] == namespace["metadata"]["uid"] {
                assert!(!log.contains("TokenUsed"), "{log}");
            } else {
                losers.push((agent, cluster));
            }
        }
        let [(loser, cluster)] = losers[..] else {
            panic!("not one of them has joined: {member}");
        };
        logs(loser, "TokenUsed").await;
        loser.daemon.kill().await;

        let token = world.stevedore(["cluster", "join", "other"]).await.ok();
        write_token(cluster, token.trim()).expect("the token can be kept");
        loser.daemon.start().await.expect("the agent starts");
        world.connected("other", "True").await;
        let still = get(&world.client(), &path).await.expect("it is there");
        assert_eq!(still["spec"], member["spec"]);
        assert_eq!(condition(&still, "Connected").0, "True", "{still}");
    });
}

#[test]
fn content_goes_only_to_clusters_whose_own_orders_name_it() {
    shared(async |world| {
        let draft = Draft::one_map("not-for-one", "ours");
        draft.roll_out(world, &named(&["member-2"]), 1).await;
        let ledger = world.ledger("not-for-one").await;
        let digest = ledger["spec"]["contents"][0]["content"].as_str();
        let digest: Digest = digest.expect("text").parse().expect("a digest");
        let own = peer::connect(peer::credentials(world.cluster("member-2")).await).await;
        let bytes = peer::content(&own, &digest).await.expect("its own content");
        assert!(bytes > 0);

        let counter = "stevedore_hub_contents_refused_total";
        let before = world.hub_counter(counter).await;
        let foreign = peer::connect(peer::credentials(world.cluster("member-1")).await).await;
        let refused = peer::content(&foreign, &digest).await.unwrap_err();
        assert_eq!(
            (refused.0, refused.1.as_str()),
            (Code::NotFound, "ContentMissing")
        );
        // As for what does not exist, so that nobody learns what others run.
        let nothing = peer::content(&foreign, &Digest::of(b"nothing")).await;
        assert_eq!(nothing.unwrap_err(), refused);
        assert_eq!(world.hub_counter(counter).await, before + 2);
        let log = std::fs::read_to_string(world.hub.daemon.log_path()).expect("a log");
        let uid = get(
            &world.client(),
            &format!("{}/member-1", ours("memberclusters")),
        )
        .await
        .expect("it has joined");
        let uid = uid["spec"]["clusterUID"].as_str().expect("a UID");
        let said = log
            .lines()
            .any(|line| line.contains("no order of it names") && line.contains(uid));
        assert!(said, "the hub's log does not show it");
        draft.remove(world).await;
    });
}

#[test]
fn a_forgotten_cluster_is_refused_keeps_its_workloads_and_can_join_again() {
    alone(SMALL, async |world| {
        let draft = Draft::one_map("kept", "ours");
        draft.roll_out(world, &named(&["member-1"]), 1).await;
        let client = world.cluster("member-1").client();
        let map = core("default", "configmaps", "kept-map");
        let before = get(&client, &map).await.expect("it is there");
        let old = peer::credentials(world.cluster("member-1")).await;

        let forget = ["cluster", "remove", "member-1", "--forget"];
        world.stevedore(forget).await.ok();
        let agent = world.agent("member-1");
        logs(agent, "Revoked").await;
        let after = get(&client, &map).await.expect("it is left alone");
        assert_eq!(uid(&after), uid(&before));

        let token = world.stevedore(["cluster", "join", "member-1"]).await.ok();
        agent.daemon.kill().await;
        write_token(world.cluster("member-1"), token.trim()).expect("the token can be kept");
        agent.daemon.start().await.expect("the agent starts");
        world.connected("member-1", "True").await;
        draft.available(world, 1).await;
        let after = get(&client, &map).await.expect("it is there");
        assert_eq!(uid(&after), uid(&before), "it was made again");

        // The certificate from before is still in date, and the cluster's name and UID are the same.
        let counter = "stevedore_hub_streams_refused_total{reason=\"Revoked\"}";
        let refusals = world.hub_counter(counter).await;
        let channel = peer::connect(old).await;
        let closed = Session::open(&channel, Environment::default())
            .await
            .until("why", |message| match message {
                ToAgent::Close(close) => Some(close.reason.clone()),
                ToAgent::Welcome(_) => Some(CloseReason::GoingAway),
                _ => None,
            })
            .await;
        assert_eq!(closed, CloseReason::Revoked);
        let content = peer::content(&channel, &Digest::of(b"any")).await;
        assert_eq!(content.unwrap_err().1, "Revoked");
        assert_eq!(world.hub_counter(counter).await, refusals + 1);
        world.connected("member-1", "True").await;
    });
}

#[test]
fn an_agent_with_another_clusters_certificate_applies_nothing_and_the_hub_shows_it() {
    alone(ONE_OF_TWO, async |world| {
        let draft = Draft::one_map("elsewhere", "ours");
        draft.roll_out(world, &named(&["member-1"]), 1).await;
        let (from, to) = (world.cluster("member-1"), world.cluster("member-2"));
        let agent = prepare_agent(
            &world.fleet,
            to,
            &world.programs,
            ["--hub".to_owned(), world.hub_address().await],
        )
        .await
        .expect("the agent can be installed");
        let path = core("stevedore-system", "secrets", "stevedore-agent-identity");
        let identity = get(&from.client(), &path).await.expect("member-1 joined");
        let copy = json!({
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": "stevedore-agent-identity", "labels": identity["metadata"]["labels"]},
            "type": identity["type"],
            "data": identity["data"],
        });
        let secrets = "/api/v1/namespaces/stevedore-system/secrets";
        create(&to.client(), secrets, &copy).await.expect("a copy");
        agent.daemon.change(|spec| spec.ready_url = None).await;
        agent.daemon.start().await.expect("the agent starts");

        let member = format!("{}/member-1", ours("memberclusters"));
        world
            .seen("the hub names the second user", &member, |member| {
                condition(member, "Healthy").1 == "DuplicateIdentity"
            })
            .await;
        let map = core("default", "configmaps", "elsewhere-map");
        assert_eq!(
            get(&to.client(), &map).await,
            None,
            "it was applied elsewhere"
        );
        assert!(get(&from.client(), &map).await.is_some());
        agent.daemon.kill().await;
    });
}
