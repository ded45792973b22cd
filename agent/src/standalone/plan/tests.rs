use serde_json::value::to_raw_value;
use serde_json::{Value, json};
use stevedore_client::decode::Unreadable;

use super::*;

struct Made(Value);

fn set(revision: i64) -> Made {
    Made(json!({
        "metadata": {"name": format!("web-{revision}"), "namespace": "shop", "uid": format!("u{revision}"),
            "generation": 1, "annotations": {"stevedore.dev/hash": format!("h{revision}")},
            "ownerReferences": [{"apiVersion": "stevedore.dev/v1alpha1", "kind": "ObjectDeployment",
                "name": "web", "uid": "owner", "controller": true}]},
        "spec": {"revision": revision, "phases": [{"name": "a", "objects": [
            {"object": {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "shared"}}}]}]},
        "status": {"observedGeneration": 1, "conditions": []},
    }))
}

impl Made {
    fn with_condition(mut self, type_: &str) -> Self {
        let condition = json!({"type": type_, "status": "True", "reason": "R", "message": "",
            "observedGeneration": 1, "lastTransitionTime": "2026-01-01T00:00:00Z"});
        self.0["status"]["conditions"]
            .as_array_mut()
            .unwrap()
            .push(condition);
        self
    }

    fn lifecycle(mut self, state: &str) -> Self {
        self.0["spec"]["lifecycleState"] = state.into();
        self
    }

    fn controls(mut self, name: &str) -> Self {
        self.0["status"]["controllerOf"] =
            json!([{"kind": "ConfigMap", "group": "", "name": name, "namespace": "shop"}]);
        self
    }

    fn by_parent(mut self) -> Self {
        self.0["metadata"]["annotations"]["stevedore.dev/paused-by-parent"] = "true".into();
        self
    }

    fn read(&self, owner: &str) -> Result<Option<Child>, Box<Unreadable>> {
        Child::read(&to_raw_value(&self.0).unwrap(), owner)
    }

    fn child(self) -> Child {
        self.read("owner")
            .unwrap()
            .expect("a set of the deployment")
    }
}

#[test]
fn a_set_of_somebody_else_does_not_count() {
    assert!(set(1).read("another").unwrap().is_none());
    let unreadable = set(1).lifecycle("Hibernating");
    assert!(unreadable.read("another").unwrap().is_none());
}

#[test]
fn a_set_of_the_deployment_that_cannot_be_read_is_not_taken_for_one_that_is_not_there() {
    let unreadable = set(1).lifecycle("Hibernating").read("owner").unwrap_err();
    assert_eq!(unreadable.identity.name, "web-1");
    assert!(!unreadable.why.to_string().contains("Hibernating"));
}

#[test]
fn the_current_set_is_the_newest_one_and_only_with_the_template_s_hash() {
    let sets = [set(1).child(), set(2).child()];
    assert_eq!(current(&sets, "h2").map(Child::name), Some("web-2"));
    assert!(
        current(&sets, "h1").is_none(),
        "an older set is never revived"
    );
}

#[test]
fn an_available_set_retires_every_older_one_paused_first() {
    let sets = [
        set(1).lifecycle("Paused").with_condition("Paused").child(),
        set(2).lifecycle("Paused").child(),
        set(3).child(),
        set(4).with_condition("Available").child(),
    ];
    assert_eq!(
        retire(&sets),
        [
            SetChange::Archive("web-1".into()),
            SetChange::Pause("web-3".into())
        ],
        "the second set has not condition yet that it is paused"
    );
}

#[test]
fn a_set_that_failed_is_retired_early_only_when_it_shares_nothing() {
    let shares = [set(1).controls("shared").child(), set(2).child()];
    assert_eq!(retire(&shares), []);
    let apart = [set(1).controls("mine").child(), set(2).child()];
    assert_eq!(retire(&apart), [SetChange::Pause("web-1".into())]);
    let works = [
        set(1).with_condition("Available").controls("mine").child(),
        set(2).child(),
    ];
    assert_eq!(retire(&works), []);
}

#[test]
fn pausing_reaches_every_set_that_is_not_archived_and_resuming_only_those_it_paused() {
    let sets = [
        set(1).lifecycle("Archived").child(),
        set(2).lifecycle("Paused").child(),
        set(3).child(),
    ];
    assert_eq!(
        propagate_pause(&sets, true),
        [
            SetChange::PauseByParent("web-2".into()),
            SetChange::PauseByParent("web-3".into())
        ]
    );
    let sets = [
        set(2).lifecycle("Paused").child(),
        set(3).lifecycle("Paused").by_parent().child(),
    ];
    assert_eq!(
        propagate_pause(&sets, false),
        [SetChange::Resume("web-3".into())]
    );
}

#[test]
fn only_archived_sets_beyond_the_limit_are_deleted_oldest_first() {
    let archived = |revision| {
        set(revision)
            .lifecycle("Archived")
            .with_condition("Archived")
            .child()
    };
    let sets = [archived(1), archived(2), archived(3), set(4).child()];
    assert_eq!(trim(&sets, 2), [SetChange::Delete("web-1".into())]);
    assert_eq!(trim(&sets, 0).len(), 3);
    assert_eq!(trim(&[set(1).child(), set(2).child()], 0), []);
}

#[test]
fn a_step_fits_only_the_set_that_was_looked_at() {
    let mut read = set(1);
    read.0["metadata"]["resourceVersion"] = "7".into();
    let child = read.child();
    for change in [
        SetChange::PauseByParent("web-1".into()),
        SetChange::Resume("web-1".into()),
        SetChange::Pause("web-1".into()),
        SetChange::Archive("web-1".into()),
    ] {
        let patch = change.patch(&child).unwrap();
        assert_eq!(
            (
                &patch["metadata"]["uid"],
                &patch["metadata"]["resourceVersion"]
            ),
            (&json!("u1"), &json!("7"))
        );
    }
}
