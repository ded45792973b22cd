//! A member whose API server hangs: nothing of what runs there is shown as known, and all is back when it goes on.

use std::time::{Duration, Instant};

use serde_json::json;
use stevedore_fleet::{AuditEntry, ControlPlane, Program};

use super::audit_log::{agent_writes, entries};
use super::rollout::at_rest;
use stevedore_e2e::api::{condition, core, merge, ours};
use stevedore_e2e::draft::{Draft, members};
use stevedore_e2e::harness::{WITHIN, alone, await_state};
use stevedore_e2e::world::{SMALL, World, seen_on};

const MEMBER: &str = "member-1";
/// How long what runs on such a member may be shown as known.
const UNKNOWN_WITHIN: Duration = Duration::from_secs(30);

fn is_list(entry: &AuditEntry) -> bool {
    entry.verb == "list" && entry.user.username.ends_with(":stevedore-agent")
}

/// Waits until the agent has had so many more requests without an answer: of one that hangs it asks one every few
/// seconds, and its connections are given up meanwhile.
async fn unanswered(world: &World, more: u64) {
    let failures = async || {
        let name = "stevedore_agent_api_failures_total";
        world.agent_counter(MEMBER, name).await
    };
    let before = failures().await;
    await_state("requests without an answer", WITHIN, || async {
        match failures().await {
            now if now >= before + more => Ok(()),
            now => Err(format!("{} of {more}", now - before)),
        }
    })
    .await;
}

/// What it watches, it watches again: this is put back, and beside that nothing is written or listed that was not so many
/// entries ago.
async fn only_a_repair_follows(member: &ControlPlane, written: usize, asked: usize) {
    let map = core("default", "configmaps", "lasting-map");
    merge(
        &member.client(),
        &map,
        &json!({"data": {"value": "theirs"}}),
    )
    .await
    .expect("an edit");
    seen_on(&member.client(), "it is put back", WITHIN, &map, |map| {
        map["data"]["value"] == "ours"
    })
    .await;
    let writes = agent_writes(member).split_off(written);
    let others = |entry: &&AuditEntry| !entry.is_about("configmaps", "lasting-map");
    let is_of_repair = |entry: &&AuditEntry| {
        let object = entry.object_ref.as_ref();
        object.is_some_and(|object| object.subresource == "status")
    };
    let repaired = writes.len() - writes.iter().filter(others).count();
    assert_eq!(repaired, 1, "{writes:#?}");
    let others: Vec<_> = writes.iter().filter(others).collect();
    assert!(
        others.len() <= 1 && others.iter().all(is_of_repair),
        "{others:#?}"
    );
    let mut lists = entries(member).split_off(asked);
    lists.retain(is_list);
    assert!(lists.is_empty(), "{lists:#?}");
}

#[test]
fn a_member_whose_api_server_hangs_is_unknown_within_thirty_seconds_and_back_without_a_write() {
    alone(SMALL, async |world| {
        let draft = Draft::one_map("lasting", "ours");
        draft.roll_out(world, &members(), 1).await;
        let member = world.cluster(MEMBER);
        at_rest(member, "lasting", 1).await;
        let (written, asked) = (agent_writes(member).len(), entries(member).len());
        let path = format!("{}/{MEMBER}", ours("memberclusters"));

        let hung = Instant::now();
        member.hang_program(Program::ApiServer, true).await;
        let shown = world
            .seen("it is not healthy", &path, |seen| {
                condition(seen, "Healthy").0 == "False"
            })
            .await;
        let package = draft.says_unknown(world).await;
        assert!(hung.elapsed() < UNKNOWN_WITHIN, "{:?}", hung.elapsed());
        assert_eq!(condition(&shown, "Healthy").1, "APIServerSilent");
        assert_eq!(condition(&shown, "Connected").0, "True", "{shown}");
        let (_, reason, message) = condition(&package, "Available");
        assert_eq!(reason, "APIServerSilent", "{package}");
        assert!(message.contains("member-1: the API server"), "{message}");
        let said = world
            .stevedore(["explain", "lasting", "--cluster", MEMBER])
            .await;
        assert_eq!(said.code, Some(3), "{said:?}");
        assert!(said.out.contains("APIServerSilent"), "{said:?}");
        unanswered(world, 8).await;

        member.hang_program(Program::ApiServer, false).await;
        world
            .seen("it is healthy again", &path, |seen| {
                condition(seen, "Healthy").0 == "True"
            })
            .await;
        draft.available(world, 1).await;
        only_a_repair_follows(member, written, asked).await;
    });
}
