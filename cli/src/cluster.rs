//! `stevedore cluster`: invite, list, show and remove member clusters.

pub(crate) mod join;
mod remove;

use anyhow::Context as _;
use clap::Subcommand;
use jiff::Timestamp;
use kube::ResourceExt as _;
use kube::api::{Patch, PatchParams};
use serde_json::{Value, json};
use stevedore_client::Api;
use stevedore_crds::condition;
use stevedore_crds::v1alpha1::MemberCluster;
use stevedore_proto_core::ClusterName;

use crate::connection::Connection;
use crate::outcome::Outcome;
use crate::output::{self, Format};
use crate::packages::{existing_cluster, list_selected};

#[derive(Debug, Subcommand)]
pub(crate) enum ClusterCommand {
    /// Invites a cluster: creates its MemberCluster and prints a single-use join token
    #[command(after_help = join::EXAMPLES)]
    Join(join::Join),
    /// Lists the clusters of the fleet
    #[command(
        visible_alias = "ls",
        after_help = "Example:\n  stevedore cluster list -l region=north -o json"
    )]
    List {
        /// Selects by label, as in kubectl
        #[arg(short = 'l', long)]
        selector: Option<String>,
        /// Form of the output
        #[arg(short, long, value_enum, default_value_t)]
        output: Format,
    },
    /// Shows one cluster with its conditions
    #[command(after_help = "Example:\n  stevedore cluster get harbour-1")]
    Get {
        /// Name of the MemberCluster
        name: ClusterName,
        /// Form of the output
        #[arg(short, long, value_enum, default_value_t)]
        output: Format,
    },
    /// Freezes a cluster: the hub orders, changes and tears down nothing on it
    #[command(
        after_help = "Example:\n  stevedore cluster hold harbour-1 --reason \"dredging until Monday\"\n\nWhat runs there is still repaired by its agent. `stevedore cluster resume` ends it."
    )]
    Hold {
        /// Name of the MemberCluster
        name: ClusterName,
        /// Why, for the others
        #[arg(long)]
        reason: Option<String>,
    },
    /// Ends a hold: what was ordered meanwhile goes to the cluster, within the budgets of rollouts
    #[command(after_help = "Example:\n  stevedore cluster resume harbour-1")]
    Resume {
        /// Name of the MemberCluster
        name: ClusterName,
    },
    /// Drains a cluster and removes it; or forgets it at once and leaves its workloads
    #[command(after_help = remove::EXAMPLES)]
    Remove(remove::Remove),
}

pub(crate) async fn run(
    connection: &Connection,
    command: ClusterCommand,
) -> anyhow::Result<Outcome> {
    let client = connection.client().await?;
    match command {
        ClusterCommand::Join(join) => join.run(client, &connection.system_namespace).await,
        ClusterCommand::List { selector, output } => {
            list(&Api::all(client), selector.as_deref(), output).await
        }
        ClusterCommand::Get { name, output } => get(&Api::all(client), &name, output).await,
        ClusterCommand::Hold { name, reason } => {
            hold(&Api::all(client), &name, &json!({ "reason": reason })).await?;
            output::line(&format!(
                "{name} is held until `stevedore cluster resume {name}`"
            ))?;
            Ok(Outcome::Done)
        }
        ClusterCommand::Resume { name } => {
            hold(&Api::all(client), &name, &Value::Null).await?;
            output::line(&format!("{name} is held no longer"))?;
            Ok(Outcome::Done)
        }
        ClusterCommand::Remove(remove) => remove.run(client).await,
    }
}

/// Sets what holds a cluster, or takes it away.
async fn hold(api: &Api<MemberCluster>, name: &str, hold: &Value) -> anyhow::Result<()> {
    existing_cluster(api, name).await?;
    let spec = json!({ "spec": { "hold": hold } });
    let patched = api
        .patch(name, &PatchParams::default(), &Patch::Merge(&spec))
        .await;
    patched.with_context(|| format!("cannot change MemberCluster {name}"))?;
    Ok(())
}

