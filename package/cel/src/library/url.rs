//! URLs, read as Go's `net/url` reads them: what is not one is told apart, and nothing is normalised but the scheme.

use std::collections::HashMap;

use cel::common::types::{CelBool, CelList, CelMap, CelMapKey, CelString};
use cel::common::value::Val;
use cel::{DeclarationError, Env, ExecutionError};

use super::value::failed;

/// An absolute URI, or an absolute path.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Url {
    scheme: String,
    /// User and password as they are written.
    user: String,
    /// With the port, and with brackets around an IPv6 address.
    host: String,
    /// As it is written.
    path: String,
    /// What stands in place of host and path, such as an address after `mailto:`.
    opaque: String,
    query: String,
    fragment: String,
}

super::value::value!(Url, URL, "kubernetes.URL");

pub(super) fn extension(env: &mut Env) -> Result<(), DeclarationError> {
    env.add_type(URL.to_owned())?;
    cel::add_overload!(env, fn url: (CelString<'_>) -> Result<Url>)?;
    cel::add_overload!(env, fn is_url: (CelString<'_>) -> CelBool, name = "isURL")?;
    cel::add_member_overload!(env, fn get_scheme: (Url) -> CelString<'_>)?;
    cel::add_member_overload!(env, fn get_host: (Url) -> CelString<'_>)?;
    cel::add_member_overload!(env, fn get_hostname: (Url) -> CelString<'_>)?;
    cel::add_member_overload!(env, fn get_port: (Url) -> CelString<'_>)?;
    cel::add_member_overload!(env, fn get_escaped_path: (Url) -> CelString<'_>)?;
    cel::add_member_overload!(env, fn get_query: (Url) -> CelMap<'_>)
}

impl Url {
    /// A URL without a fragment, as it stands in a request.
    pub(super) fn parse_request(text: &str) -> Option<Url> {
        Url::parse(text, true)
    }

    /// A URL that may have a fragment.
    fn parse_reference(text: &str) -> Option<Url> {
        // A fragment would be taken for a part of path or query here, which must be right all the same.
        Url::parse_request(text)?;
        let (text, fragment) = text.split_once('#').unwrap_or((text, ""));
        unescape(fragment, false)?;
        let fragment = fragment.to_owned();
        let url = Url::parse(text, false)?;
        Some(Url { fragment, ..url })
    }

    fn parse(text: &str, in_request: bool) -> Option<Url> {
        if text.bytes().any(|byte| byte.is_ascii_control()) || in_request && text.is_empty() {
            return None;
        }
        let (scheme, rest) = scheme(text)?;
        let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
        let mut url = Url {
            scheme: scheme.to_ascii_lowercase(),
            query: query.to_owned(),
            ..Url::default()
        };
        if !rest.starts_with('/') {
            if !scheme.is_empty() {
                url.opaque = rest.to_owned();
                return Some(url);
            }
            return (rest == "*").then_some(url);
        }
        let has_authority = !scheme.is_empty() || !in_request && !rest.starts_with("///");
        let mut path = rest;
        if let Some(authority) = rest.strip_prefix("//").filter(|_| has_authority) {
            let end = authority.find('/').unwrap_or(authority.len());
            let (authority, after) = authority.split_at(end);
            let (user, host) = authority.rsplit_once('@').unwrap_or(("", authority));
            if !is_user(user) || !is_host(host) {
                return None;
            }
            (url.user, url.host) = (user.to_owned(), host.to_owned());
            path = after;
        }
        unescape(path, false)?;
        url.path = path.to_owned();
        Some(url)
    }

    /// The host without its port, and where the port begins.
    fn hostname(&self) -> (&str, &str) {
        let colon = match self.host.rfind(']') {
            Some(end) => self.host[end..].find(':').map(|at| end + at),
            None => self.host.rfind(':'),
        };
        let (name, port) = match colon {
            Some(colon) => (&self.host[..colon], &self.host[colon + 1..]),
            None => (self.host.as_str(), ""),
        };
        let bare = name
            .strip_prefix('[')
            .and_then(|name| name.strip_suffix(']'));
        (bare.unwrap_or(name), port)
    }

    /// The values of each key, in order; what cannot be read is left out.
    fn values(&self) -> HashMap<String, Vec<String>> {
        let mut found: HashMap<String, Vec<String>> = HashMap::new();
        let pairs = self.query.split('&').filter(|it| !it.is_empty());
        for pair in pairs.filter(|it| !it.contains(';')) {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            if let (Some(key), Some(value)) = (unescape(key, true), unescape(value, true)) {
                found.entry(key).or_default().push(value);
            }
        }
        found
    }
}

/// The scheme before the first colon, and what follows; nothing where there cannot be one.
fn scheme(text: &str) -> Option<(&str, &str)> {
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' => {}
            b'0'..=b'9' | b'+' | b'-' | b'.' if at > 0 => {}
            b':' if at > 0 => return Some((&text[..at], &text[at + 1..])),
            b':' => return None,
            _ => break,
        }
    }
    Some(("", text))
}

fn is_user(user: &str) -> bool {
    let is_fine = |byte: u8| byte.is_ascii_alphanumeric() || b"-._:~!$&'()*+,;=%@".contains(&byte);
    user.bytes().all(is_fine) && unescape(user, false).is_some()
}

/// Whether it is a host with or without a port.
fn is_host(host: &str) -> bool {
    let (name, port) = match (host.starts_with('['), host.rfind(']'), host.rfind(':')) {
        (true, Some(end), _) => host.split_at(end + 1),
        (true, None, _) => return false,
        (false, _, Some(colon)) => host.split_at(colon),
        (false, _, None) => (host, ""),
    };
    let digits = port.strip_prefix(':').unwrap_or(port);
    let is_port = port.is_empty() || port.starts_with(':');
    let is_fine = |byte: u8| {
        !byte.is_ascii()
            || byte.is_ascii_alphanumeric()
            || b"-_.~!$&'()*+,;=:[]<>\"%".contains(&byte)
    };
    // In a host only what is not ASCII may be escaped, but for the percent sign of a zone.
    let escapes = name.split('%').skip(1);
    let is_escaped = |code: &str| {
        let digits = code.as_bytes();
        let is_hex = digits.len() >= 2 && digits[..2].iter().all(u8::is_ascii_hexdigit);
        is_hex && (digits[0] >= b'8' || code.starts_with("25") && name.starts_with('['))
    };
    is_port
        && digits.bytes().all(|byte| byte.is_ascii_digit())
        && name.bytes().all(is_fine)
        && escapes.into_iter().all(is_escaped)
}

/// The text without its escapes; nothing where one is wrong. In a query `+` is a space.
fn unescape(text: &str, in_query: bool) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'%' => {
                let mut digit = || char::from(rest.next()?).to_digit(16);
                let (high, low) = (digit()?, digit()?);
                (high * 16 + low) as u8
            }
            b'+' if in_query => b' ',
            other => other,
        });
    }
    Some(String::from_utf8_lossy(&bytes).into_owned())
}

/// A path as it is written, if it needs no escapes beyond those it has; else with everything escaped that may be.
fn escape_path(path: &str) -> String {
    let is_unreserved = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte);
    let is_written = |byte: u8| is_unreserved(byte) || b"!$&'()*+,;=:@[]%/".contains(&byte);
    if path.bytes().all(is_written) {
        return path.to_owned();
    }
    let mut escaped = String::new();
    for byte in unescape(path, false).unwrap_or_default().bytes() {
        if is_unreserved(byte) || b"$&+,/:;=@".contains(&byte) {
            escaped.push(char::from(byte));
        } else {
            escaped.push_str(&format!("%{byte:02X}"));
        }
    }
    escaped
}

fn url(text: &CelString<'_>) -> Result<Url, ExecutionError> {
    Url::parse_reference(text.inner()).ok_or_else(|| failed("url"))
}

fn is_url(text: &CelString<'_>) -> CelBool {
    Url::parse_request(text.inner()).is_some().into()
}

fn get_scheme(url: &Url) -> CelString<'static> {
    url.scheme.clone().into()
}

fn get_host(url: &Url) -> CelString<'static> {
    url.host.clone().into()
}

fn get_hostname(url: &Url) -> CelString<'static> {
    url.hostname().0.to_owned().into()
}

fn get_port(url: &Url) -> CelString<'static> {
    url.hostname().1.to_owned().into()
}

fn get_escaped_path(url: &Url) -> CelString<'static> {
    escape_path(&url.path).into()
}

fn get_query(url: &Url) -> CelMap<'static> {
    let entry = |(key, values): (String, Vec<String>)| {
        let values = values.into_iter();
        let values: Vec<Box<dyn Val>> = values
            .map(|value| Box::new(CelString::from(value)) as Box<dyn Val>)
            .collect();
        let list: Box<dyn Val> = Box::new(CelList::from(values));
        (CelMapKey::from(key), list)
    };
    let entries: HashMap<CelMapKey<'static>, Box<dyn Val>> =
        url.values().into_iter().map(entry).collect();
    entries.into()
}
