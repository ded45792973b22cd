//! Pruning: what older sets name and the accepted one does not.

use std::collections::{BTreeMap, BTreeSet};

use crate::key::{Identity, ObjectKey};
use crate::removal::RemovalTarget;

/// What one stored set names: from its content, and from the inventory in its status.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SetInventory {
    /// Number of the set.
    pub number: u64,
    /// Objects, the position of their phase, and the recorded UID, if any.
    pub objects: Vec<(ObjectKey, u16, Option<Box<str>>)>,
}

/// The union of what sets name, without what `keep` holds. Where sets disagree on an object's phase, the one
/// with the highest number decides.
pub fn union(sets: &[SetInventory], keep: &BTreeSet<Identity>) -> Vec<RemovalTarget> {
    let mut all: BTreeMap<Identity, (u64, RemovalTarget)> = BTreeMap::new();
    for set in sets {
        for (key, rank, uid) in &set.objects {
            let identity = key.identity();
            if keep.contains(&identity) {
                continue;
            }
            let target = RemovalTarget {
                key: key.clone(),
                rank: *rank,
                uid: uid.clone(),
            };
            match all.get_mut(&identity) {
                None => {
                    all.insert(identity, (set.number, target));
                }
                Some((number, known)) if *number <= set.number => {
                    let uid = target.uid.clone().or_else(|| known.uid.take());
                    *known = RemovalTarget { uid, ..target };
                    *number = set.number;
                }
                Some((_, known)) => {
                    if known.uid.is_none() {
                        known.uid = target.uid;
                    }
                }
            }
        }
    }
    all.into_values().map(|(_, target)| target).collect()
}

/// What is pruned once the accepted set is available.
pub fn prune(older: &[SetInventory], accepted: &[ObjectKey]) -> Vec<RemovalTarget> {
    let keep = accepted.iter().map(ObjectKey::identity).collect();
    union(older, &keep)
}

/// Numbers of the sets that name nothing which no set with a higher number names, and that record no object
/// which none of those records: what was recorded last is what proves that an object is ours.
pub fn superseded(sets: &[SetInventory]) -> BTreeSet<u64> {
    let mut newest_first: Vec<&SetInventory> = sets.iter().collect();
    newest_first.sort_by_key(|set| std::cmp::Reverse(set.number));
    // What newer sets name, and whether one of them records it.
    let mut newer: BTreeMap<Identity, bool> = BTreeMap::new();
    let mut superseded = BTreeSet::new();
    for (at, set) in newest_first.into_iter().enumerate() {
        let own: Vec<(Identity, bool)> = set
            .objects
            .iter()
            .map(|(key, _, uid)| (key.identity(), uid.is_some()))
            .collect();
        let is_covered = |(identity, recorded): &(Identity, bool)| {
            newer.get(identity).is_some_and(|too| *too || !recorded)
        };
        if at > 0 && own.iter().all(is_covered) {
            superseded.insert(set.number);
        }
        for (identity, recorded) in own {
            *newer.entry(identity).or_default() |= recorded;
        }
    }
    superseded
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::key::Kind;

    fn key(name: &str) -> ObjectKey {
        ObjectKey::new(Kind::new("", "v1", "ConfigMap"), Some("ns"), name)
    }

    fn named(number: u64, objects: &[(&str, u16, Option<&str>)]) -> SetInventory {
        SetInventory {
            number,
            objects: objects
                .iter()
                .map(|(name, rank, uid)| (key(name), *rank, uid.map(Box::from)))
                .collect(),
        }
    }

    #[test]
    fn only_what_the_accepted_set_does_not_name_is_pruned_in_any_version_of_its_kind() {
        let older = [named(1, &[("a", 0, None), ("b", 1, Some("u"))])];
        let newer_version = ObjectKey::new(Kind::new("", "v2", "ConfigMap"), Some("ns"), "a");
        let pruned = prune(&older, &[newer_version]);
        assert_eq!(pruned.len(), 1);
        assert_eq!((&pruned[0].key, pruned[0].rank), (&key("b"), 1));
    }

    #[test]
    fn a_set_is_superseded_when_newer_ones_together_name_all_that_it_does() {
        let sets = [
            named(3, &[("b", 0, None), ("c", 0, None)]),
            named(1, &[("a", 0, Some("u")), ("b", 0, None)]),
            named(2, &[("a", 0, Some("u")), ("x", 0, None)]),
        ];
        assert_eq!(superseded(&sets), BTreeSet::from([1]));
    }

    #[test]
    fn a_set_that_alone_records_an_object_is_not_superseded() {
        let sets = [
            named(1, &[("a", 0, Some("u"))]),
            named(2, &[("a", 0, None)]),
            named(3, &[("a", 0, None)]),
        ];
        assert_eq!(superseded(&sets), BTreeSet::from([2]));
    }

    #[test]
    fn the_newest_set_that_names_an_object_decides_its_phase_and_uids_are_kept() {
        let sets = [
            named(2, &[("a", 3, None)]),
            named(1, &[("a", 0, Some("u"))]),
        ];
        for sets in [sets.clone(), [sets[1].clone(), sets[0].clone()]] {
            let all = union(&sets, &BTreeSet::new());
            assert_eq!(all.len(), 1);
            assert_eq!((all[0].rank, all[0].uid.as_deref()), (3, Some("u")));
        }
    }
}
