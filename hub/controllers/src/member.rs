//! Member clusters: joining, what they report, and the status of their `MemberCluster`s.

pub(crate) mod admission;
pub(crate) mod controller;
pub(crate) mod enrolment;
pub(crate) mod members;
pub(crate) mod membership;
pub(crate) mod note;
pub(crate) mod orphans;
pub(crate) mod reports;
pub(crate) mod status;
