use proptest::prelude::*;
use stevedore_proto_core::{Digest, Epoch, EpochId, Term, TermId};

use super::*;

fn leadership(epoch: u64, epoch_id: u8, term: u64, term_id: u8) -> Leadership {
    Leadership {
        epoch: Epoch {
            counter: epoch,
            id: EpochId::from_bytes([epoch_id; 16]),
        },
        term: Term {
            counter: term,
            id: TermId::from_bytes([term_id; 16]),
        },
    }
}

fn tuple(by: Leadership, number: u64, digest: u8) -> Tuple {
    Tuple {
        epoch: by.epoch,
        term: by.term,
        number,
        digest: Digest::of(&[digest]),
    }
}

fn refused(decision: &Decision) -> Option<&Reason> {
    match decision {
        Decision::Refuse(reason, _) => Some(reason),
        Decision::Accept | Decision::Same => None,
    }
}

#[test]
fn higher_number_is_accepted_and_a_lower_one_is_a_regressed_hub() {
    let by = leadership(1, 1, 1, 1);
    let held = tuple(by, 5, 1);
    let decide = |offered| decide(&offered, Some(&held), &by, Some(&by));
    assert_eq!(decide(tuple(by, 6, 2)), Decision::Accept);
    assert_eq!(decide(held), Decision::Same);
    assert_eq!(
        refused(&decide(tuple(by, 4, 2))),
        Some(&Reason::HubRegressed)
    );
    assert_eq!(
        refused(&decide(tuple(by, 5, 2))),
        Some(&Reason::HubDiverged)
    );
}

#[test]
fn raised_epoch_is_accepted_although_its_number_is_lower() {
    let (old, new) = (leadership(1, 1, 9, 9), leadership(2, 2, 1, 1));
    let held = tuple(old, 50, 1);
    assert_eq!(
        decide(&tuple(new, 3, 2), Some(&held), &new, Some(&old)),
        Decision::Accept
    );
}

#[test]
fn order_of_an_earlier_term_is_accepted_from_the_current_leader() {
    let (early, now) = (leadership(1, 1, 3, 3), leadership(1, 1, 5, 5));
    assert_eq!(
        decide(
            &tuple(early, 7, 1),
            Some(&tuple(early, 6, 2)),
            &now,
            Some(&now)
        ),
        Decision::Accept
    );
}

#[test]
fn deposed_leader_is_refused_whatever_it_orders() {
    let (old, new) = (leadership(1, 1, 4, 4), leadership(1, 1, 5, 5));
    assert_eq!(
        refused(&decide(&tuple(old, 99, 1), None, &old, Some(&new))),
        Some(&Reason::HubRegressed)
    );
    let twin = leadership(1, 1, 5, 6);
    assert_eq!(
        refused(&decide(&tuple(twin, 99, 1), None, &twin, Some(&new))),
        Some(&Reason::HubDiverged)
    );
}

#[test]
fn higher_number_of_a_lower_term_is_refused() {
    let (early, late) = (leadership(1, 1, 3, 3), leadership(1, 1, 5, 5));
    let decision = decide(
        &tuple(early, 12, 1),
        Some(&tuple(late, 10, 2)),
        &late,
        Some(&late),
    );
    assert_eq!(refused(&decision), Some(&Reason::HubRegressed));
}

fn any_leadership() -> impl Strategy<Value = Leadership> {
    (1_u64..4, 1_u8..3, 1_u64..4, 1_u8..3).prop_map(|(e, ei, t, ti)| leadership(e, ei, t, ti))
}

fn any_tuple() -> impl Strategy<Value = Tuple> {
    (any_leadership(), 1_u64..5, 0_u8..3).prop_map(|(by, number, digest)| tuple(by, number, digest))
}

/// An order, and the leadership that offers it.
fn any_offer() -> impl Strategy<Value = (Tuple, Leadership)> {
    (any_tuple(), any_leadership())
}

proptest! {
    /// S1: whatever is offered in whatever order, what is held only moves forward.
    #[test]
    fn held_tuples_never_go_back(offers in prop::collection::vec(any_offer(), 1..40)) {
        let (mut held, mut seen): (Option<Tuple>, Option<Leadership>) = (None, None);
        for (offered, leader) in offers {
            if decide(&offered, held.as_ref(), &leader, seen.as_ref()) == Decision::Accept {
                if let Some(held) = held {
                    prop_assert!(
                        offered.epoch.counter > held.epoch.counter
                            || (offered.epoch == held.epoch
                                && offered.term.counter >= held.term.counter
                                && offered.number > held.number)
                    );
                }
                held = Some(offered);
                seen = Some(highest(seen, offered.leadership()));
            }
            seen = Some(highest(seen, leader));
        }
    }

    /// S2: a number of an epoch is accepted with one digest only.
    #[test]
    fn a_number_never_stands_for_two_digests(offers in prop::collection::vec(any_offer(), 1..40)) {
        let mut accepted = std::collections::BTreeMap::new();
        let (mut held, mut seen): (Option<Tuple>, Option<Leadership>) = (None, None);
        for (offered, leader) in offers {
            if decide(&offered, held.as_ref(), &leader, seen.as_ref()) == Decision::Accept {
                let digest = *accepted
                    .entry((offered.epoch.counter, offered.number))
                    .or_insert(offered.digest);
                prop_assert_eq!(digest, offered.digest);
                held = Some(offered);
            }
            seen = Some(highest(seen, leader));
        }
    }

    /// Accepting is idempotent: an accepted order offered again is the same, never refused.
    #[test]
    fn a_repeated_order_is_the_same((offered, leader) in any_offer(), held in prop::option::of(any_tuple())) {
        if decide(&offered, held.as_ref(), &leader, None) == Decision::Accept {
            let again = decide(&offered, Some(&offered), &leader, Some(&leader));
            prop_assert_eq!(again, Decision::Same);
        }
    }

    /// What is seen never falls.
    #[test]
    fn highest_leadership_never_falls(all in prop::collection::vec(any_leadership(), 1..20)) {
        let mut seen: Option<Leadership> = None;
        for other in all {
            let next = highest(seen, other);
            if let Some(seen) = seen {
                prop_assert_ne!(next.compared_to(&seen), stevedore_proto_core::tuple::Precedence::Older);
            }
            seen = Some(next);
        }
    }
}
