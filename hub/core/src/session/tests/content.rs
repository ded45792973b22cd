//! Which content goes with an order, and orders whose content cannot be read when they are to be sent.

use super::*;

fn is_missing(report: &Report) -> bool {
    matches!(report, Report::ContentMissing { .. })
}

/// A desk whose only order was to be sent, and that order's deployment.
fn desk() -> (Desk, DeploymentUid) {
    let order = wanted(1, 1, "a", 3);
    let deployment = order.order.deployment;
    let mut desk = Desk::new(&[order]);
    let actions = desk.opens(FIRST, hello(instance(1), &[]), 0);
    assert_eq!(sent(&actions), [(1, true)]);
    (desk, deployment)
}

#[test]
fn content_that_cannot_be_read_now_is_tried_again_soon_and_then_less_often() {
    let (mut desk, deployment) = desk();
    let mut now = 0;
    for pause in [2_000, 4_000, 8_000, 16_000] {
        let actions = desk.step(Event::ContentLate(FIRST, deployment), now);
        assert_eq!(reports(&actions, is_missing), 0, "no planner is told");
        let beat = ToHub::Heartbeat {
            root: held::root([]),
            sequence: 0,
        };
        assert_eq!(sent(&desk.hears(FIRST, beat, now + pause - 1)), []);
        now += pause;
        assert_eq!(sent(&desk.step(Event::Tick, now)), [(1, true)], "{pause}");
    }
}

#[test]
fn content_that_is_gone_is_told_to_the_planner_and_tried_again_late() {
    let (mut desk, deployment) = desk();
    let actions = desk.step(Event::ContentMissing(FIRST, deployment), 0);
    assert_eq!(reports(&actions, is_missing), 1);
    let order = desk.member.live.as_ref().unwrap().in_flight[&deployment];
    assert_eq!(order.resend_at, 300_000);
}

#[test]
fn content_that_is_back_sends_at_once_what_was_put_off_for_it() {
    let (mut desk, deployment) = desk();
    let back = || Event::ContentBack(BTreeSet::from([deployment]));
    assert_eq!(sent(&desk.step(back(), 1)), [], "it is on its way");
    desk.step(Event::ContentMissing(FIRST, deployment), 2);
    assert_eq!(sent(&desk.step(back(), 3)), [(1, true)]);
    assert_eq!(sent(&desk.step(back(), 4)), [], "it is on its way again");
}

#[test]
fn orders_that_wait_for_content_leave_the_window_to_others() {
    let window = Pace::default().window as u8;
    let all: Vec<_> = (1..=2 * window)
        .map(|package| wanted(package, 1, "c", 1))
        .collect();
    let mut desk = Desk::new(&all);
    let actions = desk.opens(FIRST, hello(instance(1), &[]), 0);
    let mut more = 0;
    for action in actions {
        if let Action::SendOrder { order, .. } = action {
            more += sent(&desk.step(Event::ContentLate(FIRST, order.deployment), 1)).len();
        }
    }
    assert_eq!(more, usize::from(window));
}

#[test]
fn an_order_that_waited_for_its_content_is_sent_only_while_it_is_the_newest() {
    let (mut desk, _) = desk();
    let first = desk.orders.clone();
    let order = Arc::clone(&first.orders.values().next().unwrap().order);
    assert!(desk.member.is_sending(FIRST, &order, &first));
    assert!(!desk.member.is_sending(Connection(2), &order, &first));
    let newer = orders(&[wanted(1, 2, "b", 3)]);
    assert!(!desk.member.is_sending(FIRST, &order, &newer));
    desk.step(Event::Closed(FIRST), 1);
    assert!(!desk.member.is_sending(FIRST, &order, &first));
}

#[test]
fn going_back_to_content_the_member_still_has_transfers_nothing() {
    let (old, new) = (wanted(1, 1, "one", 3), wanted(1, 3, "one", 3));
    let between = wanted(1, 2, "two", 3);
    let mut desk = Desk::new(std::slice::from_ref(&between));
    desk.opens(FIRST, hello(instance(1), &[&between]), 0);
    desk.orders = orders(std::slice::from_ref(&new));
    let changed = BTreeSet::from([new.order.deployment]);
    let actions = desk.step(Event::Changed(changed), 1);
    assert_eq!(
        sent(&actions),
        vec![],
        "the member may have it, and is asked first"
    );
    let request = lists(&actions).unwrap();
    let actions = desk.hears(FIRST, page(request, &[&between], &["one", "two"]), 2);
    assert_eq!(sent(&actions), vec![(3, false)]);
    assert_eq!(old.order.content(), new.order.content());
}

#[test]
fn large_content_never_travels_with_its_order() {
    let (at, over) = (
        limit::INLINE_CONTENT as u64,
        limit::INLINE_CONTENT as u64 + 1,
    );
    let mut desk = Desk::new(&[wanted(1, 1, "a", at), wanted(2, 2, "b", over)]);
    let mut all = sent(&desk.opens(FIRST, hello(instance(1), &[]), 0));
    all.sort_unstable();
    assert_eq!(all, [(1, true), (2, false)]);
}

#[test]
fn only_content_that_the_hub_itself_lacks_is_told_to_the_planner() {
    let order = wanted(1, 1, "large", limit::INLINE_CONTENT as u64 + 1);
    let mut desk = Desk::new(std::slice::from_ref(&order));
    desk.opens(FIRST, hello(instance(1), &[]), 0);
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
    let actions = desk.hears(FIRST, nack, 1);
    assert_eq!(
        reports(&actions, |report| *report == missing),
        0,
        "a fetch fails for many reasons"
    );
    let gone = |content: &str| Event::ContentGone(Digest::of(content.as_bytes()));
    let actions = desk.step(gone("another"), 2);
    assert_eq!(reports(&actions, |report| *report == missing), 0);
    let actions = desk.step(gone("large"), 3);
    assert_eq!(reports(&actions, |report| *report == missing), 1);
    let back = Event::ContentBack(BTreeSet::from([order.order.deployment]));
    assert_eq!(sent(&desk.step(back, 4)), [(1, false)]);
}
