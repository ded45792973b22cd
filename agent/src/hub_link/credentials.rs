//! Credentials that prove who this member is, and where they are kept.

use std::collections::BTreeMap;
use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use futures::future::BoxFuture;
use parking_lot::Mutex;
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, PrivatePkcs8KeyDer};
use stevedore_proto_core::join::MEMBER_URI;
use stevedore_proto_core::{ClusterUid, Digest};
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::GeneralName;

const CHAIN: &str = "tls.crt";
const KEY: &str = "tls.key";
const AUTHORITIES: &str = "ca.crt";
const ADDRESSES: &str = "hub-addresses";
const JOINED_WITH: &str = "joined-with";

/// A member's certificate and key, and the hub they are for. `Debug` does not show the key.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    /// Certificate chain in DER, leaf first.
    pub chain: Vec<Vec<u8>>,
    /// Private key, PKCS #8 in DER.
    pub key: Vec<u8>,
    /// The authorities that are trusted, in DER.
    pub authorities: Vec<Vec<u8>>,
    /// The hub's addresses, `host:port`, tried in order.
    pub addresses: Vec<String>,
    /// Hash of the join token, so that a new token is noticed.
    pub joined_with: Digest,
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials")
            .field("addresses", &self.addresses)
            .finish_non_exhaustive()
    }
}

/// Stored or received credentials cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0} of the agent's identity cannot be used")]
pub struct InvalidCredentials(pub(super) &'static str);

/// The identity could not be read or written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the agent's identity cannot be kept: {0}")]
pub struct StoreFailure(pub String);

/// Where the identity is kept: a Secret in the agent's namespace, or memory in tests.
pub trait IdentityStore: Send + Sync + 'static {
    /// What was saved last; `None` before joining.
    fn load(&self) -> BoxFuture<'_, Result<Option<Credentials>, StoreFailure>>;
    /// Makes it durable: the next process starts with it.
    fn save(&self, credentials: Credentials) -> BoxFuture<'_, Result<(), StoreFailure>>;
}

/// Keeps an identity in memory, for tests and simulated agents.
#[derive(Debug, Default)]
pub struct MemoryStore(Mutex<Option<Credentials>>);

impl IdentityStore for MemoryStore {
    fn load(&self) -> BoxFuture<'_, Result<Option<Credentials>, StoreFailure>> {
        let stored = self.0.lock().clone();
        Box::pin(async move { Ok(stored) })
    }

    fn save(&self, credentials: Credentials) -> BoxFuture<'_, Result<(), StoreFailure>> {
        *self.0.lock() = Some(credentials);
        Box::pin(async { Ok(()) })
    }
}

/// From when until when a certificate is valid, in seconds since the Unix epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Validity {
    pub(super) not_before: i64,
    pub(super) not_after: i64,
}

impl Credentials {
    fn leaf(&self) -> Result<X509Certificate<'_>, InvalidCredentials> {
        let leaf = self.chain.first().ok_or(InvalidCredentials(CHAIN))?;
        let leaf = x509_parser::parse_x509_certificate(leaf);
        leaf.map(|(_, leaf)| leaf)
            .map_err(|_| InvalidCredentials(CHAIN))
    }

    pub(super) fn validity(&self) -> Result<Validity, InvalidCredentials> {
        let leaf = self.leaf()?;
        let validity = leaf.validity();
        Ok(Validity {
            not_before: validity.not_before.timestamp(),
            not_after: validity.not_after.timestamp(),
        })
    }

    /// Checks that the certificate is one of a member, and that the member is this cluster.
    pub(super) fn check_member(&self, cluster: ClusterUid) -> Result<(), InvalidCredentials> {
        let member = format!("{MEMBER_URI}{cluster}/");
        let leaf = self.leaf()?;
        let names = leaf.subject_alternative_name().ok().flatten();
        let mut names = names.iter().flat_map(|names| &names.value.general_names);
        names
            .any(|name| matches!(name, GeneralName::URI(uri) if uri.starts_with(&member)))
            .then_some(())
            .ok_or(InvalidCredentials(CHAIN))
    }

    /// The data of the Secret that holds this identity: PEM where people expect PEM.
    #[must_use]
    pub fn to_data(&self) -> BTreeMap<String, Vec<u8>> {
        let bundle = |ders: &[Vec<u8>]| {
            ders.iter()
                .map(|der| pem("CERTIFICATE", der))
                .collect::<String>()
        };
        [
            (CHAIN, bundle(&self.chain)),
            (KEY, pem("PRIVATE KEY", &self.key)),
            (AUTHORITIES, bundle(&self.authorities)),
            (ADDRESSES, self.addresses.join(",")),
            (JOINED_WITH, self.joined_with.to_string()),
        ]
        .into_iter()
        .map(|(key, text)| (key.to_owned(), text.into_bytes()))
        .collect()
    }

    /// Reads what [`to_data`](Self::to_data) wrote.
    ///
    /// # Errors
    /// Names the entry that is missing or malformed.
    pub fn from_data(data: &BTreeMap<String, Vec<u8>>) -> Result<Self, InvalidCredentials> {
        let entry = |name: &'static str| data.get(name).ok_or(InvalidCredentials(name));
        let bundle = |name: &'static str| {
            let ders = CertificateDer::pem_slice_iter(entry(name)?)
                .map(|der| der.map(|der| der.to_vec()))
                .collect::<Result<Vec<_>, _>>()
                .map_err(|_| InvalidCredentials(name))?;
            if ders.is_empty() {
                Err(InvalidCredentials(name))
            } else {
                Ok(ders)
            }
        };
        let text = |name: &'static str| {
            std::str::from_utf8(entry(name)?).map_err(|_| InvalidCredentials(name))
        };
        let key =
            PrivatePkcs8KeyDer::from_pem_slice(entry(KEY)?).map_err(|_| InvalidCredentials(KEY))?;
        Ok(Self {
            chain: bundle(CHAIN)?,
            key: key.secret_pkcs8_der().to_vec(),
            authorities: bundle(AUTHORITIES)?,
            addresses: text(ADDRESSES)?.split(',').map(str::to_owned).collect(),
            joined_with: text(JOINED_WITH)?
                .parse()
                .map_err(|_| InvalidCredentials(JOINED_WITH))?,
        })
    }
}

fn pem(label: &str, der: &[u8]) -> String {
    let body = STANDARD.encode(der);
    let mut text = format!("-----BEGIN {label}-----\n");
    for line in body.as_bytes().chunks(64) {
        text.extend(line.iter().map(|byte| char::from(*byte)));
        text.push('\n');
    }
    text.push_str(&format!("-----END {label}-----\n"));
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_identity_survives_its_secret_and_names_what_is_missing() {
        let credentials = Credentials {
            chain: vec![vec![1; 100], vec![2; 48]],
            key: vec![3; 64],
            authorities: vec![vec![4; 47]],
            addresses: vec!["hub.example:8443".into(), "[::1]:8443".into()],
            joined_with: Digest::of(b"token"),
        };
        let data = credentials.to_data();
        assert_eq!(Credentials::from_data(&data), Ok(credentials.clone()));
        for name in [CHAIN, KEY, AUTHORITIES, ADDRESSES, JOINED_WITH] {
            let mut without = data.clone();
            without.remove(name);
            assert_eq!(
                Credentials::from_data(&without),
                Err(InvalidCredentials(name))
            );
        }
        assert!(!format!("{credentials:?}").contains("3, 3"));
    }
}
