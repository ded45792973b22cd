mod fake;
mod kinds;
mod reporting;

use serde_json::json;
use stevedore_crds::condition::{self, AVAILABLE, READY};
use stevedore_proto_core::status::Truth;
use stevedore_proto_core::{Reason, Stage};
use stevedore_runtime::supervise::Supervisor;
use tokio_util::sync::CancellationToken;

use super::*;
use fake::{Fake, OURS, config_maps, tuple};

struct Rig {
    fake: Arc<Fake>,
    engine: Arc<Engine>,
    _supervisor: Supervisor,
}

fn rig() -> Rig {
    let supervisor = Supervisor::new(CancellationToken::new());
    let engine = Engine::new(supervisor.tasks());
    let fake = Fake::new();
    engine.start(fake.ports());
    Rig {
        fake,
        engine,
        _supervisor: supervisor,
    }
}

fn is_available(fake: &Fake) -> bool {
    fake.reports()
        .last()
        .is_some_and(|report| report.stage == Stage::Available)
}

impl Rig {
    async fn installed(number: u64, content: stevedore_proto_core::Content) -> Self {
        let rig = rig();
        rig.fake.store_set(number, content);
        rig.engine.sets_changed(OURS);
        rig.fake.until("available", is_available).await;
        rig
    }

    async fn available_in_status(&self, number: u64) {
        self.fake
            .until("status", |fake| {
                condition::is_true(&fake.set_status(number).conditions, AVAILABLE)
            })
            .await;
    }
}

#[tokio::test]
async fn phases_are_checked_and_written_in_order_and_reported_with_their_tuple() {
    let rig = Rig::installed(3, config_maps(&[&["a"], &["b"]], json!([]))).await;
    assert_eq!(rig.fake.log(), ["check a", "apply a", "check b", "apply b"]);
    let report = rig.fake.reports().pop().unwrap();
    assert_eq!(report.observed, tuple(3));
    assert_eq!(report.available.status, Truth::True);
    rig.available_in_status(3).await;
    let status = rig.fake.set_status(3);
    assert!(condition::is_true(&status.conditions, READY));
    assert_eq!(status.controller_of.len(), 2);
    assert_eq!(status.observed_generation, Some(1));
    assert!(
        rig.fake.status_writes() <= 3,
        "{}",
        rig.fake.status_writes()
    );
    assert_eq!(rig.fake.interest(), 1);
    assert!(
        rig.fake
            .events()
            .iter()
            .any(|event| event.reason == Reason::Available)
    );
}

#[tokio::test]
async fn an_edit_that_a_watch_saw_is_put_back_and_its_manager_is_named() {
    let rig = Rig::installed(1, config_maps(&[&["a"]], json!([]))).await;
    let edited = rig.fake.edit("a", "kubectl-edit");
    rig.engine.offer(WatchNotice::Seen(edited)).await;
    rig.fake
        .until("put back", |fake| {
            fake.log().ends_with(&["apply a".into()]) && fake.log().len() == 3
        })
        .await;
    rig.fake
        .until("named", |fake| {
            fake.events()
                .iter()
                .any(|event| event.message.contains("kubectl-edit"))
        })
        .await;
}

#[tokio::test]
async fn an_upgrade_archives_the_older_set_and_writes_no_unchanged_object() {
    let rig = Rig::installed(1, config_maps(&[&["a", "b"]], json!([]))).await;
    rig.available_in_status(1).await;
    rig.fake.store_set(2, config_maps(&[&["a"]], json!([])));
    rig.engine.sets_changed(OURS);
    rig.fake
        .until("archived", |fake| {
            fake.log().contains(&"archive p-1".into())
        })
        .await;
    let log = rig.fake.log();
    assert_eq!(&log[4..], ["delete b", "archive p-1"], "{log:?}");
    rig.fake
        .until("said so", |fake| {
            let status = fake.set_status(1);
            condition::is_true(&status.conditions, condition::ARCHIVED)
                && status.observed_generation == Some(2)
        })
        .await;
}

