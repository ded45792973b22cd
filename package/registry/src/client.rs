//! Reads from one repository of a registry, each bounded: connections, tokens, redirects and errors.

use std::fmt::Display;
use std::sync::OnceLock;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http_auth::ChallengeRef;
use oci_spec::distribution::Reference;
use reqwest::header::{ACCEPT, AUTHORIZATION, HeaderMap, HeaderValue, WWW_AUTHENTICATE};
use reqwest::redirect::Policy;
use reqwest::{Method, Response, StatusCode, Url};
use serde::Deserialize;
use stevedore_package::credentials::Credentials;
use stevedore_proto_core::Digest;

use crate::access::{Ask, Error, Settings, Transport};

const CONNECT_WITHIN: Duration = Duration::from_secs(10);
const READ_WITHIN: Duration = Duration::from_secs(20);
const REDIRECTS: usize = 5;
/// As the distribution specification has it.
const CONTENT_DIGEST: &str = "docker-content-digest";
/// Most bytes of a token's answer.
pub(crate) const TOKEN_BYTES: usize = 64 * 1024;
/// Most bytes of an error's answer that are looked at.
const ERROR_BYTES: usize = 16 * 1024;
/// Most bytes of an error's answer that are shown.
const SHOWN_BYTES: usize = 300;

/// The connections of all pulls: trust in authorities is read once, and connections are used again.
#[derive(Debug, Default)]
pub struct Connections {
    plain: OnceLock<reqwest::Client>,
    tls: OnceLock<reqwest::Client>,
    unverified: OnceLock<reqwest::Client>,
}

impl Connections {
    fn of(&self, settings: &Settings, transport: Transport) -> Result<reqwest::Client, Error> {
        let kept = match transport {
            Transport::Plain => &self.plain,
            Transport::Tls => &self.tls,
            Transport::UnverifiedTls => &self.unverified,
        };
        if let Some(http) = kept.get() {
            return Ok(http.clone());
        }
        let http = connect(settings, transport)
            .map_err(|error| Error::Pull(format!("no registry client: {error}")))?;
        Ok(kept.get_or_init(|| http).clone())
    }
}

fn connect(settings: &Settings, transport: Transport) -> Result<reqwest::Client, reqwest::Error> {
    let authorities = match &settings.certificate_authorities {
        Some(pem) => reqwest::Certificate::from_pem_bundle(pem)?,
        None => Vec::new(),
    };
    let is_plain = transport == Transport::Plain;
    reqwest::Client::builder()
        .user_agent(concat!("stevedore/", env!("CARGO_PKG_VERSION")))
        .connect_timeout(CONNECT_WITHIN)
        .read_timeout(READ_WITHIN)
        .tls_certs_merge(authorities)
        .tls_danger_accept_invalid_certs(transport == Transport::UnverifiedTls)
        .redirect(Policy::custom(move |attempt| {
            if attempt.previous().len() > REDIRECTS {
                attempt.error("too many redirects")
            } else if !is_plain && attempt.url().scheme() != "https" {
                attempt.error("a redirect away from TLS")
            } else {
                attempt.follow()
            }
        }))
        .build()
}

/// The way in which a registry is talked to. One that may be talked to insecurely is asked whether it speaks TLS.
///
/// # Errors
/// When there can be no connections at all.
pub async fn transport(
    connections: &Connections,
    settings: &Settings,
    registry: &str,
) -> Result<Transport, Error> {
    if settings.insecure {
        let http = connections.of(settings, Transport::UnverifiedTls)?;
        let answer = http.get(format!("https://{registry}/v2/")).send().await;
        return Ok(match answer {
            Err(error) if error.is_connect() => Transport::Plain,
            _ => Transport::UnverifiedTls,
        });
    }
    Ok(match settings.is_plain(registry) {
        true => Transport::Plain,
        false => Transport::Tls,
    })
}

/// One repository of a registry, for one pull from it.
pub struct Repository<'a> {
    http: reqwest::Client,
    reference: &'a Reference,
    credentials: Ask<'a>,
    is_plain: bool,
    authorization: OnceLock<HeaderValue>,
}

/// A token as registries answer: either key, or both.
#[derive(Deserialize)]
struct Token {
    token: Option<String>,
    access_token: Option<String>,
}

