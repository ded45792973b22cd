//! Hostile members: features of later releases, and listings without an end.

use super::*;

#[test]
fn features_that_the_hub_does_not_know_are_ignored() {
    let mut harness = Harness::new(&[]);
    let ToHub::Hello(mut hello) = hello(instance(1), &[]) else {
        unreachable!("hello() gives a hello");
    };
    hello.features = vec!["of-a-later-release".into()];
    let actions = harness.opens(FIRST, ToHub::Hello(hello), 0);
    let features = actions.iter().find_map(|action| match action {
        Action::Send(_, ToAgent::Welcome(welcome)) => Some(welcome.features.clone()),
        _ => None,
    });
    assert_eq!(features, Some(vec![]), "{actions:?}");
}

#[test]
fn a_listing_without_end_is_broken_off() {
    let ordered = desired(1, 1, "a", 1);
    let other = desired(2, 1, "b", 1);
    let mut harness = Harness::new(&[ordered]);
    let actions = harness.opens(FIRST, hello(instance(1), &[&other]), 0);
    let request = lists(&actions).expect("the hub asks for a listing");
    let ToHub::Page(mut empty) = page(request, &[], &[]) else {
        unreachable!("page() gives a page");
    };
    empty.last = false;
    let actions = harness.hears(FIRST, ToHub::Page(empty), 1);
    let (_, reason, _) = close(&actions).expect("the session ends");
    assert_eq!(reason, CloseReason::ProtocolError);
}
