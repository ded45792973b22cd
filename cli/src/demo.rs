//! `stevedore demo`: a whole fleet on this machine, and a package rolling out on it.

mod example;
mod installed;
mod progress;
mod setup;
mod staged;
mod steps;
mod try_out;
mod view;

use anyhow::{anyhow, bail};
use tokio::signal::unix::{SignalKind, signal};

use crate::outcome::Outcome;
use crate::output::{self, Format};
use progress::ProgressLine;
use setup::DemoFleet;
use steps::{Steps, Summary};

#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  stevedore demo\n  stevedore demo --members 5\n  stevedore demo --once -o json\n  stevedore demo --scenario halt\n\nNothing has to be set up first. The first start builds the control plane programs with Go, which takes minutes; no process survives the demo.\nCtrl-C ends it; with --once, before every step was done, as an error."
)]
pub(crate) struct Demo {
    /// How many member clusters
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u8).range(1..=10))]
    members: u8,
    /// Go through the steps of the scenario, then end
    #[arg(long)]
    once: bool,
    /// What happens; any but the tour is gone through to its end
    #[arg(long, value_enum, default_value_t)]
    scenario: Scenario,
    /// With --once: form of the summary
    #[arg(short, long, value_enum, default_value_t, requires = "once")]
    output: Format,
}

/// What the demo shows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
enum Scenario {
    /// Rollout, canary, approval, roll back and removal
    #[default]
    Tour,
    /// A member that fails halts the rollout, and its repair resumes it
    Halt,
}

impl Demo {
    pub(crate) async fn run(self) -> anyhow::Result<Outcome> {
        let mut interrupts = signal(SignalKind::interrupt())?;
        if self.once || self.scenario != Scenario::Tour {
            let mut summary = Summary::default();
            let ended = tokio::select! {
                ended = self.run_once(&mut summary) => ended,
                _ = interrupts.recv() => Err(anyhow!("interrupted")),
            };
            summary.end(ended.as_ref().err());
            self.print(&summary)?;
            return ended.map(|()| Outcome::Done);
        }
        // Everything runs as long as the fleet is there.
        let _fleet = tokio::select! {
            started = self.roll_out() => started?,
            _ = interrupts.recv() => bail!("interrupted before the fleet was up"),
        };
        interrupts.recv().await;
        Ok(Outcome::Done)
    }

    /// Every step, one after the other.
    async fn run_once(&self, summary: &mut Summary) -> anyhow::Result<()> {
        let demo = self.start().await?;
        let steps = Steps::new(&demo);
        match self.scenario {
            Scenario::Tour => steps.all(summary).await,
            Scenario::Halt => steps.halting(summary).await,
        }
    }

    /// Rolls out, and says what can be tried now.
    async fn roll_out(&self) -> anyhow::Result<DemoFleet> {
        let demo = self.start().await?;
        Steps::new(&demo).rollout().await?;
        let path = try_out::path(&demo.fleet).await?;
        output::line(&try_out::text(&demo, &path))?;
        Ok(demo)
    }

    async fn start(&self) -> anyhow::Result<DemoFleet> {
        let progress = ProgressLine::new();
        let members = usize::from(self.members);
        let demo = DemoFleet::start(members, &progress, &|text| progress.say(text)).await?;
        progress.done();
        Ok(demo)
    }

    fn print(&self, summary: &Summary) -> anyhow::Result<()> {
        match self.output {
            Format::Json | Format::Yaml => output::object(self.output, summary),
            Format::Table | Format::Name => {
                summary.table().map_or(Ok(()), |table| output::line(&table))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct Line {
        #[command(flatten)]
        demo: Demo,
    }

    #[test]
    fn a_form_of_the_summary_needs_a_summary() {
        let parse = |args: &[&str]| Line::try_parse_from([&["demo"], args].concat());
        assert!(parse(&["-o", "json"]).is_err());
        assert!(parse(&["--once", "-o", "json"]).is_ok() && parse(&["--once"]).is_ok());
        assert!(!parse(&[]).unwrap().demo.once);
    }
}
