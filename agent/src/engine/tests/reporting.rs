//! Reports and statuses: their occasions, and whose word counts.

use stevedore_agent_core::failure::{Failure, FailureKind};

use super::fake::{PACKAGES, account};
use super::*;
use crate::ports::SetEvent;

fn names_not_watched(fake: &Fake) -> bool {
    let report = fake.reports().pop().unwrap();
    report
        .blockers
        .iter()
        .any(|blocker| blocker.reason == Reason::NotWatched)
}

#[tokio::test]
async fn what_a_watch_of_another_account_says_is_not_taken_for_ours() {
    let rig = Rig::installed(1, config_maps(&[&["a"]], json!([]))).await;
    let scope = WatchKey::of(&ObjectKey::of(&rig.fake.object("a").unwrap()).unwrap());
    let no = || Failure::new(FailureKind::Forbidden, "no");
    let failed = |of: &str| WatchNotice::Failed(account(of), scope.clone(), no());
    rig.engine.offer(failed("somebody")).await;
    rig.engine.offer(failed(PACKAGES)).await;
    rig.fake.until("said so", names_not_watched).await;
    let synced = |of: &str| WatchNotice::Synced(account(of), scope.clone());
    rig.engine.offer(synced("somebody")).await;
    rig.engine
        .offer(WatchNotice::Seen(rig.fake.edit("a", "kubectl-edit")))
        .await;
    rig.fake
        .until("put back", |fake| fake.log().len() == 3)
        .await;
    assert!(names_not_watched(&rig.fake), "its own watch still fails");
    rig.engine.offer(synced(PACKAGES)).await;
    rig.fake
        .until("no longer", |fake| !names_not_watched(fake))
        .await;
}

#[tokio::test]
async fn with_another_account_the_former_ones_watches_are_forgotten() {
    let rig = Rig::installed(1, config_maps(&[&["a"]], json!([]))).await;
    let scope = WatchKey::of(&ObjectKey::of(&rig.fake.object("a").unwrap()).unwrap());
    let no = Failure::new(FailureKind::Forbidden, "no");
    rig.engine
        .offer(WatchNotice::Failed(account(PACKAGES), scope, no))
        .await;
    rig.fake.until("said so", names_not_watched).await;
    rig.fake.set_account(Ok("others"));
    rig.engine.circumstances_changed();
    rig.fake
        .until("the other account watches", |fake| {
            fake.watches_as().as_deref() == Some("others") && !names_not_watched(fake)
        })
        .await;
}

async fn says(fake: &Fake, reason: &str) {
    fake.until(reason, |fake| {
        condition::find(&fake.set_status(1).conditions, AVAILABLE)
            .is_some_and(|condition| condition.reason == reason)
    })
    .await;
}

#[tokio::test]
async fn an_account_that_could_not_be_tried_keeps_its_own_word() {
    let rig = rig();
    rig.fake.set_account(Err(Reason::AccountUnknown));
    rig.fake.store_set(1, config_maps(&[&["a"]], json!([])));
    rig.engine.sets_changed(OURS);
    says(&rig.fake, "AccountUnknown").await;
}

#[tokio::test]
async fn what_is_under_way_is_told_also_while_a_request_has_no_answer() {
    let rig = rig();
    rig.fake.stall(Some("slow"));
    rig.fake
        .store_set(1, config_maps(&[&["a", "slow"]], json!([])));
    rig.engine.sets_changed(OURS);
    says(&rig.fake, "Applying").await;
    rig.fake.stall(None);
    rig.fake.until("available", is_available).await;
}

#[tokio::test]
async fn an_edit_that_was_put_back_and_is_made_again_is_told_again() {
    let rig = Rig::installed(1, config_maps(&[&["a"]], json!([]))).await;
    for times in 1..=2 {
        let edited = rig.fake.edit("a", "kubectl-edit");
        rig.engine.offer(WatchNotice::Seen(edited)).await;
        rig.fake
            .until("put back and told", |fake| {
                let told = |event: &&SetEvent| event.message.contains("kubectl-edit");
                let log = fake.log();
                log.len() == 2 + times && fake.events().iter().filter(told).count() == times
            })
            .await;
    }
}
