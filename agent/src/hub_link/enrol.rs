//! Joining a hub with a token.

use std::time::Duration;

use rcgen::{CertificateParams, KeyPair, PKCS_ECDSA_P256_SHA256};
use stevedore_proto::v1;
use stevedore_proto::v1::enrolment_client::EnrolmentClient;
use stevedore_proto_core::join::{JoinToken, REASON_METADATA, RETRY_METADATA};
use stevedore_proto_core::{ClusterUid, Digest};
use stevedore_runtime::tls::{self, SpkiPin};

use super::credentials::{Credentials, IdentityStore, InvalidCredentials, StoreFailure};
use super::dial::{self, DialError};

/// The longest that the hub's wish to be left alone is followed.
const LONGEST: Duration = Duration::from_secs(600);

/// Why this member has no identity.
#[derive(Debug, thiserror::Error)]
pub enum JoinError {
    /// Neither a stored identity that can be used nor a token.
    #[error(
        "this cluster has not joined a hub and there is no join token; make one on the hub with `stevedore cluster join NAME` and name its file with --join-token-file, or say --standalone"
    )]
    NoToken,
    /// The hub refused the token or the request.
    #[error("the hub refused ({reason}): {message}")]
    Refused {
        /// One CamelCase word, such as `TokenExpired`.
        reason: String,
        /// What the hub says to do.
        message: String,
        /// How long the hub asks to be left alone; zero when it says nothing.
        retry_after: Duration,
    },
    /// The hub's authority is not the one the token names.
    #[error("the hub's certificate authority is not the one the join token names")]
    WrongAuthority,
    /// The hub could not be reached.
    #[error("the hub cannot be reached")]
    Dial(#[from] DialError),
    /// The call failed on the way.
    #[error("the hub did not answer")]
    Call(#[source] tonic::Status),
    /// The answer cannot be used.
    #[error("the hub's answer cannot be used")]
    Answer(#[from] InvalidCredentials),
    /// A key or request could not be made.
    #[error("no key could be made")]
    Key(#[source] rcgen::Error),
    /// TLS cannot be set up.
    #[error(transparent)]
    Tls(#[from] tls::Error),
    /// The identity could not be read or saved.
    #[error(transparent)]
    Store(#[from] StoreFailure),
}

impl JoinError {
    /// The hub's word for a refusal.
    #[must_use]
    pub fn reason(&self) -> Option<&str> {
        match self {
            Self::Refused { reason, .. } => Some(reason),
            _ => None,
        }
    }

    /// How long the hub asks to be left alone; zero when it says nothing.
    #[must_use]
    pub fn retry_after(&self) -> Duration {
        match self {
            Self::Refused { retry_after, .. } => *retry_after,
            _ => Duration::ZERO,
        }
    }
}

/// The stored identity, or a new one for a token.
///
/// A token that was not used before leads to joining anew, also over an identity that still looks valid: the
/// cluster may have been forgotten by its hub, or given to another one. When that fails and the stored
/// identity has not ended, it is used.
///
/// # Errors
/// When there is no identity to start with.
pub async fn obtain(
    store: &dyn IdentityStore,
    token: Option<&JoinToken>,
    cluster: ClusterUid,
) -> Result<Credentials, JoinError> {
    let stored = store.load().await?.filter(|stored| {
        stored
            .validity()
            .is_ok_and(|validity| !validity.left().is_zero())
    });
    let joined_with = |token: &JoinToken| Digest::of(token.secret.reveal().as_bytes());
    match (stored, token) {
        (Some(stored), Some(token)) if stored.joined_with != joined_with(token) => {
            match enrol(token, cluster).await {
                Ok(credentials) => save(store, credentials).await,
                Err(error) => {
                    tracing::warn!(
                        error = super::chain(&error),
                        "the new join token was not taken; the stored identity stays"
                    );
                    Ok(stored)
                }
            }
        }
        (Some(stored), _) => Ok(stored),
        (None, Some(token)) => save(store, enrol(token, cluster).await?).await,
        (None, None) => Err(JoinError::NoToken),
    }
}

async fn save(
    store: &dyn IdentityStore,
    credentials: Credentials,
) -> Result<Credentials, JoinError> {
    store.save(credentials.clone()).await?;
    Ok(credentials)
}

async fn enrol(token: &JoinToken, cluster: ClusterUid) -> Result<Credentials, JoinError> {
    let pin = SpkiPin::from_bytes(*token.ca.as_bytes());
    let channel = dial::connect_any(&token.addresses, tls::pinned_client_config(pin)?).await?;
    let (key, csr) = new_key().map_err(JoinError::Key)?;
    let request = v1::EnrolRequest {
        cluster: token.cluster.to_string(),
        secret: token.secret.reveal(),
        cluster_uid: cluster.as_bytes().to_vec().into(),
        csr: csr.into(),
    };
    let answer = EnrolmentClient::new(channel)
        .enrol(request)
        .await
        .map_err(refused)?
        .into_inner();
    let authorities = owned(answer.authorities);
    let named = authorities
        .iter()
        .any(|authority| SpkiPin::of_certificate(authority).is_ok_and(|other| other == pin));
    if !named {
        return Err(JoinError::WrongAuthority);
    }
    let credentials = Credentials {
        chain: owned(answer.chain),
        key,
        authorities,
        addresses: token.addresses.clone(),
        joined_with: Digest::of(token.secret.reveal().as_bytes()),
    };
    usable(&credentials)?;
    Ok(credentials)
}

/// The next credentials for exactly this identity, with a new key, over a connection made with the present one.
pub(super) async fn renew(dialer: &dial::Dialer) -> Result<Credentials, JoinError> {
    let present = dialer.credentials();
    let channel = dialer.connect(None).await?;
    let (key, csr) = new_key().map_err(JoinError::Key)?;
    let request = v1::RenewRequest { csr: csr.into() };
    let answer = EnrolmentClient::new(channel)
        .renew(request)
        .await
        .map_err(refused)?
        .into_inner();
    let credentials = Credentials {
        chain: owned(answer.chain),
        key,
        authorities: owned(answer.authorities),
        ..present
    };
    usable(&credentials)?;
    Ok(credentials)
}

/// Refuses credentials that could not make a connection, before they replace ones that can.
fn usable(credentials: &Credentials) -> Result<(), JoinError> {
    credentials.validity()?;
    tls::Identity::from_der(&credentials.chain, &credentials.key)?;
    tls::roots_from_der(&credentials.authorities)?;
    Ok(())
}

/// A new P-256 key (PKCS #8) and a request for it (PKCS #10), both DER. The request says nothing but the key.
fn new_key() -> Result<(Vec<u8>, Vec<u8>), rcgen::Error> {
    let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?;
    let request = CertificateParams::default().serialize_request(&key)?;
    Ok((key.serialize_der(), request.der().to_vec()))
}

/// A refusal with its reason, or a call that failed on the way.
fn refused(status: tonic::Status) -> JoinError {
    let reason = status
        .metadata()
        .get(REASON_METADATA)
        .and_then(|reason| reason.to_str().ok());
    let retry_after = status
        .metadata()
        .get(RETRY_METADATA)
        .and_then(|wait| wait.to_str().ok()?.parse().ok())
        .map_or(Duration::ZERO, Duration::from_millis);
    match reason {
        Some(reason) => JoinError::Refused {
            reason: reason.to_owned(),
            message: status.message().to_owned(),
            retry_after: retry_after.min(LONGEST),
        },
        None => JoinError::Call(status),
    }
}

fn owned(ders: Vec<bytes::Bytes>) -> Vec<Vec<u8>> {
    ders.into_iter().map(Vec::from).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_says_when_to_come_back_and_no_wish_is_followed_for_ever() {
        let mut status = tonic::Status::resource_exhausted("too many");
        let metadata = status.metadata_mut();
        metadata.insert(REASON_METADATA, "Busy".parse().unwrap());
        assert_eq!(refused(status.clone()).retry_after(), Duration::ZERO);
        for (asked, followed) in [(1_500, Duration::from_millis(1_500)), (u64::MAX, LONGEST)] {
            status.metadata_mut().insert(RETRY_METADATA, asked.into());
            let error = refused(status.clone());
            assert_eq!(
                (error.reason(), error.retry_after()),
                (Some("Busy"), followed)
            );
        }
    }
}
