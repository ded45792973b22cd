//! Secrets that hold objects of kind Secret: those are never inline in a set, but packed into immutable Secrets
//! that the phase names.
//!
//! Format: a Secret of type `stevedore.dev/objects` with one key `objects`, a JSON array of what otherwise
//! stands in `phases[].objects`. Its name is a digest under a key that never leaves the cluster, so that it
//! tells nothing about the values, and the same content is stored once.

use std::collections::BTreeMap;

use hmac::{Hmac, KeyInit as _, Mac as _};
use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::Secret;
use kube::core::ObjectMeta;
use sha2::Sha256;
use stevedore_agent_core::key::Kind;
use stevedore_crds::record::OBJECTS_TYPE;
use stevedore_proto_core::content::{Content, PhaseObject, bounds};
use tokio::sync::{RwLock, RwLockReadGuard, RwLockWriteGuard};

/// The one key of such a Secret.
const KEY: &str = "objects";
/// The most that is packed into one Secret; the API server takes 1 MiB.
const PACKED_SIZE: usize = 768 * 1024;
/// The most that one Secret can hold: an object of its own, in a list.
const MAX_SECRET: usize = bounds::SECRET + "[]".len();

/// Keeps Secrets that are written before their set names them from being taken for garbage. Nobody ever waits to
/// delete.
#[derive(Default)]
pub(super) struct SecretsInUse(RwLock<()>);

impl SecretsInUse {
    /// Until this is dropped, Secrets may be written that no stored set names yet.
    pub(super) async fn about_to_be_named(&self) -> RwLockReadGuard<'_, ()> {
        self.0.read().await
    }

    /// Nobody writes such Secrets until this is dropped; `None` while somebody does.
    pub(super) fn try_alone(&self) -> Option<RwLockWriteGuard<'_, ()>> {
        self.0.try_write().ok()
    }
}

/// What cannot be stored as Secrets.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub(crate) enum Error {
    /// One object alone is too big.
    #[error("a Secret of {0} bytes in phase {1} cannot be stored: the limit is {MAX_SECRET}")]
    TooLarge(usize, String),
    /// The Secret is not one of objects.
    #[error("Secret {0} is not of type {OBJECTS_TYPE}")]
    WrongType(String),
    /// The Secret does not hold objects. What it holds is not quoted.
    #[error("Secret {0} does not hold objects")]
    Unreadable(String),
}

/// Takes every object of kind Secret out of the content; for each phase, the packed objects.
pub(crate) fn split(content: &mut Content) -> Result<Vec<Vec<Vec<u8>>>, Error> {
    content
        .phases
        .iter_mut()
        .map(|phase| {
            let (secrets, rest): (Vec<_>, Vec<_>) = std::mem::take(&mut phase.objects)
                .into_iter()
                .partition(is_secret);
            phase.objects = rest;
            pack(&phase.name, &secrets)
        })
        .collect()
}

fn is_secret(object: &PhaseObject) -> bool {
    Kind::of(&object.object).is_some_and(|kind| kind.is_secret())
}

fn pack(phase: &str, objects: &[PhaseObject]) -> Result<Vec<Vec<u8>>, Error> {
    let mut packs: Vec<Vec<u8>> = vec![];
    for object in objects {
        let bytes = serde_json::to_vec(object).expect("an object is always JSON");
        if bytes.len() + 2 > MAX_SECRET {
            return Err(Error::TooLarge(bytes.len(), phase.to_owned()));
        }
        match packs.last_mut() {
            Some(pack) if pack.len() + bytes.len() + 2 <= PACKED_SIZE => {
                pack.push(b',');
                pack.extend(bytes);
            }
            _ => {
                let mut pack = vec![b'['];
                pack.extend(bytes);
                packs.push(pack);
            }
        }
    }
    packs.iter_mut().for_each(|pack| pack.push(b']'));
    Ok(packs)
}

