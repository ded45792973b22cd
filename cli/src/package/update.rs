//! `stevedore package update`: the lock files of a package, made what registries say now.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::bail;
use clap::Args;
use futures::future::ready;
use futures::{FutureExt as _, StreamExt as _};
use serde::Serialize;
use stevedore_package::update::{Change, ImageUpdate, LockFile, Update as Locks};
use stevedore_proto_core::Digest;
use stevedore_registry::{Connections, Error, Reference, Repository, Settings};

use super::progress::Progress;
use super::registry::Insecure;
use super::replacement::{Replacement, refuse_links};
use super::report::Subject;
use super::{folder, registry};
use crate::outcome::Outcome;
use crate::output::{self, Format, counted};
use crate::terminal::escaped;

/// Longest time for all images together.
const WITHIN: Duration = Duration::from_secs(120);
/// Images that are resolved side by side.
const SIDE_BY_SIDE: usize = 8;
/// Hex digits of a digest in a table.
const SHORT: usize = 12;

#[derive(Debug, Args)]
pub(crate) struct Update {
    /// Folder with manifest.yaml
    #[arg(value_hint = clap::ValueHint::DirPath)]
    path: PathBuf,
    /// Write nothing; exit code 3 if a lock file is not up to date
    #[arg(long)]
    check: bool,
    #[command(flatten)]
    insecure: Insecure,
    /// Form of the output
    #[arg(short, long, value_enum, default_value_t)]
    output: Format,
}

/// What was found, and unless it was only to be checked, done. What is changed was not up to date.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Updated {
    path: PathBuf,
    changed: bool,
    lock_files: Vec<Lock>,
}

/// A lock file.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Lock {
    file: PathBuf,
    #[serde(skip_serializing_if = "Option::is_none")]
    component: Option<String>,
    changed: bool,
    images: Vec<Image>,
}

/// An image of a lock file. What it was is there where it was something else.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Image {
    name: String,
    change: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    image: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    digest: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    previous_image: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    previous_digest: Option<String>,
}

pub(super) async fn run(args: Update) -> anyhow::Result<Outcome> {
    let locks = read(&args.path)?;
    let references = references(&locks)?;
    let settings = registry::settings(args.insecure.allowed);
    let connections = Connections::default();
    let ask = async |reference: &Reference| digest(&connections, &settings, reference).await;
    let digests = resolve(references, ask, WITHIN).await?;
    let files = locks.finish(&digests)?;
    if !args.check {
        write(&args.path, &files)?;
    }
    let updated = updated(args.path, files);
    show(&updated, args.check, args.output)?;
    Ok(match args.check && updated.changed {
        true => Outcome::NotAsAsked,
        false => Outcome::Done,
    })
}

fn read(path: &Path) -> anyhow::Result<Locks> {
    let contents = folder::read(path)?;
    // What is not read would seem to be missing.
    let mut links = contents.links.iter();
    if let Some(lock) = links.find(|link| is_lock(link)) {
        refuse_links(path, lock)?;
    }
    let locks = Locks::new(contents.files.clone());
    let subject = Subject::files(&contents.files);
    locks.map_err(|invalid| subject.refused(&invalid, "the package is not valid", None))
}

fn is_lock(path: &str) -> bool {
    let name = path.rsplit('/').next();
    matches!(name, Some("manifest.lock.yaml" | "manifest.lock.yml"))
}

/// Every reference that a registry has to be asked about, with its text; or all that are none.
fn references(locks: &Locks) -> anyhow::Result<Vec<(String, Reference)>> {
    let (mut references, mut faults) = (Vec::new(), Vec::new());
    for text in locks.references() {
        match registry::reference(text) {
            Ok(reference) if reference.digest().is_some() => {}
            Ok(reference) => references.push((text.to_owned(), reference)),
            Err(error) => faults.push(format!("{error:#}")),
        }
    }
    match faults.is_empty() {
        true => Ok(references),
        false => bail!("the manifest names what is no image:{}", list(&faults)),
    }
}

/// Asks what every reference stands for.
///
/// # Errors
/// With all that were not resolved.
async fn resolve(
    references: Vec<(String, Reference)>,
    ask: impl AsyncFn(&Reference) -> Result<Digest, Error>,
    within: Duration,
) -> anyhow::Result<BTreeMap<String, Digest>> {
    let progress = Progress::new();
    let deadline = tokio::time::Instant::now() + within;
    let count = references.len();
    let (mut digests, mut faults) = (BTreeMap::new(), Vec::new());
    let ask = &ask;
    let answers = futures::stream::iter(references).map(|(text, reference)| async move {
        match tokio::time::timeout_at(deadline, ask(&reference)).await {
            Ok(answer) => (text, answer.map_err(|error| error.to_string())),
            Err(_) => (text, Err("the registry took too long".to_owned())),
        }
    });
    let mut answers = answers.buffer_unordered(SIDE_BY_SIDE);
    let all = async {
        let mut done = 0;
        progress.say(format!("resolving images: 0 of {count}"));
        while let Some((text, answer)) = answers.next().await {
            match answer {
                Ok(digest) => drop(digests.insert(text, digest)),
                Err(why) => faults.push(format!("{text}: {why}")),
            }
            done += 1;
            progress.say(format!("resolving images: {done} of {count}"));
        }
    };
    progress.show(all).await;
    if faults.is_empty() {
        return Ok(digests);
    }
    faults.sort();
    let what = match (faults.len(), count) {
        (1, 1) => "the image".to_owned(),
        (failed, count) => format!("{failed} of {}", counted(count, "image")),
    };
    bail!(
        "cannot resolve {what}, nothing was written:{}",
        list(&faults)
    )
}

