//! The hub as its sessions see it.

use std::sync::Arc;

use stevedore_hub_core::ports::{
    ContentError, Enrolments, JoinRefusal, MemberUid, Members, Orders, Pending, Redemption, Reports,
};
use stevedore_hub_core::session::{ClusterOrders, Report};
use stevedore_proto_core::message::{Close, CloseReason};
use stevedore_proto_core::{ClusterUid, Digest, Leadership};

use crate::hub::Hub;
use crate::member::{admission, enrolment, reports};
use crate::package::content;

/// Time after which an agent that was turned away tries again, in milliseconds.
const RETRY: u64 = 2_000;

impl Members for Hub {
    fn admit(&self, cluster: ClusterUid, member: MemberUid) -> Result<(), Close> {
        if !self.api.leads() {
            return Err(Close::new(
                CloseReason::NotLeader,
                "this hub replica does not lead",
                RETRY,
            ));
        }
        if self.api.leader.is_admission_paused() {
            return Err(Close::new(
                CloseReason::GoingAway,
                "the epoch was raised",
                RETRY,
            ));
        }
        if !self.orders.is_loaded() {
            return Err(Close::new(
                CloseReason::NotLoaded,
                "the hub has not finished loading",
                RETRY,
            ));
        }
        let found = self.members.get(&member);
        if found.is_none() && self.members.contains(&member) {
            let message =
                "the MemberCluster of this certificate cannot be read; its conditions say why";
            return Err(Close::new(
                CloseReason::NotLoaded,
                message,
                admission::RETRY_LATE,
            ));
        }
        admission::admit(cluster, found.as_deref())
    }
}

impl Enrolments for Hub {
    fn redeem(&self, redemption: Redemption) -> Pending<'_, Result<MemberUid, JoinRefusal>> {
        Box::pin(enrolment::redeem(self, redemption))
    }
}

impl Orders for Hub {
    fn of(&self, cluster: ClusterUid) -> Option<Arc<ClusterOrders>> {
        self.orders.of(&cluster)
    }

    fn leadership(&self) -> Option<Leadership> {
        self.api.leader.current()
    }

    fn content(&self, digest: Digest) -> Pending<'_, Result<Arc<[u8]>, ContentError>> {
        Box::pin(content::bytes(self, digest))
    }
}

impl Reports for Hub {
    fn report(&self, cluster: ClusterUid, member: MemberUid, report: Report) {
        // What a forgotten member says is not about the same cluster under its new one.
        let is_end = matches!(report, Report::Lost);
        if !is_end && !self.members.contains(&member) && self.members.snapshot().contains(&cluster)
        {
            return;
        }
        reports::take(self, cluster, member, &report);
    }
}
