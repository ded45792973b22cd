//! The join token: how a cluster that the hub does not know yet proves that it was invited.
//!
//! It is made by whoever may create Secrets in the hub's system namespace, shown once, used once,
//! and stored hashed. Its text also holds the hub's addresses and the SHA-256 of the hub CA's
//! public key (SubjectPublicKeyInfo), so that the agent never trusts a name or a public CA
//! (as kubeadm's discovery token does).

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::digest::{Digest, Hasher};
use crate::name::ClusterName;

/// Default lifetime in seconds, one hour.
pub const DEFAULT_LIFETIME: u64 = 3600;
/// Longest lifetime in seconds, one day.
pub const MAX_LIFETIME: u64 = 24 * 3600;
/// Longest text that is parsed, in bytes.
pub const MAX_TEXT: usize = 2048;

/// gRPC metadata of a call that was refused for being one of too many: when to come back, in milliseconds.
pub const RETRY_METADATA: &str = "grpc-retry-pushback-ms";
/// gRPC metadata that carries the CamelCase reason of a refused call.
pub const REASON_METADATA: &str = "stevedore-reason";

/// Beginning of the one name, a URI, in the certificate of a member; the cluster's UID and a `/` come next.
pub const MEMBER_URI: &str = "spiffe://stevedore.dev/cluster/";

const VERSION: &str = "stv1";
const MAX_ADDRESSES: usize = 8;

/// 256 random bits. Not shown by `Debug`.
#[derive(Clone, PartialEq, Eq)]
pub struct JoinSecret([u8; 32]);

impl JoinSecret {
    /// Takes 32 bytes that the caller drew from a cryptographic generator.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }
}

impl fmt::Debug for JoinSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JoinSecret(…)")
    }
}

/// A join token as the joining side holds it. `Display` shows the secret: print it only to the
/// person who asked for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JoinToken {
    /// Name of the MemberCluster that it is bound to.
    pub cluster: ClusterName,
    /// What proves the invitation.
    pub secret: JoinSecret,
    /// SHA-256 of the hub CA's SubjectPublicKeyInfo.
    pub ca: Digest,
    /// Addresses of the hub, `host:port`, tried in order.
    pub addresses: Vec<String>,
}

/// A token as the hub stores it: it can be checked, but not used.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StoredToken {
    /// Name of the MemberCluster that it is bound to.
    pub cluster: ClusterName,
    /// Random, so that equal secrets have different hashes.
    pub salt: Digest,
    /// Hash over salt, name and secret.
    pub hash: Digest,
    /// Seconds since the Unix epoch at which it ends.
    pub expires: i64,
}

/// Why a text is not a join token.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a join token ({0}); make a new one with `stevedore cluster join NAME`")]
pub struct ParseTokenError(&'static str);

impl JoinToken {
    /// What the hub stores of this token.
    pub fn stored(&self, salt: Digest, expires: i64) -> StoredToken {
        StoredToken {
            cluster: self.cluster.clone(),
            salt,
            hash: hash(&salt, &self.cluster, &self.secret),
            expires,
        }
    }
}

impl StoredToken {
    /// Whether `secret` is the one this was made from, for this cluster name. Takes the same time
    /// for every wrong secret.
    pub fn matches(&self, secret: &JoinSecret) -> bool {
        let computed = hash(&self.salt, &self.cluster, secret);
        let difference = computed
            .as_bytes()
            .iter()
            .zip(self.hash.as_bytes())
            .fold(0, |all, (a, b)| all | (a ^ b));
        difference == 0
    }

    /// Whether the token has ended at `now`, in seconds since the Unix epoch.
    pub fn is_expired(&self, now: i64) -> bool {
        now >= self.expires
    }
}

fn hash(salt: &Digest, cluster: &str, secret: &JoinSecret) -> Digest {
    Hasher::new("stevedore.join.v1")
        .field(salt.as_bytes())
        .field(cluster.as_bytes())
        .field(&secret.0)
        .finish()
}

impl JoinSecret {
    /// The 64 hex digits that travel in the token and in the enrolment request.
    pub fn reveal(&self) -> String {
        Digest::from_bytes(self.0).hex()
    }

    /// Parses 64 lower-case hex digits.
    ///
    /// # Errors
    /// When the text is anything else.
    pub fn parse(text: &str) -> Result<Self, ParseTokenError> {
        hex(text, "its secret is not 64 hex digits").map(|digest| Self(*digest.as_bytes()))
    }
}

fn hex(text: &str, problem: &'static str) -> Result<Digest, ParseTokenError> {
    format!("sha256:{text}")
        .parse()
        .map_err(|_| ParseTokenError(problem))
}

impl fmt::Display for JoinToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            cluster,
            secret,
            ca,
            addresses,
        } = self;
        write!(
            f,
            "{VERSION}/{cluster}/{}/{}/{}",
            secret.reveal(),
            ca.hex(),
            addresses.join(",")
        )
    }
}

