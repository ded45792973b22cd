//! Registry credentials in the form that Docker keeps them, `{"auths": {HOST: {...}}}`: a file of the person who
//! pushes, a Secret of type `kubernetes.io/dockerconfigjson` of the hub that pulls.

use std::collections::BTreeMap;
use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;

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
    /// Where the credentials for the host are if its entry holds none; `listed` says whether it has an entry.
    fn helper(&self, host: &str, listed: bool) -> Option<&str> {
        let own = self.cred_helpers.iter();
        let own = own.into_iter().find(|(key, _)| host_of(key) == host);
        // A store says nothing about hosts that nobody logged in to.
        let helper = own.map_or(&self.creds_store, |(_, helper)| helper);
        let has_helper = !helper.is_empty() && (own.is_some() || listed);
        has_helper.then_some(helper)
    }
}

/// The credentials for `host` (`HOST` or `HOST:PORT`), if there are any. An entry may also be written as a URL; one
/// with nothing in it is none.
///
/// # Errors
/// When the bytes are not such a file, the host's entry cannot be used, or its credentials are in a helper.
pub fn credentials(bytes: &[u8], host: &str) -> Result<Option<Credentials>, CredentialsError> {
    if bytes.len() > MAX_BYTES {
        return Err(CredentialsError::TooLarge);
    }
    // A list would be read as the fields in order.
    if !bytes.trim_ascii_start().starts_with(b"{") {
        return Err(CredentialsError::Malformed);
    }
    let config: Config = serde_json::from_slice(bytes).map_err(|_| CredentialsError::Malformed)?;
    let entry = config.auths.iter().find(|(key, _)| host_of(key) == host);
    let Some((_, entry)) = entry.filter(|(_, entry)| **entry != Entry::default()) else {
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

/// `https://registry.example:5000/v1/` means the host `registry.example:5000`.
fn host_of(key: &str) -> &str {
    let rest = key.split_once("://").map_or(key, |(_, rest)| rest);
    rest.split('/').next().unwrap_or(rest)
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
mod tests {
    use super::*;

    fn found(json: &str, host: &str) -> Result<Option<(String, String)>, CredentialsError> {
        credentials(json.as_bytes(), host).map(|found| found.map(|c| (c.user, c.password)))
    }

    #[test]
    fn both_forms_and_urls_are_understood() {
        let pair = Ok(Some(("me".to_owned(), "a:b".to_owned())));
        assert_eq!(
            found(
                r#"{"auths":{"registry.example":{"auth":"bWU6YTpi"}}}"#,
                "registry.example"
            ),
            pair
        );
        assert_eq!(
            found(
                r#"{"auths":{"https://registry.example:5000/v1/":{"username":"me","password":"a:b"}}}"#,
                "registry.example:5000"
            ),
            pair
        );
        assert_eq!(
            found(
                r#"{"auths":{"registry.example":{"auth":"bWU6YTpi"}}}"#,
                "registry.example:5000"
            ),
            Ok(None)
        );
        assert_eq!(found("{}", "registry.example"), Ok(None));
    }

    #[test]
    fn what_cannot_be_used_is_an_error_that_shows_nothing() {
        let host = "registry.example";
        assert_eq!(found("[]", host), Err(CredentialsError::Malformed));
        for entry in [
            r#"{"auth":"?"}"#,
            r#"{"auth":"bWU="}"#,
            r#"{"username":"me"}"#,
            r#"{"identitytoken":"t"}"#,
        ] {
            let error = found(
                &format!(r#"{{"auths":{{"registry.example":{entry}}}}}"#),
                host,
            )
            .unwrap_err();
            assert_eq!(error, CredentialsError::Unusable(host.to_owned()));
        }
        assert_eq!(
            found(&" ".repeat(MAX_BYTES + 1), host),
            Err(CredentialsError::TooLarge)
        );
        assert_eq!(
            found(&" ".repeat(MAX_BYTES), host),
            Err(CredentialsError::Malformed)
        );
    }

    #[test]
    fn what_a_helper_keeps_is_said_to_be_there_and_what_nobody_keeps_is_nothing() {
        let host = "registry.example";
        let helper = |helper: &str| {
            Err(CredentialsError::Helper {
                host: host.into(),
                helper: helper.into(),
            })
        };
        for (json, expected) in [
            (
                r#"{"auths":{"registry.example":{}},"credsStore":"desktop"}"#,
                helper("desktop"),
            ),
            (
                r#"{"auths":{},"credHelpers":{"registry.example":"cloud"},"credsStore":"desktop"}"#,
                helper("cloud"),
            ),
            (
                r#"{"auths":{"other.example":{}},"credsStore":"desktop"}"#,
                Ok(None),
            ),
            (r#"{"auths":{"registry.example":{}}}"#, Ok(None)),
            (r#"{"auths":{"registry.example":{"auth":""}}}"#, Ok(None)),
            (
                r#"{"auths":{"registry.example":{"auth":"bWU6YTpi"}},"credsStore":"desktop"}"#,
                Ok(Some(("me".into(), "a:b".into()))),
            ),
        ] {
            assert_eq!(found(json, host), expected, "{json}");
        }
        let json = r#"{"credHelpers":{"registry.example":"desktop"}}"#;
        let said = found(json, host).unwrap_err().to_string();
        assert!(said.contains("docker-credential-desktop"), "{said}");
    }

    #[test]
    fn only_this_machine_is_loopback() {
        for host in [
            "localhost",
            "localhost:5000",
            "127.0.0.1:5000",
            "[::1]:5000",
            "[::1]",
        ] {
            assert!(is_loopback(host), "{host}");
        }
        for host in [
            "registry.example",
            "registry.example:5000",
            "localhost.example",
            "10.0.0.1:5000",
        ] {
            assert!(!is_loopback(host), "{host}");
        }
    }

    #[test]
    fn debug_does_not_show_the_password() {
        let shown = format!(
            "{:?}",
            Credentials {
                user: "me".into(),
                password: "hidden".into()
            }
        );
        assert!(!shown.contains("hidden"), "{shown}");
    }
}
