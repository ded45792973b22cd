use k8s_openapi::api::core::v1::ObjectReference;
use serde_json::json;
use stevedore_client::events::{Event, Recorder};

use crate::server::{Asked, server, status};

fn event(reason: &str) -> Event {
    Event {
        warning: true,
        reason: reason.to_owned(),
        note: "é".repeat(1000),
    }
}

fn object(name: &str, namespace: Option<&str>) -> ObjectReference {
    ObjectReference {
        name: Some(name.to_owned()),
        namespace: namespace.map(str::to_owned),
        uid: Some(format!("uid of {name}")),
        ..ObjectReference::default()
    }
}

fn path(asked: &Asked) -> (&str, &str) {
    let (method, url) = asked.line.split_once(' ').unwrap();
    (method, url.split_once('?').map_or(url, |(path, _)| path))
}

#[tokio::test]
async fn an_event_is_written_once_and_then_counted_in_its_series() {
    let (client, log) = server(|_| (200, json!({"metadata": {}}).to_string()));
    let recorder = Recorder::new(client, "stevedore-hub", "hub-1");
    let east = object("east", None);
    for _ in 0..3 {
        recorder.publish(&event("Lost"), &east).await.unwrap();
    }
    recorder.publish(&event("Joined"), &east).await.unwrap();
    let asked = log.take();
    let events = "/apis/events.k8s.io/v1/namespaces/default/events";
    let first = asked[0].body.clone();
    assert_eq!(path(&asked[0]), ("POST", events));
    assert_eq!(first["regarding"]["name"], "east");
    assert_eq!(
        (&first["type"], &first["reason"]),
        (&json!("Warning"), &json!("Lost"))
    );
    assert!(first["note"].as_str().unwrap().len() <= 1024);
    let name = first["metadata"]["name"].as_str().unwrap();
    for (at, count) in [(1, 2), (2, 3)] {
        assert_eq!(path(&asked[at]), ("PATCH", &*format!("{events}/{name}")));
        assert_eq!(asked[at].body["series"]["count"], count);
    }
    assert_eq!(path(&asked[3]), ("POST", events), "another reason");
}

#[tokio::test]
async fn a_series_whose_object_is_gone_begins_again() {
    let (client, log) = server(|line| match line.starts_with("PATCH") {
        true => status(404, "NotFound", "east.1"),
        false => (201, json!({"metadata": {}}).to_string()),
    });
    let recorder = Recorder::new(client, "stevedore-hub", "hub-1");
    for _ in 0..2 {
        let about = object("east", Some("ns"));
        recorder.publish(&event("Lost"), &about).await.unwrap();
    }
    let methods: Vec<_> = log
        .take()
        .iter()
        .map(|asked| path(asked).0.to_owned())
        .collect();
    assert_eq!(methods, ["POST", "PATCH", "POST"]);
}

#[tokio::test]
async fn the_name_and_namespace_of_an_object_do_not_leave_their_place_in_the_url() {
    let (client, log) = server(|_| (200, json!({"metadata": {}}).to_string()));
    let recorder = Recorder::new(client, "stevedore-hub", "hub-1");
    let about = object("../x?y", Some("a/b"));
    for _ in 0..2 {
        recorder.publish(&event("Lost"), &about).await.unwrap();
    }
    let asked = log.take();
    let events = "/apis/events.k8s.io/v1/namespaces/a%2Fb/events";
    assert_eq!(path(&asked[0]).1, events);
    assert!(
        path(&asked[1])
            .1
            .starts_with(&format!("{events}/..%2Fx%3Fy."))
    );
}
