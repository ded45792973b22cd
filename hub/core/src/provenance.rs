//! Provenance of the hub's records: decides whether a `PackageRevision` or a `PackageLedger` is one that the hub made.
//!
//! Revisions and ledgers order on every member, and name Secrets that are deleted with them. An admission policy lets
//! only the hub's account write them; this is the second line, for clusters where that policy is missing. Whoever may
//! create such an object in some namespace must gain nothing: where it is, its name, and the package, number and
//! digests in it have to fit together, or it is not used at all. Of what fits, [`Mismatch::owner`] asks whether the
//! package is known. Whether the content Secrets hold what they are named by is checked where they are read.
//!
//! Every field is hostile: no text of an object is in a [`Mismatch`].

use stevedore_proto_core::{Digest, PackageUid};

use crate::ledger::PackageIdentity;

/// Highest number of a revision. A package that gets a new one every second is there after thirty years, and no sum
/// of it overflows.
pub const MAX_NUMBER: u64 = 1_000_000_000;
/// What the name of a content Secret begins with; the hex digits of its digest follow.
const CONTENT: &str = "content-";

/// The package that a record names.
#[derive(Debug, Clone, Copy)]
pub struct Reference<'a> {
    /// Whether the kind is `ClusterPackage`, and not `Package`.
    pub is_cluster_scoped: bool,
    /// Namespace of the package.
    pub namespace: Option<&'a str>,
    /// Name of the package.
    pub name: &'a str,
    /// UID of the package's object.
    pub uid: &'a str,
}

/// An object that says it is a record, and where it is.
#[derive(Debug, Clone, Copy)]
pub struct Place<'a> {
    /// Namespace of the object itself.
    pub namespace: &'a str,
    /// Name of the object itself.
    pub name: &'a str,
}

/// What a `PackageRevision` says of itself.
#[derive(Debug, Clone, Copy)]
pub struct RevisionClaim<'a> {
    /// Where it is.
    pub place: Place<'a>,
    /// The package it says it is a content of.
    pub package: Reference<'a>,
    /// Its number.
    pub number: i64,
    /// Digest of the image.
    pub image_digest: &'a str,
    /// Digest of the unpacked files.
    pub content_digest: &'a str,
    /// Names of the Secrets with the files.
    pub content_secrets: &'a [String],
}

/// What a `PackageLedger` says of itself.
#[derive(Debug, Clone, Copy)]
pub struct LedgerClaim<'a> {
    /// Where it is.
    pub place: Place<'a>,
    /// The package it says it is about.
    pub package: Reference<'a>,
    /// Which shard it is.
    pub shard: i32,
}

/// Why an object is not one of the hub's records.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum Mismatch {
    /// A `ClusterPackage` with a namespace, or a `Package` without one.
    #[error("the kind of its package does not fit the package's namespace")]
    Kind,
    /// What it names as the package's UID is no UID as the API server writes them.
    #[error("it does not name its package by a UID")]
    PackageUid,
    /// It is neither in its package's namespace nor, for a `ClusterPackage`, in the hub's.
    #[error("it is not in the namespace where the hub keeps what belongs to its package")]
    Namespace,
    /// The number is not positive, or above [`MAX_NUMBER`]; the shard of a ledger is negative.
    #[error("its number is none that the hub gives")]
    Number,
    /// The name is not the one that follows from package, UID and number.
    #[error("its name does not follow from its package, the package's UID and its number")]
    Name,
    /// The image or the content is not named by a digest.
    #[error("it does not name its image and its content by digests")]
    Digest,
    /// It names no Secret, or one that is not `content-` and a digest.
    #[error("it names Secrets that are not content of packages")]
    ContentSecret,
    /// The hub knows neither a package nor a ledger with the UID that it names.
    #[error("the hub knows no package with the UID that it names")]
    UnknownPackage,
    /// The package with that UID is of another kind, namespace or name.
    #[error("the package with the UID that it names is another one")]
    OtherPackage,
}

impl Mismatch {
    /// One CamelCase word for Events.
    pub fn reason(self) -> &'static str {
        match self {
            Self::Kind => "WrongPackageKind",
            Self::PackageUid => "WrongPackageUID",
            Self::Namespace => "WrongNamespace",
            Self::Number => "WrongNumber",
            Self::Name => "WrongName",
            Self::Digest => "WrongDigest",
            Self::ContentSecret => "WrongContentSecret",
            Self::UnknownPackage => "UnknownPackage",
            Self::OtherPackage => "OtherPackage",
        }
    }

    /// What is wrong with the owner of a record about `package`, where the hub knows `known` by that UID.
    pub fn owner(package: &PackageIdentity, known: Option<&PackageIdentity>) -> Option<Self> {
        match known {
            None => Some(Self::UnknownPackage),
            Some(known) if known != package => Some(Self::OtherPackage),
            Some(_) => None,
        }
    }
}

