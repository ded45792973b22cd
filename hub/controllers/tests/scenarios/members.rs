//! The status of members: written when it turns, and not on every word.

use std::time::Duration;

use stevedore_hub_core::ports::Members as _;
use stevedore_hub_core::session::Report;
use stevedore_proto_core::InstanceId;
use stevedore_proto_core::message::CloseReason;

use super::api_server::{Entry, Told};
use super::world::World;
use super::{seed, state};

#[tokio::test(start_paused = true)]
async fn a_member_that_goes_away_is_lost_and_connected_when_it_returns() {
    let mut world = World::with_package(&["east", "west"]).await;
    world.agent("west").is_online = false;
    world
        .condition("memberclusters", "west", "Connected=Unknown/Lost")
        .await;
    let member = world.api.get("memberclusters", "west").unwrap();
    assert!(member["status"]["offlineSince"].is_string(), "{member}");
    world
        .condition(
            "clusterpackages",
            "demo",
            "Available=Unknown/MembersOffline",
        )
        .await;
    world.agent("west").is_online = true;
    world
        .condition("memberclusters", "west", "Connected=True/")
        .await;
    world
        .condition("clusterpackages", "demo", "Available=True/")
        .await;
    let member = world.api.get("memberclusters", "west").unwrap();
    assert!(member["status"]["offlineSince"].is_null(), "{member}");
}

#[tokio::test(start_paused = true)]
async fn a_hub_that_has_just_started_calls_nobody_lost_for_a_minute() {
    let mut world = World::with_package(&["east"]).await;
    let before = state::of(&world);
    world.agent("east").is_online = false;
    world.crash().await;
    world.loaded().await;
    world.pass(Duration::from_secs(55)).await;
    assert_eq!(state::difference(&before, &state::of(&world)), None);
    world
        .condition("memberclusters", "east", "Connected=Unknown/Lost")
        .await;
}

/// Statuses of packages and members that were written since a place in the log.
fn statuses(world: &World, place: usize) -> Vec<String> {
    let of_ledger = |call: &super::api_server::Call| call.plural() == "packageledgers";
    let mut writes = world.writes_since(place);
    writes.retain(|call| call.is_status && !of_ledger(call));
    let shown = |call: &super::api_server::Call| format!("{call} {}", call.body);
    writes.iter().map(shown).collect()
}