#[tokio::test]
async fn a_tombstone_is_recorded_only_when_everything_is_gone_and_the_blocker_is_named() {
    let rig = Rig::installed(1, config_maps(&[&["a"], &["b"]], json!([]))).await;
    rig.fake.hold(Some("b"));
    rig.fake.tombstone(2);
    rig.engine.sets_changed(OURS);
    rig.fake
        .until("blocker", |fake| {
            let report = fake.reports().pop().unwrap();
            report.observed == tuple(2)
                && report
                    .blockers
                    .iter()
                    .any(|blocker| blocker.message.contains("example.org/hold"))
        })
        .await;
    assert!(!rig.fake.log().contains(&"delete a".to_owned()));
    rig.fake.hold(None);
    rig.fake.until("deleted", |fake| fake.sets() == 0).await;
    let log = rig.fake.log();
    assert_eq!(
        &log[4..],
        ["delete b", "delete a", "record 2", "discard p-1"]
    );
    assert_eq!(rig.fake.reports().pop().unwrap().stage, Stage::Deleted);
    rig.fake.until("let go", |fake| fake.interest() == 0).await;
}

#[tokio::test]
async fn without_an_account_it_says_so_and_goes_on_when_there_is_one() {
    let rig = rig();
    rig.fake.set_account(Err(Reason::NoAccount));
    rig.fake.store_set(1, config_maps(&[&["a"]], json!([])));
    rig.engine.sets_changed(OURS);
    rig.fake
        .until("said so", |fake| {
            condition::find(&fake.set_status(1).conditions, AVAILABLE)
                .is_some_and(|condition| condition.reason == "NoAccount")
        })
        .await;
    rig.fake.set_account(Ok(fake::PACKAGES));
    rig.engine.circumstances_changed();
    rig.fake.until("available", is_available).await;
}

#[tokio::test]
async fn a_status_that_could_not_be_written_is_written_later() {
    let rig = rig();
    rig.fake.fail_status_writes(2);
    rig.fake.store_set(1, config_maps(&[&["a"]], json!([])));
    rig.engine.sets_changed(OURS);
    rig.available_in_status(1).await;
}

#[tokio::test]
async fn a_refused_content_changes_nothing_and_says_why() {
    let rig = rig();
    rig.fake
        .store_set(1, config_maps(&[&["twice", "twice"]], json!([])));
    rig.engine.sets_changed(OURS);
    rig.fake
        .until("refused", |fake| {
            condition::find(&fake.set_status(1).conditions, AVAILABLE).is_some_and(|condition| {
                condition.reason == "PreflightError" && condition.message.contains("more than once")
            })
        })
        .await;
    assert!(rig.fake.log().is_empty());
}

#[tokio::test]
async fn cel_probes_decide_and_a_later_look_is_believed() {
    let probes = json!([{"selector": {}, "probes": [
        {"cel": {"rule": "self.data.a == '2'", "message": "not two yet"}}]}]);
    let rig = rig();
    rig.fake.store_set(1, config_maps(&[&["a"]], probes));
    rig.engine.sets_changed(OURS);
    rig.fake
        .until("not two", |fake| {
            fake.reports()
                .last()
                .is_some_and(|report| report.available.message.contains("not two yet"))
        })
        .await;
    let mut object = rig.fake.object("a").unwrap();
    object["data"]["a"] = json!("2");
    object["metadata"]["resourceVersion"] = json!("99");
    rig.engine.offer(WatchNotice::Seen(object)).await;
    rig.fake.until("available", is_available).await;
}

#[tokio::test]
async fn after_a_restart_nothing_is_written_and_nothing_is_said_before_it_is_known() {
    let rig = Rig::installed(1, config_maps(&[&["a"]], json!([]))).await;
    rig.available_in_status(1).await;
    let (log, writes) = (rig.fake.log(), rig.fake.status_writes());
    let reports = rig.fake.reports().len();
    let supervisor = Supervisor::new(CancellationToken::new());
    let second = Engine::new(supervisor.tasks());
    second.sets_changed(OURS);
    second.start(rig.fake.ports());
    rig.fake
        .until("reported again", |fake| fake.reports().len() > reports)
        .await;
    assert!(is_available(&rig.fake));
    assert_eq!(rig.fake.log(), log);
    assert_eq!(rig.fake.status_writes(), writes);
}

