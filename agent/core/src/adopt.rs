//! Ownership of objects: whose one is, and whether it may become ours.

use stevedore_proto_core::DeploymentUid;
use stevedore_proto_core::content::CollisionProtection;

use crate::observation::{Observation, Owner};

/// Who asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Claim<'a> {
    /// Our deployment.
    pub deployment: DeploymentUid,
    /// The highest order that we know of.
    pub order: u64,
    /// Deployments whose objects may be taken over.
    pub predecessors: &'a [DeploymentUid],
    /// Deployments that may take our objects over.
    pub successors: &'a [DeploymentUid],
    /// UID of the object that we last wrote under this name, from the durable inventory.
    pub recorded_uid: Option<&'a str>,
}

impl<'a> Claim<'a> {
    /// The claim of a deployment that takes nothing over and hands nothing over.
    pub fn alone(deployment: DeploymentUid, order: u64, recorded_uid: Option<&'a str>) -> Self {
        Self {
            deployment,
            order,
            predecessors: &[],
            successors: &[],
            recorded_uid,
        }
    }
}

/// Whose an object is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ownership {
    /// Ours: it may be changed with force, and deleted.
    Ours,
    /// Not ours, but the declared policy lets us take it.
    Adopt,
    /// Ours, but a newer order has written it: it is not touched.
    Newer(u64),
    /// It was ours, and a set that follows ours has taken it over: it is not touched.
    HandedOver(DeploymentUid),
    /// Somebody else's; who, for people.
    Foreign(String),
}

/// Decides whose an existing object is.
pub fn decide(seen: &Observation, policy: CollisionProtection, claim: &Claim<'_>) -> Ownership {
    match seen.owner {
        Owner::Deployment { uid, order, .. } if uid == claim.deployment => {
            if order > claim.order {
                Ownership::Newer(order)
            } else {
                Ownership::Ours
            }
        }
        // Before any policy: of two sets that want one object, the one that follows keeps it.
        Owner::Deployment { uid, .. } if claim.successors.contains(&uid) => {
            Ownership::HandedOver(uid)
        }
        Owner::Deployment { uid, .. } if claim.predecessors.contains(&uid) => Ownership::Adopt,
        Owner::Deployment { uid, .. } => match policy {
            CollisionProtection::None => Ownership::Adopt,
            CollisionProtection::Prevent | CollisionProtection::IfNoController => {
                Ownership::Foreign(format!("deployment {uid}"))
            }
        },
        // Somebody removed or broke the mark of the very object we wrote, and our entry still stands.
        Owner::Nobody if claim.recorded_uid == Some(&seen.uid) && seen.fingerprint.is_some() => {
            Ownership::Ours
        }
        Owner::Nobody => match (policy, &seen.controller) {
            (CollisionProtection::None, _) | (CollisionProtection::IfNoController, None) => {
                Ownership::Adopt
            }
            (_, Some(controller)) => Ownership::Foreign(format!("controller {controller}")),
            (CollisionProtection::Prevent, None) => {
                Ownership::Foreign(seen.other_manager.as_ref().map_or_else(
                    || "nobody we know".to_owned(),
                    |manager| format!("field manager {manager:?}"),
                ))
            }
        },
    }
}

