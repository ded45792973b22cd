//! The kinds that the hub watches or lists, and what it reads of an object of each that cannot be decoded.

use serde_json::value::RawValue;
use stevedore_client::decode::part;
use stevedore_crds::condition::{INVALID, READY, STALLED};
use stevedore_crds::v1alpha1::{
    ActionState, ActionTarget, ClusterPackage, Package, PackageAction, PackageLedger,
    PackageReference,
};

use stevedore_hub_core::ports::MemberUid;
use stevedore_proto_core::PackageUid;

use crate::watch::entry::Watched;
use crate::watch::uid::{ActionUid, LedgerUid, RevisionUid};

/// An object of a kind that the hub watches.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum ObjectKey {
    Member(MemberUid),
    Package(PackageUid),
    ClusterPackage(PackageUid),
    Revision(RevisionUid),
    Action(ActionUid),
}

/// Conditions of a package that cannot be read.
const PACKAGE: &[(&str, bool)] = &[(INVALID, true), (READY, false), (STALLED, true)];
/// Conditions of an object that only has the summaries.
const SUMMARIES: &[(&str, bool)] = &[(READY, false), (STALLED, true)];

impl Watched for Package {
    type Uid = PackageUid;
    type Rest = ();
    type Derived = ();
    const CONDITIONS: &'static [(&'static str, bool)] = PACKAGE;

    fn rest(_: &RawValue) -> Self::Rest {}
}

impl Watched for ClusterPackage {
    type Uid = PackageUid;
    type Rest = ();
    type Derived = ();
    const CONDITIONS: &'static [(&'static str, bool)] = PACKAGE;

    fn rest(_: &RawValue) -> Self::Rest {}
}

/// What an action that cannot be read is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ActionRest {
    /// Which package of its namespace, or which cluster package; absent where it may be any.
    pub(crate) target: Option<ActionTarget>,
    /// It ended or was refused, and changes nothing any more.
    pub(crate) is_over: bool,
}

impl Watched for PackageAction {
    type Uid = ActionUid;
    type Rest = ActionRest;
    type Derived = ();
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
    type Uid = LedgerUid;
    /// The package that it is about.
    type Rest = Option<PackageReference>;
    type Derived = ();
    const CONDITIONS: &'static [(&'static str, bool)] = SUMMARIES;

    fn rest(object: &RawValue) -> Self::Rest {
        part(object, &["spec", "package"])
    }
}