#[tokio::test]
async fn a_set_that_a_person_archives_is_reported_as_not_available() {
    let rig = Rig::installed(1, config_maps(&[&["a"]], json!([]))).await;
    rig.available_in_status(1).await;
    rig.fake.archive_by_hand();
    rig.engine.sets_changed(OURS);
    rig.fake
        .until("said so", |fake| {
            let report = fake.reports().pop().unwrap();
            report.observed == tuple(1) && report.available.reason == Reason::ArchivedByHand
        })
        .await;
    rig.fake
        .until("stored", |fake| {
            let conditions = fake.set_status(1).conditions;
            let reason = |type_| condition::find(&conditions, type_).map(|one| one.reason.clone());
            [AVAILABLE, READY].map(reason)
                == ["ArchivedByHand"; 2].map(|reason| Some(reason.to_owned()))
                && !condition::is_true(&conditions, AVAILABLE)
        })
        .await;
}

#[tokio::test]
async fn writes_that_begin_together_read_the_content_once() {
    let names = ["a", "b", "c", "d", "e"];
    let rig = Rig::installed(1, config_maps(&[&names], json!([]))).await;
    rig.available_in_status(1).await;
    let before = (rig.fake.content_reads(), rig.fake.log().len());
    for edited in names.map(|name| rig.fake.edit(name, "kubectl-edit")) {
        rig.engine.offer(WatchNotice::Seen(edited)).await;
    }
    rig.fake
        .until("put back", |fake| fake.log().len() >= before.1 + 5)
        .await;
    assert_eq!(rig.fake.content_reads() - before.0, 1);
}

#[tokio::test]
async fn content_that_got_lost_is_named_and_not_taken_for_a_missing_namespace() {
    let rig = Rig::installed(1, config_maps(&[&["a"]], json!([]))).await;
    rig.available_in_status(1).await;
    rig.fake.lose_content();
    let gone = rig.fake.delete("a");
    rig.engine.offer(WatchNotice::Removed(gone)).await;
    rig.fake
        .until("named", |fake| {
            let report = fake.reports().pop().unwrap();
            let mut words = report.blockers.iter().map(|blocker| &blocker.reason);
            words.any(|word| *word == Reason::ContentMissing)
        })
        .await;
}

#[tokio::test]
async fn an_object_that_cannot_be_read_is_named_and_neither_made_again_nor_in_the_way_of_others() {
    let rig = Rig::installed(1, config_maps(&[&["a", "b"]], json!([]))).await;
    rig.available_in_status(1).await;
    let before = rig.fake.log().len();
    rig.fake.make_unreadable("a");
    let object = rig.fake.object("a").unwrap();
    let head = json!({"apiVersion": object["apiVersion"], "kind": object["kind"],
        "metadata": object["metadata"]});
    rig.engine.offer(WatchNotice::Unreadable(head)).await;
    rig.fake
        .until("named", |fake| {
            let report = fake.reports().pop().unwrap();
            let mut words = report.blockers.iter().map(|blocker| &blocker.reason);
            words.any(|word| *word == Reason::Unreadable)
        })
        .await;
    let edited = rig.fake.edit("b", "kubectl-edit");
    rig.engine.offer(WatchNotice::Seen(edited)).await;
    rig.fake
        .until("put back", |fake| fake.log().len() > before)
        .await;
    assert_eq!(rig.fake.log()[before..], ["apply b"]);
}

#[tokio::test]
async fn a_search_names_the_kinds_that_the_account_may_not_list() {
    let rig = Rig::installed(1, config_maps(&[&["a"]], json!([]))).await;
    rig.fake.lose_content();
    let role = stevedore_agent_core::key::Kind::new("rbac.authorization.k8s.io", "v1", "Role");
    rig.fake.forbid_listing(role);
    rig.fake.tombstone(2);
    rig.engine.sets_changed(OURS);
    rig.fake.until("deleted", |fake| fake.sets() == 0).await;
    assert!(rig.fake.object("a").is_none());
    let events = rig.fake.events();
    let named = events
        .iter()
        .find(|event| event.reason == Reason::NotSearched);
    let message = &named.expect("an Event says so").message;
    assert!(message.contains("Role"), "{message}");
}
