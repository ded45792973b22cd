//! `stevedore explain PACKAGE --cluster NAME`: why is it not available there?

use jiff::Timestamp;
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

#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example:\n  stevedore explain lighthouse --cluster harbour-1\n\nExit code 3 unless what spec asks for is available there; with -o json `standing` says how it stands:\nAvailable, Outdated (what is available there is not what spec asks for), OnItsWay, Failing, NotPlaced, Leaving or Unknown."
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
    /// Why the cluster cannot be asked now, if it cannot.
    #[serde(skip_serializing_if = "Option::is_none")]
    unreachable: Option<String>,
    /// Why the package is not available on the cluster, if it is not.
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<DeploymentDetail>,
}

/// How the package stands on the cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
enum Standing {
    Available,
    /// It is available, and not what `spec` asks for.
    Outdated,
    OnItsWay,
    Failing,
    NotPlaced,
    /// It is on its way out, or gone.
    Leaving,
    /// The cluster cannot be asked.
    Unknown,
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
    let ledgers = ledgers
        .iter()
        .filter(|ledger| ledger.spec.package.uid == package.uid);
    let orders = deployments(ledgers.clone(), std::slice::from_ref(cluster))?;
    let mut order = orders.into_iter().find(|order| order.cluster == name);
    let mut detail = ledgers
        .flat_map(|ledger| ledger.status.iter().flat_map(|status| &status.details))
        .find(|detail| detail.cluster == name)
        .cloned();
    let unreachable = unreachable(cluster, now);
    let available = condition::find(&package.status.conditions, condition::AVAILABLE);
    let everywhere = package.is_observed() && available.is_some_and(|found| found.status == "True");
    if let Some(order) = &mut order
        && everywhere
        && !matches!(order.state, State::Removing | State::Removed)
    {
        // What the hub says of all clusters is newer: it writes single ones down every ten seconds at most.
        order.state = State::Available;
        detail = None;
    }
    let outdated = order.as_ref().and_then(|order| outdated(package, order));
    let (standing, here) = match (&unreachable, &order) {
        (Some(_), _) => (
            Standing::Unknown,
            "not known while the cluster cannot be asked".into(),
        ),
        (None, None) => without_order(package),
        (None, Some(order)) if order.state == State::Available && outdated.is_some() => (
            Standing::Outdated,
            "available, and not what spec asks for".into(),
        ),
        (None, Some(order)) => with_order(order.state),
    };
    Ok(Explanation {
        package: package.name.to_string(),
        cluster: name.to_owned(),
        standing,
        here,
        package_available: available.map_or_else(
            || "Unknown: the hub has said nothing yet".into(),
            |found| format!("{} ({}): {}", found.status, found.reason, found.message),
        ),
        outdated,
        order,
        unreachable,
        detail,
    })
}

/// Why what a cluster was ordered is not what the spec asks for; none where it is, or is being torn down.
fn outdated(package: &AnyPackage, order: &Deployment) -> Option<String> {
    let conditions = &package.status.conditions;
    let is_unpacked = condition::is_true(conditions, condition::UNPACKED);
    // Where a cluster was ordered what the spec asks for, and has it, the hub counts it as updated.
    let counts = package.status.counts.unwrap_or_default();
    let is_invalid = condition::is_true(conditions, condition::INVALID) && counts.updated == 0;
    let is_newest = package.status.revision == Some(order.revision);
    if matches!(order.state, State::Removing | State::Removed)
        || (package.is_observed() && is_unpacked && !is_invalid && is_newest)
    {
        return None;
    }
    let paused = condition::find(conditions, condition::PAUSED)
        .filter(|found| package.is_observed() && found.status == "True")
        .map(|found| format!("{}: {}", found.reason, found.message));
    let later = || "a newer revision is on its way".into();
    Some(package.unready().or(paused).unwrap_or_else(later))
}

