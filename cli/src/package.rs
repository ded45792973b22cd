//! `stevedore package`: build, push, pull and validate packages; offline where no registry is meant.

mod folder;
mod init;
mod pull;
pub(crate) mod push;
mod registry;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use clap::{Args, Subcommand};
use serde::Serialize;
use stevedore_package::files::PackageFiles;
use stevedore_package::image::{Image, build};
use stevedore_package::warning::Warning;
use stevedore_registry::Reference;

use crate::outcome::Outcome;
use crate::output::{self, Format};
use folder::Checked;

#[derive(Debug, Subcommand)]
pub(crate) enum PackageCommand {
    /// Makes a new package: an example, or one of plain manifests
    #[command(
        visible_alias = "kickstart",
        after_help = "Examples:\n  stevedore package init lamp\n  stevedore package init lamp --for namespace\n  stevedore package init shop --from ./manifests\n  kubectl get deployment,service -n shop -o yaml | stevedore package init shop --from -"
    )]
    Init(init::Init),
    /// Validates a package, a folder or an image: manifest, templates, objects
    #[command(
        after_help = "Examples:\n  stevedore package validate ./lighthouse\n  stevedore package validate ./lighthouse --strict -o json\n  stevedore package validate --pull registry.example/lighthouse:1"
    )]
    Validate {
        /// Folder with manifest.yaml; with --pull the reference of an image
        #[arg(value_name = "PATH|IMAGE")]
        path: PathBuf,
        /// Pull an image and validate that
        #[arg(long)]
        pull: bool,
        #[command(flatten)]
        insecure: Insecure,
        /// Take warnings for errors
        #[arg(long)]
        strict: bool,
        /// Form of the output
        #[arg(short, long, value_enum, default_value_t)]
        output: Format,
    },
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

/// A flag of commands that talk to registries.
#[derive(Debug, Args)]
pub(crate) struct Insecure {
    /// Take any certificate of a registry, and plain HTTP where it does not speak TLS. Loopback needs no flag
    #[arg(long = "insecure")]
    allowed: bool,
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
    warnings: Vec<Told>,
    /// How many more there are.
    more_warnings: usize,
}

/// A warning.
#[derive(Serialize)]
struct Told {
    reason: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<String>,
    /// Number of the document in the file, from 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    document: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    line: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    column: Option<usize>,
    details: String,
    mend: String,
}

impl From<&Warning> for Told {
    fn from(warning: &Warning) -> Self {
        Self {
            reason: warning.reason.word(),
            file: warning.path.clone(),
            document: warning.index,
            line: warning.position.map(|it| it.line),
            column: warning.position.and_then(|it| it.column),
            details: warning.details.clone(),
            mend: warning.mend.clone(),
        }
    }
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

pub(crate) async fn run(command: PackageCommand) -> anyhow::Result<Outcome> {
    match command {
        PackageCommand::Init(init) => init::run(init)?,
        PackageCommand::Validate {
            path,
            pull,
            insecure,
            strict,
            output,
        } => {
            let files = match pull {
                true => {
                    pull::pull(&path.to_string_lossy(), insecure.allowed)
                        .await?
                        .files
                }
                false => folder::read(&path)?,
            };
            validate(path, &files, strict, output)?;
        }
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
            for tag in tagged.iter().filter(|_| push) {
                push::push(&image, tag, insecure.allowed).await?;
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
            for tag in &tags {
                push::push(&image, tag, insecure.allowed).await?;
            }
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
    std::fs::write(file, layout).with_context(|| format!("cannot write {}", file.display()))
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
    pull::write(&pulled.files, &folder)?;
    let digest = pulled.digest.to_string();
    let name = folder.display().to_string();
    let fetched = Fetched {
        image,
        digest,
        files: pulled.files.len(),
        folder,
    };
    let words = format!(
        "{} ({}): {} files in {name}",
        fetched.image, fetched.digest, fetched.files
    );
    output::one(format, &fetched, &name, &words)
}

fn validate(
    path: PathBuf,
    files: &PackageFiles,
    strict: bool,
    format: Format,
) -> anyhow::Result<()> {
    let Checked {
        violations,
        not_rendered,
        warnings,
    } = folder::check(files);
    let told = folder::warnings(&warnings);
    let is_strict_about = strict && !warnings.is_empty();
    let found = Validated {
        path,
        files: files.len(),
        valid: violations.is_empty() && !is_strict_about,
        violations,
        not_rendered,
        warnings: warnings.list().iter().map(Told::from).collect(),
        more_warnings: warnings.more(),
    };
    let verdict = || {
        folder::refuse(&found.violations, &told)?;
        match is_strict_about {
            true => bail!("--strict takes warnings for errors:{told}"),
            false => Ok(()),
        }
    };
    if !found.valid && matches!(format, Format::Table | Format::Name) {
        return verdict();
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
    let words = match told.is_empty() {
        true => words,
        false => format!("{words}\nWarnings, --strict makes them errors:{told}"),
    };
    output::one(format, &found, &name, &words)?;
    verdict()
}

/// The image of a valid package folder.
fn image(path: &Path, labels: Vec<(String, String)>) -> anyhow::Result<Image> {
    let files = folder::read(path)?;
    folder::refuse(&folder::check(&files).violations, "")?;
    build(&files, &labels.into_iter().collect::<BTreeMap<_, _>>())
        .with_context(|| format!("cannot build an image of {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const MANIFEST: &str = "apiVersion: manifests.package-operator.run/v1alpha1
kind: PackageManifest
metadata: {name: demo}
spec:
  scopes: [Cluster]
  phases: [{name: only}]
  bright: true
";
    const OBJECT: &str = "apiVersion: v1
kind: Namespace
metadata: {name: demo, annotations: {package-operator.run/phase: only}}
";

    #[test]
    fn warnings_are_told_and_with_strict_they_are_errors() {
        let folder = std::env::temp_dir().join(format!("stevedore-strict-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join("manifest.yaml"), MANIFEST).unwrap();
        std::fs::write(folder.join("a.yaml"), OBJECT).unwrap();
        let strict = |strict, format| {
            let files = folder::read(&folder)?;
            validate(folder.clone(), &files, strict, format)
        };
        for format in [Format::Table, Format::Json, Format::Name] {
            strict(false, format).unwrap();
            let refused = strict(true, format).expect_err("a warning").to_string();
            assert!(
                refused.contains("manifest.yaml: line 7, column 3: spec.bright"),
                "{refused}"
            );
        }
        std::fs::write(folder.join("b.yaml"), "a: [").unwrap();
        let broken = strict(false, Format::Table)
            .expect_err("no YAML")
            .to_string();
        assert!(
            broken.contains("b.yaml idx 0: line 1, column 4"),
            "{broken}"
        );
        std::fs::remove_dir_all(&folder).unwrap();
    }

    #[test]
    fn a_warning_for_programs_has_its_parts() {
        let mut files = stevedore_package::files::PackageFiles::new();
        files.insert("manifest.yaml", MANIFEST.into()).unwrap();
        files.insert("a.yaml", OBJECT.into()).unwrap();
        let found = folder::check(&files);
        let told: Vec<_> = found.warnings.list().iter().map(Told::from).collect();
        assert_eq!(
            serde_json::to_value(&told).unwrap(),
            serde_json::json!([{
                "reason": "UnknownField", "file": "manifest.yaml", "line": 7, "column": 3,
                "details": "spec.bright: Package Operator passes over it, and so is it done here",
                "mend": "correct its name, or remove it",
            }])
        );
    }
}
