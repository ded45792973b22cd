//! Orders whose content cannot be read when they are to be sent.

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
