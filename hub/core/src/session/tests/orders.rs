//! Orders that go out, and what the hub knows of what the member holds.

use super::*;

#[test]
fn a_member_in_sync_costs_one_digest_and_gets_no_order() {
    let a = desired(1, 1, "a", 1);
    let mut harness = Harness::new(std::slice::from_ref(&a));
    let actions = harness.opens(FIRST, hello(instance(1), &[&a]), 0);
    assert_eq!((sent(&actions), lists(&actions)), (vec![], None));
    assert!(is_synced(&actions));
}

#[test]
fn words_about_what_is_not_ordered_are_not_kept() {
    let ours = desired(1, 1, "ours", 3);
    let mut harness = Harness::new(std::slice::from_ref(&ours));
    let mut hello = hello(instance(1), &[]);
    if let ToHub::Hello(hello) = &mut hello {
        hello.incarnation = u64::MAX;
        hello.held = 1;
        hello.root = Digest::of(b"something else");
    }
    assert!(lists(&harness.opens(FIRST, hello, 0)).is_some());
    for package in 2..200 {
        harness.hears(FIRST, ack(&desired(package, 1, "theirs", 3)), 1);
    }
    let dirty = harness.member.live.as_ref().map(|live| live.dirty.len());
    assert_eq!(dirty, Some(1), "while a listing is waited for");
}

#[test]
fn a_poison_order_is_shown_and_not_sent_again_until_it_changes() {
    let (bad, good) = (desired(1, 1, "bad", 3), desired(1, 2, "good", 4));
    let other = desired(2, 1, "other", 5);
    let mut harness = Harness::new(&[bad.clone(), other.clone()]);
    assert_eq!(
        sent(&harness.opens(FIRST, hello(instance(1), &[]), 0)).len(),
        2
    );
    let nack = ToHub::Nack {
        deployment: bad.order.deployment,
        tuple: bad.order.tuple,
        reason: Reason::TooLarge,
        message: String::new(),
    };
    let actions = harness.hears(FIRST, nack, 10);
    assert_eq!(
        reports(&actions, |report| matches!(report, Report::Refused { .. })),
        1
    );
    harness.hears(FIRST, ack(&other), 20);
    let in_flight = &harness.member.live.as_ref().unwrap().in_flight;
    assert!(in_flight.is_empty(), "it delays nobody");
    assert_eq!(sent(&harness.step(Event::Reloaded, 30)), vec![]);
    harness.orders = orders(&[good.clone(), other]);
    let actions = harness.step(Event::Changed(BTreeSet::from([good.order.deployment])), 40);
    assert_eq!(sent(&actions), [(2, true)]);
}

#[test]
fn a_tuple_of_a_lost_history_freezes_the_deployment_and_is_reported_once() {
    let ours = desired(1, 3, "ours", 4);
    let mut lost = desired(1, 2, "lost", 4);
    let mut order = (*lost.order).clone();
    order.tuple.term = Term {
        counter: 2,
        id: TermId::from_bytes([7; 16]),
    };
    lost.order = Arc::new(order);
    let mut harness = Harness::new(std::slice::from_ref(&ours));
    let request = lists(&harness.opens(FIRST, hello(instance(1), &[&lost]), 0)).unwrap();
    let actions = harness.hears(FIRST, page(request, &[&lost], &[]), 1);
    assert_eq!(sent(&actions), vec![]);
    let is_frozen = |report: &Report| matches!(report, Report::Frozen { .. });
    assert_eq!(reports(&actions, is_frozen), 1);
    assert_eq!(reports(&harness.step(Event::Reloaded, 2), is_frozen), 0);
}

#[test]
fn only_an_ack_moves_what_the_hub_believes_and_silence_leads_to_a_repetition() {
    let a = desired(1, 1, "a", 1);
    let mut harness = Harness::new(std::slice::from_ref(&a));
    harness.opens(FIRST, hello(instance(1), &[]), 0);
    let beat = |held: &[&DesiredOrder]| ToHub::Heartbeat {
        root: held::root(
            held.iter()
                .map(|desired| (desired.order.deployment, desired.order.tuple)),
        ),
        sequence: 0,
        api_server_silent: None,
    };
    assert_eq!(sent(&harness.hears(FIRST, beat(&[]), 12_000)), vec![]);
    assert_eq!(sent(&harness.hears(FIRST, beat(&[]), 20_000)), [(1, true)]);
    harness.hears(FIRST, ack(&a), 20_100);
    let actions = harness.hears(FIRST, beat(&[&a]), 24_000);
    assert_eq!((sent(&actions), lists(&actions)), (vec![], None));
    assert!(
        lists(&harness.hears(FIRST, beat(&[]), 36_000)).is_some(),
        "the roots differ"
    );
}

