//! `stevedore hub`: operations on the hub itself.

use std::io::{BufRead as _, IsTerminal as _};
use std::time::Duration;

use anyhow::{Context as _, bail};
use clap::Subcommand;
use k8s_openapi::api::core::v1::ConfigMap;
use kube::ResourceExt as _;
use kube::api::{Patch, PatchParams};
use serde::{Deserialize, Serialize};
use serde_json::json;
use stevedore_client::{Api, await_condition};
use stevedore_crds::record;

use crate::connection::Connection;
use crate::outcome::Outcome;
use crate::output::{self, Format};

/// How long the hub may take for a census or for the raise.
const ANSWERED_WITHIN: Duration = Duration::from_secs(60);

#[derive(Debug, Subcommand)]
pub(crate) enum HubCommand {
    /// Begins a new epoch after the hub was restored from an older copy of its data
    #[command(
        after_help = "Examples:\n  stevedore hub raise-epoch          shows the census and asks\n  stevedore hub raise-epoch --yes\n\nThe census says what members hold that differs from what this hub ordered, and which members\nwere not asked. The raise orders every deployment anew, as this hub has it now: where a member\nholds the same, no object changes; where it differs, it is changed as in any rollout. Nothing the\nhub does not know is removed. Members that were not asked follow when they return."
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

/// Most names of members in one line.
const NAMES: usize = 20;

/// What members hold, as the hub found it.
#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
struct Census {
    as_ordered: u64,
    differing: u64,
    lines: Vec<Line>,
    /// How many members said nothing: they have no session, or did not answer in time.
    #[serde(default)]
    not_asked: usize,
    /// Names of these, as far as they fit.
    #[serde(default)]
    missing: Vec<String>,
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
    let Ok(found) = tokio::time::timeout(ANSWERED_WITHIN, answered).await else {
        bail!(
            "the hub has not answered within {} s; is it running?",
            ANSWERED_WITHIN.as_secs()
        );
    };
    let data = found
        .context("cannot read the census")?
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
            ))?;
            census
                .not_asked_line()
                .map_or(Ok(()), |line| output::line(&line))
        }
    }
}

impl Census {
    /// Which members are not in the census, if any.
    fn not_asked_line(&self) -> Option<String> {
        if self.not_asked == 0 {
            return None;
        }
        let shown = &self.missing[..self.missing.len().min(NAMES)];
        let more = self.not_asked.saturating_sub(shown.len());
        let mut line = format!("not asked: {}", shown.join(", "));
        if more > 0 {
            line.push_str(&format!(" and {more} more"));
        }
        line.push_str(" (no session, or no answer in time)");
        Some(line)
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

#[cfg(test)]
mod tests {
    use super::*;

    fn census(json: serde_json::Value) -> Census {
        serde_json::from_value(json).unwrap()
    }

    #[test]
    fn members_that_were_not_asked_are_named_in_one_line() {
        let some = census(json!({
            "asOrdered": 1, "differing": 0, "lines": [], "notAsked": 2, "missing": ["east", "west"]
        }));
        assert_eq!(
            some.not_asked_line().as_deref(),
            Some("not asked: east, west (no session, or no answer in time)")
        );
        let names: Vec<_> = (0..30).map(|at| format!("c{at}")).collect();
        let many = census(json!({
            "asOrdered": 1, "differing": 0, "lines": [], "notAsked": 40, "missing": names
        }));
        let line = many.not_asked_line().unwrap();
        assert!(line.contains("c19 and 20 more"), "{line}");
        let older = census(json!({"asOrdered": 1, "differing": 0, "lines": []}));
        assert_eq!(older.not_asked_line(), None);
    }
}
