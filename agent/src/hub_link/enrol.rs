//! Requests for certificates: this agent joins with a token, renews, or exchanges an expired one.
//!
//! Each certificate is for a new key. An expired one proves the old key on the way: the agent dials without a
//! certificate and signs the channel binding of that connection, so the proof is of no use on any other.

use std::time::Duration;

use bytes::Bytes;
use rcgen::{CertificateParams, KeyPair, PKCS_ECDSA_P256_SHA256};
use stevedore_proto::v1;
use stevedore_proto::v1::enrolment_client::EnrolmentClient;
use stevedore_proto_core::exchange::statement;
use stevedore_proto_core::join::JoinToken;
use stevedore_proto_core::{ClusterUid, Digest};
use stevedore_runtime::admin::ReadyHandle;
use stevedore_runtime::retry::{Delays, Schedule};
use stevedore_runtime::tls::{self, ClientVerifier, Identity, SpkiPin};
use tokio::time::{sleep, timeout};
use tonic::{Response, Status};

use super::credentials::{Credentials, IdentityStore};
use super::dial;
use super::hub_clock::HubClock;
use super::join_error::JoinError;
use crate::chain::chain;

/// Time for an answer: longer than a hub waits for its API server.
const ANSWER_WITHIN: Duration = Duration::from_secs(30);
/// Between attempts to save what was received.
const SAVE: Schedule = Schedule::new(Duration::from_secs(1), Duration::from_secs(30));

/// The stored identity, or a new one for a token.
///
/// A token that was not used before leads to joining anew, also over an identity that is still valid by its dates: the
/// cluster may have been forgotten by its hub, or given to another one. When that fails the stored identity is
/// used. Whether that one has expired is for the hub to say: this member's clock may be wrong.
///
/// # Errors
/// When there is no identity to start with.
pub async fn obtain(
    store: &dyn IdentityStore,
    token: Option<&JoinToken>,
    cluster: ClusterUid,
    clock: &HubClock,
    ready: &ReadyHandle,
) -> Result<Credentials, JoinError> {
    let stored = store.load().await?;
    let stored = stored.filter(|stored| stored.validity().is_ok());
    let token = match (&stored, token) {
        (Some(stored), Some(token)) if stored.joined_with == joined_with(token) => None,
        (_, token) => token,
    };
    let Some(token) = token else {
        return stored.ok_or(JoinError::NoToken);
    };
    match (join(token, cluster, clock).await, stored) {
        (Ok(joined), _) => Ok(save(store, joined, |why| ready.not_ready(why)).await),
        (Err(error), None) => Err(error),
        (Err(error), Some(stored)) => {
            tracing::warn!(
                error = chain(&error),
                "the new join token was not taken; the stored identity stays"
            );
            Ok(stored)
        }
    }
}

/// What credentials keep of the token that they were made with.
pub(super) fn joined_with(token: &JoinToken) -> Digest {
    Digest::of(token.secret.reveal().as_bytes())
}

/// Saves received credentials, however often that takes: the hub is asked for no others meanwhile, for a join token
/// is used up by then. `tell` is told why it does not work yet.
pub(super) async fn save(
    store: &dyn IdentityStore,
    received: Credentials,
    tell: impl Fn(String),
) -> Credentials {
    let mut delays = Delays::new(SAVE);
    while let Err(failure) = store.save(received.clone()).await {
        let again_in = delays.next(rand::random());
        tracing::warn!(%failure, ?again_in, "a received identity is not saved yet");
        tell(failure.to_string());
        sleep(again_in).await;
    }
    received
}

