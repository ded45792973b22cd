//! Facts that a package reads of its cluster: a changed one is a new order, a changed renderer alone is none.

use serde_json::{Value, json};
use stevedore_proto_core::{Environment, ToAgent};

use super::audit_log::{agent_writes, package_writes, statuses};
use super::peer::{self, Session};
use super::rollout::at_rest;
use stevedore_e2e::api::{condition, core, get, in_system, merge, ours};
use stevedore_e2e::draft::{Draft, members, object};
use stevedore_e2e::harness::{WITHIN, alone, await_state};
use stevedore_e2e::world::{SMALL, Shape, World, hub_account, seen_on};

/// Two members, so that one can stay as it is.
const TWO: Shape = Shape {
    members: 2,
    joined: 2,
    ..SMALL
};

/// A ConfigMap with what a template reads of the cluster.
fn reading(name: &str, what: &str) -> Draft {
    let head = object("v1", "ConfigMap", "default", name, "only", "");
    Draft::new(name, &["only"]).file(
        "map.yaml.gotmpl",
        &format!("{head}data: {{value: {{{{ {what} | quote }}}}}}\n"),
    )
}

fn highest(ledger: &Value) -> i64 {
    let number = &ledger["spec"]["highestNumber"];
    number.as_i64().expect("a number")
}

async fn tier(world: &World, tier: &str) {
    let change = json!({"metadata": {"labels": {"e2e.example/tier": tier}}});
    let member = format!("{}/member-1", ours("memberclusters"));
    merge(&world.client(), &member, &change)
        .await
        .expect("a label");
}

#[test]
fn a_changed_fact_that_a_package_reads_is_a_new_order_for_that_cluster_alone() {
    alone(TWO, async |world| {
        let draft = reading("fact", ".environment.kubernetes.version");
        draft.roll_out(world, &members(), 2).await;
        let path = core("default", "configmaps", "fact");
        let (one, other) = (world.cluster("member-1"), world.cluster("member-2"));
        let before = get(&one.client(), &path).await.expect("it is there");
        let number = highest(&world.ledger("fact").await);
        let untouched = package_writes(other, "default").len();

        // Who has the member's certificate says what its facts are.
        let agent = &world.agent("member-1").daemon;
        agent.kill().await;
        let channel = peer::connect(peer::credentials(one).await).await;
        let upgraded = Environment {
            kubernetes_version: "v9.99.9".into(),
            ..Environment::default()
        };
        let mut session = Session::open(&channel, upgraded).await;
        let ordered = session
            .until("a new order", |message| match message {
                ToAgent::Order(told) if told.order.tuple.number > number as u64 => {
                    Some(Clone::clone(told))
                }
                _ => None,
            })
            .await;
        let content = ordered.content.expect("it has no content yet");
        assert!(String::from_utf8_lossy(&content).contains("v9.99.9"));
        assert_eq!(highest(&world.ledger("fact").await), number + 1);
        drop((session, channel));

        agent.start().await.expect("the agent starts");
        await_state("the facts it has are ordered again", WITHIN, || async {
            match highest(&world.ledger("fact").await) {
                found if found == number + 2 => Ok(()),
                found => Err(format!("number {found}")),
            }
        })
        .await;
        draft.available(world, 2).await;
        // Both changes, and nothing for the member whose facts are the same.
        assert_eq!(highest(&world.ledger("fact").await), number + 2);
        assert_eq!(package_writes(other, "default").len(), untouched);
        let after = get(&one.client(), &path).await.expect("it is there");
        assert_eq!(after["data"], before["data"]);
        for (kind, name) in [("clusterpackages", "fact"), ("memberclusters", "member-")] {
            let said = statuses(world.fleet.hub(), kind, name);
            assert!(!said.is_empty() && !format!("{said:?}").contains("HubDiverged"));
        }
    });
}

/// Writes the history of a hub whose renderer made of these inputs what differs by one byte from what today's makes of
/// them: the member runs it, the ledger says so, and the inputs are the same. Gives the highest number in it.
async fn write_older_history(world: &World, package: &str, input: Value) -> i64 {
    let ledger = world.ledger(package).await;
    let mut contents = ledger["spec"]["contents"].clone();
    let all = contents.as_array_mut().expect("contents");
    let current = all.iter_mut().find(|content| content["input"] != input);
    current.expect("what runs")["input"] = input;
    let name = ledger["metadata"]["name"].as_str().expect("a name");
    let path = in_system(&format!("packageledgers/{name}"));
    let hub = hub_account(world.fleet.hub()).await;
    let written = merge(&hub, &path, &json!({"spec": {"contents": contents}})).await;
    written.expect("an older hub's ledger");
    highest(&ledger)
}

/// Waits until the package gives this as the reason of its progress.
async fn progress_is(world: &World, draft: &Draft, reason: &str) {
    let what = format!("progress is {reason}");
    world
        .seen(&what, &draft.path(), |package| {
            condition(package, "Progressing").1 == reason
        })
        .await;
}

#[test]
fn a_renderer_that_differs_by_one_byte_orders_nothing_until_the_next_real_change() {
    alone(SMALL, async |world| {
        let label = "index .cluster.labels \"e2e.example/tier\" | default \"none\"";
        let draft = reading("rendered", label);
        tier(world, "a").await;
        draft.roll_out(world, &members(), 1).await;
        let input = world.ledger("rendered").await["spec"]["contents"][0]["input"].clone();
        tier(world, "b").await;
        let member = world.cluster("member-1");
        let path = core("default", "configmaps", "rendered");
        let shows = async |value: &str| {
            let what = format!("the member has {value}");
            let is = |map: &Value| map["data"]["value"] == value;
            seen_on(&member.client(), &what, WITHIN, &path, is).await
        };
        let held = shows("b").await;
        at_rest(member, "rendered", 2).await;
        let (number, written) = world
            .hub_starts_again(async || {
                let number = write_older_history(world, "rendered", input).await;
                tier(world, "a").await;
                (number, agent_writes(member).len())
            })
            .await;
        progress_is(world, &draft, "PendingRender").await;
        world.sessions(1).await;
        let package = draft.available(world, 1).await;
        assert_eq!(package["status"]["counts"]["updated"], 1, "{package}");
        assert_eq!(highest(&world.ledger("rendered").await), number);
        let told: Vec<_> = agent_writes(member).split_off(written);
        assert!(told.is_empty(), "{told:#?}");

        // A real change is one order, and brings the new rendering along.
        tier(world, "c").await;
        let now = shows("c").await;
        assert_eq!(now["metadata"]["uid"], held["metadata"]["uid"]);
        progress_is(world, &draft, "Idle").await;
        assert_eq!(highest(&world.ledger("rendered").await), number + 1);
        assert_eq!(
            world.hub_counter("stevedore_hub_orders_sent_total").await,
            1
        );
    });
}
