//! Join tokens: checked, used up, and bound to their `MemberCluster`.

use jiff::Timestamp;
use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::Secret;
use kube::ResourceExt as _;
use kube::api::ListParams;
use serde_json::json;
use stevedore_client::Api;
use stevedore_crds::record;
use stevedore_crds::v1alpha1::MemberCluster;
use stevedore_hub_core::ports::{JoinRefusal, MemberUid, Redemption};
use stevedore_proto_core::join::StoredToken;

use crate::hub::Hub;
use crate::write;

/// Uses up a token. A refusal is also shown on the `MemberCluster` that the token names.
pub(crate) async fn redeem(hub: &Hub, redemption: Redemption) -> Result<MemberUid, JoinRefusal> {
    if !hub.api.leads() {
        return Err(JoinRefusal::NotLeader);
    }
    let members: Api<MemberCluster> = Api::all(hub.api.client.clone());
    let member = members
        .get_opt(&redemption.name)
        .await
        .map_err(unreachable)?;
    let Some(member) = member.filter(|member| member.metadata.deletion_timestamp.is_none()) else {
        return Err(JoinRefusal::TokenForeign);
    };
    let result = {
        let _joining = hub.members.joining().await;
        attempt(hub, &members, &member, &redemption).await
    };
    match &result {
        Ok(_) => {
            if let Some(sessions) = hub.sessions() {
                sessions.members_changed();
            }
            hub.plan_all();
            let note = format!("cluster {} joined", redemption.cluster);
            hub.api.event(&member, false, "Joined", note).await;
        }
        Err(refusal) => {
            // Somebody who only knows a name must not be able to change how a joined member looks; it may have
            // joined since it was read.
            let uid = member_uid(&member)?;
            let now = hub.members.get(&uid);
            if now.is_none_or(|now| now.spec.cluster_uid.is_none())
                && member.spec.cluster_uid.is_none()
            {
                hub.members.refuse(&uid, (*refusal).into());
                hub.queues.member_status.add(uid);
            }
            // Without a token nobody makes the hub write: names are easily guessed.
            if *refusal != JoinRefusal::TokenForeign {
                hub.api
                    .event(&member, true, refusal.as_str(), refusal.to_string())
                    .await;
            }
        }
    }
    result
}

async fn attempt(
    hub: &Hub,
    members: &Api<MemberCluster>,
    member: &MemberCluster,
    redemption: &Redemption,
) -> Result<MemberUid, JoinRefusal> {
    let secrets: Api<Secret> = hub.api.system();
    let name = record::join_token(&redemption.name);
    let secret = secrets
        .get_opt(&name)
        .await
        .map_err(unreachable)?
        .filter(|secret| secret.type_.as_deref() == Some(record::JOIN_TOKEN_TYPE))
        .ok_or(JoinRefusal::TokenForeign)?;
    let uid = member_uid(member)?;
    let user = format!("{}/{uid}", redemption.cluster);
    let standing = check(&secret, redemption, &user, Timestamp::now().as_second())?;
    let cluster = redemption.cluster.to_string();
    // From the API server: the watch of a hub that leads since a moment ago may be behind what the one before bound,
    // and a cluster that got two names keeps them.
    let all = members.list_readable(&ListParams::default()).await;
    let (all, _) = all.map_err(unreachable)?;
    // As it is now: another call may have bound it since it was read.
    let mut current = all.iter();
    let current = current.find(|one| one.metadata.uid == member.metadata.uid);
    let member = current.ok_or(JoinRefusal::NotLoaded)?;
    if member.spec.accepted == Some(false) {
        return Err(JoinRefusal::NotAccepted);
    }
    let connected = hub.fleet.contact_of(&redemption.cluster).connected;
    if hub
        .members
        .snapshot()
        .may_be_unreadable(&redemption.cluster)
    {
        // It may be a member under a name that cannot be read.
        tracing::warn!(
            cluster = %redemption.cluster,
            "nobody joins while a MemberCluster cannot be read that may be this cluster's; its conditions say why"
        );
        return Err(JoinRefusal::NotLoaded);
    }
    if is_taken(&all, member, &cluster, connected) {
        return Err(JoinRefusal::AlreadyJoined);
    }
    match standing {
        Standing::Fresh => use_up(&secrets, secret, user).await?,
        // Its join ended between its two writes: only the second is missing.
        Standing::Begun if member.spec.cluster_uid.is_none() => {}
        Standing::Begun => return Err(JoinRefusal::TokenUsed),
    }
    bind(hub, members, member, &cluster).await?;
    Ok(uid)
}

/// Writes into a `MemberCluster` which cluster it is. Not guarded by the version: a status written meanwhile would
/// refuse the join after its token is spent. The API server refuses a second, different UID by itself.
async fn bind(
    hub: &Hub,
    members: &Api<MemberCluster>,
    member: &MemberCluster,
    cluster: &str,
) -> Result<(), JoinRefusal> {
    let operation = json!({"op": "add", "path": "/spec/clusterUID", "value": cluster});
    let patch = write::guarded(write::uid(member), vec![operation]).map_err(unreachable)?;
    let (name, parameters) = (member.name_any(), write::parameters());
    let bound = members.patch(&name, &parameters, &patch).await;
    hub.members.apply(bound.map_err(unreachable)?);
    Ok(())
}

/// Whether the cluster is a member under another name, or the name is another cluster's. A cluster may join again
/// under its own: that is how one comes back whose certificate expired too long ago to be exchanged. One with a
/// session has no need to: a token that was left over would make a second identity of it.
fn is_taken(all: &[MemberCluster], member: &MemberCluster, cluster: &str, connected: bool) -> bool {
    all.iter().any(|other| {
        let is_cluster = other.spec.cluster_uid.as_deref() == Some(cluster);
        match other.metadata.uid == member.metadata.uid {
            true => other.spec.cluster_uid.is_some() && (connected || !is_cluster),
            false => is_cluster,
        }
    })
}

