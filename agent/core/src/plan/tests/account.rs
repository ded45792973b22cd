//! Accounts: the occasions of looking one up, and the meaning of its absence.

use super::*;
use crate::removal;

/// The namespace went with everything in it, rights among it.
fn namespace_goes(sim: &mut Sim, reads: FailureKind) {
    for name in sim.world.names() {
        sim.world.delete(&name);
        sim.world.refuse_reading(&name, reads);
    }
    sim.no_account = Some(Reason::NamespaceMissing);
}

#[test]
fn a_deployment_whose_namespace_is_gone_is_torn_down_without_its_account() {
    for (restart, reads) in [
        (false, FailureKind::AccountNotAllowed),
        (false, FailureKind::Forbidden),
        (true, FailureKind::AccountNotAllowed),
    ] {
        let mut sim = simple();
        sim.finish();
        namespace_goes(&mut sim, reads);
        sim.tombstone(false);
        if restart {
            sim.restart();
        }
        sim.finish();
        assert!(
            sim.recorded && sim.sets.is_empty(),
            "{reads:?}, restart: {restart}"
        );
        assert!(sim.world.requests <= 9, "{} requests", sim.world.requests);
    }
}

#[test]
fn a_directly_used_set_whose_namespace_is_gone_is_released() {
    let mut sim = simple();
    sim.sets[0].order = None;
    sim.no_account = Some(Reason::NamespaceMissing);
    sim.deliver();
    sim.settle_until(60_000);
    sim.sets[0].ending = Ending::Deleting;
    sim.deliver();
    let before = sim.now;
    sim.finish();
    assert!(sim.sets.is_empty());
    assert_eq!(sim.now, before, "it is asked at once");
}

#[test]
fn a_deployment_without_an_account_says_so_and_tries_again() {
    let mut sim = simple();
    sim.no_account = Some(Reason::NoAccount);
    sim.settle_until(60_000);
    assert_eq!(sim.summary().available.reason, Reason::NoAccount);
    assert_eq!(sim.world.requests, 0);
    sim.no_account = None;
    sim.deployment.retry_now();
    sim.finish();
    assert_eq!(sim.summary().available.status, Truth::True);
}

#[test]
fn without_the_right_to_be_the_account_a_teardown_waits_and_names_it() {
    let mut sim = simple();
    sim.finish();
    for name in ["a", "b", "c"] {
        sim.world
            .refuse_reading(name, FailureKind::AccountNotAllowed);
    }
    sim.no_account = Some(Reason::AccountNotAllowed);
    sim.tombstone(false);
    sim.settle_until(sim.now + 600_000);
    assert!(!sim.recorded);
    assert_eq!(sim.summary().blockers[0].reason, Reason::AccountNotAllowed);
    let given_back = sim.now;
    for name in ["a", "b", "c"] {
        sim.world.allow_reading(name);
    }
    sim.no_account = None;
    sim.finish();
    assert!(sim.recorded && sim.world.names().is_empty());
    assert!(
        sim.now - given_back < 90_000,
        "nothing waits longer than the account"
    );
}

#[test]
fn a_set_that_never_had_an_account_is_released_and_one_that_wrote_waits_for_it() {
    for wrote in [false, true] {
        let mut sim = simple();
        sim.sets[0].order = None;
        sim.deliver();
        if wrote {
            sim.finish();
        }
        sim.no_account = Some(Reason::NoAccount);
        sim.restart();
        sim.settle_until(sim.now + 5_000);
        sim.sets[0].ending = Ending::Deleting;
        sim.deliver();
        sim.settle_until(sim.now + 300_000);
        assert_eq!(sim.sets.is_empty(), !wrote);
        assert!(sim.world.deleted().is_empty());
    }
}

#[test]
fn an_answer_that_a_changed_policy_overtook_does_not_count() {
    let mut sim = simple();
    let open = sim.deployment.plan(sim.now, 16).actions[0].clone();
    assert!(matches!(open, Action::OpenAccount(_)));
    sim.deployment.begin(&open);
    sim.deployment.start_account_over();
    assert_eq!(sim.deployment.plan(sim.now, 16).actions, []);
    sim.deployment
        .finish(&open, Outcome::Opened(Ok(())), sim.now);
    assert_eq!(sim.deployment.plan(sim.now, 16).actions, [open]);
}

#[test]
fn while_the_account_is_asked_again_what_was_in_the_way_is_still_said() {
    let mut sim = simple();
    sim.finish();
    sim.no_account = Some(Reason::NoAccount);
    sim.deployment.start_account_over();
    sim.settle_until(sim.now);
    assert_eq!(sim.summary().available.reason, Reason::NoAccount);
    sim.deployment.start_account_over();
    assert_eq!(sim.summary().available.reason, Reason::NoAccount);
    sim.no_account = None;
    sim.finish();
    assert_eq!(sim.summary().available.status, Truth::True);
}

#[test]
fn a_refused_impersonation_asks_for_the_account_once_however_many_requests_it_met() {
    let mut sim = Sim::new();
    sim.store(1, objects(&[("a", 0, 1), ("b", 0, 1), ("c", 0, 1)]));
    sim.finish();
    sim.tombstone(false);
    let survey = sim.deployment.plan(sim.now, 16).actions[0].clone();
    sim.carry_out(&survey);
    let reads = sim.deployment.plan(sim.now, 16).actions;
    assert_eq!(reads.len(), 3);
    for read in &reads {
        sim.deployment.begin(read);
    }
    let refused = Failure::new(FailureKind::AccountNotAllowed, "no");
    let answer = |sim: &mut Sim, read| {
        let answer = removal::Answer::Failed(refused.clone());
        sim.deployment
            .finish(read, Outcome::Remove(answer), sim.now);
    };
    answer(&mut sim, &reads[0]);
    let open = sim.deployment.plan(sim.now, 16).actions[0].clone();
    assert!(matches!(open, Action::OpenAccount(_)));
    sim.deployment.begin(&open);
    answer(&mut sim, &reads[1]);
    sim.deployment
        .finish(&open, Outcome::Opened(Ok(())), sim.now);
    assert!(sim.deployment.plan(sim.now, 16).actions.is_empty());
}

#[test]
fn when_the_right_to_be_the_account_is_taken_away_that_is_what_is_said() {
    let mut sim = simple();
    sim.finish();
    sim.world.unlistable = Some(FailureKind::AccountNotAllowed);
    sim.no_account = Some(Reason::AccountNotAllowed);
    let scope = WatchKey::of(&key("a"));
    sim.deployment
        .unwatched(&scope, "Forbidden".into(), sim.now);
    sim.settle_until(sim.now + 120_000);
    assert_eq!(sim.summary().available.reason, Reason::AccountNotAllowed);
    assert!(sim.world.requests <= 8, "{} requests", sim.world.requests);
    sim.world.unlistable = None;
    sim.no_account = None;
    sim.settle_until(sim.now + 90_000);
    assert_eq!(sim.summary().available.status, Truth::True);
}
