//! `stevedore rollout approve`: lets a wave begin, or the one after it.

use anyhow::{Context as _, bail};
use stevedore_crds::v1alpha1::{ActionVerb, WaveStatus};

use super::{Asked, record_action, show};
use crate::outcome::Outcome;
use crate::output::Format;
use crate::package_name::PackageName;
use crate::packages::{AnyPackage, Packages};

#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  stevedore rollout approve lighthouse\n  stevedore rollout approve lighthouse --wave harbours --reason \"seen at sea\"\n\nIt holds for the revision that is rolled out now, and for no other."
)]
pub(crate) struct Approve {
    /// NAME of a ClusterPackage, or NAMESPACE/NAME of a Package
    package: PackageName,
    /// The wave; the one that waits for an approval by default
    #[arg(long, value_name = "NAME")]
    wave: Option<String>,
    /// Why, for the record
    #[arg(long)]
    reason: Option<String>,
    /// Form of the recorded PackageAction
    #[arg(short, long, value_enum, default_value_t)]
    output: Format,
}

impl Approve {
    pub(super) async fn run(self, packages: &Packages) -> anyhow::Result<Outcome> {
        let package = packages.get(&self.package).await?;
        let (revision, wave) = asked(&package, self.wave)?;
        let words = format!(
            "wave {wave} of {} is approved for revision {revision}",
            self.package
        );
        let asked = Asked {
            verb: ActionVerb::Approve,
            revision: Some(revision),
            wave: Some(wave),
            reason: self.reason,
        };
        let action = record_action(packages, &self.package, asked).await?;
        show(&action, self.output, &words)
    }
}

/// The revision and the wave that are meant.
fn asked(package: &AnyPackage, named: Option<String>) -> anyhow::Result<(i64, String)> {
    let status = &package.status;
    let revision = status
        .revision
        .filter(|_| package.is_observed())
        .with_context(|| {
            format!(
                "the hub has not seen the newest spec of {} yet; try again",
                package.name
            )
        })?;
    let names = |which: fn(&&WaveStatus) -> bool| {
        let waves = status.waves.iter().filter(which);
        waves.map(|wave| wave.name.clone()).collect::<Vec<_>>()
    };
    let all = names(|_| true);
    let hint = match all[..] {
        [] => format!("nothing of {} is being rolled out", package.name),
        _ => format!("its waves are {}", all.join(", ")),
    };
    if let Some(named) = named {
        if !all.contains(&named) {
            bail!("{} has no wave {named}; {hint}", package.name);
        }
        return Ok((revision, named));
    }
    match <[String; 1]>::try_from(names(|wave| wave.gate == "Approval")) {
        Ok([wave]) => Ok((revision, wave)),
        Err(_) => bail!("no wave of {} waits for an approval; {hint}", package.name),
    }
}

#[cfg(test)]
mod tests {
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
        package.status = Some(PackageStatus {
            observed_generation: Some(1),
            revision: Some(3),
            waves: gates.iter().map(wave).collect(),
            ..PackageStatus::default()
        });
        package.into()
    }

    #[test]
    fn the_wave_that_waits_is_meant_unless_another_is_named() {
        let package = package(&[("first", "Passed"), ("rest", "Approval")]);
        assert_eq!(asked(&package, None).unwrap(), (3, "rest".into()));
        let named = asked(&package, Some("first".into())).unwrap();
        assert_eq!(named, (3, "first".into()));
    }

    #[test]
    fn where_nothing_waits_the_waves_are_named() {
        let error = |package, named: Option<&str>| {
            let asked = asked(&package, named.map(str::to_owned));
            asked.unwrap_err().to_string()
        };
        let waves = [("first", "Clusters"), ("rest", "EarlierWave")];
        assert_eq!(
            error(package(&waves), None),
            "no wave of lamp waits for an approval; its waves are first, rest"
        );
        assert_eq!(
            error(package(&waves), Some("harbours")),
            "lamp has no wave harbours; its waves are first, rest"
        );
        assert_eq!(
            error(package(&[]), None),
            "no wave of lamp waits for an approval; nothing of lamp is being rolled out"
        );
    }
}
