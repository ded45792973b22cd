//! `PackageLedger`s: from the object to a shard of a ledger, and back.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::MicroTime;
use kube::ResourceExt as _;
use stevedore_crds::v1alpha1::{
    Fence, LedgerContent, LedgerRollout, LedgerTerm, LedgerTime, LedgerWave, PackageKind,
    PackageLedger, PackageLedgerSpec, PackageReference,
};
use stevedore_hub_core::ledger::{
    self, OrderTime, Ordered, PackageIdentity, RolloutRecord, Shard, Stored, TermRecord, WaveRecord,
};
use stevedore_hub_core::moment::UnixMillis;
use stevedore_hub_core::provenance::Mismatch;
use stevedore_proto_core::id::{EpochId, TermId};
use stevedore_proto_core::{Epoch, Features, Leadership, Term};

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
        times: spec
            .times
            .iter()
            .map(|time| {
                let at = moment(&time.at);
                number(time.number).map(|number| OrderTime { number, at })
            })
            .collect::<Result<_, _>>()?,
        rollout: spec.rollout.as_ref().map(rollout),
        rows: STANDARD
            .decode(&spec.rows)
            .map_err(|error| refuse(error.to_string()))?,
    };
    stored
        .decode()
        .map_err(|error: ledger::Error| refuse(error.to_string()))
}

/// What is stored of a rollout. Numbers that no hub gives are read as 0: then everything is part of it.
fn rollout(stored: &LedgerRollout) -> RolloutRecord {
    let number = |value: i64| u64::try_from(value).unwrap_or_default();
    let wave = |wave: &LedgerWave| WaveRecord {
        name: wave.name.clone(),
        complete_since: wave.complete_since.as_ref().map(moment),
        passed: wave.passed,
    };
    RolloutRecord {
        revision: number(stored.revision),
        first: number(stored.first_number),
        waves: stored.waves.iter().map(wave).collect(),
        finished: stored.finished,
        retried: number(stored.retried),
    }
}

fn ledger_rollout(record: &RolloutRecord) -> LedgerRollout {
    let number = |value: u64| i64::try_from(value).unwrap_or(i64::MAX);
    let wave = |wave: &WaveRecord| LedgerWave {
        name: wave.name.clone(),
        complete_since: wave.complete_since.map(micro_time),
        passed: wave.passed,
    };
    LedgerRollout {
        revision: number(record.revision),
        first_number: number(record.first),
        waves: record.waves.iter().map(wave).collect(),
        finished: record.finished,
        retried: number(record.retried),
    }
}

fn moment(time: &MicroTime) -> UnixMillis {
    UnixMillis(u64::try_from(time.0.as_millisecond()).unwrap_or_default())
}

fn micro_time(moment: UnixMillis) -> MicroTime {
    let millis = i64::try_from(moment.0).unwrap_or(i64::MAX);
    MicroTime(Timestamp::from_millisecond(millis).unwrap_or(Timestamp::MAX))
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
            .map(|time| LedgerTime {
                number: number(time.number),
                at: micro_time(time.at),
            })
            .collect(),
        rollout: stored.rollout.as_ref().map(ledger_rollout),
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
