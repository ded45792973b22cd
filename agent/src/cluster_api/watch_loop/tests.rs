use super::*;

#[tokio::test]
async fn a_body_is_cut_into_lines_and_an_unfinished_one_is_dropped() {
    let mut lines = Lines::new(Body::from(b"one\ntwo\nunfinished".to_vec()));
    assert_eq!(lines.next().await.unwrap().as_deref(), Some(&b"one"[..]));
    assert_eq!(lines.next().await.unwrap().as_deref(), Some(&b"two"[..]));
    assert_eq!(lines.next().await.unwrap(), None);
}

#[test]
fn events_are_told_apart() {
    let line = |kind: &str| {
        format!(r#"{{"type":"{kind}","object":{{"metadata":{{"resourceVersion":"7"}}}}}}"#)
    };
    let of = |kind: &str| event(line(kind).as_bytes()).unwrap();
    assert!(matches!(of("ADDED"), Event::Seen(_, version) if version == "7"));
    assert!(matches!(of("MODIFIED"), Event::Seen(..)));
    assert!(matches!(of("DELETED"), Event::Removed(..)));
    assert!(matches!(of("BOOKMARK"), Event::Bookmark(version) if version == "7"));
    let gone = br#"{"type":"ERROR","object":{"kind":"Status","code":410,"reason":"Expired"}}"#;
    assert!(matches!(event(gone).unwrap(), Event::Gone));
    let error = br#"{"type":"ERROR","object":{"kind":"Status","code":500,"message":"x"}}"#;
    assert!(matches!(event(error).unwrap(), Event::Failed(_)));
}
