//! The content of packages: files kept in Secrets, read back where they are not in memory, pulled
//! again where a Secret is gone, rendered again where somebody asks for bytes that were let go.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::Secret;
use kube::ResourceExt as _;
use stevedore_client::Api;
use stevedore_crds::record;
use stevedore_crds::v1alpha1::PackageRevision;
use stevedore_hub_core::fleet::Failure;
use stevedore_hub_core::ports::ContentError;
use stevedore_hub_core::provenance;
use stevedore_package::files::{PackageFiles, Part, StoredError};
use stevedore_package::package::Package;
use stevedore_package::render::RenderInput;
use stevedore_proto_core::{ClusterUid, Digest, Reason};
use stevedore_runtime::retry;

use crate::hub::Hub;
use crate::package::any_package::AnyPackage;
use crate::package::packages::Lookup;
use crate::package::unreadable::is_revision_of;
use crate::package::{pull, render_input, revisions};
use crate::rollout::stored_ledger::StoredLedger;
use crate::watch::entry::Watched as _;
use crate::write;

/// Key of a content Secret.
const PART: &str = "part";
/// When content that is missing is pulled again after a failure.
const RESTORE_AGAIN: Duration = Duration::from_secs(30);

/// Reads and checks a package, which stays in memory for rendering.
async fn load(hub: &Hub, files: PackageFiles) -> Result<Arc<Package>, Failure> {
    let loaded = off_the_reactor(move || checked(files)).await?;
    let bytes = loaded.bytes();
    Ok(hub.renderer.keep(loaded, bytes))
}

/// As [`load`], and gives the files in the parts that are stored.
pub(crate) async fn load_with_parts(
    hub: &Hub,
    files: PackageFiles,
) -> Result<(Arc<Package>, Vec<Part>), Failure> {
    let work = move || {
        let stored = files.to_stored();
        let parts = stored.map_err(|error| unusable(&error.to_string()))?.parts;
        Ok((checked(files)?, parts))
    };
    let (loaded, parts) = off_the_reactor(work).await?;
    let bytes = loaded.bytes();
    Ok((hub.renderer.keep(loaded, bytes), parts))
}

fn checked(files: PackageFiles) -> Result<Package, Failure> {
    Package::load(files).map_err(|invalid| unusable(&invalid.to_string()))
}

async fn off_the_reactor<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Failure> + Send + 'static,
) -> Result<T, Failure> {
    let done = tokio::task::spawn_blocking(work).await;
    done.unwrap_or_else(|_| Err(unusable("reading the package was interrupted")))
}

/// What is no package to this release, or has not what is asked of it.
pub(crate) fn unusable(message: &str) -> Failure {
    Failure {
        reason: Reason::LoadError,
        message: message.to_owned(),
    }
}

/// Why a Secret is not the content that its name says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum PartError {
    /// Secrets of other types are somebody else's, whatever their name.
    #[error("it is not of type {}", record::CONTENT_TYPE)]
    Type,
    /// The name is not `content-` and a digest.
    #[error("it is not named by a digest")]
    Name,
    /// It does not have the one key.
    #[error("it is empty")]
    Empty,
    /// The bytes are others than the name says.
    #[error("its bytes are not those that it is named by")]
    Bytes,
}

/// Why content could not be stored.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StoreError {
    /// The API server.
    #[error("{}", write::words(.0))]
    Api(#[from] kube::Error),
    /// The name is taken by a Secret that does not hold what it says.
    #[error("Secret {name} is not content of the hub: {why}; delete it")]
    Taken {
        /// Name of the Secret, in the hub's namespace.
        name: String,
        /// What is wrong with it.
        why: PartError,
    },
}

/// Why the package of a kept revision could not be read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ReadError {
    /// The revision does not say which files it consists of.
    #[error("revision {0} names no digest")]
    Digest(String),
    /// The API server.
    #[error("content {name} cannot be read: {}", write::words(.error))]
    Api {
        /// Name of the Secret, in the hub's namespace.
        name: String,
        /// What it answered.
        error: kube::Error,
    },
    /// A Secret is gone. It has been queued to be pulled again.
    #[error("content {0} is gone; it is pulled again")]
    Missing(String),
    /// A Secret does not hold what its name says.
    #[error("content {name} is not used: {why}; delete the Secret, and it is pulled again")]
    Part {
        /// Name of the Secret, in the hub's namespace.
        name: String,
        /// What is wrong with it.
        why: PartError,
    },
    /// The parts are not the files that the revision names.
    #[error(transparent)]
    Files(#[from] StoredError),
    /// The files are no package to this release.
    #[error("{}", .0.message)]
    Unusable(Failure),
    /// The hub is stopping.
    #[error("reading the content was interrupted")]
    Interrupted,
}