async fn list(
    api: &Api<MemberCluster>,
    selector: Option<&str>,
    format: Format,
) -> anyhow::Result<Outcome> {
    let mut clusters = list_selected(api, selector).await?;
    clusters.sort_by_key(|cluster| cluster.name_any());
    let now = Timestamp::now();
    output::rows(
        format,
        &clusters,
        &["name", "connected", "healthy", "kubernetes", "agent", "age"],
        |cluster| row(cluster, now),
    )?;
    Ok(Outcome::Done)
}

fn row(cluster: &MemberCluster, now: Timestamp) -> Vec<String> {
    let status = cluster.status.as_ref();
    let shown = |type_: &str| {
        status
            .and_then(|status| condition::find(&status.conditions, type_))
            .map_or_else(|| "Unknown".to_owned(), |found| found.status.clone())
    };
    let mut connected = shown(condition::CONNECTED);
    if cluster.spec.cluster_uid.is_none() {
        connected = "not joined".into();
    } else if let Some(since) = status.and_then(|status| status.offline_since.as_ref()) {
        connected = format!("{connected} (for {})", output::age(since.0, now));
    }
    if cluster.spec.accepted == Some(false) {
        connected.push_str(", not accepted");
    }
    if cluster.spec.leaving {
        connected.push_str(", leaving");
    }
    if cluster.spec.hold.is_some() {
        connected.push_str(", held");
    }
    let version = status.and_then(|status| status.environment.as_ref()?.kubernetes_version.clone());
    vec![
        cluster.name_any(),
        connected,
        shown(condition::HEALTHY),
        version.unwrap_or_else(|| "-".into()),
        status
            .and_then(|status| status.agent_version.clone())
            .unwrap_or_else(|| "-".into()),
        cluster
            .creation_timestamp()
            .map_or_else(|| "-".into(), |created| output::age(created.0, now)),
    ]
}

async fn get(api: &Api<MemberCluster>, name: &str, format: Format) -> anyhow::Result<Outcome> {
    let cluster = existing_cluster(api, name).await?;
    match format {
        Format::Json | Format::Yaml => output::object(format, &cluster)?,
        Format::Name => output::line(name)?,
        Format::Table => {
            let now = Timestamp::now();
            output::line(&output::table(
                &["name", "connected", "healthy", "kubernetes", "agent", "age"],
                std::iter::once(row(&cluster, now)),
            ))?;
            let conditions = cluster
                .status
                .as_ref()
                .map_or(&[][..], |status| &status.conditions);
            let rows = conditions.iter().map(|found| {
                vec![
                    found.type_.clone(),
                    found.status.clone(),
                    found.reason.clone(),
                    output::age(found.last_transition_time.0, now),
                    found.message.clone(),
                ]
            });
            output::line("")?;
            output::line(&output::table(
                &["condition", "status", "reason", "for", "message"],
                rows,
            ))?;
        }
    }
    Ok(Outcome::Done)
}

#[cfg(test)]
mod tests {
    use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
    use stevedore_crds::v1alpha1::{MemberClusterSpec, MemberClusterStatus};

    use super::*;

    fn connected(spec: MemberClusterSpec, offline_since: Option<i64>) -> String {
        let mut cluster = MemberCluster::new("harbour-1", spec);
        cluster.status = Some(MemberClusterStatus {
            offline_since: offline_since.map(|at| Time(Timestamp::from_second(at).unwrap())),
            ..MemberClusterStatus::default()
        });
        row(&cluster, Timestamp::from_second(300).unwrap()).remove(1)
    }

    #[test]
    fn a_cluster_is_shown_as_leaving_and_not_accepted_whether_or_not_it_is_connected() {
        let joined = MemberClusterSpec {
            cluster_uid: Some("u".into()),
            ..MemberClusterSpec::default()
        };
        let leaving = MemberClusterSpec {
            leaving: true,
            ..joined.clone()
        };
        let refused = MemberClusterSpec {
            accepted: Some(false),
            ..leaving.clone()
        };
        for (spec, offline_since, said) in [
            (joined, Some(0), "Unknown (for 5m)"),
            (leaving.clone(), None, "Unknown, leaving"),
            (leaving, Some(0), "Unknown (for 5m), leaving"),
            (refused, Some(0), "Unknown (for 5m), not accepted, leaving"),
            (MemberClusterSpec::default(), None, "not joined"),
        ] {
            assert_eq!(connected(spec, offline_since), said);
        }
    }
}
