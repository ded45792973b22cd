mod definitions;

use serde_json::{Value, json};

use super::super::script::{DEPLOYMENT, SETS, Script, refusal, set};
use super::*;

fn seen(object: &Value) -> Notice {
    Notice::Seen(serde_json::value::to_raw_value(object).unwrap())
}

fn removed(object: &Value) -> Notice {
    Notice::Removed(serde_json::value::to_raw_value(object).unwrap())
}

async fn silent() -> Script {
    Script::new(|_, _| None).await
}

async fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let wait = async {
        while !holds() {
            tokio::task::yield_now().await;
        }
    };
    let waited = tokio::time::timeout(std::time::Duration::from_secs(20), wait).await;
    waited.expect(what);
}

#[tokio::test]
async fn secrets_stay_while_a_set_cannot_be_read_for_it_may_name_them() {
    let mut unknown_word = set(1);
    unknown_word["spec"]["lifecycleState"] = json!("Hibernating");
    let mut unreadable_tuple = set(2);
    unreadable_tuple["spec"]["order"]["tuple"]["digest"] = json!("blake3:00");
    for set_of_a_newer_release in [unknown_word, unreadable_tuple] {
        let script = silent().await;
        script.store.collector.collect().await.unwrap_err();
        let lists = |script: &Script| {
            let asked = script.asked();
            asked.iter().any(|asked| asked.ends_with("/secrets"))
        };
        assert!(
            lists(&script),
            "it collects as long as it can read everything"
        );
        let mut sets = Sets::new(&script.store.watches, false);
        sets.take(seen(&set_of_a_newer_release)).await;
        assert_eq!(script.store.collector.collect().await, Ok(true));
        assert!(!lists(&script));
    }
}

/// Planted in what cannot be decoded.
const MARKER: &str = "marker-7f3a";

#[tokio::test]
async fn a_set_that_cannot_be_read_says_so_has_not_vanished_and_stops_no_other() {
    let written = Arc::new(std::sync::Mutex::new(None));
    let write = Arc::clone(&written);
    let script = Script::new(move |question, body| {
        let is_status = question == format!("PATCH {SETS}/web-1/status");
        is_status.then(|| {
            *write.lock().unwrap() = Some(body.clone());
            (200, json!({}))
        })
    })
    .await;
    let mut sets = Sets::new(&script.store.watches, false);
    for notice in [Notice::Restarted, seen(&set(1)), Notice::Synced] {
        sets.take(notice).await;
    }
    let mut unreadable = set(1);
    unreadable["spec"]["lifecycleState"] = json!(MARKER);
    for notice in [
        Notice::Restarted,
        seen(&unreadable),
        seen(&set(2)),
        Notice::Synced,
    ] {
        sets.take(notice).await;
    }
    let names: Vec<_> = script.store.index.names(false);
    let names: Vec<_> = names.iter().map(|((_, name), _)| name.as_str()).collect();
    assert_eq!(names, ["web-1", "web-2"]);
    assert_eq!(
        *script.store.lost().borrow(),
        0,
        "the hub is asked for nothing"
    );
    until("the condition is written", || {
        written.lock().unwrap().is_some()
    })
    .await;
    let patch = written.lock().unwrap().take().unwrap();
    assert_eq!(patch["metadata"]["uid"], "uid-1");
    assert_eq!(patch["status"]["conditions"][0]["reason"], "Unreadable");
    assert!(!patch.to_string().contains(MARKER), "{patch}");
    // It is told of a set that cannot be read that it is gone.
    sets.take(removed(&unreadable)).await;
    let names = script.store.index.names(false);
    assert_eq!(names.len(), 1, "{names:?}");
}

/// Counts what the engine is told.
#[derive(Default)]
struct Told(
    std::sync::Mutex<Vec<Vec<String>>>,
    std::sync::OnceLock<Arc<Index>>,
);

impl crate::ports::Notified for Told {
    fn sets_changed(&self, deployment: stevedore_proto_core::DeploymentUid) {
        let sets = self.1.get().unwrap().sets_of(deployment);
        let names = sets.into_iter().map(|set| set.name).collect();
        self.0.lock().unwrap().push(names);
    }

    fn circumstances_changed(&self) {}
}