/// What an order in this state means.
fn with_order(state: State) -> (Standing, String) {
    let (standing, words) = match state {
        State::Available => (Standing::Available, "available"),
        State::Ordered => (
            Standing::OnItsWay,
            "on its way; the cluster has not said yet that it has the order",
        ),
        State::Received => (
            Standing::OnItsWay,
            "on its way; the cluster has the order and works on it",
        ),
        State::Applied => (
            Standing::OnItsWay,
            "on its way; everything is written, and not every probe passes yet",
        ),
        State::Failing => (Standing::Failing, "not available"),
        State::Refused => (
            Standing::Failing,
            "not available; the cluster refused the order",
        ),
        State::Frozen => (
            Standing::Failing,
            "not available; what the cluster holds does not fit what this hub ordered (see `stevedore hub raise-epoch --help`)",
        ),
        State::Removing => (Standing::Leaving, "being torn down"),
        State::Removed => (
            Standing::Leaving,
            "not placed there any more, and torn down",
        ),
    };
    (standing, words.into())
}

/// Why a cluster was given no order: the package is not ready to be ordered, or goes elsewhere.
fn without_order(package: &AnyPackage) -> (Standing, String) {
    let status = &package.status;
    if !package.is_observed() {
        return (
            Standing::OnItsWay,
            "nothing is ordered yet; the hub has not seen the newest spec".into(),
        );
    }
    let bars = [
        (condition::INVALID, "True", Standing::Failing),
        (condition::UNPACKED, "False", Standing::Failing),
        (condition::UNPACKED, "Unknown", Standing::OnItsWay),
    ];
    let bar = bars.iter().find_map(|(type_, bars, standing)| {
        let found = condition::find(&status.conditions, type_)?;
        (found.status == *bars).then_some((*standing, found))
    });
    match bar {
        Some((standing, bar)) => (
            standing,
            format!("nothing is ordered; {}: {}", bar.reason, bar.message),
        ),
        None => (
            Standing::NotPlaced,
            "not placed there; spec.placement of the package does not select this cluster".into(),
        ),
    }
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
        if let Some(reason) = &self.outdated {
            lines.push(format!("  spec        {reason}"));
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

#[cfg(test)]
mod tests {
    use super::*;
    use stevedore_crds::condition::{Status, Update};
    use stevedore_crds::v1alpha1::{
        ClusterPackage, ClusterPackageSpec, MemberClusterSpec, MemberClusterStatus, PackageCounts,
    };
    use stevedore_proto_core::ClusterUid;
    use stevedore_proto_core::ledger::ObservedState;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    /// A package of which the hub has said this, of the newest spec.
    fn package(type_: &str, status: Status) -> AnyPackage {
        let mut package = ClusterPackage::new("lighthouse", ClusterPackageSpec::default());
        package.metadata.uid = Some("uid-1".into());
        package.metadata.generation = Some(1);
        let mut package = AnyPackage::from(package);
        package.status.observed_generation = Some(1);
        says(&mut package, type_, status);
        package
    }

    fn progressing() -> AnyPackage {
        package(condition::AVAILABLE, Status::False)
    }

    /// A package whose second revision is ordered.
    fn rolled_out() -> AnyPackage {
        let mut package = package(condition::AVAILABLE, Status::True);
        says(&mut package, condition::UNPACKED, Status::True);
        package.status.revision = Some(2);
        package
    }

    fn rolled_out_and_not_everywhere() -> AnyPackage {
        let mut package = rolled_out();
        says(&mut package, condition::AVAILABLE, Status::False);
        package
    }

    fn says(package: &mut AnyPackage, type_: &str, status: Status) {
        let update = Update::new(type_, status, "Said", "so it is");
        update.apply(&mut package.status.conditions, 1, at(0));
    }

    fn found(package: &AnyPackage, connected: Status, ledgers: &[PackageLedger]) -> Explanation {
        explain(
            package,
            "harbour-1",
            &cluster(connected),
            ledgers,
            Timestamp::UNIX_EPOCH,
        )
        .unwrap()
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
        let both = [ledger("uid-0"), ledger("uid-1")];
        let now = found(&progressing(), Status::True, &both);
        assert_eq!(now.detail.as_ref().unwrap().reason, "ProbeFailure");
        assert_eq!(now.standing, Standing::Failing);
        let lines = now.lines(at(0)).join("\n");
        assert!(lines.contains("the lamp is dark"), "{lines}");
        assert!(lines.contains("7 of revision 2: Failing"), "{lines}");
        let older = found(&progressing(), Status::True, &both[..1]);
        assert_eq!((older.detail, older.order), (None, None));
    }

    #[test]
    fn only_an_available_order_is_available() {
        for (state, standing) in [
            (ObservedState::Unknown, Standing::OnItsWay),
            (ObservedState::Received, Standing::OnItsWay),
            (ObservedState::Applied, Standing::OnItsWay),
            (ObservedState::Refused, Standing::Failing),
            (ObservedState::Frozen, Standing::Failing),
            (ObservedState::Deleted, Standing::Leaving),
            (ObservedState::Available, Standing::Available),
        ] {
            let ledger = crate::deployments::tests::ledger("uid-1", &[(1, 7, 7, state)]);
            let now = found(&rolled_out_and_not_everywhere(), Status::True, &[ledger]);
            assert_eq!(now.standing, standing, "{state:?}");
            let lines = now.lines(at(0)).join("\n");
            let says = lines.contains("on its way");
            assert_eq!(says, standing == Standing::OnItsWay, "{lines}");
        }
    }

    #[test]
    fn what_the_hub_says_of_all_clusters_is_newer_than_what_it_wrote_down_of_one() {
        let available = rolled_out();
        let now = found(&available, Status::True, &[ledger("uid-1")]);
        assert_eq!((now.standing, now.detail), (Standing::Available, None));
        let mut changed = available;
        changed.generation = 2;
        let now = found(&changed, Status::True, &[ledger("uid-1")]);
        assert_eq!(now.standing, Standing::Failing);
    }

    #[test]
    fn what_is_available_and_not_what_the_spec_asks_for_is_outdated() {
        let ledger =
            || crate::deployments::tests::ledger("uid-1", &[(1, 7, 7, ObservedState::Available)]);
        let explained = |package: &AnyPackage| found(package, Status::True, &[ledger()]);
        assert_eq!(explained(&rolled_out()).standing, Standing::Available);

        let mut pulled = rolled_out();
        says(&mut pulled, condition::READY, Status::False);
        for unpacked in [Status::False, Status::Unknown] {
            says(&mut pulled, condition::UNPACKED, unpacked);
            let now = explained(&pulled);
            assert_eq!(now.standing, Standing::Outdated);
            let lines = now.lines(at(0)).join("\n");
            assert!(lines.contains("  spec        Said: so it is"), "{lines}");
        }

        let mut invalid = rolled_out();
        says(&mut invalid, condition::INVALID, Status::True);
        says(&mut invalid, condition::READY, Status::False);
        assert_eq!(explained(&invalid).standing, Standing::Outdated);
        // Some other cluster cannot use it.
        invalid.status.counts = Some(PackageCounts {
            updated: 1,
            ..Default::default()
        });
        assert_eq!(explained(&invalid).standing, Standing::Available);

        let mut paused = rolled_out();
        paused.status.revision = Some(3);
        says(&mut paused, condition::READY, Status::True);
        says(&mut paused, condition::PAUSED, Status::True);
        let now = explained(&paused);
        assert_eq!(now.standing, Standing::Outdated);
        assert_eq!(now.outdated.as_deref(), Some("Said: so it is"));

        let mut unseen = rolled_out();
        unseen.generation = 2;
        let now = explained(&unseen);
        assert_eq!(now.standing, Standing::Outdated);
        assert!(now.outdated.unwrap().contains("has not seen"));
    }

    #[test]
    fn a_cluster_without_an_order_is_told_why() {
        let now = found(&progressing(), Status::True, &[]);
        assert_eq!(now.standing, Standing::NotPlaced);
        assert!(now.here.contains("not placed there"), "{}", now.here);
        let invalid = package(condition::INVALID, Status::True);
        let now = found(&invalid, Status::True, &[]);
        assert_eq!(now.standing, Standing::Failing);
        assert!(now.here.contains("so it is"), "{}", now.here);
        let pulled = package(condition::UNPACKED, Status::Unknown);
        let now = found(&pulled, Status::True, &[]);
        assert_eq!(now.standing, Standing::OnItsWay);
        let mut unseen = progressing();
        unseen.generation = 2;
        let now = found(&unseen, Status::True, &[]);
        assert_eq!(now.standing, Standing::OnItsWay);
    }

    #[test]
    fn an_offline_cluster_is_said_to_be_offline() {
        let now = found(&progressing(), Status::Unknown, &[]);
        assert!(now.unreachable.unwrap().contains("no heartbeat"));
        assert_eq!(now.standing, Standing::Unknown);
    }
}
