//! `PackageLedger`s: from the object to a shard of a ledger, and back.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use kube::ResourceExt as _;
use stevedore_crds::v1alpha1::{
    Fence, LedgerContent, LedgerTerm, PackageKind, PackageLedger, PackageLedgerSpec,
    PackageReference,
};
use stevedore_hub_core::ledger::{self, Ordered, PackageIdentity, Shard, Stored, TermRecord};
use stevedore_hub_core::provenance::Mismatch;
use stevedore_proto_core::id::{EpochId, TermId};
use stevedore_proto_core::{Epoch, Features, Leadership, Term};

use super::ledger_record;

/// A ledger that cannot be read or stored.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// The object holds what this release cannot read; nothing may be ordered from it.
    #[error("ledger {name} cannot be read: {message}")]
    Unreadable {
        /// Name of the object.
        name: String,
        /// Why.
        message: String,
    },
    /// An object that is not of this package has the name of its ledger.
    #[error("{name} is taken by an object that is not this package's ledger, {why}; delete it")]
    Foreign {
        /// Name of the object.
        name: String,
        /// What is wrong with it.
        why: Mismatch,
    },
    /// The API server.
    #[error(transparent)]
    Api(#[from] kube::Error),
}

pub(super) fn unreadable(object: &PackageLedger, message: String) -> Error {
    Error::Unreadable {
        name: object.name_any(),
        message,
    }
}

pub(super) fn read(object: &PackageLedger) -> Result<Shard, Error> {
    let refuse = |message: String| unreadable(object, message);
    let spec = &object.spec;
    let number = |value: i64| u64::try_from(value).map_err(|error| refuse(error.to_string()));
    let content = |content: &LedgerContent| {
        let digest = |text: &str| {
            text.parse()
                .map_err(|_| refuse("a digest is none".to_owned()))
        };
        Ok::<_, Error>(Ordered {
            revision: number(content.revision)?,
            input: digest(&content.input)?,
            content: digest(&content.content)?,
            size: number(content.size)?,
            needs: Features::needed(content.needs.iter().map(String::as_str)),
            account: content.account.clone(),
            paused: content.paused,
        })
    };
    let term = |term: &LedgerTerm| {
        let id = |text: &str| {
            text.parse::<EpochId>()
                .map_err(|_| refuse("an id is not a UUID".to_owned()))
        };
        Ok::<_, Error>(TermRecord {
            leadership: Leadership {
                epoch: Epoch {
                    counter: number(term.epoch.counter)?,
                    id: id(&term.epoch.id)?,
                },
                term: Term {
                    counter: number(term.term.counter)?,
                    id: TermId::from_bytes(*id(&term.term.id)?.as_bytes()),
                },
            },
            first: number(term.first_number)?,
        })
    };
    let stored = Stored {
        highest: number(spec.highest_number)?,
        terms: spec.terms.iter().map(term).collect::<Result<_, _>>()?,
        contents: spec
            .contents
            .iter()
            .map(content)
            .collect::<Result<_, _>>()?,
        times: spec.times.iter().map(ledger_record::time).collect(),
        rollout: spec.rollout.as_ref().map(ledger_record::rollout),
        rows: STANDARD
            .decode(&spec.rows)
            .map_err(|error| refuse(error.to_string()))?,
    };
    stored
        .decode()
        .map_err(|error: ledger::Error| refuse(error.to_string()))
}

pub(super) fn spec(package: &PackageIdentity, at: usize, shard: &Shard) -> PackageLedgerSpec {
    let stored = shard.encode();
    let number = |value: u64| i64::try_from(value).unwrap_or(i64::MAX);
    PackageLedgerSpec {
        package: PackageReference {
            kind: match package.namespace {
                Some(_) => PackageKind::Package,
                None => PackageKind::ClusterPackage,
            },
            namespace: package.namespace.clone(),
            name: package.name.clone(),
            uid: package.uid.to_string(),
        },
        shard: i32::try_from(at).unwrap_or(i32::MAX),
        highest_number: number(stored.highest),
        terms: stored
            .terms
            .iter()
            .map(|record| LedgerTerm {
                epoch: Fence {
                    counter: number(record.leadership.epoch.counter),
                    id: record.leadership.epoch.id.to_string(),
                },
                term: Fence {
                    counter: number(record.leadership.term.counter),
                    id: record.leadership.term.id.to_string(),
                },
                first_number: number(record.first),
            })
            .collect(),
        times: stored
            .times
            .iter()
            .map(ledger_record::stored_time)
            .collect(),
        rollout: stored.rollout.as_ref().map(ledger_record::stored_rollout),
        contents: stored
            .contents
            .iter()
            .map(|content| LedgerContent {
                revision: number(content.revision),
                input: content.input.to_string(),
                content: content.content.to_string(),
                size: number(content.size),
                needs: content.needs.words().map(str::to_owned).collect(),
                account: content.account.clone(),
                paused: content.paused,
            })
            .collect(),
        rows: STANDARD.encode(&stored.rows),
    }
}