/// The part that a Secret holds, if it is content of the hub: by type, by the form of its name, and by its bytes.
fn part_of(secret: Secret) -> Result<Part, PartError> {
    if secret.type_.as_deref() != Some(record::CONTENT_TYPE) {
        return Err(PartError::Type);
    }
    let name = secret.metadata.name.unwrap_or_default();
    let digest = provenance::content_digest(&name).ok_or(PartError::Name)?;
    let bytes = secret.data.and_then(|mut data| data.remove(PART));
    let bytes = bytes.ok_or(PartError::Empty)?.0;
    if Digest::of(&bytes) != digest {
        return Err(PartError::Bytes);
    }
    Ok(Part { digest, bytes })
}

/// Keeps parts in immutable Secrets, named by digest: equal ones are stored once. Gives their names.
pub(crate) async fn store(hub: &Hub, parts: Vec<Part>) -> Result<Vec<String>, StoreError> {
    let api: Api<Secret> = hub.api.system();
    let mut names = Vec::with_capacity(parts.len());
    for part in parts {
        let name = provenance::content_name(&part.digest);
        let secret = Secret {
            metadata: write::named(&name),
            type_: Some(record::CONTENT_TYPE.to_owned()),
            immutable: Some(true),
            data: Some(BTreeMap::from([(PART.to_owned(), ByteString(part.bytes))])),
            ..Secret::default()
        };
        match api.create(&write::creation(), &secret).await {
            Ok(_) => {}
            Err(error) if write::is_taken(&error) => {
                let found = api.get_opt(&name).await?.ok_or(error)?;
                if let Err(why) = part_of(found) {
                    return Err(StoreError::Taken { name, why });
                }
            }
            Err(error) => return Err(error.into()),
        }
        names.push(name);
    }
    Ok(names)
}

/// The package of a kept revision, read back from its Secrets where it is not in memory. One whose Secrets are
/// gone is pulled again, by whoever pulls for its package.
pub(crate) async fn package_of(
    hub: &Hub,
    revision: &PackageRevision,
) -> Result<Arc<Package>, ReadError> {
    let digest = digest_of(revision)?;
    if let Some(package) = hub.renderer.package(&digest) {
        return Ok(package);
    }
    let api: Api<Secret> = hub.api.system();
    let mut parts = Vec::new();
    for name in &revision.spec.content_secrets {
        let found = api.get_opt(name).await;
        let found = found.map_err(|error| ReadError::Api {
            name: name.clone(),
            error,
        })?;
        let Some(secret) = found else {
            if let Some(uid) = revision.uid_of() {
                hub.revisions.set_incomplete(&uid, true);
            }
            if let Ok(package) = revision.spec.package.uid.parse() {
                hub.queues.pull.add(package);
            }
            return Err(ReadError::Missing(name.clone()));
        };
        let part = part_of(secret).map_err(|why| ReadError::Part {
            name: name.clone(),
            why,
        })?;
        parts.push((part.digest, part.bytes));
    }
    let files = tokio::task::spawn_blocking(move || {
        let parts: Vec<_> = parts
            .iter()
            .map(|(digest, bytes)| (*digest, bytes.as_slice()))
            .collect();
        PackageFiles::from_stored(&digest, &parts)
    })
    .await
    .map_err(|_| ReadError::Interrupted)??;
    load(hub, files).await.map_err(ReadError::Unusable)
}

fn digest_of(revision: &PackageRevision) -> Result<Digest, ReadError> {
    let digest = revision.spec.content_digest.parse();
    digest.map_err(|_| ReadError::Digest(revision.name_any()))
}

/// Pulls content of a package again that was found missing; says when to try once more.
pub(crate) async fn restore(hub: &Hub, package: &AnyPackage) -> Option<Duration> {
    let mut again = None;
    for revision in hub.revisions.of(&package.identity()) {
        let uid = revision.uid_of();
        let Some(uid) = uid.filter(|uid| hub.revisions.is_incomplete(uid)) else {
            continue;
        };
        let name = revision.name_any();
        if let Err(message) = pull_again(hub, &revision).await {
            tracing::warn!(revision = name, message, "content could not be restored");
            again = Some(retry::spread(RESTORE_AGAIN, 20, rand::random()));
            continue;
        }
        tracing::info!(revision = name, "content was pulled again");
        hub.revisions.set_incomplete(&uid, false);
        hub.queues.plan.add(package.uid);
        if let Some(sessions) = hub.sessions() {
            sessions.content_back(package.uid);
        }
    }
    again
}

