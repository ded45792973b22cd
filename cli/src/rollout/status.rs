//! `stevedore rollout status`: the waves of a package, once or until it is everywhere.

use std::time::Duration;

use anyhow::Context as _;
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use stevedore_crds::condition;
use stevedore_crds::v1alpha1::{PackageCounts, WaveStatus};

use crate::outcome::Outcome;
use crate::output::{self, Format};
use crate::package_name::PackageName;
use crate::packages::{AnyPackage, Packages};

/// Time between two looks at a package that is watched.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  stevedore rollout status lighthouse\n  stevedore rollout status lighthouse --watch --timeout 30m\n\nExit code 0 when what spec asks for is available everywhere, 3 when it is not, or not in time."
)]
pub(crate) struct Status {
    /// NAME of a ClusterPackage, or NAMESPACE/NAME of a Package
    package: PackageName,
    /// Shows every change until what spec asks for is available everywhere
    #[arg(short, long)]
    watch: bool,
    /// How long to watch
    #[arg(
        long,
        value_name = "DURATION",
        default_value = "1h",
        requires = "watch"
    )]
    timeout: SignedDuration,
    /// Form of the output
    #[arg(short, long, value_enum, default_value_t)]
    output: Format,
}

/// How far a package is.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
struct Progress {
    package: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    revision: Option<i64>,
    /// Whether what spec asks for is available everywhere.
    is_done: bool,
    counts: PackageCounts,
    waves: Vec<WaveStatus>,
    /// Why it is not, in the hub's words.
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<String>,
}

impl Status {
    pub(super) async fn run(self, packages: &Packages) -> anyhow::Result<Outcome> {
        let timeout = Duration::try_from(self.timeout).context("the timeout is negative")?;
        let until = tokio::time::Instant::now() + timeout;
        let mut shown = None;
        loop {
            let progress = Progress::of(&packages.get(&self.package).await?);
            let is_done = progress.is_done;
            if shown.as_ref() != Some(&progress) {
                progress.show(self.output)?;
                shown = Some(progress);
            }
            let is_over = tokio::time::Instant::now() >= until;
            if is_done || !self.watch || is_over {
                return Ok(match is_done {
                    true => Outcome::Done,
                    false => Outcome::NotAsAsked,
                });
            }
            tokio::time::sleep(LOOK_AGAIN).await;
        }
    }
}

impl Progress {
    fn of(package: &AnyPackage) -> Self {
        let status = &package.status;
        Self {
            package: package.name.to_string(),
            revision: status.revision,
            is_done: package.is_observed()
                && condition::is_true(&status.conditions, condition::READY),
            counts: status.counts.unwrap_or_default(),
            waves: status.waves.clone(),
            message: package.unready(),
        }
    }

    fn show(&self, format: Format) -> anyhow::Result<()> {
        let now = Timestamp::now();
        let words = self.lines(now);
        output::one(format, self, &self.package, &words)
    }

    fn lines(&self, now: Timestamp) -> String {
        let PackageCounts {
            targeted,
            updated,
            available,
            ..
        } = self.counts;
        let revision = self
            .revision
            .map_or_else(String::new, |number| format!(" revision {number}:"));
        let mut lines = vec![format!(
            "{}:{revision} {updated} of {targeted} clusters changed, {available} available",
            self.package
        )];
        lines.extend(self.message.clone());
        if !self.waves.is_empty() {
            let header = [
                "wave",
                "waits for",
                "for",
                "clusters",
                "changed",
                "available",
                "failed",
                "offline",
            ];
            let rows = self.waves.iter().map(|wave| cells(wave, now));
            lines.push(output::table(&header, rows));
        }
        lines.join("\n")
    }
}

fn cells(wave: &WaveStatus, now: Timestamp) -> Vec<String> {
    let gate = match (&*wave.gate, &wave.until) {
        ("Passed", _) => "-".to_owned(),
        ("Soaking", Some(until)) => format!("Soaking ({} left)", output::age(now, until.0)),
        (gate, _) => gate.to_owned(),
    };
    let since = wave.since.as_ref();
    vec![
        wave.name.clone(),
        gate,
        since.map_or_else(|| "-".into(), |since| output::age(since.0, now)),
        wave.targeted.to_string(),
        wave.updated.to_string(),
        wave.available.to_string(),
        wave.failed.to_string(),
        wave.offline.to_string(),
    ]
}

#[cfg(test)]
mod tests {
    use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

    use super::*;

    #[test]
    fn a_rollout_is_shown_wave_by_wave_within_a_hundred_columns() {
        let at = |second| Time(Timestamp::from_second(second).unwrap());
        let wave = |name: &str, gate: &str, until| WaveStatus {
            name: name.into(),
            targeted: 2,
            updated: 2,
            available: 1,
            failed: 0,
            offline: 1,
            gate: gate.into(),
            since: Some(at(0)),
            until,
        };
        let progress = Progress {
            package: "lamp".into(),
            revision: Some(2),
            is_done: false,
            counts: PackageCounts {
                targeted: 4,
                updated: 2,
                available: 3,
                ..PackageCounts::default()
            },
            waves: vec![
                wave("first", "Soaking", Some(at(90))),
                wave("rest", "EarlierWave", None),
            ],
            message: Some("RollingOut: 2 clusters still to be changed".into()),
        };
        let shown = progress.lines(Timestamp::from_second(60).unwrap());
        let expected = "\
lamp: revision 2: 2 of 4 clusters changed, 3 available
RollingOut: 2 clusters still to be changed
WAVE   WAITS FOR           FOR  CLUSTERS  CHANGED  AVAILABLE  FAILED  OFFLINE
first  Soaking (30s left)  60s  2         2        1          0       1
rest   EarlierWave         60s  2         2        1          0       1";
        assert_eq!(shown, expected);
    }
}
