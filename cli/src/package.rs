//! `stevedore package`: build, push and validate packages, offline but for the push.

mod folder;
pub(crate) mod push;

use std::collections::BTreeMap;
use std::path::PathBuf;

use anyhow::{Context as _, bail};
use clap::Subcommand;
use serde::Serialize;
use stevedore_package::image::{Image, build};
use stevedore_package::warning::Warning;

use crate::outcome::Outcome;
use crate::output::{self, Format};
use folder::Checked;

#[derive(Debug, Subcommand)]
pub(crate) enum PackageCommand {
    /// Validates a package folder: manifest, templates, objects
    #[command(
        after_help = "Examples:\n  stevedore package validate ./lighthouse\n  stevedore package validate ./lighthouse --strict -o json"
    )]
    Validate {
        /// Folder with manifest.yaml
        path: PathBuf,
        /// Take warnings for errors
        #[arg(long)]
        strict: bool,
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
    #[serde(skip_serializing_if = "Option::is_none")]
    reference: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<PathBuf>,
}

pub(crate) async fn run(command: PackageCommand) -> anyhow::Result<Outcome> {
    match command {
        PackageCommand::Validate {
            path,
            strict,
            output,
        } => validate(path, strict, output)?,
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

fn validate(path: PathBuf, strict: bool, format: Format) -> anyhow::Result<()> {
    let files = folder::read(&path)?;
    let Checked {
        violations,
        not_rendered,
        warnings,
    } = folder::check(&files);
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
fn image(path: &std::path::Path, labels: Vec<(String, String)>) -> anyhow::Result<Image> {
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
        let strict = |strict, format| validate(folder.clone(), strict, format);
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
