use super::*;

#[test]
fn an_answer_may_have_more_than_was_sent_and_never_less() {
    let sent = json!({"a": [{"b": 1}], "c": "x"});
    assert!(covers(
        &json!({"a": [{"b": 1.0, "default": true}], "c": "x", "d": 1}),
        &sent
    ));
    for less in [
        json!({"c": "x"}),
        json!({"a": [], "c": "x"}),
        json!({"a": [{}], "c": "x"}),
    ] {
        assert!(!covers(&less, &sent), "{less}");
    }
}

#[test]
fn a_refusal_becomes_the_reason_that_the_hub_is_told() {
    for (kind, reason) in [
        (FailureKind::TooLarge, NackReason::TooLarge),
        (FailureKind::Invalid, NackReason::Unsupported),
        (FailureKind::NoKind, NackReason::CrdOutdated),
        (FailureKind::Unavailable, NackReason::StoreFailed),
        (FailureKind::Forbidden, NackReason::StoreFailed),
    ] {
        assert_eq!(not_stored(&Failure::new(kind, "x")).reason, reason);
    }
}
