//! The policy and the definitions.

use serde_json::{Value, json};

use super::*;

#[tokio::test]
async fn a_policy_and_a_definition_that_cannot_be_read_are_not_taken_for_withdrawn() {
    let script = silent().await;
    let mut policy = Policy {
        parts: Arc::clone(&script.store.watches),
        missing: false,
    };
    let object = |account: Value| {
        seen(
            &json!({"apiVersion": "stevedore.dev/v1alpha1", "kind": "MemberPolicy",
            "metadata": {"name": "default", "uid": "u"}, "spec": {"defaultServiceAccount": account}}),
        )
    };
    policy.take(object(json!("packages"))).await;
    for notice in [
        Notice::Restarted,
        object(json!({"name": MARKER})),
        Notice::Synced,
    ] {
        policy.take(notice).await;
    }
    assert_eq!(script.accounts.default_name().as_deref(), Some("packages"));

    let mut watch = DefinitionWatch::new(&script.store.watches, &script.discovery);
    let dying = |generation: Value| {
        seen(
            &json!({"metadata": {"name": "objectsets.stevedore.dev", "uid": "u",
            "generation": generation, "deletionTimestamp": "2026-01-01T00:00:00Z"}}),
        )
    };
    watch.take(dying(json!(1))).await;
    for notice in [Notice::Restarted, dying(json!(2.5)), Notice::Synced] {
        watch.take(notice).await;
    }
    assert!(script.store.definitions.are_terminating());
}

#[tokio::test]
async fn a_policy_that_vanished_while_nobody_watched_is_withdrawn() {
    let script = silent().await;
    let mut policy = Policy {
        parts: Arc::clone(&script.store.watches),
        missing: false,
    };
    let object = json!({"apiVersion": "stevedore.dev/v1alpha1", "kind": "MemberPolicy",
        "metadata": {"name": "default"}, "spec": {"defaultServiceAccount": "packages"}});
    for notice in [Notice::Restarted, seen(&object), Notice::Synced] {
        policy.take(notice).await;
    }
    assert_eq!(script.accounts.default_name().as_deref(), Some("packages"));
    let mut circumstances = script.store.circumstances();
    circumstances.mark_unchanged();
    policy.take(Notice::Synced).await;
    assert_eq!(
        script.accounts.default_name().as_deref(),
        Some("packages"),
        "a watch that goes on has missed nothing"
    );
    policy.take(Notice::Restarted).await;
    policy.take(Notice::Synced).await;
    assert_eq!(script.accounts.default_name(), None);
    assert!(circumstances.has_changed().unwrap());
}

#[tokio::test]
async fn a_definition_that_vanished_while_nobody_watched_holds_no_teardown() {
    let script = silent().await;
    let mut watch = DefinitionWatch::new(&script.store.watches, &script.discovery);
    let dying = json!({"metadata": {"name": "objectsets.stevedore.dev",
        "deletionTimestamp": "2026-01-01T00:00:00Z"}});
    for notice in [Notice::Restarted, seen(&dying), Notice::Synced] {
        watch.take(notice).await;
    }
    for notice in [Notice::Restarted, seen(&dying), Notice::Synced] {
        watch.take(notice).await;
    }
    assert!(script.store.definitions.are_terminating());
    watch.take(Notice::Restarted).await;
    watch.take(Notice::Synced).await;
    assert!(!script.store.definitions.are_terminating());
}

#[tokio::test(start_paused = true)]
async fn only_changes_of_what_is_served_end_waits() {
    let script = silent().await;
    let mut watch = DefinitionWatch::new(&script.store.watches, &script.discovery);
    let mut circumstances = script.store.circumstances();
    let mut raises = async |notice| {
        circumstances.mark_unchanged();
        watch.take(notice).await;
        circumstances.has_changed().unwrap()
    };
    let definition = |generation: i64, version: &str| {
        seen(
            &json!({"metadata": {"name": "things.example", "generation": generation,
            "resourceVersion": version}}),
        )
    };
    let later = || tokio::time::sleep(std::time::Duration::from_secs(60));
    assert!(!raises(Notice::Restarted).await);
    assert!(!raises(Notice::Synced).await, "there is none");
    assert!(raises(definition(1, "1")).await, "it appears");
    assert!(raises(definition(1, "2")).await, "it may be served now");
    later().await;
    assert!(!raises(definition(1, "3")).await, "a status, a label");
    assert!(raises(definition(2, "4")).await, "another version, perhaps");
    later().await;
    assert!(!raises(Notice::Restarted).await);
    assert!(!raises(definition(2, "4")).await);
    assert!(!raises(Notice::Synced).await, "nothing happened meanwhile");
    assert!(!raises(Notice::Restarted).await);
    assert!(raises(Notice::Synced).await, "it is gone");
}
