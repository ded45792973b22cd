//! The live table of the demo: one line per cluster, one cell per phase.

use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressFinish, ProgressStyle};
use kube::Client;
use kube::api::ListParams;
use stevedore_client::Api;
use stevedore_crds::condition;
use stevedore_crds::v1alpha1::{ClusterObjectSet, PhaseState};

use super::example;

/// How often the clusters are read. For people only: nothing is decided from it.
const REFRESH: Duration = Duration::from_millis(250);
const NOTHING_YET: &str = "nothing yet";

/// How long the last refresh may take, also when a member does not answer any more.
const LAST_REFRESH: Duration = Duration::from_secs(5);

/// The example on every member: on a terminal lines that change and stay, otherwise a line for every change.
pub(super) struct View<'a> {
    members: &'a [(String, Client)],
    bars: Option<Vec<ProgressBar>>,
    /// Keeps the bars in their order.
    _together: MultiProgress,
    shown: Vec<String>,
}

impl<'a> View<'a> {
    pub(super) fn new(members: &'a [(String, Client)], watched: bool) -> Self {
        let together = MultiProgress::new();
        let style = ProgressStyle::with_template("  {prefix:10} {msg}")
            .unwrap_or_else(|_| ProgressStyle::default_bar());
        let bar = |(name, _): &(String, Client)| {
            let bar = ProgressBar::new_spinner().with_finish(ProgressFinish::Abandon);
            let bar = together.add(bar);
            bar.set_style(style.clone());
            bar.set_prefix(name.clone());
            bar
        };
        Self {
            members,
            bars: watched.then(|| members.iter().map(bar).collect()),
            _together: together,
            shown: vec![String::new(); members.len()],
        }
    }

    /// Watches until it is cancelled.
    pub(super) async fn keep(&mut self) -> std::convert::Infallible {
        let mut ticks = tokio::time::interval(REFRESH);
        loop {
            ticks.tick().await;
            self.refresh().await;
        }
    }

    /// Shows how it ended, and leaves that on the terminal.
    pub(super) async fn end(mut self) {
        let _ = tokio::time::timeout(LAST_REFRESH, self.refresh()).await;
    }

    async fn refresh(&mut self) {
        for (at, (name, client)) in self.members.iter().enumerate() {
            let before = &self.shown[at];
            let now = match state(client).await {
                Ok(Some(state)) => state,
                Ok(None) if before.is_empty() || before == NOTHING_YET => NOTHING_YET.to_owned(),
                Ok(None) => "nothing left".to_owned(),
                // What cannot be read stays as it was seen last.
                Err(_) => continue,
            };
            if now == *before {
                continue;
            }
            match &self.bars {
                Some(bars) => bars[at].set_message(now.clone()),
                None => eprintln!("  {name:10} {now}"),
            }
            self.shown[at] = now;
        }
    }
}

/// The newest set of the example on a member, in words; none if there is no set.
async fn state(client: &Client) -> kube::Result<Option<String>> {
    let api = Api::<ClusterObjectSet>::all(client.clone());
    let sets = api.list(&ListParams::default()).await?.items;
    let ours = sets.iter().filter(|set| number(set).is_some());
    Ok(ours.max_by_key(|set| number(set)).map(words))
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
