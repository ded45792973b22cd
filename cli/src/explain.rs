//! `stevedore explain PACKAGE --cluster NAME`: why is it not available there?

use jiff::Timestamp;
use kube::Api;
use serde::Serialize;
use stevedore_crds::condition;
use stevedore_crds::v1alpha1::{DeploymentDetail, MemberCluster, PackageLedger};

use crate::Outcome;
use crate::connection::Connection;
use crate::deployments::{Deployment, deployments};
use crate::output::{self, Format};
use crate::package_name::PackageName;
use crate::packages::{AnyPackage, Packages};

#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example:\n  stevedore explain lighthouse --cluster harbour-1\n\nExit code 3 when the package is not available there."
)]
pub(crate) struct Explain {
    /// NAME of a ClusterPackage, or NAMESPACE/NAME of a Package
    package: PackageName,
    /// Name of the MemberCluster
    #[arg(long, value_name = "NAME")]
    cluster: String,
    /// Form of the output
    #[arg(short, long, value_enum, default_value_t)]
    output: Format,
}

/// What is known of one package on one cluster.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
struct Explanation {
    package: String,
    cluster: String,
    /// The package's own `Available` across all clusters: status, reason and message.
    package_available: String,
    /// What the cluster was ordered to run last and how far it was seen to be, if it was given an order.
    #[serde(skip_serializing_if = "Option::is_none")]
    order: Option<Deployment>,
    /// Why the cluster cannot be asked now, if it cannot.
    #[serde(skip_serializing_if = "Option::is_none")]
    unreachable: Option<String>,
    /// Why the package is not available on the cluster, if it is not.
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<DeploymentDetail>,
}

impl Explain {
    pub(crate) async fn run(self, connection: &Connection) -> anyhow::Result<Outcome> {
        let client = connection.client().await?;
        let packages = Packages::new(client.clone(), &connection.system_namespace);
        let package = packages.get(&self.package).await?;
        let cluster = crate::cluster::existing(&Api::all(client), &self.cluster).await?;
        let explanation = explain(
            &package,
            &self.cluster,
            &cluster,
            &packages.ledgers().await?,
            Timestamp::now(),
        )?;
        match self.output {
            Format::Json | Format::Yaml => output::object(self.output, &explanation)?,
            Format::Name => output::line(&explanation.cluster)?,
            Format::Table => output::line(&explanation.lines(Timestamp::now()).join("\n"))?,
        }
        let fine = explanation.unreachable.is_none() && explanation.detail.is_none();
        Ok(if fine {
            Outcome::Done
        } else {
            Outcome::NotAsAsked
        })
    }
}

fn explain(
    package: &AnyPackage,
    name: &str,
    cluster: &MemberCluster,
    ledgers: &[PackageLedger],
    now: Timestamp,
) -> anyhow::Result<Explanation> {
    let ledgers = ledgers
        .iter()
        .filter(|ledger| ledger.spec.package.uid == package.uid);
    let orders = deployments(ledgers.clone(), std::slice::from_ref(cluster))?;
    let available = condition::find(&package.status.conditions, condition::AVAILABLE);
    Ok(Explanation {
        package: package.name.to_string(),
        cluster: name.to_owned(),
        package_available: available.map_or_else(
            || "Unknown: the hub has said nothing yet".into(),
            |found| format!("{} ({}): {}", found.status, found.reason, found.message),
        ),
        order: orders.into_iter().find(|order| order.cluster == name),
        unreachable: unreachable(cluster, now),
        detail: ledgers
            .flat_map(|ledger| ledger.status.iter().flat_map(|status| &status.details))
            .find(|detail| detail.cluster == name)
            .cloned(),
    })
}

fn unreachable(cluster: &MemberCluster, now: Timestamp) -> Option<String> {
    if cluster.spec.cluster_uid.is_none() {
        return Some("the cluster was invited but has not joined; give its agent a token: stevedore cluster join".into());
    }
    if cluster.spec.accepted == Some(false) {
        return Some("the cluster is not accepted: spec.accepted is false".into());
    }
    let status = cluster.status.as_ref()?;
    let connected = condition::find(&status.conditions, condition::CONNECTED)?;
    if connected.status == "True" {
        return None;
    }
    let since = status
        .offline_since
        .as_ref()
        .map_or_else(String::new, |since| {
            format!(" since {} ({})", since.0, output::age(since.0, now))
        });
    Some(format!(
        "the cluster is offline{since}: {}",
        connected.message
    ))
}

