//! Objects of kinds that were not served when the content was checked.

use super::*;
use crate::desired::Otherwise;

#[test]
fn what_turns_out_to_be_cluster_scoped_is_tried_again_as_that_unless_the_set_has_it_already() {
    let kind = Kind::new("example.org", "v1", "Gate");
    let mut gate = desired(kind.clone(), "gate", PhasePart::Rest);
    let other = Otherwise {
        key: gate.key.clone(),
        content: gate.content,
    };
    gate.key = ObjectKey::new(kind, Some("ns"), "gate");
    gate.content = ShortHash::of(&Digest::of(b"in a namespace"));
    gate.otherwise = Some(Box::new(other.clone()));
    let mut twin = gate.clone();
    twin.key.namespace = Some("other".into());
    let mut rollout = rollout(vec![gate, twin], |_| Memory::default());
    for job in rollout.plan(10, 16).0 {
        let wrong = Failure::new(FailureKind::WrongScope, "a Gate has no namespace");
        answer(&mut rollout, &job, Answer::Failed(wrong));
    }
    let first = rollout.desired(0).unwrap();
    assert_eq!((&first.key, first.content), (&other.key, other.content));
    assert_eq!(only(&rollout), Job::DryRun(0, Guard::Create));
    let blockers = rollout.summary().blockers;
    assert_eq!(blockers.len(), 1);
    assert_eq!(blockers[0].object, "Gate other/gate");
    assert_eq!(blockers[0].reason, Reason::Refused);
}