impl RevisionClaim<'_> {
    /// The package that this is a revision of, if everything it says fits together. `system_namespace` is the hub's.
    ///
    /// # Errors
    /// The first thing that does not fit.
    pub fn verify(&self, system_namespace: &str) -> Result<PackageIdentity, Mismatch> {
        let number = u64::try_from(self.number).map_err(|_| Mismatch::Number)?;
        if !(1..=MAX_NUMBER).contains(&number) {
            return Err(Mismatch::Number);
        }
        let package = self.package.identity()?;
        if self.place.namespace != package.record_namespace(system_namespace) {
            return Err(Mismatch::Namespace);
        }
        if self.place.name != package.record_name(number) {
            return Err(Mismatch::Name);
        }
        for digest in [self.image_digest, self.content_digest] {
            digest.parse::<Digest>().map_err(|_| Mismatch::Digest)?;
        }
        let are_content = self
            .content_secrets
            .iter()
            .all(|name| content_digest(name).is_some());
        if self.content_secrets.is_empty() || !are_content {
            return Err(Mismatch::ContentSecret);
        }
        Ok(package)
    }
}

impl LedgerClaim<'_> {
    /// The package that this is a ledger of, if everything it says fits together. `system_namespace` is the hub's.
    ///
    /// # Errors
    /// The first thing that does not fit.
    pub fn verify(&self, system_namespace: &str) -> Result<PackageIdentity, Mismatch> {
        let shard = u64::try_from(self.shard).map_err(|_| Mismatch::Number)?;
        let package = self.package.identity()?;
        if self.place.namespace != system_namespace {
            return Err(Mismatch::Namespace);
        }
        if self.place.name != package.record_name(shard) {
            return Err(Mismatch::Name);
        }
        Ok(package)
    }
}

impl Reference<'_> {
    fn identity(&self) -> Result<PackageIdentity, Mismatch> {
        if self.is_cluster_scoped == self.namespace.is_some() {
            return Err(Mismatch::Kind);
        }
        let uid: PackageUid = self.uid.parse().map_err(|_| Mismatch::PackageUid)?;
        if uid.to_string() != self.uid {
            // Upper case: the API server writes UIDs in lower case.
            return Err(Mismatch::PackageUid);
        }
        Ok(PackageIdentity {
            uid,
            namespace: self.namespace.map(str::to_owned),
            name: self.name.to_owned(),
        })
    }
}

impl PackageIdentity {
    /// Name of the package's revision with this number, or of the ledger's shard. Eight hex digits of the UID keep
    /// an old and a new package of one name apart.
    pub fn record_name(&self, number: u64) -> String {
        format!("{}-{}-{number}", self.name, self.uid.short())
    }

    /// Whether a record of the package may have this name.
    pub fn is_record(&self, name: &str) -> bool {
        let number = name.rsplit_once('-');
        let number = number.and_then(|(_, number)| number.parse().ok());
        number.is_some_and(|number| self.record_name(number) == name)
    }

    /// Namespace of the package's revisions: its own, or the hub's for a `ClusterPackage`.
    pub fn record_namespace<'a>(&'a self, system_namespace: &'a str) -> &'a str {
        self.namespace.as_deref().unwrap_or(system_namespace)
    }
}

/// The number of a package's next revision: above all that are kept. `None` when there is none left.
pub fn next_number(kept: impl IntoIterator<Item = u64>) -> Option<u64> {
    let highest = kept.into_iter().max().unwrap_or(0);
    (highest < MAX_NUMBER).then(|| highest + 1)
}

/// Name of the Secret that holds the bytes with this digest.
pub fn content_name(digest: &Digest) -> String {
    format!("{CONTENT}{}", digest.hex())
}

/// The digest that a content Secret is named by; `None` for any other name.
pub fn content_digest(name: &str) -> Option<Digest> {
    format!("sha256:{}", name.strip_prefix(CONTENT)?)
        .parse()
        .ok()
}

#[cfg(test)]
mod tests;