impl Explanation {
    fn lines(&self, now: Timestamp) -> Vec<String> {
        let mut lines = vec![
            format!("{} on {}", self.package, self.cluster),
            format!("  everywhere  Available={}", self.package_available),
        ];
        lines.push(match &self.order {
            Some(order) => format!(
                "  order       {} of revision {}: {}",
                order.number, order.revision, order.state
            ),
            None => "  order       none was given to this cluster".into(),
        });
        if let Some(reason) = &self.unreachable {
            lines.push(format!("  cluster     {reason}"));
        }
        match &self.detail {
            Some(detail) => {
                if let Some(phase) = &detail.phase {
                    lines.push(format!("  phase       {phase}"));
                }
                lines.push(format!("  reason      {}", detail.reason));
                lines.push(format!("  message     {}", detail.message));
                if let Some(since) = &detail.since {
                    lines.push(format!("  for         {}", output::age(since.0, now)));
                }
            }
            None => lines.push("  here        nothing is reported to be wrong".into()),
        }
        lines
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use stevedore_crds::condition::{Status, Update};
    use stevedore_crds::v1alpha1::{
        ClusterPackage, ClusterPackageSpec, MemberClusterSpec, MemberClusterStatus,
    };
    use stevedore_proto_core::ClusterUid;
    use stevedore_proto_core::ledger::ObservedState;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn package() -> AnyPackage {
        let mut package = ClusterPackage::new("lighthouse", ClusterPackageSpec::default());
        package.metadata.uid = Some("uid-1".into());
        package.into()
    }

    fn cluster(connected: Status) -> MemberCluster {
        let mut cluster = MemberCluster::new(
            "harbour-1",
            MemberClusterSpec {
                cluster_uid: Some(ClusterUid::from_bytes([1; 16]).to_string()),
                ..Default::default()
            },
        );
        let mut status = MemberClusterStatus::default();
        Update::new(condition::CONNECTED, connected, "Lost", "no heartbeat").apply(
            &mut status.conditions,
            1,
            at(0),
        );
        cluster.status = Some(status);
        cluster
    }

    fn ledger(uid: &str) -> PackageLedger {
        let detail = DeploymentDetail {
            cluster: "harbour-1".into(),
            phase: Some("workload".into()),
            reason: "ProbeFailure".into(),
            message: "the lamp is dark".into(),
            since: None,
        };
        let mut ledger =
            crate::deployments::tests::ledger(uid, &[(1, 7, 7, ObservedState::Failing)]);
        ledger.status.as_mut().unwrap().details = vec![detail];
        ledger
    }

    #[test]
    fn phase_reason_and_message_come_from_the_ledger_of_this_incarnation() {
        let found = explain(
            &package(),
            "harbour-1",
            &cluster(Status::True),
            &[ledger("uid-0"), ledger("uid-1")],
            at(0),
        )
        .unwrap();
        assert_eq!(found.detail.as_ref().unwrap().reason, "ProbeFailure");
        let lines = found.lines(at(0)).join("\n");
        assert!(lines.contains("the lamp is dark"), "{lines}");
        assert!(lines.contains("7 of revision 2: Failing"), "{lines}");
        let older = explain(
            &package(),
            "harbour-1",
            &cluster(Status::True),
            &[ledger("uid-0")],
            at(0),
        )
        .unwrap();
        assert_eq!((older.detail, older.order), (None, None));
    }

    #[test]
    fn an_offline_cluster_is_said_to_be_offline() {
        let found = explain(
            &package(),
            "harbour-1",
            &cluster(Status::Unknown),
            &[],
            at(0),
        )
        .unwrap();
        assert!(found.unreachable.unwrap().contains("no heartbeat"));
    }
}
