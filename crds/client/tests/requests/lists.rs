use k8s_openapi::api::core::v1::ConfigMap;
use kube::ResourceExt as _;
use kube::api::ListParams;
use serde_json::json;
use stevedore_client::{AnswerError, Api, answer_error};

use crate::server::{map, server};

/// The value of a query parameter.
fn parameter<'a>(line: &'a str, key: &str) -> Option<&'a str> {
    let (_, query) = line.split_once('?')?;
    let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
    pairs
        .into_iter()
        .find(|(name, _)| *name == key)
        .map(|(_, value)| value)
}

/// Objects `m0` and so on, as an API server gives them page by page; the first `fat` of them are 20 MiB each.
fn pages(line: &str, count: usize, fat: usize) -> (u16, String) {
    let limit: usize = parameter(line, "limit").unwrap().parse().unwrap();
    let first: usize = parameter(line, "continue").map_or(0, |token| token.parse().unwrap());
    let last = (first + limit).min(count);
    let objects: Vec<String> = (first..last)
        .map(|at| {
            let fat = "x".repeat(if at < fat { 20 << 20 } else { 0 });
            format!(r#"{{"metadata": {{"name": "m{at}"}}, "data": {{"fat": "{fat}"}}}}"#)
        })
        .collect();
    let token = if last < count {
        last.to_string()
    } else {
        String::new()
    };
    let metadata = json!({"resourceVersion": "7", "continue": token});
    let items = objects.join(",");
    (
        200,
        format!(r#"{{"metadata": {metadata}, "items": [{items}]}}"#),
    )
}

fn names(objects: &[ConfigMap]) -> Vec<String> {
    objects.iter().map(ConfigMap::name_any).collect()
}

#[tokio::test]
async fn a_list_is_read_page_by_page_to_its_end() {
    let (client, log) = server(|line| pages(line, 5, 0));
    let api: Api<ConfigMap> = Api::namespaced(client, "ns");
    let params = ListParams::default().labels("a in (b, c)").limit(2);
    let all = api.list(&params).await.unwrap();
    assert_eq!(names(&all.items), ["m0", "m1", "m2", "m3", "m4"]);
    assert_eq!(all.metadata.resource_version.as_deref(), Some("7"));
    let path = "GET /api/v1/namespaces/ns/configmaps?&labelSelector=a+in+%28b%2C+c%29&limit=2";
    assert_eq!(
        log.lines(),
        [
            path.to_owned(),
            format!("{path}&continue=2"),
            format!("{path}&continue=4")
        ]
    );
    assert_eq!(api.list_metadata(&params).await.unwrap().items.len(), 5);
    api.list(&ListParams::default()).await.unwrap();
    assert_eq!(
        parameter(&log.lines().pop().unwrap(), "limit"),
        Some("500"),
        "no list is read at once"
    );
}

#[tokio::test]
async fn a_page_that_grows_too_large_is_asked_for_again_with_fewer_objects() {
    let (client, log) = server(|line| pages(line, 10, 2));
    let api: Api<ConfigMap> = Api::namespaced(client, "ns");
    let all = api.list(&ListParams::default().limit(8)).await.unwrap();
    assert_eq!(all.items.len(), 10);
    let limits: Vec<_> = log
        .lines()
        .iter()
        .map(|line| parameter(line, "limit").unwrap().to_owned())
        .collect();
    assert_eq!(limits[..3], ["8", "2", "1"]);
}

#[tokio::test]
async fn an_object_that_cannot_be_read_is_named_and_stops_no_other_where_that_is_asked_for() {
    let (client, _) = server(|_| {
        let mut broken = map("broken");
        broken["data"] = json!("no map");
        let deep = format!(
            r#"{{"metadata": {{"name": "deep", "uid": "u"}}, "data": {}1{}}}"#,
            "[".repeat(200),
            "]".repeat(200)
        );
        let items = format!("{}, {broken}, {deep}, {}", map("a"), map("b"));
        (200, format!("{{\"items\": [{items}]}}"))
    });
    let api: Api<ConfigMap> = Api::namespaced(client, "ns");
    let error = api.list(&ListParams::default()).await.unwrap_err();
    assert!(
        matches!(answer_error(&error), Some(AnswerError::Unreadable { object, .. }) if object.identity.to_string() == "ns/broken"),
        "{error}"
    );
    let (read, unreadable) = api.list_readable(&ListParams::default()).await.unwrap();
    assert_eq!(names(&read), ["a", "b"]);
    let unreadable = unreadable.iter().map(|one| one.identity.to_string());
    let unreadable: Vec<_> = unreadable.collect();
    assert_eq!(unreadable, ["ns/broken", "deep"]);
}
