//! `stevedore package`: build, push and validate packages, offline but for the push.

mod folder;
pub(crate) mod push;

use std::collections::BTreeMap;
use std::path::PathBuf;

use anyhow::Context as _;
use clap::Subcommand;
use stevedore_package::image::{Image, build};

use crate::Outcome;
use crate::output;

#[derive(Debug, Subcommand)]
pub(crate) enum PackageCommand {
    /// Validates a package folder: manifest, templates, objects
    #[command(after_help = "Example:\n  stevedore package validate ./lighthouse")]
    Validate {
        /// Folder with manifest.yaml
        path: PathBuf,
    },
    /// Builds the image of a package folder as an OCI layout; the same files give the same digest
    #[command(
        after_help = "Example:\n  stevedore package build ./lighthouse -t registry.example/lighthouse:1 -o lighthouse.tar"
    )]
    Build {
        /// Folder with manifest.yaml
        path: PathBuf,
        /// Reference the image is to have
        #[arg(short, long, value_name = "REFERENCE")]
        tag: Option<String>,
        /// File to write the OCI layout to, a tar archive
        #[arg(short, long, value_name = "FILE")]
        output: PathBuf,
        /// Label of the image; may be repeated
        #[arg(short, long = "label", value_name = "KEY=VALUE", value_parser = crate::args::label)]
        labels: Vec<(String, String)>,
    },
    /// Builds the image of a package folder and pushes it
    #[command(
        after_help = "Example:\n  stevedore package push ./lighthouse registry.example/lighthouse:1\n\nCredentials are read from $DOCKER_CONFIG/config.json or ~/.docker/config.json."
    )]
    Push {
        /// Folder with manifest.yaml
        path: PathBuf,
        /// Where to push it
        reference: String,
        /// Label of the image; may be repeated
        #[arg(short, long = "label", value_name = "KEY=VALUE", value_parser = crate::args::label)]
        labels: Vec<(String, String)>,
        /// Speak plain HTTP; without it only to the loopback address
        #[arg(long)]
        insecure: bool,
    },
}

pub(crate) async fn run(command: PackageCommand) -> anyhow::Result<Outcome> {
    match command {
        PackageCommand::Validate { path } => {
            let files = folder::read(&path)?;
            folder::validate(&files)?;
            output::line(&format!(
                "{} is a valid package of {} files",
                path.display(),
                files.len()
            ))?;
        }
        PackageCommand::Build {
            path,
            tag,
            output: file,
            labels,
        } => {
            let image = image(&path, labels)?;
            let layout = image
                .to_layout(tag.as_deref())
                .context("cannot write the image")?;
            std::fs::write(&file, layout)
                .with_context(|| format!("cannot write {}", file.display()))?;
            output::line(&image.manifest.digest.to_string())?;
        }
        PackageCommand::Push {
            path,
            reference,
            labels,
            insecure,
        } => {
            let image = image(&path, labels)?;
            push::push(&image, &reference, insecure).await?;
            output::line(&format!("{reference}@{}", image.manifest.digest))?;
        }
    }
    Ok(Outcome::Done)
}

/// The image of a valid package folder.
fn image(path: &std::path::Path, labels: Vec<(String, String)>) -> anyhow::Result<Image> {
    let files = folder::read(path)?;
    folder::validate(&files)?;
    build(&files, &labels.into_iter().collect::<BTreeMap<_, _>>())
        .with_context(|| format!("cannot build an image of {}", path.display()))
}
