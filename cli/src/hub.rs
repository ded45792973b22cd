//! `stevedore hub`: what an operator does with the hub itself.

use std::io::{BufRead as _, IsTerminal as _};
use std::time::Duration;

use anyhow::{Context as _, bail};
use clap::Subcommand;
use k8s_openapi::api::core::v1::ConfigMap;
use kube::api::{Patch, PatchParams};
use kube::runtime::wait::await_condition;
use kube::{Api, ResourceExt as _};
use serde::{Deserialize, Serialize};
use serde_json::json;
use stevedore_crds::record;

use crate::Outcome;
use crate::connection::Connection;
use crate::output::{self, Format};

/// How long the hub may take for a census or for the raise.
const PATIENCE: Duration = Duration::from_secs(60);

#[derive(Debug, Subcommand)]
pub(crate) enum HubCommand {
    /// Begins a new epoch after the hub was restored from an older copy of its data
    #[command(
        after_help = "Examples:\n  stevedore hub raise-epoch          shows the census and asks\n  stevedore hub raise-epoch --yes\n\nThe census says what connected members hold that differs from what this hub ordered. After the\nraise that counts as ordered; differences roll out as usual, and nothing the hub does not know is\nremoved."
    )]
    RaiseEpoch {
        /// Raise without asking
        #[arg(long)]
        yes: bool,
        /// Form of the census
        #[arg(short, long, value_enum, default_value_t)]
        output: Format,
    },
}

/// What members hold, as the hub found it.
#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
struct Census {
    as_ordered: u64,
    differing: u64,
    lines: Vec<Line>,
}

/// One deployment that is not as this hub ordered it.
#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
struct Line {
    cluster: String,
    namespace: Option<String>,
    package: String,
    revision: u64,
    epoch: u64,
    number: u64,
    finding: String,
}

pub(crate) async fn run(connection: &Connection, command: HubCommand) -> anyhow::Result<Outcome> {
    let HubCommand::RaiseEpoch {
        yes,
        output: format,
    } = command;
    let api: Api<ConfigMap> =
        Api::namespaced(connection.client().await?, &connection.system_namespace);
    let epoch = api
        .get_opt(record::EPOCH)
        .await
        .context("cannot read the hub's epoch")?;
    let epoch = epoch.with_context(|| {
        format!(
            "no hub has started here yet: there is no ConfigMap {}/{}; is this the hub's cluster? Name it with --kubeconfig or --context",
            connection.system_namespace,
            record::EPOCH
        )
    })?;
    // Any text that was not used before is a new request; the version of the object is one.
    let request = epoch
        .resource_version()
        .context("the API server gave the epoch no version")?;
    ask(&api, record::RAISE_REQUEST, &request).await?;
    let census = answer(&api, &request, record::RAISE_READY).await?;
    show(&census, format)?;
    if !yes && !confirmed()? {
        eprintln!("nothing was raised");
        return Ok(Outcome::NotAsAsked);
    }
    ask(&api, record::RAISE_CONFIRM, &request).await?;
    answer(&api, &request, record::RAISE_DONE).await?;
    eprintln!("the epoch was raised; `stevedore fleet status` shows how the fleet comes together");
    Ok(Outcome::Done)
}

async fn ask(api: &Api<ConfigMap>, key: &str, request: &str) -> anyhow::Result<()> {
    let data = json!({ "data": { key: request } });
    api.patch(record::EPOCH, &PatchParams::default(), &Patch::Merge(&data))
        .await
        .context("cannot ask the hub")?;
    Ok(())
}

/// Waits until the hub has answered this request with this state.
async fn answer(api: &Api<ConfigMap>, request: &str, state: &str) -> anyhow::Result<Census> {
    let answered = await_condition(api.clone(), record::CENSUS, |map: Option<&ConfigMap>| {
        let data = map.and_then(|map| map.data.as_ref());
        let has = |key: &str, value: &str| {
            data.and_then(|data| data.get(key))
                .is_some_and(|found| found == value)
        };
        has(record::CENSUS_REQUEST, request) && has(record::CENSUS_STATE, state)
    });
    let Ok(found) = tokio::time::timeout(PATIENCE, answered).await else {
        bail!(
            "the hub has not answered within {} s; is it running?",
            PATIENCE.as_secs()
        );
    };
    let data = found
        .context("cannot watch the census")?
        .and_then(|map| map.data)
        .unwrap_or_default();
    let text = data
        .get(record::CENSUS_FINDINGS)
        .context("the hub answered without a census")?;
    serde_json::from_str(text).context("the hub's census is not one; is it of another version?")
}

fn show(census: &Census, format: Format) -> anyhow::Result<()> {
    match format {
        Format::Json | Format::Yaml => output::object(format, census),
        Format::Table | Format::Name => {
            let header = [
                "cluster", "package", "revision", "epoch", "number", "finding",
            ];
            if !census.lines.is_empty() {
                output::line(&output::table(
                    &header,
                    census.lines.iter().map(Line::cells),
                ))?;
            }
            output::line(&format!(
                "{} as ordered, {} differ",
                census.as_ordered, census.differing
            ))
        }
    }
}

impl Line {
    fn cells(&self) -> Vec<String> {
        let package = self.namespace.as_ref().map_or_else(
            || self.package.clone(),
            |namespace| format!("{namespace}/{}", self.package),
        );
        vec![
            self.cluster.clone(),
            package,
            self.revision.to_string(),
            self.epoch.to_string(),
            self.number.to_string(),
            self.finding.clone(),
        ]
    }
}

/// Asks on a terminal; elsewhere `--yes` is the only consent.
fn confirmed() -> anyhow::Result<bool> {
    if !std::io::stdin().is_terminal() {
        bail!("nobody can be asked here; look at the census above and run it again with --yes");
    }
    eprint!("Raise the epoch? Only a hub that was restored from an older copy needs it. [y/N] ");
    let mut line = String::new();
    std::io::stdin().lock().read_line(&mut line)?;
    Ok(matches!(line.trim(), "y" | "Y" | "yes"))
}