/// New credentials for a token.
pub(super) async fn join(
    token: &JoinToken,
    cluster: ClusterUid,
    clock: &HubClock,
) -> Result<Credentials, JoinError> {
    let pin = SpkiPin::from_bytes(*token.ca.as_bytes());
    let config = tls::pinned_client_config(pin, clock.own())?;
    let (channel, _) = dial::connect_any(&token.addresses, config).await?;
    let (key, csr) = new_key()?;
    let request = v1::EnrolRequest {
        cluster: token.cluster.to_string(),
        secret: token.secret.reveal(),
        cluster_uid: cluster.as_bytes().to_vec().into(),
        csr: csr.into(),
    };
    let answer = answered(EnrolmentClient::new(channel).enrol(request)).await?;
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
        joined_with: joined_with(token),
    };
    usable(credentials, cluster, answer.time_millis, clock)
}

/// The next credentials for exactly this identity, over a connection made with the present ones.
pub(super) async fn renew(
    dialer: &dial::Dialer,
    cluster: ClusterUid,
) -> Result<Credentials, JoinError> {
    let present = dialer.credentials();
    let channel = dialer.connect(None).await?;
    let (key, csr) = new_key()?;
    let request = v1::RenewRequest { csr: csr.into() };
    let answer = answered(EnrolmentClient::new(channel).renew(request)).await?;
    let credentials = Credentials {
        chain: owned(answer.chain),
        key,
        authorities: owned(answer.authorities),
        ..present
    };
    usable(credentials, cluster, answer.time_millis, dialer.clock())
}

/// The next credentials for exactly this identity, whose certificate has expired.
pub(super) async fn exchange(
    dialer: &dial::Dialer,
    cluster: ClusterUid,
) -> Result<Credentials, JoinError> {
    let present = dialer.credentials();
    let identity = Identity::from_der(&present.chain, &present.key)?;
    let (channel, binding) = dialer.connect_bare().await?;
    let (key, csr) = new_key()?;
    let signed = statement(binding.as_bytes(), identity.leaf(), &csr);
    let request = v1::ExchangeRequest {
        certificate: identity.leaf().to_vec().into(),
        signature: identity.sign(signed.as_bytes())?.into(),
        csr: csr.into(),
    };
    let answer = answered(EnrolmentClient::new(channel).exchange(request)).await?;
    let credentials = Credentials {
        chain: owned(answer.chain),
        key,
        authorities: owned(answer.authorities),
        ..present
    };
    usable(credentials, cluster, answer.time_millis, dialer.clock())
}

async fn answered<T>(
    call: impl Future<Output = Result<Response<T>, Status>>,
) -> Result<T, JoinError> {
    match timeout(ANSWER_WITHIN, call).await {
        Ok(answer) => Ok(answer?.into_inner()),
        Err(_) => Err(JoinError::Late),
    }
}

/// Refuses credentials that the hub itself would refuse, before they replace ones that it takes. Whether they are valid
/// is asked for the moment that the hub's clock shows.
fn usable(
    credentials: Credentials,
    cluster: ClusterUid,
    hub_millis: Option<u64>,
    clock: &HubClock,
) -> Result<Credentials, JoinError> {
    let hub_now = hub_millis.and_then(|millis| i64::try_from(millis / 1000).ok());
    let identity = Identity::from_der(&credentials.chain, &credentials.key)?;
    let at = hub_now.unwrap_or(credentials.validity()?.not_before);
    let roots = tls::roots_from_der(&credentials.authorities)?;
    ClientVerifier::new(roots)?.verify_at(identity.leaf(), at)?;
    credentials.check_member(cluster)?;
    if let Some(millis) = hub_millis {
        clock.record(millis);
    }
    Ok(credentials)
}

/// A new P-256 key (PKCS #8) and a request for it (PKCS #10), both DER. The request says nothing but the key.
fn new_key() -> Result<(Vec<u8>, Vec<u8>), JoinError> {
    let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).map_err(JoinError::Key)?;
    let request = CertificateParams::default()
        .serialize_request(&key)
        .map_err(JoinError::Key)?;
    Ok((key.serialize_der(), request.der().to_vec()))
}

fn owned(ders: Vec<Bytes>) -> Vec<Vec<u8>> {
    ders.into_iter().map(Vec::from).collect()
}

#[cfg(test)]
mod tests;
