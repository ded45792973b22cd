//! `stevedore demo`: a whole fleet on this machine, and a package rolling out on it.

mod example;
mod look;
mod stage;
mod steps;
mod view;

use std::io::IsTerminal as _;

use indicatif::ProgressBar;
use stevedore_fleet::progress::{Event, Progress};

use crate::Outcome;
use crate::output::{self, Format};
use stage::Stage;
use steps::{Show, Summary};

#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  stevedore demo\n  stevedore demo --members 5\n  stevedore demo --once -o json\n\nNothing has to be set up first. The first start builds the control plane programs with Go, which takes minutes; no process survives the demo."
)]
pub(crate) struct Demo {
    /// How many member clusters
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u8).range(1..=10))]
    members: u8,
    /// Go through rollout, upgrade, roll back and removal, then end
    #[arg(long)]
    once: bool,
    /// With --once: form of the summary
    #[arg(short, long, value_enum, default_value_t)]
    output: Format,
}

impl Demo {
    pub(crate) async fn run(self) -> anyhow::Result<Outcome> {
        let interrupted = async { tokio::signal::ctrl_c().await.map_err(anyhow::Error::from) };
        tokio::select! {
            done = self.play() => done,
            signal = interrupted => signal.map(|()| Outcome::Done),
        }
    }

    async fn play(&self) -> anyhow::Result<Outcome> {
        let progress = Shown::new();
        let stage = Stage::set(usize::from(self.members), &progress, &|text| {
            progress.say(text)
        })
        .await?;
        progress.done();
        let show = Show::new(&stage);
        if self.once {
            let mut summary = Summary::default();
            let played = show.all(&mut summary).await;
            summary.end(played.as_ref().err());
            self.print(&summary)?;
            played?;
            return Ok(Outcome::Done);
        }
        show.rollout().await?;
        output::line(&next(&stage))?;
        // Stays until Ctrl-C, which the caller listens for.
        std::future::pending().await
    }

    fn print(&self, summary: &Summary) -> anyhow::Result<()> {
        match self.output {
            Format::Json | Format::Yaml => output::object(self.output, summary),
            Format::Table | Format::Name => output::line(&summary.table()),
        }
    }
}

/// What a person can try now.
fn next(stage: &Stage) -> String {
    let hub = stage.fleet.hub().kubeconfig();
    let member = &stage.fleet.members()[0];
    let (two, name) = (stage.reference(&example::TWO), example::NAME);
    format!(
        "\
The fleet is up. Logs and kubeconfigs are in {folder}.

  export KUBECONFIG={hub}
  kubectl get memberclusters,clusterpackages
  stevedore fleet status

Upgrade, roll back, remove:
  kubectl patch clusterpackage {name} --type merge -p '{{\"spec\":{{\"image\":\"{two}\"}}}}'
  stevedore rollout history {name}
  stevedore rollout undo {name}
  kubectl delete clusterpackage {name}

On a member: what its agent accepted, and drift that comes back:
  kubectl --kubeconfig {member_config} get clusterobjectsets
  kubectl --kubeconfig {member_config} -n {name} delete service lamp

Everything ends with Ctrl-C.",
        folder = stage.fleet.folder().display(),
        hub = hub.display(),
        member_config = member.kubeconfig().display(),
    )
}

/// Progress on a terminal as one line that changes, otherwise as lines.
struct Shown {
    bar: Option<ProgressBar>,
}

impl Shown {
    fn new() -> Self {
        let bar = std::io::stderr()
            .is_terminal()
            .then(ProgressBar::new_spinner);
        if let Some(bar) = &bar {
            bar.enable_steady_tick(std::time::Duration::from_millis(120));
        }
        Self { bar }
    }

    fn say(&self, text: &str) {
        match &self.bar {
            Some(bar) => bar.set_message(text.to_owned()),
            None => eprintln!("{text}"),
        }
    }

    fn done(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

impl Progress for Shown {
    fn report(&self, event: &Event) {
        // Starts and builds that go on are for a line that changes, not for a log.
        let quiet = matches!(event, Event::Starting { .. } | Event::StillBuilding { .. });
        if self.bar.is_some() || !quiet {
            self.say(&event.to_string());
        }
    }
}
