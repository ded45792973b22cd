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
}

#[derive(Deserialize)]
struct Config {
    #[serde(default)]
    auths: BTreeMap<String, Entry>,
}

#[derive(Deserialize)]
struct Entry {
    username: Option<String>,
    password: Option<String>,
    auth: Option<String>,
}

/// The credentials for `host` (`HOST` or `HOST:PORT`), if there are any. An entry may also be written as a URL.
///
/// # Errors
/// When the bytes are not such a file, or the host's entry cannot be used.
pub fn credentials(bytes: &[u8], host: &str) -> Result<Option<Credentials>, CredentialsError> {
    if bytes.len() > MAX_BYTES {
        return Err(CredentialsError::TooLarge);
    }
    // A list would be read as the fields in order.
    if !bytes.trim_ascii_start().starts_with(b"{") {
        return Err(CredentialsError::Malformed);
    }
    let config: Config = serde_json::from_slice(bytes).map_err(|_| CredentialsError::Malformed)?;
    let Some(entry) = config
        .auths
        .into_iter()
        .find_map(|(key, entry)| (host_of(&key) == host).then_some(entry))
    else {
        return Ok(None);
    };
    let unusable = || CredentialsError::Unusable(host.to_owned());
    let (user, password) = match (entry.username, entry.password, entry.auth) {
        (Some(user), Some(password), _) => (user, password),
        (_, _, Some(auth)) if !auth.is_empty() => {
            let text = STANDARD
                .decode(auth)
                .ok()
                .and_then(|bytes| String::from_utf8(bytes).ok())
                .ok_or_else(unusable)?;
            let (user, password) = text.split_once(':').ok_or_else(unusable)?;
            (user.to_owned(), password.to_owned())
        }
        _ => return Err(unusable()),
    };
    Ok(Some(Credentials { user, password }))
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
            r#"{"auth":""}"#,
            r#"{"username":"me"}"#,
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