/// Whether an object may be deleted by this claim: its UID and its mark are ours, and no newer order wrote it.
pub fn may_delete(seen: &Observation, claim: &Claim<'_>) -> bool {
    match seen.owner {
        Owner::Deployment { uid, order, .. } => {
            uid == claim.deployment
                && order <= claim.order
                && (claim.recorded_uid == Some(&seen.uid) || seen.fingerprint.is_some())
        }
        Owner::Nobody => claim.recorded_uid == Some(&seen.uid) && seen.fingerprint.is_some(),
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::mark::ShortHash;
    use crate::probe::Probed;
    use crate::propagation::Propagation;
    use stevedore_proto_core::Digest;

    const OURS: DeploymentUid = DeploymentUid::from_bytes([1; 16]);
    const OTHER: DeploymentUid = DeploymentUid::from_bytes([2; 16]);

    pub(crate) fn seen(owner: Owner) -> Observation {
        Observation {
            uid: "uid".into(),
            resource_version: "5".into(),
            owner,
            labelled: None,
            fingerprint: Some(ShortHash::of(&Digest::of(b"print"))),
            controller: None,
            terminating: None,
            propagation: Propagation::default(),
            established: true,
            probed: Probed::Passed,
            mapped: Box::default(),
            other_manager: Some("kubectl".into()),
            left_to_others: 0,
            string_data: Box::default(),
        }
    }

    fn owned(uid: DeploymentUid, order: u64) -> Owner {
        let content = ShortHash::of(&Digest::of(b"content"));
        Owner::Deployment {
            uid,
            order,
            content,
        }
    }

    fn claim() -> Claim<'static> {
        Claim::alone(OURS, 5, None)
    }

    use CollisionProtection::{IfNoController, None as Any, Prevent};

    #[test]
    fn the_mark_decides_and_a_newer_order_is_left_alone() {
        for policy in [Prevent, IfNoController, Any] {
            assert_eq!(
                decide(&seen(owned(OURS, 5)), policy, &claim()),
                Ownership::Ours
            );
            assert_eq!(
                decide(&seen(owned(OURS, 6)), policy, &claim()),
                Ownership::Newer(6)
            );
        }
        assert!(!may_delete(&seen(owned(OURS, 6)), &claim()));
        assert!(may_delete(&seen(owned(OURS, 5)), &claim()));
    }

    #[test]
    fn another_deployments_object_is_taken_only_by_policy_none_or_succession() {
        let object = seen(owned(OTHER, 1));
        assert!(matches!(
            decide(&object, Prevent, &claim()),
            Ownership::Foreign(_)
        ));
        assert!(matches!(
            decide(&object, IfNoController, &claim()),
            Ownership::Foreign(_)
        ));
        assert_eq!(decide(&object, Any, &claim()), Ownership::Adopt);
        let successor = Claim {
            predecessors: &[OTHER],
            ..claim()
        };
        assert_eq!(decide(&object, Prevent, &successor), Ownership::Adopt);
        assert!(!may_delete(&object, &successor));
    }

    #[test]
    fn what_a_following_set_has_taken_over_is_left_to_it_whatever_the_policy() {
        let object = seen(owned(OTHER, 2));
        for policy in [Prevent, IfNoController, Any] {
            let followed = Claim {
                successors: &[OTHER],
                ..claim()
            };
            assert_eq!(
                decide(&object, policy, &followed),
                Ownership::HandedOver(OTHER)
            );
            assert!(!may_delete(&object, &followed));
        }
    }

    #[test]
    fn an_unmarked_object_is_taken_as_declared() {
        let free = seen(Owner::Nobody);
        let mut controlled = seen(Owner::Nobody);
        controlled.controller = Some("ReplicaSet web".into());
        assert_eq!(
            decide(&free, Prevent, &claim()),
            Ownership::Foreign("field manager \"kubectl\"".into())
        );
        assert_eq!(decide(&free, IfNoController, &claim()), Ownership::Adopt);
        assert_eq!(decide(&free, Any, &claim()), Ownership::Adopt);
        assert_eq!(
            decide(&controlled, IfNoController, &claim()),
            Ownership::Foreign("controller ReplicaSet web".into())
        );
        assert_eq!(decide(&controlled, Any, &claim()), Ownership::Adopt);
        assert!(!may_delete(&free, &claim()));
    }

    #[test]
    fn a_removed_mark_on_the_object_we_wrote_is_drift_but_on_another_uid_it_is_foreign() {
        let recorded = Claim {
            recorded_uid: Some("uid"),
            ..claim()
        };
        let other = Claim {
            recorded_uid: Some("old"),
            ..claim()
        };
        assert_eq!(
            decide(&seen(Owner::Nobody), Prevent, &recorded),
            Ownership::Ours
        );
        assert!(matches!(
            decide(&seen(Owner::Nobody), Prevent, &other),
            Ownership::Foreign(_)
        ));
        let mut released = seen(Owner::Nobody);
        released.fingerprint = None;
        assert!(matches!(
            decide(&released, Prevent, &recorded),
            Ownership::Foreign(_)
        ));
        assert!(!may_delete(&released, &recorded));
    }

    #[test]
    fn a_copy_made_by_somebody_else_is_not_deleted() {
        let mut copy = seen(owned(OURS, 5));
        copy.fingerprint = None;
        assert!(!may_delete(
            &copy,
            &Claim {
                recorded_uid: Some("old"),
                ..claim()
            }
        ));
        assert!(may_delete(
            &copy,
            &Claim {
                recorded_uid: Some("uid"),
                ..claim()
            }
        ));
    }
}