/// The name of the Secret that holds these bytes.
pub(crate) fn name(key: &[u8; 32], bytes: &[u8]) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("a key of any length is taken");
    mac.update(bytes);
    let digest = mac.finalize().into_bytes();
    let hex: String = digest[..20]
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    format!("objects-{hex}")
}

/// The Secret that holds these bytes.
pub(crate) fn secret(name: &str, namespace: &str, bytes: Vec<u8>) -> Secret {
    Secret {
        metadata: ObjectMeta {
            name: Some(name.to_owned()),
            namespace: Some(namespace.to_owned()),
            ..ObjectMeta::default()
        },
        type_: Some(OBJECTS_TYPE.to_owned()),
        immutable: Some(true),
        data: Some(BTreeMap::from([(KEY.to_owned(), ByteString(bytes))])),
        ..Secret::default()
    }
}

/// The objects that a Secret holds.
pub(crate) fn objects(secret: &Secret) -> Result<Vec<PhaseObject>, Error> {
    let name = || secret.metadata.name.clone().unwrap_or_default();
    if secret.type_.as_deref() != Some(OBJECTS_TYPE) {
        return Err(Error::WrongType(name()));
    }
    let bytes = secret.data.as_ref().and_then(|data| data.get(KEY));
    let objects: Vec<PhaseObject> = bytes
        .and_then(|bytes| serde_json::from_slice(&bytes.0).ok())
        .ok_or_else(|| Error::Unreadable(name()))?;
    if objects.iter().all(is_secret) {
        Ok(objects)
    } else {
        Err(Error::Unreadable(name()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use stevedore_proto_core::content::Phase;

    fn object(kind: &str, size: usize) -> PhaseObject {
        PhaseObject {
            object: json!({"apiVersion": "v1", "kind": kind, "metadata": {"name": "n"},
                "stringData": {"password": "x".repeat(size)}}),
            ..PhaseObject::default()
        }
    }

    fn content(objects: Vec<PhaseObject>) -> Content {
        Content {
            phases: vec![Phase {
                name: "p".into(),
                objects,
                ..Phase::default()
            }],
            ..Content::default()
        }
    }

    #[test]
    fn secrets_leave_the_content_and_come_back_whole() {
        let mut content = content(vec![
            object("ConfigMap", 1),
            object("Secret", 5),
            object("Secret", 6),
        ]);
        let packs = split(&mut content).unwrap();
        assert_eq!(content.phases[0].objects, [object("ConfigMap", 1)]);
        assert_eq!(packs[0].len(), 1);
        let stored = secret("objects-1", "ns", packs[0][0].clone());
        assert_eq!(
            objects(&stored).unwrap(),
            [object("Secret", 5), object("Secret", 6)]
        );
        assert_eq!(stored.immutable, Some(true));
    }

    #[test]
    fn big_secrets_are_spread_and_a_too_big_one_is_refused() {
        let mut fits = content(vec![object("Secret", 500_000), object("Secret", 500_000)]);
        let packs = split(&mut fits).unwrap();
        assert_eq!(packs[0].len(), 2);
        assert!(packs[0].iter().all(|pack| pack.len() <= MAX_SECRET));
        let mut big = content(vec![object("Secret", MAX_SECRET)]);
        assert!(matches!(split(&mut big), Err(Error::TooLarge(..))));
    }

    #[test]
    fn the_name_depends_on_the_key_and_on_the_content() {
        let one = name(&[1; 32], b"a");
        assert_ne!(one, name(&[2; 32], b"a"));
        assert_ne!(one, name(&[1; 32], b"b"));
        assert!(one.len() <= 63 && !one.contains("sha"));
    }

    #[test]
    fn a_secret_of_another_type_is_not_read() {
        let mut other = secret("a", "ns", b"[]".to_vec());
        other.type_ = Some("Opaque".into());
        assert_eq!(objects(&other), Err(Error::WrongType("a".into())));
        let smuggled = serde_json::to_vec(&[object("ConfigMap", 1)]).unwrap();
        assert_eq!(
            objects(&secret("a", "ns", smuggled)),
            Err(Error::Unreadable("a".into()))
        );
    }
}
