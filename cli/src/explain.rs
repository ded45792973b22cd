//! `stevedore explain PACKAGE --cluster NAME`: how a package stands on a cluster, and why it is not available there.

mod standing;
#[cfg(test)]
mod tests;

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use serde::Serialize;
use stevedore_client::Api;
use stevedore_crds::condition;
use stevedore_crds::v1alpha1::{DeploymentDetail, MemberCluster, PackageLedger};
use stevedore_proto_core::ClusterName;

use crate::connection::Connection;
use crate::deployments::{Deployment, State, deployments};
use crate::outcome::Outcome;
use crate::output::{self, Format};
use crate::package_name::PackageName;
use crate::packages::{AnyPackage, Packages, existing_cluster};
use standing::Standing;

#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example:\n  stevedore explain lighthouse --cluster harbour-1\n\nExit code 3 unless what spec asks for is available there; with -o json `standing` says how it stands:\nAvailable, Outdated (what is available there is not what spec asks for), OnItsWay, Failing, Ineligible (the package is not for that cluster), Held, NotPlaced, Leaving or Unknown."
)]
pub(crate) struct Explain {
    /// NAME of a ClusterPackage, or NAMESPACE/NAME of a Package
    package: PackageName,
    /// Name of the MemberCluster
    #[arg(long, value_name = "NAME")]
    cluster: ClusterName,
    /// Form of the output
    #[arg(short, long, value_enum, default_value_t)]
    output: Format,
}

/// What is known of one package on one cluster.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
struct Explanation {
    package: String,
    /// The component of the image that `spec` asks for; absent for the root.
    #[serde(skip_serializing_if = "Option::is_none")]
    component: Option<String>,
    cluster: String,
    standing: Standing,
    /// What the standing means, in words.
    here: String,
    /// The package's own `Available` across all clusters: status, reason and message.
    package_available: String,
    /// Why what the cluster was ordered is not what `spec` asks for, if it is not.
    #[serde(skip_serializing_if = "Option::is_none")]
    outdated: Option<String>,
    /// What the cluster was ordered to run last and how far it was seen to be, if it was given an order.
    #[serde(skip_serializing_if = "Option::is_none")]
    order: Option<Deployment>,
    /// Why nothing is ordered on the cluster, if somebody holds it.
    #[serde(skip_serializing_if = "Option::is_none")]
    hold: Option<String>,
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
        let cluster = existing_cluster(&Api::all(client), &self.cluster).await?;
        let explanation = explain(
            &package,
            &self.cluster,
            &cluster,
            &packages.ledgers().await?,
            Timestamp::now(),
        )?;
        let words = explanation.lines(Timestamp::now()).join("\n");
        output::one(self.output, &explanation, &explanation.cluster, &words)?;
        Ok(match explanation.standing {
            Standing::Available => Outcome::Done,
            _ => Outcome::NotAsAsked,
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
    let (mut order, mut detail) = written_down(package, name, cluster, ledgers)?;
    let unreachable = standing::unreachable(cluster, now);
    let ineligible = standing::ineligible(package, name);
    let available = condition::find(&package.status.conditions, condition::AVAILABLE);
    let everywhere = package.is_observed() && available.is_some_and(|found| found.status == "True");
    if let Some(order) = &mut order
        && everywhere
        && ineligible.is_none()
        && cluster.spec.hold.is_none()
        && standing::unnamed_ineligible(package) == 0
        && !is_leaving(Some(order))
    {
        // What the hub says of all clusters is newer: it writes single ones down every ten seconds at most.
        order.state = State::Available;
        detail = None;
    }
    let outdated = order
        .as_ref()
        .filter(|_| ineligible.is_none())
        .and_then(|order| standing::outdated(package, order));
    let hold = standing::hold(cluster);
    let is_behind = outdated.is_some() || order.is_none();
    let (standing, here) = match (&unreachable, &order) {
        (_, order) if ineligible.is_some() && !is_leaving(order.as_ref()) => {
            standing::as_ineligible(&ineligible.unwrap_or_default(), order.is_some())
        }
        (_, order) if hold.is_some() && is_behind => standing::as_held(order.is_some()),
        (Some(_), _) => standing::unasked(),
        (None, None) => standing::without_order(package, name),
        (None, Some(order)) if order.state == State::Available && outdated.is_some() => (
            Standing::Outdated,
            "available, and not what spec asks for".into(),
        ),
        (None, Some(order)) => standing::with_order(package, order),
    };
    Ok(Explanation {
        package: package.name.to_string(),
        component: package.spec.component.clone(),
        cluster: name.to_owned(),
        standing,
        here,
        package_available: available.map_or_else(unsaid, said),
        outdated,
        order,
        hold,
        unreachable,
        detail,
    })
}

/// What the hub wrote down of the cluster: the order, and why it is not available.
fn written_down(
    package: &AnyPackage,
    name: &str,
    cluster: &MemberCluster,
    ledgers: &[PackageLedger],
) -> anyhow::Result<(Option<Deployment>, Option<DeploymentDetail>)> {
    let ledgers = ledgers
        .iter()
        .filter(|ledger| ledger.spec.package.uid == package.uid);
    let orders = deployments(ledgers.clone(), std::slice::from_ref(cluster))?;
    let order = orders.into_iter().find(|order| order.cluster == name);
    let detail = ledgers
        .flat_map(|ledger| ledger.status.iter().flat_map(|status| &status.details))
        .find(|detail| detail.cluster == name)
        .cloned();
    Ok((order, detail))
}

fn unsaid() -> String {
    "Unknown: the hub has said nothing yet".into()
}

fn said(found: &Condition) -> String {
    format!("{} ({}): {}", found.status, found.reason, found.message)
}

/// Whether what was ordered there is its removal.
fn is_leaving(order: Option<&Deployment>) -> bool {
    order.is_some_and(|order| matches!(order.state, State::Removing | State::Removed))
}

impl Explanation {
    fn lines(&self, now: Timestamp) -> Vec<String> {
        let mut lines = vec![
            format!("{} on {}", self.package, self.cluster),
            format!("  everywhere  Available={}", self.package_available),
        ];
        if let Some(component) = &self.component {
            lines.push(format!("  component   {component}"));
        }
        lines.push(match &self.order {
            Some(order) => format!(
                "  order       {} of revision {}: {}",
                order.number, order.revision, order.state
            ),
            None => "  order       none was given to this cluster".into(),
        });
        if let Some(reason) = &self.outdated {
            lines.push(format!("  spec        {reason}"));
        }
        if let Some(reason) = &self.hold {
            lines.push(format!("  hold        {reason}"));
        }
        if let Some(reason) = &self.unreachable {
            lines.push(format!("  cluster     {reason}"));
        }
        if let Some(detail) = &self.detail {
            if let Some(phase) = &detail.phase {
                lines.push(format!("  phase       {phase}"));
            }
            lines.push(format!("  reason      {}", detail.reason));
            lines.push(format!("  message     {}", detail.message));
            if let Some(since) = &detail.since {
                lines.push(format!("  for         {}", output::age(since.0, now)));
            }
        }
        lines.push(format!("  here        {}", self.here));
        lines
    }
}
