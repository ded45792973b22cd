//! One package on one cluster: what the hub ordered, and what was reported of it, out of packed ledger rows.

use std::collections::BTreeMap;
use std::fmt;

use anyhow::Context as _;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::ResourceExt as _;
use serde::Serialize;
use stevedore_crds::condition;
use stevedore_crds::v1alpha1::{MemberCluster, PackageLedger};
use stevedore_proto_core::Reason;
use stevedore_proto_core::ledger::{ObservedRow, ObservedState, Row, decode, decode_observed};

/// What is known of one package on one cluster.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Deployment {
    /// Name of the MemberCluster, or the UID of a cluster that has none any more.
    pub(crate) cluster: String,
    /// Number of the order that the cluster was given last.
    pub(crate) number: i64,
    /// Revision that was ordered; of a removal, the one that is torn down.
    pub(crate) revision: i64,
    /// How far the cluster was seen to be with that order.
    pub(crate) state: State,
    /// Whether the cluster can be asked now: if not, it may be elsewhere by now.
    pub(crate) online: bool,
}

/// How far an order is; the names are what people read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub(crate) enum State {
    Ordered,
    Received,
    Applied,
    Available,
    Failing,
    /// The cluster does not take the order.
    Refused,
    /// The cluster holds something newer, and does nothing.
    Frozen,
    Removing,
    Removed,
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

impl Deployment {
    pub(crate) const HEADER: [&str; 5] = ["cluster", "order", "revision", "state", "online"];

    pub(crate) fn cells(&self) -> Vec<String> {
        vec![
            self.cluster.clone(),
            self.number.to_string(),
            self.revision.to_string(),
            self.state.to_string(),
            self.online.to_string(),
        ]
    }
}

/// The rows of these ledgers, by name of the cluster.
///
/// # Errors
/// When a ledger cannot be read; the message names it.
pub(crate) fn deployments<'a>(
    ledgers: impl IntoIterator<Item = &'a PackageLedger>,
    members: &[MemberCluster],
) -> anyhow::Result<Vec<Deployment>> {
    let members: BTreeMap<_, _> = members
        .iter()
        .filter_map(|member| Some((member.spec.cluster_uid.as_deref()?, member)))
        .collect();
    let mut all = Vec::new();
    for ledger in ledgers {
        let rows = of_shard(ledger, &members)
            .with_context(|| format!("cannot read ledger {}", ledger.name_any()))?;
        all.extend(rows);
    }
    all.sort_by(|one, other| one.cluster.cmp(&other.cluster));
    Ok(all)
}

fn of_shard(
    ledger: &PackageLedger,
    members: &BTreeMap<&str, &MemberCluster>,
) -> anyhow::Result<Vec<Deployment>> {
    let spec = &ledger.spec;
    let rows = decode(&STANDARD.decode(&spec.rows)?, spec.contents.len())?;
    let observed = ledger.status.as_ref().map(|status| &status.observed);
    let observed = decode_observed(&STANDARD.decode(observed.unwrap_or(&String::new()))?)?;
    let observed: BTreeMap<_, _> = observed.iter().map(|row| (row.cluster, row)).collect();
    let of = |row: &Row| {
        let uid = row.cluster.to_string();
        let member = members.get(uid.as_str());
        Ok(Deployment {
            cluster: member.map_or_else(|| uid.clone(), |member| member.name_any()),
            number: i64::try_from(row.number)?,
            revision: spec.contents[usize::from(row.content)].revision,
            state: state(row, observed.get(&row.cluster).copied()),
            online: member.is_some_and(|member| is_connected(member) && unheard(member).is_none()),
        })
    };
    rows.iter().map(of).collect()
}

/// Whether the member has a session.
pub(crate) fn is_connected(member: &MemberCluster) -> bool {
    let status = member.status.as_ref();
    status.is_some_and(|status| condition::is_true(&status.conditions, condition::CONNECTED))
}

/// Why what a member with a session said before does not count now: its API server does not answer, or its agent has not
/// spoken since it started.
pub(crate) fn unheard(member: &MemberCluster) -> Option<&Condition> {
    let conditions = &member.status.as_ref()?.conditions;
    let healthy = condition::find(conditions, condition::HEALTHY)?;
    let is_silent = healthy.reason == Reason::ApiServerSilent.as_str();
    (is_silent || healthy.status == "Unknown").then_some(healthy)
}