#[tokio::test]
async fn while_the_newest_set_is_written_again_the_engine_never_takes_the_one_before_for_it() {
    let script = Script::new(|question, _| match question {
        question if question == format!("POST {SETS}") => {
            let mut again = set(5);
            again["metadata"]["uid"] = json!("uid-5-again");
            Some((201, again))
        }
        question if question.starts_with("GET /apis/apiextensions.k8s.io") => {
            Some(refusal(404, "no such definition"))
        }
        _ => None,
    })
    .await;
    let mut sets = Sets::new(&script.store.watches, false);
    sets.take(seen(&set(4))).await;
    sets.take(seen(&set(5))).await;
    let told = Arc::new(Told::default());
    let _ = told.1.set(Arc::clone(&script.store.index));
    script.store.attach(Arc::clone(&told) as _);
    sets.take(removed(&set(5))).await;
    let mut changed = set(4);
    changed["metadata"]["generation"] = json!(2);
    sets.take(seen(&changed)).await;
    let both = || told.0.lock().unwrap().len() >= 2;
    until("the engine is told once the set is there again", both).await;
    for names in &*told.0.lock().unwrap() {
        assert_eq!(names, &["web-4", "web-5"]);
    }
    let held = script.store.index.held();
    assert_eq!(held[&DEPLOYMENT.parse().unwrap()].tuple.number, 5);
}

fn direct_set() -> Value {
    json!({"metadata": {"name": "web", "namespace": "shop", "uid": DEPLOYMENT,
        "resourceVersion": "3"}, "spec": {"revision": 1, "phases": []}})
}

