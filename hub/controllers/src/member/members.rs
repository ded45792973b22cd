//! Members at one moment: who has joined, kept beside the index of `MemberCluster`s and changed along with it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::Timestamp;
use kube::ResourceExt as _;
use serde::de::IgnoredAny;
use serde_json::value::RawValue;
use stevedore_client::decode::part;
use stevedore_crds::condition::{HEALTHY, READY, STALLED};
use stevedore_crds::v1alpha1::MemberCluster;
use stevedore_hub_core::placement;
use stevedore_hub_core::ports::MemberUid;
use stevedore_hub_core::status::Names;
use stevedore_proto_core::ClusterUid;

use crate::watch::entry::{Derived, Entry, Watched};

/// A member that has joined and is not being forgotten.
#[derive(Debug)]
pub(crate) struct Joined {
    pub(crate) uid: MemberUid,
    /// As a placement sees it.
    pub(crate) member: placement::Member,
    pub(crate) object: Arc<MemberCluster>,
}

/// Which cluster a `MemberCluster` is, where the rest of it cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cluster {
    /// None has joined under this name.
    None,
    /// This one.
    Joined(ClusterUid),
    /// It may be any.
    Unknown,
}

/// Orders those that have joined by cluster, and those of one cluster by the age and UID of their `MemberCluster`.
type JoinedKey = (ClusterUid, Timestamp, MemberUid);

/// The members at one moment.
///
/// Nothing keeps users from giving two `MemberCluster`s one cluster's UID: the oldest of them is the member, the next
/// one is when that goes.
#[derive(Debug, Clone, Default)]
pub(crate) struct Members {
    joined: BTreeMap<JoinedKey, Arc<Joined>>,
    /// Clusters whose `MemberCluster` is being deleted, by UID of that.
    ending: BTreeMap<MemberUid, ClusterUid>,
    /// Clusters whose `MemberCluster` cannot be read, by UID of that.
    unreadable: BTreeMap<MemberUid, Cluster>,
}

impl Members {
    /// Members that have joined and are not being forgotten.
    pub(crate) fn joined(&self) -> impl Iterator<Item = &Arc<Joined>> {
        let mut before = None;
        let joined = self.joined.iter();
        let first =
            joined.filter(move |((cluster, ..), _)| before.replace(cluster) != Some(cluster));
        first.map(|(_, joined)| joined)
    }

    /// How many `MemberCluster`s have joined.
    pub(crate) fn len(&self) -> usize {
        self.joined.len()
    }

    /// Those of them that are being emptied.
    pub(crate) fn leaving(&self) -> impl Iterator<Item = &Arc<Joined>> {
        self.joined().filter(|joined| joined.member.leaving)
    }

    /// One of them.
    pub(crate) fn get(&self, cluster: &ClusterUid) -> Option<&Arc<Joined>> {
        let least = (*cluster, Timestamp::MIN, MemberUid::from_bytes([0; 16]));
        let ((found, ..), joined) = self.joined.range(least..).next()?;
        (found == cluster).then_some(joined)
    }

    /// Clusters of these that have joined, in order of their UIDs.
    pub(crate) fn clusters(&self) -> BTreeSet<ClusterUid> {
        self.joined.keys().map(|(cluster, ..)| *cluster).collect()
    }

    /// Whether a `MemberCluster` that can be read is this cluster's.
    pub(crate) fn contains(&self, cluster: &ClusterUid) -> bool {
        self.get(cluster).is_some() || self.ending.values().any(|it| it == cluster)
    }

    /// Whether a `MemberCluster` that cannot be read is, or may be, this cluster's.
    pub(crate) fn may_be_unreadable(&self, cluster: &ClusterUid) -> bool {
        let mut unreadable = self.unreadable.values();
        unreadable.any(|it| matches!(it, Cluster::Unknown) || *it == Cluster::Joined(*cluster))
    }

    /// Whether a `MemberCluster` is, or may be, this cluster's.
    pub(crate) fn may_contain(&self, cluster: &ClusterUid) -> bool {
        self.contains(cluster) || self.may_be_unreadable(cluster)
    }