/// How far an order is; what was reported of an earlier one says nothing about it.
fn state(row: &Row, observed: Option<&ObservedRow>) -> State {
    let state = observed
        .filter(|observed| observed.number == row.number)
        .map_or(ObservedState::Unknown, |observed| observed.state);
    match (row.tombstone, state) {
        (_, ObservedState::Refused) => State::Refused,
        (_, ObservedState::Frozen) => State::Frozen,
        (_, ObservedState::Deleted) => State::Removed,
        (true, _) => State::Removing,
        (false, ObservedState::Unknown) => State::Ordered,
        (false, ObservedState::Received) => State::Received,
        (false, ObservedState::Applied) => State::Applied,
        (false, ObservedState::Available) => State::Available,
        (false, ObservedState::Failing) => State::Failing,
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use stevedore_crds::condition::Status;
    use stevedore_crds::v1alpha1::{
        LedgerContent, MemberClusterStatus, PackageLedgerSpec, PackageLedgerStatus,
        PackageReference,
    };
    use stevedore_proto_core::ClusterUid;
    use stevedore_proto_core::ledger::{encode, encode_observed};

    use super::*;

    fn cluster(id: u8) -> ClusterUid {
        ClusterUid::from_bytes([id; 16])
    }

    /// A ledger of `uid` with a row for each cluster: number ordered, number reported and state.
    pub(crate) fn ledger(uid: &str, rows: &[(u8, u64, u64, ObservedState)]) -> PackageLedger {
        let ordered: Vec<_> = rows
            .iter()
            .map(|(id, number, ..)| Row {
                cluster: cluster(*id),
                number: *number,
                content: 0,
                previous: None,
                tombstone: false,
                disruptive: false,
            })
            .collect();
        let observed: Vec<_> = rows
            .iter()
            .map(|(id, _, number, state)| ObservedRow {
                cluster: cluster(*id),
                number: *number,
                state: *state,
            })
            .collect();
        let spec = PackageLedgerSpec {
            package: PackageReference {
                name: "lighthouse".into(),
                uid: uid.into(),
                ..PackageReference::default()
            },
            contents: vec![LedgerContent {
                revision: 2,
                ..LedgerContent::default()
            }],
            rows: STANDARD.encode(encode(&ordered)),
            ..PackageLedgerSpec::default()
        };
        let mut ledger = PackageLedger::new("lighthouse-0", spec);
        ledger.status = Some(PackageLedgerStatus {
            observed: STANDARD.encode(encode_observed(&observed)),
            ..PackageLedgerStatus::default()
        });
        ledger
    }

    #[test]
    fn packed_rows_show_number_state_and_who_is_offline() {
        let mut member = MemberCluster::new("harbour-1", Default::default());
        member.spec.cluster_uid = Some(cluster(1).to_string());
        let rows = [
            (1, 7, 7, ObservedState::Available),
            (2, 8, 7, ObservedState::Available),
        ];
        let found = deployments([&ledger("u", &rows)], &[member]).unwrap();
        assert_eq!(
            found.iter().find(|row| row.cluster == "harbour-1"),
            Some(&Deployment {
                cluster: "harbour-1".into(),
                number: 7,
                revision: 2,
                state: State::Available,
                online: false,
            })
        );
        let other = found.iter().find(|row| row.number == 8).unwrap();
        assert_eq!(
            other.state,
            State::Ordered,
            "an earlier order's report counts"
        );
        assert_eq!(other.cluster, cluster(2).to_string());
    }

    #[test]
    fn a_member_is_connected_only_while_the_hub_says_so() {
        let mut cluster = MemberCluster::new("east", Default::default());
        assert!(!is_connected(&cluster));
        let mut status = MemberClusterStatus::default();
        for (word, connected) in [("Unknown", false), ("True", true)] {
            let status_word = if connected {
                Status::True
            } else {
                Status::Unknown
            };
            condition::Update::new(condition::CONNECTED, status_word, word, "").apply(
                &mut status.conditions,
                1,
                jiff::Timestamp::UNIX_EPOCH,
            );
            cluster.status = Some(status.clone());
            assert_eq!(is_connected(&cluster), connected, "{word}");
        }
    }

    #[test]
    fn a_damaged_ledger_is_named() {
        let mut damaged = ledger("u", &[]);
        damaged.spec.rows = "AAAA".into();
        let error = deployments([&damaged], &[]).unwrap_err();
        assert!(error.to_string().contains("lighthouse-0"), "{error}");
    }
}
