//! Contents of orders: when they travel with one, and orders whose content cannot be read.

use super::*;

fn is_missing(report: &Report) -> bool {
    matches!(report, Report::ContentMissing { .. })
}

/// A harness whose only order was to be sent, and that order's deployment.
fn harness() -> (Harness, DeploymentUid) {
    let order = desired(1, 1, "a", 3);
    let deployment = order.order.deployment;
    let mut harness = Harness::new(&[order]);
    let actions = harness.opens(FIRST, hello(instance(1), &[]), 0);
    assert_eq!(sent(&actions), [(1, true)]);
    (harness, deployment)
}

#[test]
fn content_that_cannot_be_read_now_is_tried_again_soon_and_then_less_often() {
    let (mut harness, deployment) = harness();
    let mut now = 0;
    for pause in [2_000, 4_000, 8_000, 16_000] {
        let actions = harness.step(Event::ContentLate(FIRST, deployment), now);
        assert_eq!(reports(&actions, is_missing), 0, "no planner is told");
        let beat = ToHub::Heartbeat {
            root: held::root([]),
            sequence: 0,
            api_server_silent: None,
        };
        assert_eq!(sent(&harness.hears(FIRST, beat, now + pause - 1)), []);
        now += pause;
        assert_eq!(
            sent(&harness.step(Event::Tick, now)),
            [(1, true)],
            "{pause}"
        );
    }
}

#[test]
fn content_that_is_gone_is_told_to_the_planner_and_tried_again_late() {
    let (mut harness, deployment) = harness();
    let actions = harness.step(Event::ContentMissing(FIRST, deployment), 0);
    assert_eq!(reports(&actions, is_missing), 1);
    let order = harness.member.live.as_ref().unwrap().in_flight[&deployment];
    assert_eq!(order.resend_at, 300_000);
}

#[test]
fn content_that_is_back_sends_at_once_what_was_put_off_for_it() {
    let (mut harness, deployment) = harness();
    let back = || Event::ContentBack(BTreeSet::from([deployment]));
    assert_eq!(sent(&harness.step(back(), 1)), [], "it is on its way");
    harness.step(Event::ContentMissing(FIRST, deployment), 2);
    assert_eq!(sent(&harness.step(back(), 3)), [(1, true)]);
    assert_eq!(sent(&harness.step(back(), 4)), [], "it is on its way again");
}

#[test]
fn orders_that_wait_for_content_leave_the_window_to_others() {
    let window = Pace::default().window as u8;
    let all: Vec<_> = (1..=2 * window)
        .map(|package| desired(package, 1, "c", 1))
        .collect();
    let mut harness = Harness::new(&all);
    let actions = harness.opens(FIRST, hello(instance(1), &[]), 0);
    let mut more = 0;
    for action in actions {
        if let Action::SendOrder { order, .. } = action {
            more += sent(&harness.step(Event::ContentLate(FIRST, order.deployment), 1)).len();
        }
    }
    assert_eq!(more, usize::from(window));
}

#[test]
fn an_order_that_waited_for_its_content_is_sent_only_while_it_is_the_newest() {
    let (mut harness, _) = harness();
    let first = harness.orders.clone();
    let order = Arc::clone(&first.orders.values().next().unwrap().order);
    assert!(harness.member.is_sending(FIRST, &order, &first));
    assert!(!harness.member.is_sending(Connection(2), &order, &first));
    let newer = orders(&[desired(1, 2, "b", 3)]);
    assert!(!harness.member.is_sending(FIRST, &order, &newer));
    harness.step(Event::Closed(FIRST), 1);
    assert!(!harness.member.is_sending(FIRST, &order, &first));
}

#[test]
fn going_back_to_content_the_member_still_has_transfers_nothing() {
    let (old, new) = (desired(1, 1, "one", 3), desired(1, 3, "one", 3));
    let between = desired(1, 2, "two", 3);
    let mut harness = Harness::new(std::slice::from_ref(&between));
    harness.opens(FIRST, hello(instance(1), &[&between]), 0);
    harness.orders = orders(std::slice::from_ref(&new));
    let changed = BTreeSet::from([new.order.deployment]);
    let actions = harness.step(Event::Changed(changed), 1);
    assert_eq!(
        sent(&actions),
        vec![],
        "the member may have it, and is asked first"
    );
    let request = lists(&actions).unwrap();
    let actions = harness.hears(FIRST, page(request, &[&between], &["one", "two"]), 2);
    assert_eq!(sent(&actions), vec![(3, false)]);
    assert_eq!(old.order.content(), new.order.content());
}

#[test]
fn large_content_never_travels_with_its_order() {
    let (at, over) = (
        limit::INLINE_CONTENT as u64,
        limit::INLINE_CONTENT as u64 + 1,
    );
    let mut harness = Harness::new(&[desired(1, 1, "a", at), desired(2, 2, "b", over)]);
    let mut all = sent(&harness.opens(FIRST, hello(instance(1), &[]), 0));
    all.sort_unstable();
    assert_eq!(all, [(1, true), (2, false)]);
}

#[test]
fn only_content_that_the_hub_itself_lacks_is_told_to_the_planner() {
    let order = desired(1, 1, "large", limit::INLINE_CONTENT as u64 + 1);
    let mut harness = Harness::new(std::slice::from_ref(&order));
    harness.opens(FIRST, hello(instance(1), &[]), 0);
    let nack = ToHub::Nack {
        deployment: order.order.deployment,
        tuple: order.order.tuple,
        reason: Reason::ContentUnavailable,
        message: String::new(),
    };
    let missing = Report::ContentMissing {
        deployment: order.order.deployment,
        tuple: order.order.tuple,
    };
    let actions = harness.hears(FIRST, nack, 1);
    assert_eq!(
        reports(&actions, |report| *report == missing),
        0,
        "a fetch fails for many reasons"
    );
    let gone = |content: &str| Event::ContentGone(Digest::of(content.as_bytes()));
    let actions = harness.step(gone("another"), 2);
    assert_eq!(reports(&actions, |report| *report == missing), 0);
    let actions = harness.step(gone("large"), 3);
    assert_eq!(reports(&actions, |report| *report == missing), 1);
    let back = Event::ContentBack(BTreeSet::from([order.order.deployment]));
    assert_eq!(sent(&harness.step(back, 4)), [(1, false)]);
}