    fn put(&mut self, object: &Arc<MemberCluster>) {
        let (Some(uid), Some(cluster)) = (object.uid_of(), cluster_of(object)) else {
            return;
        };
        if object.metadata.deletion_timestamp.is_some() {
            self.ending.insert(uid, cluster);
            return;
        }
        let member = placement::Member {
            cluster,
            name: object.name_any(),
            labels: object.metadata.labels.clone().unwrap_or_default(),
            leaving: object.spec.leaving,
            held: object.spec.hold.is_some(),
        };
        let joined = Joined {
            uid,
            member,
            object: Arc::clone(object),
        };
        let key = joined_key(object, uid, cluster);
        self.joined.insert(key, Arc::new(joined));
    }

    fn take(&mut self, object: &MemberCluster) {
        let (Some(uid), Some(cluster)) = (object.uid_of(), cluster_of(object)) else {
            return;
        };
        self.ending.remove(&uid);
        self.joined.remove(&joined_key(object, uid, cluster));
    }
}

fn joined_key(object: &MemberCluster, uid: MemberUid, cluster: ClusterUid) -> JoinedKey {
    let created = object.metadata.creation_timestamp.as_ref();
    let created = created.map_or(Timestamp::MIN, |created| created.0);
    (cluster, created, uid)
}

impl Names for Members {
    fn name_of(&self, cluster: &ClusterUid) -> Option<&str> {
        Some(&self.get(cluster)?.member.name)
    }
}

impl Derived<MemberCluster> for Members {
    fn put(&mut self, entry: &Entry<MemberCluster>) {
        match entry {
            Entry::Readable(object) => self.put(object),
            Entry::Unreadable(found) => {
                self.unreadable.insert(found.uid, found.rest);
            }
        }
    }

    fn take(&mut self, entry: &Entry<MemberCluster>) {
        match entry {
            Entry::Readable(object) => self.take(object),
            Entry::Unreadable(found) => {
                self.unreadable.remove(&found.uid);
            }
        }
    }
}

impl Watched for MemberCluster {
    type Uid = MemberUid;
    type Rest = Cluster;
    type Derived = Members;
    const CONDITIONS: &'static [(&'static str, bool)] =
        &[(HEALTHY, false), (READY, false), (STALLED, true)];

    fn rest(object: &RawValue) -> Cluster {
        let Some(spec) = part::<BTreeMap<String, IgnoredAny>>(object, &["spec"]) else {
            return Cluster::Unknown;
        };
        if !spec.contains_key("clusterUID") {
            return Cluster::None;
        }
        let uid: Option<String> = part(object, &["spec", "clusterUID"]);
        let uid = uid.and_then(|uid| uid.parse().ok());
        uid.map_or(Cluster::Unknown, Cluster::Joined)
    }
}