#[derive(Deserialize)]
struct Refusal {
    errors: Vec<RefusalEntry>,
}

#[derive(Deserialize)]
struct RefusalEntry {
    code: String,
    #[serde(default)]
    message: String,
}

impl<'a> Repository<'a> {
    /// The repository of a reference.
    ///
    /// # Errors
    /// When there can be no connections at all.
    pub async fn new(
        connections: &Connections,
        settings: &Settings,
        reference: &'a Reference,
        credentials: Ask<'a>,
    ) -> Result<Self, Error> {
        let registry = reference.resolve_registry();
        let transport = transport(connections, settings, registry).await?;
        Ok(Self {
            http: connections.of(settings, transport)?,
            reference,
            credentials,
            is_plain: transport == Transport::Plain,
            authorization: OnceLock::new(),
        })
    }

    pub(crate) fn reference(&self) -> &'a Reference {
        self.reference
    }

    /// What stands at `path` of the repository, at most `limit` bytes.
    pub(crate) async fn get(
        &self,
        path: &str,
        accept: &'static str,
        limit: usize,
    ) -> Result<Vec<u8>, Error> {
        body(self.ask(Method::GET, path, accept).await?, limit).await
    }

    /// The digest that the registry says of what stands at `path`; none where it says none.
    pub(crate) async fn digest_of(
        &self,
        path: &str,
        accept: &'static str,
    ) -> Result<Option<Digest>, Error> {
        let response = self.ask(Method::HEAD, path, accept).await?;
        if response.status() != StatusCode::OK {
            return Ok(None);
        }
        let said = response.headers().get(CONTENT_DIGEST);
        Ok(said.and_then(|said| said.to_str().ok()?.parse().ok()))
    }

    async fn ask(
        &self,
        method: Method,
        path: &str,
        accept: &'static str,
    ) -> Result<Response, Error> {
        let registry = self.reference.resolve_registry();
        let repository = self.reference.repository();
        let scheme = if self.is_plain { "http" } else { "https" };
        let url = format!("{scheme}://{registry}/v2/{repository}/{path}");
        let response = self.send(method.clone(), &url, accept).await?;
        if response.status() == StatusCode::UNAUTHORIZED && self.authorization.get().is_none() {
            let authorization = self.authorize(response.headers()).await?;
            let _ = self.authorization.set(authorization);
            return self.send(method, &url, accept).await;
        }
        Ok(response)
    }

    async fn send(
        &self,
        method: Method,
        url: &str,
        accept: &'static str,
    ) -> Result<Response, Error> {
        let mut request = self.http.request(method, url).header(ACCEPT, accept);
        if let Some(authorization) = self.authorization.get() {
            request = request.header(AUTHORIZATION, authorization.clone());
        }
        request.send().await.map_err(failed)
    }

    /// Answers a registry's challenge: with a token of the realm it names, or with the credentials themselves.
    async fn authorize(&self, headers: &HeaderMap) -> Result<HeaderValue, Error> {
        let values = headers.get_all(WWW_AUTHENTICATE).iter();
        let challenges: Vec<ChallengeRef<'_>> = values
            .filter_map(|value| http_auth::parse_challenges(value.to_str().ok()?).ok())
            .flatten()
            .collect();
        let of = |scheme: &str| {
            let mut all = challenges.iter();
            all.find(|challenge| challenge.scheme.eq_ignore_ascii_case(scheme))
        };
        let credentials = (self.credentials)().await?;
        match (of("Bearer"), of("Basic"), credentials) {
            (Some(challenge), _, credentials) => {
                let token = self.token(challenge, credentials.as_ref()).await?;
                secret(format!("Bearer {token}"))
            }
            (None, Some(_), Some(credentials)) => secret(basic(&credentials)),
            _ => Err(denied(
                "the registry wants credentials, and there are none for it",
            )),
        }
    }

    async fn token(
        &self,
        challenge: &ChallengeRef<'_>,
        credentials: Option<&Credentials>,
    ) -> Result<String, Error> {
        let parameter = |name: &str| {
            let mut all = challenge.params.iter();
            all.find(|(key, _)| key.eq_ignore_ascii_case(name))
                .map(|(_, value)| value.to_unescaped())
        };
        let mut realm = parameter("realm")
            .and_then(|realm| Url::parse(&realm).ok())
            .filter(|realm| {
                realm.scheme() == "https" || (self.is_plain && realm.scheme() == "http")
            })
            .ok_or_else(|| denied("the registry names no realm that gives tokens over TLS"))?;
        {
            let mut query = realm.query_pairs_mut();
            let scope = format!("repository:{}:pull", self.reference.repository());
            query.append_pair("scope", &scope);
            if let Some(service) = parameter("service") {
                query.append_pair("service", &service);
            }
        }
        let mut request = self.http.get(realm);
        if let Some(credentials) = credentials {
            request = request.header(AUTHORIZATION, secret(basic(credentials))?);
        }
        let response = request.send().await.map_err(failed)?;
        let answer: Token = serde_json::from_slice(&body(response, TOKEN_BYTES).await?)
            .map_err(|_| denied("the registry's token is not JSON"))?;
        let given = answer.token.or(answer.access_token);
        given.ok_or_else(|| denied("the registry gives no token"))
    }
}