/// The very image, by digest, into memory and into the very Secrets that the revision names. A release that
/// packs files in other bytes cannot make those again: then the content is only in memory.
async fn pull_again(hub: &Hub, revision: &PackageRevision) -> Result<(), String> {
    let image = render_input::resolved(revision).map_err(|error| error.to_string())?;
    let pulled = pull::pull(hub, &image, None).await;
    let pulled = pulled.map_err(|error| error.to_string())?;
    let (loaded, parts) = load_with_parts(hub, pulled.files)
        .await
        .map_err(|failure| failure.message)?;
    let expected = digest_of(revision).map_err(|error| error.to_string())?;
    if loaded.digest() != expected {
        return Err(format!("{image} does not unpack to what it was"));
    }
    let names = parts
        .iter()
        .map(|part| provenance::content_name(&part.digest));
    let names: Vec<_> = names.collect();
    if names != revision.spec.content_secrets {
        tracing::warn!(%image, "content is kept in memory only: its Secrets were packed by another release");
        return Ok(());
    }
    let _secrets = hub.revisions.storing().await;
    if !revision
        .uid_of()
        .is_some_and(|uid| hub.revisions.contains(&uid))
    {
        // It went meanwhile, and nobody would remove what is stored for it.
        return Ok(());
    }
    let stored = store(hub, parts).await;
    stored.map(|_| ()).map_err(|error| error.to_string())
}

/// The bytes of a content: from memory, else rendered again from a revision that a row names. What does not
/// come out with the very digest is not given.
pub(crate) async fn bytes(hub: &Hub, digest: Digest) -> Result<Arc<[u8]>, ContentError> {
    if let Some(bytes) = hub.renderer.bytes(&digest) {
        return Ok(bytes);
    }
    let turn = hub.renderer.turn(digest);
    let _turn = turn.lock().await;
    if let Some(bytes) = hub.renderer.bytes(&digest) {
        return Ok(bytes);
    }
    let ledgers = hub.orders.ledgers();
    let mut reason = ContentError::Missing;
    for stored in ledgers {
        let sources = sources(hub, &stored, digest);
        if let Some(what) = sources.unreadable {
            reason = ContentError::Unavailable(format!("{what} cannot be read"));
        }
        for (revision, inputs) in sources.known {
            let loaded = match package_of(hub, &revision).await {
                Ok(loaded) => loaded,
                Err(error) => {
                    reason = ContentError::Unavailable(error.to_string());
                    continue;
                }
            };
            let renderer = Arc::clone(&hub.renderer);
            let again = move || renderer.again(&loaded, &inputs, &digest);
            if let Ok(Some(bytes)) = tokio::task::spawn_blocking(again).await {
                return Ok(bytes);
            }
        }
    }
    Err(reason)
}

/// What a content was rendered from.
#[derive(Default)]
struct Sources {
    /// By revision, the inputs of every cluster that was given it.
    known: Vec<(Arc<PackageRevision>, Vec<RenderInput>)>,
    /// What it may have been rendered from as well, and cannot be read: then the content may come back.
    unreadable: Option<String>,
}

/// What the digest was rendered from, as far as a ledger and its package still say so.
fn sources(hub: &Hub, stored: &StoredLedger, digest: Digest) -> Sources {
    let mut clusters: BTreeMap<u64, Vec<ClusterUid>> = BTreeMap::new();
    for (cluster, row) in stored.ledger.rows() {
        if row.ordered.content == digest {
            let revision = clusters.entry(row.ordered.revision).or_default();
            revision.push(cluster);
        }
    }
    let identity = &stored.ledger.package;
    let package = match hub.packages.lookup(&identity.uid) {
        _ if clusters.is_empty() => return Sources::default(),
        Lookup::Readable(package) => package,
        Lookup::Unreadable(package) => {
            return Sources {
                known: Vec::new(),
                unreadable: Some(format!("{} {}", package.kind.as_str(), package.name)),
            };
        }
        Lookup::Absent => return Sources::default(),
    };
    let members = hub.members.snapshot();
    let prefixes = &hub.api.settings.image_prefixes;
    let of = |revision: Arc<PackageRevision>| {
        let inputs = clusters
            .get(&revisions::number(&revision))?
            .iter()
            .filter_map(|cluster| {
                render_input::input(&package, &revision, members.get(cluster)?, prefixes)
            });
        let inputs = inputs.collect();
        Some((revision, inputs))
    };
    let objects = hub.revisions.of(identity).into_iter();
    let unreadable = hub.revisions.objects().unreadable();
    let mut unreadable = unreadable
        .iter()
        .filter(|found| is_revision_of(hub, found, &package))
        .map(|found| format!("PackageRevision {}", found.identity.name));
    let mut members_unread = clusters
        .values()
        .flatten()
        .filter(|cluster| members.get(cluster).is_none() && members.may_be_unreadable(cluster));
    let member = || Some(format!("the MemberCluster of {}", members_unread.next()?));
    Sources {
        known: objects.filter_map(of).collect(),
        unreadable: unreadable.next().or_else(member),
    }
}

#[cfg(test)]
mod tests;