#[tokio::test(start_paused = true)]
async fn a_set_that_cannot_get_the_finalizer_is_tried_until_it_can() {
    let patches = std::sync::atomic::AtomicUsize::new(0);
    let script = Script::new(move |question, _| {
        let count = |at| patches.fetch_add(at, std::sync::atomic::Ordering::Relaxed);
        match question.split_once(' ')? {
            ("PATCH", path) if path.ends_with("/objectsets/web") => Some(match count(1) {
                0..8 => refusal(503, "later"),
                _ => (200, direct_set()),
            }),
            ("GET", path) if path.ends_with("/objectsets/web") => Some((200, direct_set())),
            _ => None,
        }
    })
    .await;
    let mut sets = Sets::new(&script.store.watches, true);
    sets.take(seen(&direct_set())).await;
    let mut patches = 0;
    let nine = async {
        while patches < 9 {
            let asked = script.asked();
            patches += asked
                .iter()
                .filter(|asked| asked.starts_with("PATCH"))
                .count();
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
    };
    let done = tokio::time::timeout(std::time::Duration::from_secs(300), nine).await;
    assert!(done.is_ok(), "only {patches} attempts");
}

#[tokio::test]
async fn a_set_that_goes_with_its_namespace_lets_its_objects_go_with_it() {
    use crate::ports::SetStore as _;
    for (terminating, ending) in [(true, Ending::Orphaning), (false, Ending::Deleting)] {
        let mut dying = direct_set();
        dying["metadata"]["finalizers"] = json!(["stevedore.dev/teardown"]);
        dying["metadata"]["deletionTimestamp"] = json!("2026-01-01T00:00:00Z");
        let answered = dying.clone();
        let script = Script::new(move |question, _| match question.split_once(' ')? {
            ("GET", path) if path.ends_with("/objectsets/web") => Some((200, answered.clone())),
            ("POST", path) if path.ends_with("/objectsets") && terminating => {
                let (code, mut refusal) = refusal(403, "unable to create new content");
                refusal["details"]["causes"] = json!([{"reason": "NamespaceTerminating"}]);
                Some((code, refusal))
            }
            ("POST", path) if path.ends_with("/objectsets") => Some((201, json!({}))),
            _ => None,
        })
        .await;
        let mut sets = Sets::new(&script.store.watches, true);
        sets.take(seen(&dying)).await;
        let deployment = DEPLOYMENT.parse().unwrap();
        until("its end is known", || {
            !script.store.index.sets_of(deployment).is_empty()
        })
        .await;
        let stored = script.store.sets(deployment, &[]).await.unwrap();
        assert_eq!(stored[0].head.ending, ending);
    }
}

#[tokio::test]
async fn sets_that_have_not_changed_are_not_read_again_and_an_archived_one_is_known() {
    use crate::ports::SetStore as _;
    let archived = |number: u64| {
        let mut set = set(number);
        set["metadata"]["generation"] = json!(2);
        set["spec"]["lifecycleState"] = json!("Archived");
        set
    };
    let script = Script::new(move |question, _| {
        let (verb, name) = question.split_once(&format!(" {SETS}/web-"))?;
        let number: u64 = name.parse().ok()?;
        Some(match verb {
            "PATCH" => (200, archived(number)),
            _ => (200, set(number)),
        })
    })
    .await;
    let store = &script.store;
    let mut watch = Sets::new(&store.watches, false);
    for number in 1..=3 {
        watch.take(seen(&set(number))).await;
    }
    let deployment = DEPLOYMENT.parse().unwrap();
    let reads = |asked: Vec<String>| -> Vec<String> {
        asked
            .into_iter()
            .filter(|asked| asked.starts_with("GET"))
            .collect()
    };
    let known = store.sets(deployment, &[]).await.unwrap();
    assert_eq!(
        (known.len(), reads(script.asked()).len()),
        (3, 4),
        "with the state Secret"
    );

    let heads: Vec<_> = known.iter().map(|set| set.head.clone()).collect();
    // We archive the first; the event comes later; somebody edits the third.
    store.archive(&known[0].head.set).await.unwrap();
    watch.take(seen(&archived(1))).await;
    let mut edited = set(3);
    edited["metadata"]["generation"] = json!(2);
    watch.take(seen(&edited)).await;
    let now = store.sets(deployment, &heads).await.unwrap();
    assert_eq!(reads(script.asked()), [format!("GET {SETS}/web-3")]);
    use stevedore_agent_core::set::Lifecycle::{Active, Archived};
    let lifecycles: Vec<_> = now.iter().map(|set| set.head.lifecycle).collect();
    assert_eq!(lifecycles, [Archived, Active, Active]);
}

#[tokio::test]
async fn other_sets_are_seen_while_the_definitions_cannot_be_read() {
    let mut dying = direct_set();
    dying["metadata"]["finalizers"] = json!(["stevedore.dev/teardown"]);
    let alive = dying.clone();
    dying["metadata"]["deletionTimestamp"] = json!("2026-01-01T00:00:00Z");
    let answers = tokio::sync::watch::Sender::new(false);
    let answering = answers.subscribe();
    let script = Script::slow(
        move |question| {
            let (mut answering, waits) = (answering.clone(), question.contains("customresource"));
            Box::pin(async move {
                if waits {
                    let _ = answering.wait_for(|answers| *answers).await;
                }
            })
        },
        |_, _| None,
    )
    .await;
    let store = &script.store;
    let told = Arc::new(Told::default());
    let _ = told.1.set(Arc::clone(&store.index));
    store.attach(Arc::clone(&told) as _);
    let (mut direct, mut ordered) = (
        Sets::new(&store.watches, true),
        Sets::new(&store.watches, false),
    );
    direct.take(seen(&alive)).await;
    let end = direct.take(seen(&dying));
    tokio::time::timeout(std::time::Duration::from_secs(20), end)
        .await
        .expect("nothing is waited for");
    ordered.take(seen(&set(1))).await;
    // Both are one deployment here: a set that is used directly is its own, and orders name any.
    let told = || told.0.lock().unwrap().len();
    assert_eq!(
        told(),
        2,
        "the set itself, and the other one; not yet its end"
    );
    answers.send_replace(true);
    until("told once the definitions are read", || told() == 3).await;
}

#[tokio::test]
async fn a_set_that_is_gone_before_the_definitions_are_read_stays_gone() {
    let mut dying = direct_set();
    dying["metadata"]["finalizers"] = json!(["stevedore.dev/teardown"]);
    dying["metadata"]["deletionTimestamp"] = json!("2026-01-01T00:00:00Z");
    let script = silent().await;
    let mut sets = Sets::new(&script.store.watches, true);
    sets.take(seen(&dying)).await;
    sets.take(removed(&dying)).await;
    let deletions = &script.store.watches.deletions;
    until("whoever waited for the definitions is done", || {
        Arc::strong_count(deletions) == 1
    })
    .await;
    let asked = script.asked();
    let read = asked.iter().filter(|asked| asked.contains("customres"));
    assert_eq!(read.count(), 2, "{asked:?}");
    assert_eq!(script.store.index.sets_of(DEPLOYMENT.parse().unwrap()), []);
}