/// The body of an answer. What is announced as larger than the limit is not read, what turns out larger not on.
async fn body(mut response: Response, limit: usize) -> Result<Vec<u8>, Error> {
    if response.status() != StatusCode::OK {
        return Err(refused(response).await);
    }
    let too_large = || Error::invalid(format!("the registry sends more than {limit} bytes"));
    let announced = response.content_length().unwrap_or(0);
    let announced = usize::try_from(announced).unwrap_or(usize::MAX);
    if announced > limit {
        return Err(too_large());
    }
    let mut bytes = Vec::with_capacity(announced);
    while let Some(chunk) = response.chunk().await.map_err(failed)? {
        if chunk.len() > limit - bytes.len() {
            return Err(too_large());
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes)
}

/// What a registry says instead of what was asked for: its status, and of its words a few.
async fn refused(mut response: Response) -> Error {
    let status = response.status();
    let mut bytes = Vec::new();
    while let Ok(Some(chunk)) = response.chunk().await {
        let room = ERROR_BYTES - bytes.len();
        bytes.extend_from_slice(&chunk[..chunk.len().min(room)]);
        if chunk.len() >= room {
            break;
        }
    }
    let said = serde_json::from_slice(&bytes)
        .ok()
        .and_then(|refusal: Refusal| refusal.errors.into_iter().next())
        .map(|entry| format!(": {} {}", entry.code, entry.message))
        .unwrap_or_default();
    let mut said = without_queries(&said.replace(char::is_control, " "));
    said.truncate(said.floor_char_boundary(SHOWN_BYTES));
    Error::Pull(format!("the registry answers {status}{said}"))
}

/// A failure without its URL, which may be a signed one, but with its causes.
fn failed(error: reqwest::Error) -> Error {
    let error = error.without_url();
    let mut message = error.to_string();
    let mut cause = std::error::Error::source(&error);
    while let Some(error) = cause {
        message.push_str(&format!(": {error}"));
        cause = error.source();
    }
    Error::Pull(without_queries(&message))
}

fn denied(message: &(impl Display + ?Sized)) -> Error {
    Error::Pull(message.to_string())
}

fn basic(credentials: &Credentials) -> String {
    let Credentials { user, password } = credentials;
    format!("Basic {}", STANDARD.encode(format!("{user}:{password}")))
}

fn secret(value: String) -> Result<HeaderValue, Error> {
    let mut value = HeaderValue::try_from(value)
        .map_err(|_| denied("the registry's token cannot stand in a header"))?;
    value.set_sensitive(true);
    Ok(value)
}

/// A message without what follows `?` in its words: registries send clients to signed URLs, and messages are
/// shown in statuses and events.
fn without_queries(message: &str) -> String {
    message
        .split_inclusive(char::is_whitespace)
        .map(|word| match word.split_once('?') {
            Some((before, _)) if before.contains("://") => format!("{before}?… "),
            _ => word.to_owned(),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signed_url_is_not_shown() {
        let shown = without_queries(
            "error for url (https://blobs.example/a?X-Signature=canary): timed out?",
        );
        assert_eq!(shown, "error for url (https://blobs.example/a?… timed out?");
    }
}
