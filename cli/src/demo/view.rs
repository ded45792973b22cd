//! The live table of the demo: one line per cluster, one cell per phase.

use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use kube::api::ListParams;
use kube::{Api, Client};
use stevedore_crds::condition;
use stevedore_crds::v1alpha1::{ClusterObjectSet, PhaseState};

use super::example;

/// How often the clusters are looked at. For people only: nothing is decided from it.
const REFRESH: Duration = Duration::from_millis(250);

/// Watches the example on every member and shows its phases, until it is dropped or cancelled.
pub(super) async fn show(members: &[(String, Client)], watched: bool) -> std::convert::Infallible {
    let bars = MultiProgress::new();
    let style = ProgressStyle::with_template("  {prefix:10} {msg}")
        .unwrap_or_else(|_| ProgressStyle::default_bar());
    let lines: Vec<_> = members
        .iter()
        .map(|(name, _)| {
            let bar = if watched {
                bars.add(ProgressBar::new_spinner())
            } else {
                ProgressBar::hidden()
            };
            bar.set_style(style.clone());
            bar.set_prefix(name.clone());
            bar
        })
        .collect();
    let mut shown = vec![String::new(); members.len()];
    let mut ticks = tokio::time::interval(REFRESH);
    loop {
        ticks.tick().await;
        for (at, (name, client)) in members.iter().enumerate() {
            let now = state(client).await;
            if now != shown[at] {
                lines[at].set_message(now.clone());
                if !watched {
                    eprintln!("  {name:10} {now}");
                }
                shown[at] = now;
            }
        }
    }
}

/// The newest set of the example on a member, in words.
async fn state(client: &Client) -> String {
    let sets = Api::<ClusterObjectSet>::all(client.clone())
        .list(&ListParams::default())
        .await;
    let newest = sets.ok().and_then(|sets| {
        sets.items
            .into_iter()
            .filter(|set| number(set).is_some())
            .max_by_key(number)
    });
    newest.map_or_else(|| "nothing yet".into(), |set| words(&set))
}

fn number(set: &ClusterObjectSet) -> Option<i64> {
    let order = set
        .spec
        .order
        .as_ref()
        .filter(|order| order.package.name == example::NAME)?;
    Some(order.tuple.number)
}

fn words(set: &ClusterObjectSet) -> String {
    let Some(status) = &set.status else {
        return "accepted".into();
    };
    let phases = status.phases.iter().map(|phase| {
        let state = match phase.state {
            PhaseState::Available => "ready".to_owned(),
            PhaseState::Progressing => format!("{}/{}", phase.ready, phase.objects),
            PhaseState::Pending => "waits".to_owned(),
            PhaseState::Blocked => "blocked".to_owned(),
            PhaseState::Deleting => "going".to_owned(),
            PhaseState::Deleted => "gone".to_owned(),
        };
        format!("{} {state:8}", phase.name)
    });
    let available = condition::find(&status.conditions, condition::AVAILABLE)
        .map_or("", |found| found.reason.as_str());
    format!(
        "revision {}  {}  {available}",
        set.spec.revision.unwrap_or_default(),
        phases.collect::<Vec<_>>().join(" ")
    )
}
