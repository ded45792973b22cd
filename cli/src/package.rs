//! `stevedore package`: build, push and validate packages, offline but for the push.

mod folder;
pub(crate) mod push;

use std::collections::BTreeMap;
use std::path::PathBuf;

use anyhow::Context as _;
use clap::Subcommand;
use serde::Serialize;
use stevedore_package::image::{Image, build};

use crate::outcome::Outcome;
use crate::output::{self, Format};
use folder::Checked;

#[derive(Debug, Subcommand)]
pub(crate) enum PackageCommand {
    /// Validates a package folder: manifest, templates, objects
    #[command(after_help = "Example:\n  stevedore package validate ./lighthouse")]
    Validate {
        /// Folder with manifest.yaml
        path: PathBuf,
        /// Form of the output
        #[arg(short, long, value_enum, default_value_t)]
        output: Format,
    },
    /// Builds the image of a package folder as an OCI layout; the same files give the same digest
    #[command(
        after_help = "Example:\n  stevedore package build ./lighthouse lighthouse.tar -t registry.example/lighthouse:1"
    )]
    Build {
        /// Folder with manifest.yaml
        path: PathBuf,
        /// File to write the OCI layout to, a tar archive
        file: PathBuf,
        /// Reference the image is to have
        #[arg(short, long, value_name = "REFERENCE")]
        tag: Option<String>,
        /// Label of the image; may be repeated
        #[arg(short, long = "label", value_name = "KEY=VALUE", value_parser = crate::label::parse)]
        labels: Vec<(String, String)>,
        /// Form of the output
        #[arg(short, long, value_enum, default_value_t)]
        output: Format,
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
        #[arg(short, long = "label", value_name = "KEY=VALUE", value_parser = crate::label::parse)]
        labels: Vec<(String, String)>,
        /// Speak plain HTTP; without it only to the loopback address
        #[arg(long)]
        insecure: bool,
        /// Form of the output
        #[arg(short, long, value_enum, default_value_t)]
        output: Format,
    },
}

/// What was found of a package folder.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Validated {
    path: PathBuf,
    files: usize,
    valid: bool,
    violations: Vec<String>,
    not_rendered: Vec<String>,
}

/// What was made of a package folder.
#[derive(Serialize)]
struct Made {
    digest: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    reference: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<PathBuf>,
}

pub(crate) async fn run(command: PackageCommand) -> anyhow::Result<Outcome> {
    match command {
        PackageCommand::Validate { path, output } => validate(path, output)?,
        PackageCommand::Build {
            path,
            file,
            tag,
            labels,
            output,
        } => {
            let image = image(&path, labels)?;
            let layout = image
                .to_layout(tag.as_deref())
                .context("cannot write the image")?;
            std::fs::write(&file, layout)
                .with_context(|| format!("cannot write {}", file.display()))?;
            let digest = image.manifest.digest.to_string();
            let made = Made {
                digest: digest.clone(),
                reference: tag,
                file: Some(file),
            };
            output::one(output, &made, &digest, &digest)?;
        }
        PackageCommand::Push {
            path,
            reference,
            labels,
            insecure,
            output,
        } => {
            let image = image(&path, labels)?;
            push::push(&image, &reference, insecure).await?;
            let digest = image.manifest.digest.to_string();
            let pushed = format!("{reference}@{digest}");
            let made = Made {
                digest,
                reference: Some(reference),
                file: None,
            };
            output::one(output, &made, &pushed, &pushed)?;
        }
    }
    Ok(Outcome::Done)
}

fn validate(path: PathBuf, format: Format) -> anyhow::Result<()> {
    let files = folder::read(&path)?;
    let Checked {
        violations,
        not_rendered,
    } = folder::check(&files);
    let found = Validated {
        path,
        files: files.len(),
        valid: violations.is_empty(),
        violations,
        not_rendered,
    };
    if !found.valid && matches!(format, Format::Table | Format::Name) {
        return folder::refuse(&found.violations);
    }
    let name = found.path.display().to_string();
    let words = match found.not_rendered.is_empty() {
        true => format!("{name} is a valid package of {} files", found.files),
        false => format!(
            "{name} has {} files, and no fault in what could be looked at:\n  - {}",
            found.files,
            found.not_rendered.join("\n  - ")
        ),
    };
    output::one(format, &found, &name, &words)?;
    folder::refuse(&found.violations)
}

/// The image of a valid package folder.
fn image(path: &std::path::Path, labels: Vec<(String, String)>) -> anyhow::Result<Image> {
    let files = folder::read(path)?;
    folder::refuse(&folder::check(&files).violations)?;
    build(&files, &labels.into_iter().collect::<BTreeMap<_, _>>())
        .with_context(|| format!("cannot build an image of {}", path.display()))
}
