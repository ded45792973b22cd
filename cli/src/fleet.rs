//! `stevedore fleet`: all packages, and where each is available.

use std::collections::BTreeMap;

use clap::Subcommand;
use jiff::Timestamp;
use serde::Serialize;
use stevedore_crds::condition;
use stevedore_crds::v1alpha1::{PackageCounts, PackageLedger};

use crate::connection::Connection;
use crate::deployments::{Deployment, deployments};
use crate::outcome::Outcome;
use crate::output::{self, Format};
use crate::package_name::PackageName;
use crate::packages::{AnyPackage, Packages};

#[derive(Debug, Subcommand)]
pub(crate) enum FleetCommand {
    /// Shows every package, its revision and on how many clusters it is available; of one package, every cluster
    #[command(
        after_help = "Examples:\n  stevedore fleet status\n  stevedore fleet status lighthouse\n  stevedore fleet status -o json\n\nStates of single clusters are written every ten seconds at most. A removed package is listed until every cluster has torn it down, with the clusters that are waited for."
    )]
    Status {
        /// NAME of a ClusterPackage, or NAMESPACE/NAME of a Package
        package: Option<PackageName>,
        /// Form of the output
        #[arg(short, long, value_enum, default_value_t)]
        output: Format,
    },
}

pub(crate) async fn run(connection: &Connection, command: FleetCommand) -> anyhow::Result<Outcome> {
    let FleetCommand::Status {
        package,
        output: format,
    } = command;
    let packages = Packages::new(connection.client().await?, &connection.system_namespace);
    if let Some(package) = package {
        return one(&packages, &package, format).await;
    }
    let (present, ledgers) = (packages.list().await?, packages.ledgers().await?);
    let now = Timestamp::now();
    let mut lines: Vec<_> = present
        .iter()
        .map(|package| Line::present(package, now))
        .collect();
    lines.extend(removed(&present, &ledgers));
    output::rows(
        format,
        &lines,
        &[
            "package",
            "available",
            "revision",
            "ready",
            "updated",
            "failed",
            "offline",
            "held",
            "ineligible",
            "message",
        ],
        Line::cells,
    )?;
    Ok(Outcome::Done)
}

/// One package on every cluster that was given an order. A removed one is found by what its ledgers still hold.
async fn one(packages: &Packages, name: &PackageName, format: Format) -> anyhow::Result<Outcome> {
    let (ledgers, members) = (packages.ledgers().await?, packages.members().await?);
    let of_name = |ledger: &&PackageLedger| PackageName::from(&ledger.spec.package) == *name;
    let found: Vec<_> = ledgers.iter().filter(of_name).collect();
    let rows = deployments(found, &members)?;
    let package = if rows.is_empty() {
        // Says that there is none, if so.
        Some(packages.get(name).await?)
    } else {
        packages.find(name).await?
    };
    let line = package.map(|package| Line::present(&package, Timestamp::now()));
    let message = line.map_or_else(String::new, |line| line.message);
    if format == Format::Table && rows.is_empty() {
        output::line(&format!(
            "no cluster was given an order of {name}: {message}"
        ))?;
        return Ok(Outcome::Done);
    }
    output::rows(format, &rows, &Deployment::HEADER, Deployment::cells)?;
    if format == Format::Table && !message.is_empty() {
        eprintln!("{name}: {message}");
    }
    Ok(Outcome::Done)
}

/// One package in the overview.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
struct Line {
    package: String,
    /// The component of the image; absent for the root, and for a package that was removed.
    #[serde(skip_serializing_if = "Option::is_none")]
    component: Option<String>,
    /// `True`, `False` or `Unknown`; `Removed` when only its ledger is left.
    available: String,
    /// The reason of its `Ready`, which `kubectl get` calls its status.
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    revision: Option<i64>,
    counts: PackageCounts,
    message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    age: Option<String>,
}

impl Line {
    fn present(package: &AnyPackage, now: Timestamp) -> Self {
        let status = &package.status;
        let found = condition::find(&status.conditions, condition::AVAILABLE);
        let ready = condition::find(&status.conditions, condition::READY);
        let message = match package.deleting {
            Some(since) => format!("being removed for {}", output::age(since, now)),
            None => package.unready().unwrap_or_default(),
        };
        Self {
            package: package.name.to_string(),
            component: package.spec.component.clone(),
            available: found.map_or_else(|| "Unknown".into(), |found| found.status.clone()),
            status: ready.map(|ready| ready.reason.clone()),
            revision: status.revision,
            counts: status.counts.unwrap_or_default(),
            message,
            age: package.created.map(|created| output::age(created, now)),
        }
    }

    fn cells(&self) -> Vec<String> {
        let PackageCounts {
            targeted,
            updated,
            available,
            failed,
            offline,
            held,
            ineligible,
            ..
        } = self.counts;
        vec![
            self.package.clone(),
            self.available.clone(),
            self.revision
                .map_or_else(|| "-".into(), |revision| revision.to_string()),
            format!("{available}/{targeted}"),
            updated.to_string(),
            failed.to_string(),
            offline.to_string(),
            held.to_string(),
            ineligible.to_string(),
            self.message.clone(),
        ]
    }
}

/// Packages that are gone but for their ledgers, with what those wait for.
fn removed(present: &[AnyPackage], ledgers: &[PackageLedger]) -> Vec<Line> {
    let mut waiting: BTreeMap<(PackageName, &str), Vec<&str>> = BTreeMap::new();
    for ledger in ledgers {
        let package = &ledger.spec.package;
        if present.iter().any(|found| found.uid == package.uid) {
            continue;
        }
        let conditions = ledger
            .status
            .as_ref()
            .map_or(&[][..], |status| &status.conditions);
        let messages = waiting
            .entry((PackageName::from(package), &package.uid))
            .or_default();
        messages.extend(
            condition::find(conditions, condition::DRAINED)
                .filter(|found| found.status != "True")
                .map(|found| found.message.as_str()),
        );
    }
    waiting
        .into_iter()
        .map(|((package, _), messages)| Line {
            package: package.to_string(),
            component: None,
            available: "Removed".into(),
            status: None,
            revision: None,
            counts: PackageCounts::default(),
            message: messages.join("; "),
            age: None,
        })
        .collect()
}
