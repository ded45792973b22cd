//! `stevedore package`: packages made, checked, tested, shown, built, pushed and pulled; offline where neither a registry
//! nor a member is meant.

mod diff;
mod finding;
mod fixtures;
mod folder;
mod init;
mod input;
mod preview;
mod progress;
mod pull;
pub(crate) mod push;
mod registry;
mod render;
mod replacement;
mod report;
mod schema;
mod source;
mod test;
mod tree;
mod unified;
mod update;
mod validate;
mod view;
mod walk;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::Subcommand;
use serde::Serialize;
use stevedore_package::image::{Image, build};
use stevedore_registry::Reference;

use crate::connection::Connection;
use crate::outcome::Outcome;
use crate::output::{self, Format};
use registry::Insecure;
use source::Source;

#[derive(Debug, Subcommand)]
pub(crate) enum PackageCommand {
    /// Makes a new package: an example, or one of plain manifests
    #[command(
        visible_alias = "kickstart",
        after_help = "Examples:\n  stevedore package init lamp\n  stevedore package init lamp --scope namespace\n  stevedore package init shop --from ./manifests\n  kubectl get deployment,service -n shop -o yaml | stevedore package init shop --from -"
    )]
    Init(init::Init),
    /// Validates a package, a folder or an image: manifest, templates, objects, fixtures of test cases
    #[command(
        after_help = "Examples:\n  stevedore package validate ./lighthouse\n  stevedore package validate ./lighthouse --strict -o json\n  stevedore package validate --pull registry.example/lighthouse:1"
    )]
    Validate {
        #[command(flatten)]
        source: Source,
        /// Take warnings for errors
        #[arg(long)]
        strict: bool,
        /// Form of the output
        #[arg(short, long, value_enum, default_value_t)]
        output: Format,
    },
    /// Compares what the test cases of a package render to with its fixtures
    Test(test::Test),
    #[command(flatten)]
    View(view::ViewCommand),
    /// Resolves the images that a package names to digests, and writes them into its lock files
    #[command(
        after_help = "Examples:\n  stevedore package update ./lighthouse\n  stevedore package update ./lighthouse --check -o json\n\nCredentials are read from $DOCKER_CONFIG/config.json or ~/.docker/config.json."
    )]
    Update(update::Update),
    /// Prints the JSON Schema of a manifest or a lock file, for editors
    #[command(
        after_help = "Examples:\n  stevedore package schema manifest > lighthouse/.packagemanifest.json\n  stevedore package schema lock\n\nEditors with a YAML language server use it where the first line of manifest.yaml is\n# yaml-language-server: $schema=.packagemanifest.json"
    )]
    Schema(schema::Schema),
    /// Builds the image of a package folder as an OCI layout; the same files give the same digest
    #[command(
        after_help = "Examples:\n  stevedore package build ./lighthouse lighthouse.tar -t registry.example/lighthouse:1\n  stevedore package build ./lighthouse -t registry.example/lighthouse:1 -t registry.example/lighthouse:latest --push"
    )]
    Build {
        /// Folder with manifest.yaml
        path: PathBuf,
        /// File to write the OCI layout to, a tar archive
        file: Option<PathBuf>,
        /// Reference the image is to have; may be repeated
        #[arg(short, long = "tag", value_name = "REFERENCE")]
        tags: Vec<String>,
        /// Push it by every tag
        #[arg(long, requires = "tags")]
        push: bool,
        #[command(flatten)]
        insecure: Insecure,
        /// Label of the image; may be repeated
        #[arg(short, long = "label", value_name = "KEY=VALUE", value_parser = crate::label::parse)]
        labels: Vec<(String, String)>,
        /// Form of the output
        #[arg(short, long, value_enum, default_value_t)]
        output: Format,
    },
    /// Builds the image of a package folder and pushes it
    #[command(
        after_help = "Example:\n  stevedore package push ./lighthouse registry.example/lighthouse:1 registry.example/lighthouse:latest\n\nCredentials are read from $DOCKER_CONFIG/config.json or ~/.docker/config.json."
    )]
    Push {
        /// Folder with manifest.yaml
        path: PathBuf,
        /// Where to push it; may be repeated
        #[arg(required = true, value_name = "REFERENCE")]
        references: Vec<String>,
        /// Label of the image; may be repeated
        #[arg(short, long = "label", value_name = "KEY=VALUE", value_parser = crate::label::parse)]
        labels: Vec<(String, String)>,
        #[command(flatten)]
        insecure: Insecure,
        /// Form of the output
        #[arg(short, long, value_enum, default_value_t)]
        output: Format,
    },
    /// Pulls a package image and writes its files into a folder
    #[command(
        after_help = "Example:\n  stevedore package pull registry.example/lighthouse:1 ./lighthouse\n\nCredentials are read from $DOCKER_CONFIG/config.json or ~/.docker/config.json."
    )]
    Pull {
        /// Reference of the image, by tag or digest
        image: String,
        /// Folder to write to, empty or not there yet
        folder: PathBuf,
        #[command(flatten)]
        insecure: Insecure,
        /// Form of the output
        #[arg(short, long, value_enum, default_value_t)]
        output: Format,
    },
}

