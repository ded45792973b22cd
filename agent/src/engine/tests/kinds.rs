//! Kinds that are not served when a content is prepared.

use super::*;

/// A ConfigMap, and then a thing beside another ConfigMap.
fn with_thing() -> stevedore_proto_core::Content {
    let object = |kind: &str, version: &str, name: &str| {
        json!({"object": {"apiVersion": version, "kind": kind,
            "metadata": {"name": name, "namespace": "ns"}, "data": {"a": "1"}}})
    };
    let phases = json!([
        {"name": "one", "objects": [object("ConfigMap", "v1", "a")]},
        {"name": "two", "objects": [
            object("Thing", "example.org/v1", "thing"), object("ConfigMap", "v1", "b")]},
    ]);
    serde_json::from_value(json!({"phases": phases})).unwrap()
}

fn names_the_kind(fake: &Fake) -> bool {
    fake.reports().last().is_some_and(|report| {
        let mut blockers = report.blockers.iter();
        blockers.any(|blocker| blocker.reason == Reason::NoSuchKind)
    })
}

#[tokio::test]
async fn what_has_no_kind_yet_waits_in_its_phase_and_costs_no_reading_of_the_content() {
    let rig = rig();
    rig.fake.store_set(1, with_thing());
    rig.engine.sets_changed(OURS);
    rig.fake.until("named", names_the_kind).await;
    assert_eq!(rig.fake.log(), ["check a", "apply a", "check b"]);
    let (asked, read) = (rig.fake.unserved_asked(), rig.fake.content_reads());
    rig.engine.circumstances_changed();
    rig.fake
        .until("asked again", |fake| fake.unserved_asked() > asked)
        .await;
    rig.fake.serve("Thing");
    rig.engine.circumstances_changed();
    rig.fake.until("available", is_available).await;
    assert_eq!(
        rig.fake.log()[3..],
        ["check thing", "apply thing", "apply b"]
    );
    assert!(rig.fake.content_reads() <= read + 1, "for the writes alone");
}

#[tokio::test]
async fn after_a_restart_what_lacks_its_kind_keeps_nothing_else_from_being_repaired() {
    let rig = rig();
    rig.fake.serve("Thing");
    rig.fake.store_set(1, with_thing());
    rig.engine.sets_changed(OURS);
    rig.fake.until("available", is_available).await;
    rig.available_in_status(1).await;
    rig.fake.stop_serving("Thing");
    rig.fake.delete("b");
    let supervisor = Supervisor::new(CancellationToken::new());
    let second = Engine::new(supervisor.tasks());
    second.sets_changed(OURS);
    second.start(rig.fake.ports());
    rig.fake
        .until("put back", |fake| fake.log().ends_with(&["apply b".into()]))
        .await;
    rig.fake.until("named", names_the_kind).await;
    let report = rig.fake.reports().pop().unwrap();
    assert_eq!(report.blockers.len(), 1, "{:?}", report.blockers);
}
