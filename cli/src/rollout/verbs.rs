//! Verbs on the rollout of the revision that should run now: `approve`, `promote`, `skip`, `retry`, `pause`, `resume`,
//! `abort` and `reject`.

use anyhow::{Context as _, bail};
use clap::Subcommand;
use stevedore_client::Api;
use stevedore_crds::condition;
use stevedore_crds::v1alpha1::{ActionVerb, WaveStatus};
use stevedore_proto_core::ClusterName;

use super::action::{Asked, record_action, show};
use crate::outcome::Outcome;
use crate::output::Format;
use crate::package_name::PackageName;
use crate::packages::{AnyPackage, Packages, existing_cluster};

/// What happens to a rollout. It is recorded as a PackageAction, and ends when another revision is rolled out.
#[derive(Debug, Subcommand)]
pub(crate) enum VerbCommand {
    /// Approves a wave that waits for it
    #[command(
        after_help = "Examples:\n  stevedore rollout approve lighthouse\n  stevedore rollout approve lighthouse --wave harbours --reason \"seen at sea\"\n\nIt holds for the revision that is rolled out now, and for no other."
    )]
    Approve(OnWave),
    /// Lets the next wave begin, whatever this one still waits for
    #[command(
        after_help = "Example:\n  stevedore rollout promote lighthouse --reason \"the soak time is for nights\"\n\nA halt after failures stays: skip the clusters that fail, or retry them."
    )]
    Promote(OnWave),
    /// Leaves a cluster as it is, and waits for it no longer
    #[command(after_help = "Example:\n  stevedore rollout skip lighthouse --cluster harbour-1")]
    Skip {
        /// Name of the MemberCluster
        #[arg(long, value_name = "NAME")]
        cluster: ClusterName,
        #[command(flatten)]
        on: On,
    },
    /// Orders once more what failed, and nothing else
    #[command(after_help = "Example:\n  stevedore rollout retry lighthouse")]
    Retry(On),
    /// Orders nothing more until `resume`; what runs is still repaired
    #[command(after_help = "Example:\n  stevedore rollout pause lighthouse --reason \"storm\"")]
    Pause(On),
    /// Ends a pause
    #[command(after_help = "Example:\n  stevedore rollout resume lighthouse")]
    Resume(On),
    /// Orders nothing more of this revision; what has it keeps it
    #[command(
        after_help = "Example:\n  stevedore rollout abort lighthouse\n\nTo go back where it was ordered already: stevedore rollout undo."
    )]
    Abort(On),
    /// Orders a revision on no cluster any more, also when the package comes back to it, until `release --revision`
    #[command(
        after_help = "Example:\n  stevedore rollout reject lighthouse --revision 7 --reason \"leaks oil\""
    )]
    Reject {
        /// The revision; the one that should run now by default
        #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(i64).range(1..))]
        revision: Option<i64>,
        #[command(flatten)]
        on: On,
    },
}

/// What every verb has.
#[derive(Debug, clap::Args)]
pub(crate) struct On {
    /// NAME of a ClusterPackage, or NAMESPACE/NAME of a Package
    package: PackageName,
    /// Why, for the record
    #[arg(long)]
    reason: Option<String>,
    /// Form of the recorded PackageAction
    #[arg(short, long, value_enum, default_value_t)]
    output: Format,
}

/// What a verb on a wave has.
#[derive(Debug, clap::Args)]
pub(crate) struct OnWave {
    /// The wave; by default the one that waits for what the verb gives
    #[arg(long, value_name = "NAME")]
    wave: Option<String>,
    #[command(flatten)]
    on: On,
}

impl VerbCommand {
    pub(super) async fn run(self, packages: &Packages) -> anyhow::Result<Outcome> {
        let on = match &self {
            Self::Approve(OnWave { on, .. })
            | Self::Promote(OnWave { on, .. })
            | Self::Skip { on, .. }
            | Self::Reject { on, .. }
            | Self::Retry(on)
            | Self::Pause(on)
            | Self::Resume(on)
            | Self::Abort(on) => on,
        };
        let package = packages.get(&on.package).await?;
        if let Self::Skip { cluster, .. } = &self {
            existing_cluster(&Api::all(packages.client()), cluster).await?;
        }
        let (asked, words) = self.asked(&package)?;
        let action = record_action(packages, &on.package, asked).await?;
        show(&action, on.output, &words)
    }

    /// What is recorded, and what is said when the hub has taken it up.
    fn asked(&self, package: &AnyPackage) -> anyhow::Result<(Asked, String)> {
        let name = &package.name;
        let asked = |on: &On, verb, revision| Asked {
            verb,
            revision,
            wave: None,
            cluster: None,
            reason: on.reason.clone(),
        };
        let current = || current(package);
        Ok(match self {
            Self::Approve(OnWave { wave, on }) => {
                let wave = the_wave(package, wave.as_deref(), |gate| gate == "Approval")?;
                let asked = asked(on, ActionVerb::Approve, Some(current()?));
                let words = format!("wave {wave} of {name} is approved");
                (asked.of_wave(wave), words)
            }
            Self::Promote(OnWave { wave, on }) => {
                let is_waiting = |gate: &str| !matches!(gate, "Passed" | "EarlierWave");
                let wave = the_wave(package, wave.as_deref(), is_waiting)?;
                let asked = asked(on, ActionVerb::Promote, Some(current()?));
                let words = format!("what follows wave {wave} of {name} waits for it no longer");
                (asked.of_wave(wave), words)
            }
            Self::Skip { cluster, on } => {
                let asked = asked(on, ActionVerb::Skip, Some(current()?));
                let words = format!(
                    "{cluster} is left as it is while this revision of {name} is rolled out"
                );
                let cluster = Some(cluster.to_string());
                (Asked { cluster, ..asked }, words)
            }
            Self::Retry(on) => (
                asked(on, ActionVerb::Retry, Some(current()?)),
                format!("what failed of {name} is ordered once more"),
            ),
            Self::Pause(on) => (
                asked(on, ActionVerb::Pause, Some(current()?)),
                format!("the rollout of {name} is paused until `stevedore rollout resume {name}`"),
            ),
            Self::Resume(on) => (
                asked(on, ActionVerb::Resume, None),
                format!("the rollout of {name} goes on"),
            ),
            Self::Abort(on) => {
                let revision = current()?;
                let words = format!("nothing more is ordered of revision {revision} of {name}");
                (asked(on, ActionVerb::Abort, Some(revision)), words)
            }
            Self::Reject { revision, on } => {
                let revision = revision.map_or_else(current, Ok)?;
                let words = format!(
                    "revision {revision} of {name} is rejected until `stevedore rollout release {name} --revision {revision}`"
                );
                (asked(on, ActionVerb::Reject, Some(revision)), words)
            }
        })
    }
}

