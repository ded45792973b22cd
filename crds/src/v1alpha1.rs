//! Version `v1alpha1` of every kind.

#![expect(
    unreachable_pub,
    reason = "deriving KubeSchema repeats each type inside a function"
)]

mod member_cluster;
mod member_policy;
mod object_deployment;
mod object_set;
mod object_set_template;
mod package;
mod package_action;
mod package_ledger;
mod package_revision;
mod rollout;
mod selector;

pub use member_cluster::*;
pub use member_policy::*;
pub use object_deployment::*;
pub use object_set::*;
pub use object_set_template::*;
pub use package::*;
pub use package_action::*;
pub use package_ledger::*;
pub use package_revision::*;
pub use rollout::*;
pub use selector::*;