#[tokio::test(start_paused = true)]
async fn a_hub_that_starts_again_leaves_every_status_as_it_is_while_nothing_happens() {
    for (complaint, reason) in [
        (None, ""),
        (Some("no right"), "Forbidden"),
        // Of what was available before: of a rollout on its way it would be no failure.
        (Some("not ready"), "ProbeFailure"),
    ] {
        let mut world = World::with_package(&["east", "west"]).await;
        let west = world.agent("west");
        (west.complaint, west.reason) = (complaint.map(str::to_owned), reason);
        world.everyone_reports();
        world.settled().await;
        for is_asked in [true, false] {
            let place = world.api.place();
            world.agent("west").speaks = false;
            match is_asked {
                true => world.stop().await,
                false => world.halt().await,
            }
            world.start_hub();
            world.loaded().await;
            world.pass(Duration::from_secs(8)).await;
            let written = statuses(&world, place);
            assert!(written.is_empty(), "{complaint:?}: {written:#?}");
            world.agent("west").speaks = true;
            world.pass(Duration::from_secs(90)).await;
            let written = statuses(&world, place);
            assert!(written.is_empty(), "{complaint:?}: {written:#?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_member_that_says_nothing_of_its_packages_is_unknown_and_not_unavailable() {
    let mut world = World::with_package(&["east", "west"]).await;
    let place = world.api.place();
    world.agent("west").speaks = false;
    world.crash().await;
    world.loaded().await;
    world
        .condition("memberclusters", "west", "Healthy=Unknown/NotReported")
        .await;
    world
        .condition(
            "clusterpackages",
            "demo",
            "Available=Unknown/MembersOffline",
        )
        .await;
    let written = statuses(&world, place);
    assert!(
        written.iter().all(|it| !it.contains("ObjectSetUnready")),
        "{written:#?}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_member_that_is_not_accepted_is_shut_out_and_says_so() {
    let mut world = World::with_package(&["east"]).await;
    let place = world.api.place();
    seed::set(
        &world.api,
        "memberclusters",
        "east",
        "accepted",
        false.into(),
    );
    world
        .condition("memberclusters", "east", "Connected=False/NotAccepted")
        .await;
    let log = world.api.log_since(place);
    let is_told = |entry: &Entry| matches!(entry, Entry::Told(_, Told::MembersChanged));
    assert!(log.iter().any(is_told), "its session is asked about again");
    let agent = &world.agents[0];
    let close = world.hub().unwrap().admit(agent.cluster, agent.member);
    assert_eq!(close.unwrap_err().reason, CloseReason::NotAccepted);
    world
        .until("its session ends", |world| {
            match world.agents[0].is_connected() {
                true => Err("it is there".to_owned()),
                false => Ok(()),
            }
        })
        .await;
    seed::set(
        &world.api,
        "memberclusters",
        "east",
        "accepted",
        true.into(),
    );
    world
        .condition("memberclusters", "east", "Connected=True/")
        .await;
}

#[tokio::test(start_paused = true)]
async fn a_leaving_member_is_emptied_and_then_called_drained() {
    let mut world = World::with_package(&["east", "west"]).await;
    world.agent("west").tears_down = false;
    seed::set(&world.api, "memberclusters", "west", "leaving", true.into());
    world
        .condition("memberclusters", "west", "Drained=False/Draining")
        .await;
    world.pass(Duration::from_secs(60)).await;
    world
        .condition("memberclusters", "west", "Drained=False/Draining")
        .await;
    world.agent("west").tears_down = true;
    world.agent("west").forget_what_it_holds();
    world
        .condition("memberclusters", "west", "Drained=True/Drained")
        .await;
    let package = world.api.get("clusterpackages", "demo").unwrap();
    assert_eq!(package["status"]["counts"]["targeted"], 1);
}

#[tokio::test(start_paused = true)]
async fn a_forgotten_member_loses_its_rows_and_keeps_its_workloads() {
    let mut world = World::with_package(&["east", "west"]).await;
    let place = world.api.place();
    seed::delete(&world.api, "memberclusters", "west");
    world
        .until("the row is gone", |world| {
            let ledger = world.api.all("packageledgers").remove(0);
            let rows = ledger["spec"]["rows"].as_str().unwrap().len();
            // One row is 29 bytes, in base64.
            (rows == 40).then_some(()).ok_or_else(|| rows.to_string())
        })
        .await;
    world.settled().await;
    assert_eq!(
        world.story_since(place),
        ["replace packageledgers", "tell west"]
    );
    let (agent, hub) = (&world.agents[1], world.hub().unwrap());
    let close = hub.admit(agent.cluster, agent.member).unwrap_err();
    assert_eq!(close.reason, CloseReason::Revoked);
    assert!(agent.held.values().all(|held| held.content.is_some()));
}

/// Says everything it holds, as an agent does in a session that opens with something else than is ordered.
fn lists(world: &World, name: &str) {
    let mut agents = world.agents.iter();
    let agent = agents.find(|agent| agent.name == name).unwrap();
    agent.answer_census(world.processes[0].number, world.hub().unwrap());
}

#[tokio::test(start_paused = true)]
async fn a_cluster_that_joins_again_says_what_it_holds_of_packages_that_are_gone() {
    let mut world = World::with_package(&["east", "west"]).await;
    seed::delete(&world.api, "memberclusters", "west");
    world.settled().await;
    seed::delete(&world.api, "clusterpackages", "demo");
    world.settled().await;
    assert!(world.api.get("clusterpackages", "demo").is_none());
    let before = world.agents.pop().unwrap();
    world.add_member("west", before.cluster);
    world.agent("west").held = before.held;
    world
        .condition("memberclusters", "west", "Connected=True/")
        .await;
    lists(&world, "west");
    let orphaned = "Healthy=False/OrphanedPackages";
    world.condition("memberclusters", "west", orphaned).await;
    let member = world.api.get("memberclusters", "west").unwrap();
    let said = member["status"].to_string();
    assert!(
        said.contains("holds 1 packages that nobody orders"),
        "{said}"
    );
    assert!(said.contains("as it is: demo"), "{said}");
    world
        .condition("memberclusters", "east", "Healthy=True/Healthy")
        .await;

    let place = world.api.place();
    world.crash().await;
    world.loaded().await;
    world.pass(Duration::from_secs(2)).await;
    lists(&world, "west");
    world.pass(Duration::from_secs(90)).await;
    assert_eq!(statuses(&world, place), Vec::<String>::new());

    world.agent("west").forget_what_it_holds();
    lists(&world, "west");
    world
        .condition("memberclusters", "west", "Healthy=True/Healthy")
        .await;
}

#[tokio::test(start_paused = true)]
async fn what_is_ordered_a_moment_after_a_cluster_joined_is_not_called_orphaned() {
    let mut world = World::with_package(&["east", "west"]).await;
    let place = world.api.place();
    world.agent("west").is_online = false;
    seed::delete(&world.api, "memberclusters", "west");
    world.settled().await;
    let before = world.agents.pop().unwrap();
    world.add_member("west", before.cluster);
    world
        .condition("memberclusters", "west", "Connected=True/")
        .await;
    let hub = world.hub().unwrap();
    let held: Vec<_> = before.held.values().cloned().collect();
    world.agents[1].say(hub, Report::Listing(held));
    world.everywhere("demo", 1).await;
    world.settled().await;
    let written = statuses(&world, place);
    assert!(
        written.iter().all(|it| !it.contains("OrphanedPackages")),
        "{written:#?}"
    );
}

#[tokio::test(start_paused = true)]
async fn words_alone_are_written_at_most_every_ten_seconds() {
    let mut world = World::with_package(&["east"]).await;
    world.agent("east").complaint = Some("0".to_owned());
    world.everyone_reports();
    world
        .condition("memberclusters", "east", "Healthy=False/Broken")
        .await;
    let place = world.api.place();
    for number in 1..=60 {
        world.agent("east").complaint = Some(number.to_string());
        world.everyone_reports();
        world.pass(Duration::from_secs(1)).await;
    }
    let writes = world.writes_since(place);
    let of = |plural| writes.iter().filter(move |it| it.plural() == plural);
    let members = of("memberclusters").count();
    assert!((5..=7).contains(&members), "{members}");
    // The last word is written all the same.
    world.settled().await;
    let member = world.api.get("memberclusters", "east").unwrap();
    assert!(member["status"].to_string().contains("60"), "{member}");
}

#[tokio::test(start_paused = true)]
async fn a_fleet_in_which_nothing_happens_costs_no_write() {
    let mut world = World::with_package(&["east", "west"]).await;
    let place = world.api.place();
    world.pass(Duration::from_secs(15 * 60)).await;
    let writes = world.writes_since(place);
    assert!(writes.is_empty(), "{writes:?}");
}

#[tokio::test(start_paused = true)]
async fn a_second_process_of_one_identity_is_shown_and_forgotten_after_ten_minutes() {
    let mut world = World::with_members(&["east"]).await;
    let duplicate = Report::DuplicateIdentity {
        kept: InstanceId::from_bytes([1; 16]),
        refused: InstanceId::from_bytes([2; 16]),
    };
    world.agents[0].say(world.hub().unwrap(), duplicate);
    world
        .condition("memberclusters", "east", "Healthy=False/DuplicateIdentity")
        .await;
    world.pass(Duration::from_secs(590)).await;
    world
        .condition("memberclusters", "east", "Healthy=False/DuplicateIdentity")
        .await;
    world
        .condition("memberclusters", "east", "Healthy=True/Healthy")
        .await;
}