fn member_uid(member: &MemberCluster) -> Result<MemberUid, JoinRefusal> {
    write::uid(member)
        .parse()
        .map_err(|_| JoinRefusal::NotLoaded)
}

/// How far a good token was used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Standing {
    Fresh,
    /// By this very cluster, to become this very member.
    Begun,
}

fn check(
    secret: &Secret,
    redemption: &Redemption,
    user: &str,
    now: i64,
) -> Result<Standing, JoinRefusal> {
    let data = secret.data.as_ref();
    let stored: StoredToken = data
        .and_then(|data| data.get(record::JOIN_TOKEN))
        .and_then(|bytes| serde_json::from_slice(&bytes.0).ok())
        .ok_or(JoinRefusal::TokenForeign)?;
    if stored.cluster != redemption.name || !stored.matches(&redemption.secret) {
        return Err(JoinRefusal::TokenForeign);
    }
    let used = data.and_then(|data| data.get(record::JOIN_TOKEN_USED));
    if used.is_some_and(|by| by.0 != user.as_bytes()) {
        return Err(JoinRefusal::TokenUsed);
    }
    if stored.is_expired(now) {
        return Err(JoinRefusal::TokenExpired);
    }
    Ok(match used {
        Some(_) => Standing::Begun,
        None => Standing::Fresh,
    })
}

/// Marks the token used by this user; of several that try at once, one succeeds.
async fn use_up(
    secrets: &Api<Secret>,
    mut secret: Secret,
    user: String,
) -> Result<(), JoinRefusal> {
    secret.data.get_or_insert_default().insert(
        record::JOIN_TOKEN_USED.to_owned(),
        ByteString(user.into_bytes()),
    );
    let name = secret.name_any();
    let replaced = secrets.replace(&name, &write::creation(), &secret).await;
    replaced.map(drop).map_err(unreachable)
}

/// The agent asks again. So it does after a conflict: whether the token was used by then, or only labelled, the next
/// look at it says.
fn unreachable(error: kube::Error) -> JoinRefusal {
    tracing::warn!(error = write::words(&error), "a join could not be checked");
    JoinRefusal::NotLoaded
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use stevedore_crds::v1alpha1::MemberClusterSpec;
    use stevedore_proto_core::join::{JoinSecret, JoinToken};
    use stevedore_proto_core::{ClusterUid, Digest};

    use super::*;

    fn secret(expires: i64, used: Option<&str>) -> Secret {
        let token = JoinToken {
            cluster: "east".parse().unwrap(),
            secret: JoinSecret::from_bytes([7; 32]),
            ca: Digest::of(b"ca"),
            addresses: vec![],
        };
        let stored = serde_json::to_vec(&token.stored(Digest::of(b"salt"), expires)).unwrap();
        let mut data = BTreeMap::from([(record::JOIN_TOKEN.to_owned(), ByteString(stored))]);
        if let Some(by) = used {
            let by = ByteString(by.as_bytes().to_vec());
            data.insert(record::JOIN_TOKEN_USED.to_owned(), by);
        }
        Secret {
            data: Some(data),
            ..Secret::default()
        }
    }

    fn redemption(name: &str, byte: u8) -> Redemption {
        Redemption {
            name: name.parse().unwrap(),
            secret: JoinSecret::from_bytes([byte; 32]),
            cluster: ClusterUid::from_bytes([1; 16]),
        }
    }

    #[test]
    fn a_cluster_may_join_again_as_itself_and_as_nobody_else() {
        let member = |uid: &str, cluster: Option<&str>| {
            let spec = MemberClusterSpec {
                cluster_uid: cluster.map(str::to_owned),
                ..MemberClusterSpec::default()
            };
            let mut member = MemberCluster::new(uid, spec);
            member.metadata.uid = Some(uid.to_owned());
            member
        };
        let all = [
            member("own", Some("a")),
            member("other", Some("b")),
            member("free", None),
        ];
        let taken = |at: usize, cluster| is_taken(&all, &all[at], cluster, false);
        assert!(!taken(0, "a") && !taken(2, "c"));
        assert!(taken(0, "c"), "the name is another cluster's");
        assert!(taken(2, "a"), "the cluster has another name");
        assert!(is_taken(&all, &all[0], "a", true), "it has a session");
    }

    #[test]
    fn a_token_is_good_once_for_its_name_and_until_its_end() {
        let good = redemption("east", 7);
        assert_eq!(
            check(&secret(100, None), &good, "user", 99),
            Ok(Standing::Fresh)
        );
        assert_eq!(
            check(&secret(100, None), &good, "user", 100),
            Err(JoinRefusal::TokenExpired)
        );
        // One request of this cluster was lost on the way: it may finish, nobody else may.
        let begun = secret(100, Some("user"));
        assert_eq!(check(&begun, &good, "user", 99), Ok(Standing::Begun));
        let other = secret(100, Some("other"));
        assert_eq!(
            check(&other, &good, "user", 99),
            Err(JoinRefusal::TokenUsed)
        );
        assert_eq!(
            check(&secret(100, None), &redemption("west", 7), "user", 99),
            Err(JoinRefusal::TokenForeign)
        );
        assert_eq!(
            check(&secret(100, None), &redemption("east", 8), "user", 99),
            Err(JoinRefusal::TokenForeign)
        );
        assert_eq!(
            check(&Secret::default(), &good, "user", 99),
            Err(JoinRefusal::TokenForeign)
        );
    }
}