/// The revision that should run now. While its content is not there the hub names the one that stays.
fn current(package: &AnyPackage) -> anyhow::Result<i64> {
    let name = &package.name;
    let is_unpacked = condition::is_true(&package.status.conditions, condition::UNPACKED);
    let revision = package.status.revision;
    let revision = revision.filter(|_| package.is_observed() && is_unpacked);
    revision.with_context(|| {
        format!("what {name} asks for is not unpacked yet, or the hub has not seen it; try again")
    })
}

/// The wave of this name, or the only one whose gate waits for what the verb gives.
fn the_wave(
    package: &AnyPackage,
    named: Option<&str>,
    is_waiting: fn(&str) -> bool,
) -> anyhow::Result<String> {
    let (name, waves) = (&package.name, &package.status.waves);
    let hint = match waves[..] {
        [] => format!("nothing of {name} is being rolled out"),
        _ => {
            let names: Vec<_> = waves.iter().map(|wave| &*wave.name).collect();
            format!("its waves are {}", names.join(", "))
        }
    };
    if let Some(named) = named {
        if !waves.iter().any(|wave| wave.name == named) {
            bail!("{name} has no wave {named}; {hint}");
        }
        return Ok(named.to_owned());
    }
    let waiting = |wave: &&WaveStatus| is_waiting(&wave.gate);
    let mut waiting = waves.iter().filter(waiting);
    match (waiting.next(), waiting.next()) {
        (Some(wave), None) => Ok(wave.name.clone()),
        _ => bail!("no single wave of {name} waits for that; name one with --wave: {hint}"),
    }
}

#[cfg(test)]
mod tests {
    use stevedore_crds::condition::Update;
    use stevedore_crds::v1alpha1::{ClusterPackage, ClusterPackageSpec, PackageStatus};

    use super::*;

    fn package(gates: &[(&str, &str)]) -> AnyPackage {
        let wave = |(name, gate): &(&str, &str)| WaveStatus {
            name: (*name).into(),
            gate: (*gate).into(),
            ..WaveStatus::default()
        };
        let mut package = ClusterPackage::new("lamp", ClusterPackageSpec::default());
        package.metadata.generation = Some(1);
        let mut conditions = Vec::new();
        let unpacked = Update::new(condition::UNPACKED, true, "UnpackSuccess", "");
        unpacked.apply(&mut conditions, 1, jiff::Timestamp::UNIX_EPOCH);
        package.status = Some(PackageStatus {
            observed_generation: Some(1),
            conditions,
            revision: Some(3),
            waves: gates.iter().map(wave).collect(),
            ..PackageStatus::default()
        });
        package.into()
    }

    fn on_wave(wave: Option<&str>) -> OnWave {
        OnWave {
            wave: wave.map(str::to_owned),
            on: on(),
        }
    }

    fn on() -> On {
        On {
            package: "lamp".parse().unwrap(),
            reason: None,
            output: Format::Table,
        }
    }

    #[test]
    fn the_wave_that_waits_is_meant_unless_another_is_named() {
        let package = package(&[("first", "Passed"), ("rest", "Approval")]);
        let wave = |command: &VerbCommand| {
            let (asked, _) = command.asked(&package).unwrap();
            (asked.revision, asked.wave.unwrap())
        };
        let approve = VerbCommand::Approve(on_wave(None));
        assert_eq!(wave(&approve), (Some(3), "rest".into()));
        let named = VerbCommand::Promote(on_wave(Some("first")));
        assert_eq!(wave(&named), (Some(3), "first".into()));
    }

    #[test]
    fn where_no_single_wave_waits_they_are_named() {
        let error = |package, named: Option<&str>| {
            let asked = VerbCommand::Approve(on_wave(named)).asked(&package);
            asked.unwrap_err().to_string()
        };
        let waves = [("first", "Clusters"), ("rest", "EarlierWave")];
        assert_eq!(
            error(package(&waves), None),
            "no single wave of lamp waits for that; name one with --wave: its waves are first, rest"
        );
        assert_eq!(
            error(package(&waves), Some("harbours")),
            "lamp has no wave harbours; its waves are first, rest"
        );
    }

    #[test]
    fn a_verb_names_the_revision_that_is_rolled_out_and_a_resume_none() {
        let revision = |command: VerbCommand| command.asked(&package(&[])).unwrap().0.revision;
        assert_eq!(revision(VerbCommand::Pause(on())), Some(3));
        assert_eq!(revision(VerbCommand::Resume(on())), None);
        let reject = |revision| VerbCommand::Reject { revision, on: on() };
        assert_eq!(revision(reject(None)), Some(3));
        assert_eq!(revision(reject(Some(1))), Some(1));
    }
}
