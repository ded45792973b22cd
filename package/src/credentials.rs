//! Registry credentials in the form that Docker keeps them, `{"auths": {KEY: {...}}}`: a file of the person who
//! pushes, a Secret of type `kubernetes.io/dockerconfigjson` of the hub that pulls.
//!
//! Which entry speaks for an image is decided as Kubernetes does it for pull secrets: a key is a host, perhaps with
//! `*` in its names, and perhaps a path; the longest path that the image begins with counts. A path ends between
//! segments, which is stricter: `HOST/team` is not for `HOST/team-two`.

mod key;

use std::collections::BTreeMap;
use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;

use key::Key;

/// Largest file that is read, in bytes; that of a Secret.
pub const MAX_BYTES: usize = 1024 * 1024;

/// User and password for one registry. Not shown by `Debug`.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    /// User name.
    pub user: String,
    /// Password or token.
    pub password: String,
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials")
            .field("user", &self.user)
            .finish_non_exhaustive()
    }
}

/// Why credentials cannot be used. Never holds any of them.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CredentialsError {
    /// Above [`MAX_BYTES`].
    #[error("the registry credentials are larger than {MAX_BYTES} bytes")]
    TooLarge,
    /// Not JSON of this form.
    #[error(
        "the registry credentials are not JSON of the form {{\"auths\": {{HOST: {{\"auth\": …}}}}}}"
    )]
    Malformed,
    /// The entry of the host is neither user and password nor base64 of `user:password`.
    #[error("the registry credentials for {0} hold neither username and password nor auth")]
    Unusable(String),
    /// They are kept by a credential helper, a program, as `docker login` does where it finds one.
    #[error(
        "the credentials for {host} are kept by the credential helper docker-credential-{helper}, and credential helpers are not read; write {{\"auths\": {{\"{host}\": {{\"username\": …, \"password\": …}}}}}} instead"
    )]
    Helper {
        /// The registry.
        host: String,
        /// The helper's name.
        helper: String,
    },
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Config {
    #[serde(default)]
    auths: BTreeMap<String, Entry>,
    /// The helper of every host that has none of its own.
    #[serde(default)]
    creds_store: String,
    #[serde(default)]
    cred_helpers: BTreeMap<String, String>,
}

/// Nothing in it: somebody logged in, and a helper keeps the credentials.
#[derive(Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
struct Entry {
    username: String,
    password: String,
    auth: String,
    identitytoken: String,
}

impl Config {
    /// The entry for a repository, by the key that says most.
    fn entry(&self, host: &str, repository: &str) -> Option<&Entry> {
        let fitting = self.auths.iter().filter_map(|(key, entry)| {
            let rank = Key::of(key).rank(host, repository)?;
            Some((rank, entry))
        });
        // Of two spellings of one key the first counts.
        let best = fitting.rev().max_by_key(|(rank, _)| *rank);
        best.map(|(_, entry)| entry)
    }

    /// Where the credentials for the host are if its entry holds none; `listed` says whether it has an entry.
    fn helper(&self, host: &str, listed: bool) -> Option<&str> {
        let own = self.cred_helpers.iter();
        let own = own.into_iter().find(|(key, _)| Key::of(key).is_host(host));
        // A store says nothing about hosts that nobody logged in to.
        let helper = own.map_or(&self.creds_store, |(_, helper)| helper);
        let has_helper = !helper.is_empty() && (own.is_some() || listed);
        has_helper.then_some(helper)
    }
}

/// The credentials for `repository` (such as `team/lighthouse`) at `host` (`HOST` or `HOST:PORT`), if there are any.
/// An entry may also be written as a URL; one with nothing in it is none, and says that a helper has them.
///
/// # Errors
/// When the bytes are not such a file, the entry cannot be used, or the credentials are in a helper.
pub fn credentials(
    bytes: &[u8],
    host: &str,
    repository: &str,
) -> Result<Option<Credentials>, CredentialsError> {
    if bytes.len() > MAX_BYTES {
        return Err(CredentialsError::TooLarge);
    }
    // A list would be read as the fields in order.
    if !bytes.trim_ascii_start().starts_with(b"{") {
        return Err(CredentialsError::Malformed);
    }
    let config: Config = serde_json::from_slice(bytes).map_err(|_| CredentialsError::Malformed)?;
    let entry = config.entry(host, repository);
    let Some(entry) = entry.filter(|entry| **entry != Entry::default()) else {
        return match config.helper(host, entry.is_some()) {
            Some(helper) => Err(CredentialsError::Helper {
                host: host.to_owned(),
                helper: helper.to_owned(),
            }),
            None => Ok(None),
        };
    };
    let unusable = || CredentialsError::Unusable(host.to_owned());
    if !entry.username.is_empty() && !entry.password.is_empty() {
        return Ok(Some(Credentials {
            user: entry.username.clone(),
            password: entry.password.clone(),
        }));
    }
    if entry.auth.is_empty() {
        return Err(unusable());
    }
    let text = STANDARD
        .decode(&entry.auth)
        .ok()
        .and_then(|bytes| String::from_utf8(bytes).ok())
        .ok_or_else(unusable)?;
    let (user, password) = text.split_once(':').ok_or_else(unusable)?;
    Ok(Some(Credentials {
        user: user.to_owned(),
        password: password.to_owned(),
    }))
}

/// Whether a registry (`HOST` or `HOST:PORT`) is this machine, to which plain HTTP may be spoken.
pub fn is_loopback(registry: &str) -> bool {
    let host = match registry.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => host,
        _ => registry,
    };
    let host = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost"
        || host
            .parse::<std::net::IpAddr>()
            .is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests;
