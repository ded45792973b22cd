//! The kinds that the hub watches or lists, and what it reads of an object of each that cannot be decoded.

use std::collections::BTreeMap;

use serde::de::IgnoredAny;
use serde_json::value::RawValue;
use stevedore_client::decode::part;
use stevedore_crds::condition::{HEALTHY, INVALID, READY, STALLED};
use stevedore_crds::v1alpha1::{
    ActionState, ActionTarget, ClusterPackage, MemberCluster, Package, PackageAction,
    PackageLedger, PackageReference, PackageRevision,
};
use stevedore_proto_core::ClusterUid;

use crate::watch::entry::Watched;

/// Conditions of a package that cannot be read.
const PACKAGE: &[(&str, bool)] = &[(INVALID, true), (READY, false), (STALLED, true)];
/// Conditions of an object that only has the summaries.
const SUMMARIES: &[(&str, bool)] = &[(READY, false), (STALLED, true)];

impl Watched for Package {
    type Rest = ();
    const CONDITIONS: &'static [(&'static str, bool)] = PACKAGE;

    fn rest(_: &RawValue) -> Self::Rest {}
}

impl Watched for ClusterPackage {
    type Rest = ();
    const CONDITIONS: &'static [(&'static str, bool)] = PACKAGE;

    fn rest(_: &RawValue) -> Self::Rest {}
}

/// Which cluster a `MemberCluster` is, where the rest of it cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cluster {
    /// None has joined under this name.
    None,
    /// This one.
    Joined(ClusterUid),
    /// It may be any.
    Unknown,
}

impl Watched for MemberCluster {
    type Rest = Cluster;
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

impl Watched for PackageRevision {
    /// Names of its content Secrets.
    type Rest = Option<Vec<String>>;
    const CONDITIONS: &'static [(&'static str, bool)] = &[];

    fn rest(object: &RawValue) -> Self::Rest {
        part(object, &["spec", "contentSecrets"])
    }
}

/// What an action that cannot be read is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ActionRest {
    /// Which package of its namespace, or which cluster package; absent where it may be any.
    pub target: Option<ActionTarget>,
    /// It ended or was refused, and changes nothing any more.
    pub is_over: bool,
}

impl Watched for PackageAction {
    type Rest = ActionRest;
    const CONDITIONS: &'static [(&'static str, bool)] = SUMMARIES;

    fn rest(object: &RawValue) -> ActionRest {
        let state: Option<ActionState> = part(object, &["status", "state"]);
        ActionRest {
            target: part(object, &["spec", "package"]),
            is_over: matches!(state, Some(ActionState::Ended | ActionState::Refused)),
        }
    }
}

impl Watched for PackageLedger {
    /// The package that it is about.
    type Rest = Option<PackageReference>;
    const CONDITIONS: &'static [(&'static str, bool)] = SUMMARIES;

    fn rest(object: &RawValue) -> Self::Rest {
        part(object, &["spec", "package"])
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

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