/// The cluster that has joined under a `MemberCluster`, if any.
pub(crate) fn cluster_of(object: &MemberCluster) -> Option<ClusterUid> {
    object.spec.cluster_uid.as_deref()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
    use serde_json::json;
    use stevedore_crds::v1alpha1::MemberClusterSpec;

    use crate::watch::index::Index;

    use super::*;

    const EAST: ClusterUid = ClusterUid::from_bytes([1; 16]);
    const WEST: ClusterUid = ClusterUid::from_bytes([2; 16]);
    const UIDS: [MemberUid; 2] = [
        MemberUid::from_bytes([3; 16]),
        MemberUid::from_bytes([4; 16]),
    ];

    fn member(uid: MemberUid, version: u64, cluster: ClusterUid) -> MemberCluster {
        let spec = MemberClusterSpec {
            cluster_uid: Some(cluster.to_string()),
            ..MemberClusterSpec::default()
        };
        let mut member = MemberCluster::new(&uid.short(), spec);
        member.metadata.uid = Some(uid.to_string());
        member.metadata.resource_version = Some(version.to_string());
        member
    }

    #[test]
    fn a_snapshot_stays_as_it_was_and_shares_with_the_next_one_whoever_did_not_change() {
        let index = Index::default();
        index.apply(member(UIDS[0], 1, EAST));
        index.apply(member(UIDS[1], 1, WEST));
        let first = index.derived();
        assert!(Arc::ptr_eq(&first, &index.derived()));
        index.apply(member(UIDS[1], 2, WEST));
        let second = index.derived();
        let same = |cluster| {
            let both = first.get(cluster).zip(second.get(cluster));
            both.is_some_and(|(first, second)| Arc::ptr_eq(first, second))
        };
        assert!(same(&EAST) && !same(&WEST));
        index.delete(&UIDS[1]);
        assert_eq!(second.joined().count(), 2);
        assert_eq!(index.derived().joined().count(), 1);
    }

    #[test]
    fn a_member_that_is_being_deleted_has_not_joined_and_is_not_gone() {
        let index = Index::default();
        index.apply(member(UIDS[0], 1, EAST));
        let mut east = member(UIDS[0], 2, EAST);
        east.metadata.deletion_timestamp = Some(Time(Timestamp::UNIX_EPOCH));
        index.apply(east);
        let members = index.derived();
        assert!(members.get(&EAST).is_none() && members.contains(&EAST));
        assert!(!members.may_contain(&WEST));
        index.delete(&UIDS[0]);
        assert!(!index.derived().contains(&EAST));
    }

    /// Three of EAST, the last two of one age, and one of WEST.
    fn four() -> [MemberCluster; 4] {
        let made = |at: u8, seconds, cluster| {
            let mut made = member(MemberUid::from_bytes([at; 16]), 1, cluster);
            let created = Timestamp::from_second(seconds).unwrap();
            made.metadata.creation_timestamp = Some(Time(created));
            made
        };
        [
            made(9, 100, EAST),
            made(7, 200, EAST),
            made(8, 200, EAST),
            made(6, 300, WEST),
        ]
    }

    #[test]
    fn of_those_that_name_one_cluster_the_oldest_is_its_member_in_whatever_order_they_come_and_go()
    {
        let all = four();
        // In order of age and UID.
        let ranked = [(EAST, 0), (EAST, 1), (EAST, 2), (WEST, 3)];
        for order in 0..4_usize.pow(6) {
            let (mut members, mut there) = (Members::default(), [false; 4]);
            for step in 0..6 {
                let at = order / 4_usize.pow(step) % 4;
                there[at] = !there[at];
                match there[at] {
                    true => Members::put(&mut members, &Arc::new(all[at].clone())),
                    false => Members::take(&mut members, &all[at]),
                }
                let expected = [EAST, WEST].map(|cluster| {
                    let mut holders = ranked
                        .iter()
                        .filter(|(of, at)| *of == cluster && there[*at]);
                    holders.next().and_then(|(_, at)| all[*at].uid_of())
                });
                let found = [EAST, WEST].map(|cluster| Some(members.get(&cluster)?.uid));
                assert_eq!(found, expected, "{there:?}");
                let joined: Vec<_> = members.joined().map(|joined| joined.uid).collect();
                assert_eq!(joined, expected.into_iter().flatten().collect::<Vec<_>>());
                assert_eq!(members.clusters().len(), joined.len());
            }
        }
    }

    #[test]
    fn a_member_that_cannot_be_read_is_known_by_its_cluster_where_that_can_be() {
        let uid = "0b5e0e5c-7d3f-4b8e-9a3e-5a7c1b2d3e4f";
        let deep = (0..200).fold(json!(1), |inner, _| json!([inner]));
        for (spec, expected) in [
            (json!({"leaving": "x"}), Cluster::None),
            (
                json!({"clusterUID": uid, "leaving": "x"}),
                Cluster::Joined(uid.parse().unwrap()),
            ),
            (
                json!({"clusterUID": uid, "leaving": deep}),
                Cluster::Joined(uid.parse().unwrap()),
            ),
            (json!({"clusterUID": 7}), Cluster::Unknown),
            (json!({"clusterUID": "x"}), Cluster::Unknown),
            (json!({"leaving": deep}), Cluster::None),
            (json!("x"), Cluster::Unknown),
        ] {
            let object = serde_json::value::to_raw_value(&json!({"spec": spec})).unwrap();
            assert_eq!(MemberCluster::rest(&object), expected);
        }
    }
}
