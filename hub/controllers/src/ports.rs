//! The hub as its sessions see it.

use std::sync::{Arc, PoisonError};

use kube::ResourceExt as _;
use stevedore_hub_core::ports::{
    ContentError, Enrolments, JoinRefusal, MemberUid, Members, Orders, Pending, Redemption, Reports,
};
use stevedore_hub_core::session::{ClusterOrders, Report};
use stevedore_proto_core::message::{Close, CloseReason};
use stevedore_proto_core::{ClusterUid, Digest, Leadership};
use tokio::time::Instant;

use crate::hub::{Hub, lock};
use crate::member::enrolment;
use crate::package::content;

/// Time after which an agent that was turned away tries again, in milliseconds.
const RETRY: u64 = 2_000;
/// The same where only an operator can change the answer.
const RETRY_LATE: u64 = 60_000;

fn close(reason: CloseReason, message: &str, retry_after: u64) -> Close {
    Close {
        reason,
        message: message.to_owned(),
        retry_after,
        redirect: None,
    }
}

impl Members for Hub {
    fn admit(&self, cluster: ClusterUid, member: MemberUid) -> Result<(), Close> {
        if self.leader.current().is_none() {
            return Err(close(
                CloseReason::NotLeader,
                "this hub replica does not lead",
                RETRY,
            ));
        }
        if lock(&self.recess).is_some_and(|until| Instant::now() < until) {
            return Err(close(CloseReason::GoingAway, "the epoch was raised", RETRY));
        }
        let loaded = {
            let desired = self.desired.read().unwrap_or_else(PoisonError::into_inner);
            desired
                .as_ref()
                .is_some_and(|desired| desired.of(&cluster).is_some())
        };
        if !loaded {
            return Err(close(
                CloseReason::NotLoaded,
                "the hub has not finished loading",
                RETRY,
            ));
        }
        let revoked = |message: &str| Err(close(CloseReason::Revoked, message, RETRY_LATE));
        let Some(found) = self.members.get(&member.to_string()) else {
            if self.members.contains(&member.to_string()) {
                let message =
                    "the MemberCluster of this certificate cannot be read; its conditions say why";
                return Err(close(CloseReason::NotLoaded, message, RETRY_LATE));
            }
            return revoked(
                "the MemberCluster of this certificate is gone; join the cluster again",
            );
        };
        if found.metadata.deletion_timestamp.is_some() {
            return revoked("the MemberCluster of this certificate is being deleted");
        }
        if found.spec.cluster_uid.as_deref() != Some(&cluster.to_string()) {
            return revoked("the certificate is another cluster's");
        }
        if found.spec.accepted == Some(false) {
            let message = format!(
                "spec.accepted of MemberCluster {} is false",
                found.name_any()
            );
            return Err(close(CloseReason::NotAccepted, &message, RETRY_LATE));
        }
        Ok(())
    }
}

impl Enrolments for Hub {
    fn redeem(&self, redemption: Redemption) -> Pending<'_, Result<MemberUid, JoinRefusal>> {
        Box::pin(enrolment::redeem(self, redemption))
    }
}

impl Orders for Hub {
    fn of(&self, cluster: ClusterUid) -> Option<Arc<ClusterOrders>> {
        let desired = self.desired.read().unwrap_or_else(PoisonError::into_inner);
        desired.as_ref()?.of(&cluster)
    }

    fn leadership(&self) -> Option<Leadership> {
        self.leader.current()
    }

    fn content(&self, digest: Digest) -> Pending<'_, Result<Arc<[u8]>, ContentError>> {
        Box::pin(content::bytes(self, digest))
    }
}

impl Reports for Hub {
    fn report(&self, cluster: ClusterUid, member: MemberUid, report: Report) {
        let member = member.to_string();
        // The end of a forgotten member says nothing about the same cluster under its new one.
        if !self.members.contains(&member) && self.member_of(&cluster).is_some() {
            return;
        }
        self.take_report(cluster, &member, &report);
    }
}
