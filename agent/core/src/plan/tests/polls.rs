//! Polls: what is listed from time to time while a watch does not work.

use super::*;

#[test]
fn what_cannot_be_watched_is_listed_from_time_to_time() {
    let mut sim = simple();
    sim.finish();
    let scope = WatchKey::of(&key("a"));
    sim.deployment
        .unwatched(&scope, "Forbidden".into(), sim.now);
    assert_eq!(sim.summary().blockers[0].reason, Reason::NotWatched);
    sim.world.edit("b", "kubectl-edit");
    let requests = sim.world.requests;
    sim.settle_until(sim.now + 100_000);
    assert_eq!(sim.written(), ["a", "b", "c", "b"]);
    assert!(sim.world.requests - requests <= 6);
    sim.deployment.synced(&scope, sim.now);
    sim.finish();
    assert_eq!(sim.deployment.plan(sim.now, 16).wake_at, None);
    sim.deployment
        .unwatched(&scope, "Forbidden".into(), sim.now);
    sim.deployment.watch_only(&BTreeSet::new());
    assert_eq!(sim.summary().blockers, [], "it is not watched any more");
}

#[test]
fn while_the_api_server_answers_nobody_nothing_is_listed_nor_as_soon_as_it_answers() {
    let mut sim = simple();
    sim.finish();
    let scope = WatchKey::of(&key("a"));
    sim.deployment
        .unwatched(&scope, "Unavailable".into(), sim.now);
    let (requests, mut now) = (sim.world.requests, sim.now);
    for _ in 0..30 {
        now += 10_000;
        sim.deployment.put_off_polls(now);
        sim.settle_until(now);
    }
    sim.settle_until(now + 20_000);
    assert_eq!(sim.world.requests, requests);
    sim.settle_until(now + 40_000);
    assert!(sim.world.requests > requests, "its watch has not come back");
}