#[test]
fn a_full_queue_leads_to_a_listing_and_every_order_still_arrives() {
    let all: Vec<_> = (1..=100)
        .map(|package| desired(package, 1, "c", 1))
        .collect();
    let mut harness = Harness::new(&all);
    let actions = harness.opens(FIRST, hello(instance(1), &[]), 0);
    assert_eq!(sent(&actions).len(), Pace::default().window);
    assert_eq!(
        lists(&harness.step(Event::Overflow(FIRST), 1)),
        None,
        "the queue drains first"
    );
    let request = lists(&harness.step(Event::Tick, 1_001)).unwrap();
    let mut held: Vec<&DesiredOrder> = all.iter().take(10).collect();
    let mut actions = harness.hears(FIRST, page(request, &held, &["c"]), 1_002);
    while !sent(&actions).is_empty() {
        let mut next = Vec::new();
        for action in &actions {
            if let Action::SendOrder { order, .. } = action {
                let desired = all
                    .iter()
                    .find(|desired| desired.order.deployment == order.deployment)
                    .unwrap();
                held.push(desired);
                next.extend(harness.hears(FIRST, ack(desired), 1_003));
            }
        }
        actions = next;
    }
    assert_eq!(held.len(), all.len());
}

#[test]
fn a_census_finds_what_the_hub_does_not_know() {
    let (known, unknown) = (desired(1, 1, "a", 1), desired(2, 1, "b", 1));
    let mut harness = Harness::new(std::slice::from_ref(&known));
    let first = lists(&harness.opens(FIRST, hello(instance(1), &[&known, &unknown]), 0)).unwrap();
    harness.hears(FIRST, page(first, &[&known, &unknown], &[]), 1);
    let request = lists(&harness.step(Event::Census, 2)).unwrap();
    let actions = harness.hears(FIRST, page(request, &[&known, &unknown], &[]), 3);
    let listing = actions.iter().find_map(|action| match action {
        Action::Report(Report::Listing(listing)) => Some(listing),
        _ => None,
    });
    let census = Census::of(listing.unwrap(), &harness.orders);
    let findings: Vec<_> = census.entries.iter().map(|entry| entry.finding).collect();
    assert_eq!(findings, [Finding::AsOrdered, Finding::Unknown]);
    assert_eq!(census.epoch_floor(0), 1);
    assert_eq!(
        sent(&actions),
        vec![],
        "what the hub does not know is left alone"
    );
}

/// A Hello of an agent that knows these features.
fn hello_of(by: InstanceId, features: Features) -> ToHub {
    let mut hello = hello(by, &[]);
    if let ToHub::Hello(hello) = &mut hello {
        hello.features = features.words().map(str::to_owned).collect();
    }
    hello
}

#[test]
fn an_order_goes_only_to_an_agent_that_knows_what_it_needs() {
    let order = DesiredOrder {
        needs: Features::PHASE_CLASSES,
        ..desired(1, 1, "a", 3)
    };
    let other = desired(2, 1, "b", 3);
    let mut harness = Harness::new(&[order.clone(), other]);
    let actions = harness.opens(FIRST, hello_of(instance(1), Features::COMPONENTS), 0);
    assert_eq!(sent(&actions).len(), 1, "the other one goes out");
    assert!(is_synced(&actions), "it delays nobody");
    let is_shown = |report: &Report| {
        matches!(report, Report::Refused { deployment, reason: Reason::Unsupported, message, .. }
            if *deployment == order.order.deployment && message.contains("phase-classes"))
    };
    assert_eq!(reports(&actions, is_shown), 1);
    let actions = harness.step(Event::Reloaded, 1);
    assert_eq!(reports(&actions, is_shown), 0, "once");
    let upgraded = hello_of(instance(2), Features::KNOWN);
    let actions = harness.opens(Connection(2), upgraded, 2);
    assert!(sent(&actions).contains(&(1, true)));
    assert_eq!(sent(&actions).len(), 2);
    assert_eq!(reports(&actions, is_shown), 0);
}
