//! `stevedore rollout`: how far a package is, and the verbs that change that.

mod action;
mod status;
mod verbs;

use anyhow::{Context as _, bail};
use clap::Subcommand;
use jiff::Timestamp;
use kube::ResourceExt as _;
use stevedore_crds::v1alpha1::{ActionVerb, PackageRevision};

use crate::connection::Connection;
use crate::outcome::Outcome;
use crate::output::{self, Format};
use crate::package_name::PackageName;
use crate::packages::{AnyPackage, Packages};

use action::show;
pub(crate) use action::{Asked, is_decided, record_action};
use verbs::VerbCommand;

#[derive(Debug, Subcommand)]
pub(crate) enum RolloutCommand {
    /// Lists the revisions of a package that can be rolled back to
    #[command(after_help = "Example:\n  stevedore rollout history lighthouse")]
    History {
        /// NAME of a ClusterPackage, or NAMESPACE/NAME of a Package
        package: PackageName,
        /// Form of the output
        #[arg(short, long, value_enum, default_value_t)]
        output: Format,
    },
    /// Shows the waves of a package: how far each is, and what it waits for
    Status(status::Status),
    #[command(flatten)]
    Verb(VerbCommand),
    /// Rolls a package back to a kept revision and holds it there; spec is not edited
    #[command(
        after_help = "Examples:\n  stevedore rollout undo lighthouse\n  stevedore rollout undo lighthouse --to-revision 3 --reason \"beam too bright\"\n\nIt holds until the package's content fields change or `stevedore rollout release`."
    )]
    Undo {
        /// NAME of a ClusterPackage, or NAMESPACE/NAME of a Package
        package: PackageName,
        /// The revision to hold; the one before the current one by default
        #[arg(long, value_name = "NUMBER")]
        to_revision: Option<i64>,
        /// Why, for the record
        #[arg(long)]
        reason: Option<String>,
        /// Form of the recorded PackageAction
        #[arg(short, long, value_enum, default_value_t)]
        output: Format,
    },
    /// Ends an undo: the package follows its spec again; with a revision, ends its rejection instead
    #[command(
        after_help = "Examples:\n  stevedore rollout release lighthouse\n  stevedore rollout release lighthouse --revision 7"
    )]
    Release {
        /// NAME of a ClusterPackage, or NAMESPACE/NAME of a Package
        package: PackageName,
        /// The revision that is rejected no longer
        #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(i64).range(1..))]
        revision: Option<i64>,
        /// Why, for the record
        #[arg(long)]
        reason: Option<String>,
        /// Form of the recorded PackageAction
        #[arg(short, long, value_enum, default_value_t)]
        output: Format,
    },
}

pub(crate) async fn run(
    connection: &Connection,
    command: RolloutCommand,
) -> anyhow::Result<Outcome> {
    let packages = Packages::new(connection.client().await?, &connection.system_namespace);
    match command {
        RolloutCommand::History { package, output } => {
            history(&packages, &package, output).await?;
            Ok(Outcome::Done)
        }
        RolloutCommand::Status(status) => status.run(&packages).await,
        RolloutCommand::Verb(verb) => verb.run(&packages).await,
        RolloutCommand::Undo {
            package,
            to_revision,
            reason,
            output,
        } => {
            let found = packages.get(&package).await?;
            let revision = revision_to_hold(&packages, &found, to_revision).await?;
            let asked = Asked {
                verb: ActionVerb::Pin,
                revision: Some(revision),
                wave: None,
                cluster: None,
                reason,
            };
            let pin = record_action(&packages, &package, asked).await?;
            let words = format!(
                "{package} is held at revision {revision} until its spec changes or `stevedore rollout release {package}`"
            );
            show(&pin, output, &words)
        }
        RolloutCommand::Release {
            package,
            revision,
            reason,
            output,
        } => {
            packages.get(&package).await?;
            let asked = Asked {
                verb: ActionVerb::Release,
                revision,
                wave: None,
                cluster: None,
                reason,
            };
            let release = record_action(&packages, &package, asked).await?;
            let words = match revision {
                Some(revision) => format!("revision {revision} of {package} is rejected no longer"),
                None => format!("{package} follows its spec again"),
            };
            show(&release, output, &words)
        }
    }
}

async fn history(packages: &Packages, name: &PackageName, format: Format) -> anyhow::Result<()> {
    let package = packages.get(name).await?;
    let revisions = packages.revisions(&package).await?;
    let now = Timestamp::now();
    output::rows(
        format,
        &revisions,
        &[
            "revision",
            "current",
            "image",
            "component",
            "digest",
            "change-cause",
            "age",
        ],
        |revision| row(revision, package.status.revision, now),
    )
}

fn row(revision: &PackageRevision, current: Option<i64>, now: Timestamp) -> Vec<String> {
    let spec = &revision.spec;
    let digest = spec.image_digest.trim_start_matches("sha256:");
    vec![
        spec.number.to_string(),
        if current == Some(spec.number) {
            "*".into()
        } else {
            String::new()
        },
        spec.image.clone(),
        spec.component.clone().unwrap_or_else(|| "-".into()),
        digest.chars().take(12).collect(),
        spec.change_cause.clone().unwrap_or_else(|| "-".into()),
        revision
            .creation_timestamp()
            .map_or_else(|| "-".into(), |created| output::age(created.0, now)),
    ]
}

/// The revision to go back to: the named one, or the newest before the current one.
async fn revision_to_hold(
    packages: &Packages,
    package: &AnyPackage,
    named: Option<i64>,
) -> anyhow::Result<i64> {
    let kept: Vec<_> = packages
        .revisions(package)
        .await?
        .iter()
        .map(|revision| revision.spec.number)
        .collect();
    let kept_ones = || match kept[..] {
        [] => "none is kept yet; see `stevedore fleet status`".to_owned(),
        _ => {
            let numbers: Vec<_> = kept.iter().map(i64::to_string).collect();
            format!("name one with --to-revision: {}", numbers.join(", "))
        }
    };
    match (named, package.status.revision) {
        (Some(number), _) if kept.contains(&number) => Ok(number),
        (Some(number), _) => bail!(
            "revision {number} of {} is not kept; {}",
            package.name,
            kept_ones()
        ),
        (None, Some(current)) => kept
            .iter()
            .copied()
            .filter(|number| *number < current)
            .max()
            .with_context(|| {
                format!(
                    "{} has no revision before {current}; {}",
                    package.name,
                    kept_ones()
                )
            }),
        (None, None) => bail!(
            "{} runs no revision yet; see `stevedore fleet status`",
            package.name
        ),
    }
}
