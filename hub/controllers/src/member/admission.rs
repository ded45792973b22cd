//! Admission of members: decides by the `MemberCluster` whether the holder of a certificate may take part.
//!
//! This, and not the end of a certificate, is how a member is revoked. It is asked for every connection, stream and
//! call, and again while they are open.

use kube::ResourceExt as _;
use stevedore_crds::v1alpha1::MemberCluster;
use stevedore_proto_core::ClusterUid;
use stevedore_proto_core::message::{Close, CloseReason};

/// Time after which an agent tries again where only an operator can change the answer, in milliseconds.
pub(crate) const RETRY_LATE: u64 = 60_000;

/// Whether the cluster may take part as the `MemberCluster` that its certificate names; `found` is the one with that
/// UID.
///
/// # Errors
/// `Revoked` or `NotAccepted`, with words for the agent's log.
pub(crate) fn admit(cluster: ClusterUid, found: Option<&MemberCluster>) -> Result<(), Close> {
    let refuse = |reason, message| Err(Close::new(reason, message, RETRY_LATE));
    let revoked = |message: &str| refuse(CloseReason::Revoked, message.to_owned());
    let Some(found) = found else {
        return revoked("the MemberCluster of this certificate is gone; join the cluster again");
    };
    if found.metadata.deletion_timestamp.is_some() {
        return revoked("the MemberCluster of this certificate is being deleted");
    }
    if found.spec.cluster_uid.as_deref() != Some(&cluster.to_string()) {
        return revoked("the certificate is another cluster's");
    }
    if found.spec.accepted == Some(false) {
        let name = found.name_any();
        let message = format!("spec.accepted of MemberCluster {name} is false");
        return refuse(CloseReason::NotAccepted, message);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
    use stevedore_crds::v1alpha1::MemberClusterSpec;

    use super::*;

    const CLUSTER: ClusterUid = ClusterUid::from_bytes([5; 16]);

    fn member(change: impl FnOnce(&mut MemberCluster)) -> MemberCluster {
        let spec = MemberClusterSpec {
            cluster_uid: Some(CLUSTER.to_string()),
            ..MemberClusterSpec::default()
        };
        let mut member = MemberCluster::new("east", spec);
        change(&mut member);
        member
    }

    fn reason(member: Option<&MemberCluster>) -> Option<CloseReason> {
        admit(CLUSTER, member).err().map(|close| close.reason)
    }

    #[test]
    fn only_a_member_that_exists_is_accepted_and_names_the_cluster_takes_part() {
        assert_eq!(reason(Some(&member(|_| {}))), None);
        let accepted = member(|member| member.spec.accepted = Some(true));
        assert_eq!(reason(Some(&accepted)), None);
        assert_eq!(reason(None), Some(CloseReason::Revoked));
        let refused = member(|member| member.spec.accepted = Some(false));
        assert_eq!(reason(Some(&refused)), Some(CloseReason::NotAccepted));
        let deleted = Some(Time(jiff::Timestamp::UNIX_EPOCH));
        for revoked in [
            member(|member| member.metadata.deletion_timestamp = deleted),
            member(|member| member.spec.cluster_uid = None),
            member(|member| member.spec.cluster_uid = Some("another".to_owned())),
        ] {
            assert_eq!(reason(Some(&revoked)), Some(CloseReason::Revoked));
        }
    }
}