/// What was made of a package folder.
#[derive(Serialize)]
struct Made {
    digest: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    references: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<PathBuf>,
}

/// What was pulled.
#[derive(Serialize)]
struct Fetched {
    image: String,
    digest: String,
    folder: PathBuf,
    files: usize,
}

pub(crate) async fn run(
    connection: &Connection,
    command: PackageCommand,
) -> anyhow::Result<Outcome> {
    match command {
        PackageCommand::Init(init) => init::run(init)?,
        PackageCommand::View(command) => return view::run(connection, command).await,
        PackageCommand::Update(update) => return update::run(update).await,
        PackageCommand::Schema(schema) => schema::run(&schema)?,
        PackageCommand::Validate {
            source,
            strict,
            output,
        } => validate::run(source, strict, output).await?,
        PackageCommand::Test(test) => test::run(&test)?,
        PackageCommand::Build {
            path,
            file,
            tags,
            push,
            insecure,
            labels,
            output,
        } => {
            let tagged = all_tags(&tags)?;
            let image = image(&path, labels)?;
            if let Some(file) = &file {
                write_layout(&image, &tags, file)?;
            }
            if push {
                push::push_all(&image, &tagged, insecure.allowed).await?;
            }
            show_built(&image, tags, file, output)?;
        }
        PackageCommand::Push {
            path,
            references,
            labels,
            insecure,
            output,
        } => {
            let tags = all_tags(&references)?;
            let image = image(&path, labels)?;
            push::push_all(&image, &tags, insecure.allowed).await?;
            show_pushed(&image, references, output)?;
        }
        PackageCommand::Pull {
            image,
            folder,
            insecure,
            output,
        } => pull_into(image, folder, insecure.allowed, output).await?,
    }
    Ok(Outcome::Done)
}

/// All of them, or what is wrong with the first that is none: nothing is pushed by then.
fn all_tags(references: &[String]) -> anyhow::Result<Vec<Reference>> {
    references.iter().map(|text| push::tag(text)).collect()
}

fn write_layout(image: &Image, tags: &[String], file: &Path) -> anyhow::Result<()> {
    let layout = image.to_layout(tags).context("cannot write the image")?;
    replacement::replace(file, &layout)
}

fn show_built(
    image: &Image,
    references: Vec<String>,
    file: Option<PathBuf>,
    format: Format,
) -> anyhow::Result<()> {
    let digest = image.manifest.digest.to_string();
    let made = Made {
        digest: digest.clone(),
        references,
        file,
    };
    output::one(format, &made, &digest, &digest)
}

fn show_pushed(image: &Image, references: Vec<String>, format: Format) -> anyhow::Result<()> {
    let digest = image.manifest.digest.to_string();
    let pushed: Vec<String> = references
        .iter()
        .map(|reference| format!("{reference}@{digest}"))
        .collect();
    let pushed = pushed.join("\n");
    let made = Made {
        digest,
        references,
        file: None,
    };
    output::one(format, &made, &pushed, &pushed)
}

async fn pull_into(
    image: String,
    folder: PathBuf,
    insecure: bool,
    format: Format,
) -> anyhow::Result<()> {
    let pulled = pull::pull(&image, insecure).await?;
    folder::write(&pulled.files, &folder)?;
    let digest = pulled.digest.to_string();
    let name = folder.display().to_string();
    let fetched = Fetched {
        image,
        digest,
        files: pulled.files.len(),
        folder,
    };
    let words = format!(
        "{} ({}): {} in {name}",
        fetched.image,
        fetched.digest,
        output::counted(fetched.files, "file")
    );
    output::one(format, &fetched, &name, &words)
}

/// The image of a valid package folder.
fn image(path: &Path, labels: Vec<(String, String)>) -> anyhow::Result<Image> {
    let contents = folder::read(path)?;
    let mut checked = contents.check();
    fixtures::check(path, &mut checked)?;
    report::refuse(&contents.files, &checked)?;
    preview::tell(preview::untold(&checked.warnings));
    build(
        &contents.files,
        &labels.into_iter().collect::<BTreeMap<_, _>>(),
    )
    .with_context(|| format!("cannot build an image of {}", path.display()))
}