async fn digest(
    connections: &Connections,
    settings: &Settings,
    reference: &Reference,
) -> Result<Digest, Error> {
    let credentials = || {
        let found = registry::credentials_for(reference);
        ready(found.map_err(|error| Error::Pull(format!("{error:#}")))).boxed()
    };
    let repository = Repository::new(connections, settings, reference, &credentials).await?;
    repository.digest().await
}

/// Writes what is to be written: each file is the old one or the new one at any moment, and none is touched before all
/// new ones are on the disk.
fn write(package: &Path, files: &[LockFile]) -> anyhow::Result<()> {
    let mut ready = Vec::new();
    for file in files {
        let Some(text) = &file.text else { continue };
        refuse_links(package, &file.path)?;
        let path = package.join(&file.path);
        let folder = path.parent().unwrap_or(package);
        ready.push(Replacement::write(&path, folder, text.as_bytes())?);
    }
    ready.into_iter().try_for_each(Replacement::put)
}

fn updated(path: PathBuf, files: Vec<LockFile>) -> Updated {
    let locks = files.into_iter().map(|file| Lock {
        file: path.join(&file.path),
        component: file.component,
        changed: file.text.is_some(),
        images: file.images.into_iter().map(Image::from).collect(),
    });
    let lock_files: Vec<Lock> = locks.collect();
    Updated {
        changed: lock_files.iter().any(|it| it.changed),
        path,
        lock_files,
    }
}

impl From<ImageUpdate> for Image {
    fn from(update: ImageUpdate) -> Self {
        let change = update.change();
        let before = update.before.filter(|_| change != Change::Unchanged);
        let (previous_image, previous_digest) = before.map(|it| (it.image, it.digest)).unzip();
        let (image, digest) = update.after.map(|it| (it.image, it.digest)).unzip();
        Self {
            name: update.name,
            change: match change {
                Change::Added => "Added",
                Change::Changed => "Changed",
                Change::Removed => "Removed",
                Change::Unchanged => "Unchanged",
            },
            image,
            digest,
            previous_image,
            previous_digest,
        }
    }
}

fn show(updated: &Updated, check: bool, format: Format) -> anyhow::Result<()> {
    match format {
        Format::Json | Format::Yaml => output::object(format, updated),
        Format::Name => {
            let changed = updated.lock_files.iter().filter(|it| it.changed);
            let mut names = changed.map(|it| it.file.display().to_string());
            names.try_for_each(|name| output::line(&name))
        }
        Format::Table => output::line(&words(updated, check)),
    }
}

fn words(updated: &Updated, check: bool) -> String {
    let path = updated.path.display();
    let images: usize = updated.lock_files.iter().map(|it| it.images.len()).sum();
    if images == 0 && !updated.changed {
        return format!("{path} names no images, and needs no lock file");
    }
    if !updated.changed {
        return format!("{path} is already up to date: {}", counted(images, "image"));
    }
    let mut words = table(&updated.lock_files);
    words.push('\n');
    for lock in updated.lock_files.iter().filter(|it| it.changed) {
        let file = lock.file.display();
        words.push_str(&match check {
            true => format!("\n{file} is not up to date"),
            false => format!("\nwrote {file}"),
        });
    }
    if check {
        words.push_str(&format!("\nrun: stevedore package update {path}"));
    }
    words
}

/// The images of all files, and of which component each is where there are any.
fn table(locks: &[Lock]) -> String {
    let has_components = locks.iter().any(|it| it.component.is_some());
    let mut header = vec!["name", "image", "change", "digest"];
    if has_components {
        header.insert(0, "component");
    }
    let rows = locks.iter().flat_map(|lock| {
        lock.images.iter().map(move |image| {
            let mut row = cells(image);
            if has_components {
                row.insert(0, lock.component.clone().unwrap_or_else(|| "-".to_owned()));
            }
            row
        })
    });
    output::table(&header, rows)
}

fn cells(image: &Image) -> Vec<String> {
    let digest = |digest: &Option<String>| digest.as_deref().map(short);
    vec![
        escaped(&image.name),
        reference(image),
        image.change.to_lowercase(),
        from_to(digest(&image.previous_digest), digest(&image.digest)),
    ]
}

/// The reference; of one that has another tag, the repository once and both tags.
fn reference(image: &Image) -> String {
    let (before, after) = (image.previous_image.as_deref(), image.image.as_deref());
    let parts = before.and_then(with_tag).zip(after.and_then(with_tag));
    match parts {
        Some(((repository, old), (other, new))) if repository == other && old != new => {
            escaped(&format!("{repository}:{old} -> {new}"))
        }
        _ => from_to(before.map(escaped), after.map(escaped)),
    }
}

/// Repository and tag of a reference that has one, and no digest.
fn with_tag(reference: &str) -> Option<(&str, &str)> {
    let parts = reference.rsplit_once(':');
    parts.filter(|(repository, tag)| !tag.contains('/') && !repository.contains('@'))
}

/// What something was and is, where that is not the same.
fn from_to(before: Option<String>, after: Option<String>) -> String {
    match (before, after) {
        (Some(before), Some(after)) if before != after => format!("{before} -> {after}"),
        (before, after) => after.or(before).unwrap_or_default(),
    }
}

fn short(digest: &str) -> String {
    let hex = digest.strip_prefix("sha256:").unwrap_or(digest);
    escaped(&hex.chars().take(SHORT).collect::<String>())
}

fn list(faults: &[String]) -> String {
    let lines = faults
        .iter()
        .map(|fault| format!("\n  - {}", escaped(fault)));
    lines.collect()
}

#[cfg(test)]
mod tests;
