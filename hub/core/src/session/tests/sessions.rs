//! Sessions: how they open, which one stays, and when a member is lost.

use super::*;

#[test]
fn nothing_is_said_before_the_ledgers_are_loaded() {
    let mut harness = Harness::new(&[desired(1, 1, "a", 1)]);
    harness.orders.loaded = false;
    let actions = harness.opens(FIRST, hello(instance(1), &[]), 0);
    assert!(
        matches!(
            close(&actions),
            Some((FIRST, CloseReason::NotLoaded, 2_000))
        ),
        "{actions:?}"
    );
    assert_eq!(harness.member.session(), None);
}

#[test]
fn a_silent_member_is_lost_within_thirty_seconds_and_a_quick_return_is_not_noticed() {
    let mut harness = Harness::new(&[]);
    harness.opens(FIRST, hello(instance(1), &[]), 0);
    let is_lost = |report: &Report| *report == Report::Lost;
    let actions = harness.step(Event::Tick, 28_000);
    assert!(
        matches!(close(&actions), Some((FIRST, CloseReason::Silent, _))),
        "{actions:?}"
    );
    assert_eq!(reports(&actions, is_lost), 1);

    let mut harness = Harness::new(&[]);
    harness.opens(FIRST, hello(instance(1), &[]), 0);
    harness.step(Event::Closed(FIRST), 1_000);
    harness.opens(Connection(2), hello(instance(1), &[]), 2_000);
    assert_eq!(reports(&harness.step(Event::Tick, 20_000), is_lost), 0);
    harness.step(Event::Closed(FIRST), 21_000);
    assert_eq!(
        harness.member.session(),
        Some(Connection(2)),
        "a late end of an old stream ends nothing"
    );
    harness.step(Event::Closed(Connection(2)), 22_000);
    assert_eq!(reports(&harness.step(Event::Tick, 30_000), is_lost), 1);
}

#[test]
fn a_newer_stream_supersedes_and_incarnations_rise() {
    let mut harness = Harness::new(&[]);
    assert_eq!(
        incarnation(&harness.opens(FIRST, hello(instance(1), &[]), 0)),
        Some(1)
    );
    let actions = harness.opens(Connection(2), hello(instance(2), &[]), 10);
    assert_eq!(incarnation(&actions), Some(2));
    assert!(
        matches!(close(&actions), Some((FIRST, CloseReason::Superseded, _))),
        "{actions:?}"
    );
    assert_eq!(
        harness.hears(FIRST, hello(instance(1), &[]), 20),
        vec![],
        "frames of an ended session count for nothing"
    );
}

#[test]
fn only_the_same_process_with_nothing_lost_does_not_say_everything_anew() {
    let anew = |actions: &[Action]| {
        actions.iter().find_map(|action| match action {
            Action::Report(Report::Connected { anew, .. }) => Some(*anew),
            _ => None,
        })
    };
    let again = |by, incarnation, sequence| {
        let ToHub::Hello(mut hello) = hello(by, &[]) else {
            unreachable!("made above")
        };
        (hello.incarnation, hello.sequence) = (incarnation, sequence);
        ToHub::Hello(hello)
    };
    let mut harness = Harness::new(&[]);
    let mut opens = |at: u64, message| {
        harness.step(Event::Closed(Connection(at - 1)), at);
        anew(&harness.opens(Connection(at), message, at))
    };
    assert_eq!(opens(1, again(instance(1), 0, 0)), Some(true));
    assert_eq!(opens(2, again(instance(1), 1, 0)), Some(false));
    assert_eq!(
        opens(3, again(instance(1), 2, 1)),
        Some(true),
        "a report is lost"
    );
    assert_eq!(
        opens(4, again(instance(2), 0, 0)),
        Some(true),
        "another process"
    );
}

#[test]
fn of_two_instances_that_fight_the_longer_running_one_keeps_the_session() {
    let mut harness = Harness::new(&[]);
    harness.opens(Connection(1), hello(instance(1), &[]), 0);
    harness.opens(Connection(2), hello(instance(2), &[]), 1_000);
    harness.opens(Connection(3), hello(instance(1), &[]), 2_000);
    let actions = harness.opens(Connection(4), hello(instance(2), &[]), 3_000);
    assert!(
        matches!(
            close(&actions),
            Some((Connection(4), CloseReason::DuplicateIdentity, 600_000))
        ),
        "{actions:?}"
    );
    assert_eq!(harness.member.session(), Some(Connection(3)));
    let duplicate = Report::DuplicateIdentity {
        kept: instance(1),
        refused: instance(2),
    };
    assert_eq!(reports(&actions, |report| *report == duplicate), 1);
}

#[test]
fn a_member_that_met_a_newer_leadership_is_sent_nothing() {
    let mut harness = Harness::new(&[desired(1, 1, "a", 1)]);
    let ToHub::Hello(mut hello) = hello(instance(1), &[]) else {
        unreachable!("made above")
    };
    let mut newer = leadership(1, 2);
    newer.term = Term {
        counter: 3,
        id: TermId::from_bytes([3; 16]),
    };
    hello.seen = Some(newer);
    let actions = harness.opens(FIRST, ToHub::Hello(hello), 0);
    assert_eq!(sent(&actions), vec![]);
    let fenced = Report::Fenced {
        seen: newer,
        reason: FreezeReason::HubRegressed,
    };
    assert_eq!(reports(&actions, |report| *report == fenced), 1);
}

#[test]
fn an_agent_without_a_common_version_is_told_so() {
    let mut harness = Harness::new(&[]);
    let ToHub::Hello(mut hello) = hello(instance(1), &[]) else {
        unreachable!("made above")
    };
    (hello.version, hello.oldest_version) = (9, 8);
    let actions = harness.opens(FIRST, ToHub::Hello(hello), 0);
    assert!(
        matches!(
            close(&actions),
            Some((FIRST, CloseReason::UnsupportedVersion, _))
        ),
        "{actions:?}"
    );
}

#[test]
fn a_silent_api_server_is_told_when_that_changes_and_anew_in_every_session() {
    let mut harness = Harness::new(&[]);
    let told = |actions: &[Action]| -> Vec<Option<u64>> {
        let silence = |action: &Action| match action {
            Action::Report(Report::ApiServer { silent }) => Some(*silent),
            _ => None,
        };
        actions.iter().filter_map(silence).collect()
    };
    let beat = |api_server_silent| ToHub::Heartbeat {
        root: held::root([]),
        sequence: 0,
        api_server_silent,
    };
    let opened = harness.opens(FIRST, hello(instance(1), &[]), 0);
    assert_eq!(told(&opened), [], "one of an earlier release says nothing");
    let mut now = 0;
    for (silent, expected) in [
        (None, vec![]),
        (Some(22_000), vec![Some(22_000)]),
        (Some(34_000), vec![]),
        (None, vec![None]),
        (Some(1), vec![Some(1)]),
    ] {
        now += 12_000;
        assert_eq!(told(&harness.hears(FIRST, beat(silent), now)), expected);
    }
    let ToHub::Hello(mut again) = hello(instance(1), &[]) else {
        unreachable!()
    };
    again.api_server_silent = Some(2);
    let opened = harness.opens(Connection(2), ToHub::Hello(again), now);
    let reports: Vec<_> = opened
        .iter()
        .filter_map(|action| match action {
            Action::Report(report) => Some(report),
            _ => None,
        })
        .collect();
    assert!(
        matches!(
            reports[..],
            [
                Report::Connected { .. },
                Report::ApiServer { silent: Some(2) }
            ]
        ),
        "{reports:?}"
    );
}
