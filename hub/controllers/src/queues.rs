//! The queues of the hub's controllers: one for each, of the keys that it works on.

use std::sync::Arc;

use stevedore_hub_core::ports::MemberUid;
use stevedore_proto_core::PackageUid;

use crate::watch::kinds::ObjectKey;
use crate::watch::queue::Queue;
use crate::watch::uid::RevisionUid;

/// Every queue. Whoever finds that something has to be looked at adds its key; `start` runs the controllers.
#[derive(Debug, Default)]
pub(crate) struct Queues {
    /// Packages whose image may have to be pulled: `package::controller`.
    pub(crate) pull: Arc<Queue<PackageUid>>,
    /// Packages to be planned: `rollout::controller`.
    pub(crate) plan: Arc<Queue<PackageUid>>,
    /// Packages whose status may be another one: `package::status`.
    pub(crate) package_status: Arc<Queue<PackageUid>>,
    /// Packages whose ledger's status may be another one: `rollout::ledger_status`.
    pub(crate) ledger_status: Arc<Queue<PackageUid>>,
    /// Members whose status may be another one: `member::controller`.
    pub(crate) member_status: Arc<Queue<MemberUid>>,
    /// Revisions that may not be the hub's own: `package::foreign_revisions`.
    pub(crate) verify: Arc<Queue<RevisionUid>>,
    /// Objects that cannot be read: `watch::unreadable`.
    pub(crate) unreadable: Arc<Queue<ObjectKey>>,
}

impl Queues {
    /// What a package consists of may be another thing: it is pulled and planned again.
    pub(crate) fn content_changed(&self, package: PackageUid) {
        self.pull.add(package);
        self.plan.add(package);
    }
}