impl FromStr for JoinToken {
    type Err = ParseTokenError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.len() > MAX_TEXT {
            return Err(ParseTokenError("it is too long"));
        }
        let mut parts = text.trim().split('/');
        if parts.next() != Some(VERSION) {
            return Err(ParseTokenError("it does not begin with stv1/"));
        }
        let mut next = || {
            parts
                .next()
                .filter(|part| !part.is_empty())
                .ok_or(ParseTokenError("a part is missing"))
        };
        let (cluster, secret, ca, addresses) = (next()?, next()?, next()?, next()?);
        if parts.next().is_some() {
            return Err(ParseTokenError("it has too many parts"));
        }
        let addresses: Vec<_> = addresses.split(',').map(str::to_owned).collect();
        let plausible = |address: &String| {
            address
                .rsplit_once(':')
                .is_some_and(|(host, port)| !host.is_empty() && port.parse::<u16>().is_ok())
        };
        if addresses.len() > MAX_ADDRESSES || !addresses.iter().all(plausible) {
            return Err(ParseTokenError("its addresses are not host:port"));
        }
        Ok(Self {
            cluster: cluster
                .parse()
                .map_err(|_| ParseTokenError("the cluster's name in it is not one"))?,
            secret: JoinSecret::parse(secret)?,
            ca: hex(ca, "its CA hash is not 64 hex digits")?,
            addresses,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token() -> JoinToken {
        JoinToken {
            cluster: "harbour-1".parse().unwrap(),
            secret: JoinSecret::from_bytes([7; 32]),
            ca: Digest::of(b"ca"),
            addresses: vec!["hub.example:8443".into(), "127.0.0.1:8443".into()],
        }
    }

    #[test]
    fn text_form_is_read_back() {
        assert_eq!(token().to_string().parse(), Ok(token()));
    }

    #[test]
    fn a_stored_token_matches_its_own_secret_and_name_only() {
        let stored = token().stored(Digest::of(b"salt"), 100);
        assert!(stored.matches(&token().secret));
        assert!(!stored.matches(&JoinSecret::from_bytes([8; 32])));
        let renamed = StoredToken {
            cluster: "harbour-11".parse().unwrap(),
            ..stored
        };
        assert!(!renamed.matches(&token().secret));
    }

    #[test]
    fn a_token_ends_at_its_second() {
        let stored = token().stored(Digest::of(b"salt"), 100);
        assert!(!stored.is_expired(99) && stored.is_expired(100));
    }

    #[test]
    fn what_is_no_token_is_refused() {
        let good = token().to_string();
        let long = format!("{good}{}", "0".repeat(MAX_TEXT));
        for bad in [
            "",
            "stv1",
            "stv2/a/b/c/d",
            &good[..good.len() - 6],
            &good.replace("07", "0g"),
            &good.replace("harbour-1", "?limit=0"),
            &good.replace("harbour-1", ".."),
            &format!("{good}/x"),
            &long,
        ] {
            assert!(bad.parse::<JoinToken>().is_err(), "{bad}");
        }
    }

    #[test]
    fn debug_does_not_show_the_secret() {
        assert!(!format!("{:?}", token()).contains("0707"));
    }
}
