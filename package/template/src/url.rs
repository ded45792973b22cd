//! URLs as Go's `net/url` parses and writes them. They are bytes, as Go's strings are.

mod escape;

use std::net::Ipv6Addr;

use memchr::{memchr, memmem, memrchr};

use escape::{Part, escape, is_valid, unescape};

/// A URL in its parts, none of them encoded where nothing else is said.
#[derive(Default)]
pub(crate) struct Url {
    pub(crate) scheme: Vec<u8>,
    /// What follows the scheme where that is no path, encoded.
    pub(crate) opaque: Vec<u8>,
    pub(crate) user: Option<User>,
    /// With its port.
    pub(crate) host: Vec<u8>,
    pub(crate) path: Text,
    /// Encoded.
    pub(crate) query: Vec<u8>,
    pub(crate) fragment: Text,
    /// It ends in a question mark.
    pub(crate) empty_query: bool,
    /// It has a scheme and a path and not even an empty host.
    pub(crate) omit_host: bool,
}

/// A name and perhaps a password.
pub(crate) struct User {
    name: Vec<u8>,
    password: Option<Vec<u8>>,
}

/// A text, and how it was encoded where that is not the usual way.
#[derive(Default)]
pub(crate) struct Text {
    pub(crate) plain: Vec<u8>,
    raw: Vec<u8>,
}

impl User {
    /// Encoded, as it stands before the host.
    pub(crate) fn encoded(&self) -> Vec<u8> {
        let mut out = escape(&self.name, Part::User);
        if let Some(password) = &self.password {
            out.push(b':');
            out.extend(escape(password, Part::User));
        }
        out
    }
}

impl Text {
    /// One that is encoded in the usual way.
    pub(crate) fn plain(plain: Vec<u8>) -> Self {
        let raw = Vec::new();
        Self { plain, raw }
    }

    fn decoded(raw: &[u8], part: Part) -> Result<Self, String> {
        let plain = unescape(raw, part)?;
        let is_usual = escape(&plain, part) == raw;
        let raw = if is_usual { Vec::new() } else { raw.to_vec() };
        Ok(Self { plain, raw })
    }

    fn encoded(&self, part: Part) -> Vec<u8> {
        let raw = Some(&self.raw).filter(|raw| !raw.is_empty() && is_valid(raw, part));
        raw.cloned().unwrap_or_else(|| escape(&self.plain, part))
    }
}

/// What stands before the first `mark`, and what after it.
fn cut(text: &[u8], mark: u8) -> (&[u8], Option<&[u8]>) {
    match memchr(mark, text) {
        Some(at) => (&text[..at], Some(&text[at + 1..])),
        None => (text, None),
    }
}

impl Url {
    pub(crate) fn parse(whole: &[u8]) -> Result<Self, String> {
        let (before, fragment) = cut(whole, b'#');
        let mut url = Self::without_fragment(before)?;
        url.fragment = Text::decoded(fragment.unwrap_or_default(), Part::Fragment)?;
        Ok(url)
    }

    fn without_fragment(whole: &[u8]) -> Result<Self, String> {
        if whole.iter().any(u8::is_ascii_control) {
            return Err("net/url: invalid control character in URL".to_owned());
        }
        let mut url = Self::default();
        if whole == b"*" {
            url.path = Text::plain(whole.to_vec());
            return Ok(url);
        }
        let (scheme, mut rest) = scheme(whole)?;
        url.scheme = scheme.to_ascii_lowercase();
        let (before, query) = cut(rest, b'?');
        url.empty_query = query == Some(b"");
        url.query = query.unwrap_or_default().to_vec();
        rest = before;
        if !rest.starts_with(b"/") {
            if !scheme.is_empty() {
                url.opaque = rest.to_vec();
                return Ok(url);
            }
            if memchr(b':', cut(rest, b'/').0).is_some() {
                return Err("first path segment in URL cannot contain colon".to_owned());
            }
        }
        let is_rooted = !scheme.is_empty() || !rest.starts_with(b"///");
        match rest.strip_prefix(b"//") {
            Some(authority) if is_rooted => {
                let end = memchr(b'/', authority).unwrap_or(authority.len());
                rest = &authority[end..];
                url.set_authority(&authority[..end])?;
            }
            _ => url.omit_host = !scheme.is_empty() && rest.starts_with(b"/"),
        }
        url.path = Text::decoded(rest, Part::Path)?;
        Ok(url)
    }

    fn set_authority(&mut self, authority: &[u8]) -> Result<(), String> {
        let at = memrchr(b'@', authority);
        let host = at.map_or(authority, |at| &authority[at + 1..]);
        self.host = parse_host(&self.scheme, host)?;
        let Some(at) = at else {
            return Ok(());
        };
        let user = &authority[..at];
        let legal =
            |byte: &u8| byte.is_ascii_alphanumeric() || b"-._:~!$&'()*+,;=%@".contains(byte);
        if !user.iter().all(legal) {
            return Err("net/url: invalid userinfo".to_owned());
        }
        let (name, password) = cut(user, b':');
        self.user = Some(User {
            name: unescape(name, Part::User)?,
            password: password
                .map(|password| unescape(password, Part::User))
                .transpose()?,
        });
        Ok(())
    }

    /// The host without its port, and without the brackets of an address.
    pub(crate) fn hostname(&self) -> &[u8] {
        let host = match memrchr(b':', &self.host) {
            Some(colon) if is_port(&self.host[colon..]) => &self.host[..colon],
            _ => &self.host[..],
        };
        let inner = host.strip_prefix(b"[");
        let inner = inner.and_then(|inner| inner.strip_suffix(b"]"));
        inner.unwrap_or(host)
    }

    /// The URL as a text.
    pub(crate) fn encoded(&self) -> Vec<u8> {
        let mut out = Vec::new();
        if !self.scheme.is_empty() {
            out.extend_from_slice(&self.scheme);
            out.push(b':');
        }
        if self.opaque.is_empty() {
            self.push_authority(&mut out);
            let path = match &self.path.plain[..] {
                b"*" => b"*".to_vec(),
                _ => self.path.encoded(Part::Path),
            };
            if !path.is_empty() && !path.starts_with(b"/") && !self.host.is_empty() {
                out.push(b'/');
            }
            // Else the first segment would be read as a scheme.
            if out.is_empty() && memchr(b':', cut(&path, b'/').0).is_some() {
                out.extend_from_slice(b"./");
            }
            out.extend(path);
        } else {
            out.extend_from_slice(&self.opaque);
        }
        if self.empty_query || !self.query.is_empty() {
            out.push(b'?');
            out.extend_from_slice(&self.query);
        }
        if !self.fragment.plain.is_empty() {
            out.push(b'#');
            out.extend(self.fragment.encoded(Part::Fragment));
        }
        out
    }

    fn push_authority(&self, out: &mut Vec<u8>) {
        let is_anonymous = self.host.is_empty() && self.user.is_none();
        if is_anonymous && (self.scheme.is_empty() || self.omit_host) {
            return;
        }
        if !is_anonymous || !self.path.plain.is_empty() {
            out.extend_from_slice(b"//");
        }
        if let Some(user) = &self.user {
            out.extend(user.encoded());
            out.push(b'@');
        }
        out.extend(escape(&self.host, Part::Host));
    }
}

/// What stands before the first colon, where that can be a scheme, and what follows.
fn scheme(whole: &[u8]) -> Result<(&[u8], &[u8]), String> {
    let ends = |byte: &u8| !byte.is_ascii_alphanumeric() && !b"+-.".contains(byte);
    let end = whole.iter().position(ends);
    match end.filter(|end| whole[*end] == b':') {
        Some(0) => Err("missing protocol scheme".to_owned()),
        Some(end) if whole[0].is_ascii_alphabetic() => Ok((&whole[..end], &whole[end + 1..])),
        _ => Ok((b"", whole)),
    }
}

/// Nothing, or a colon and digits.
fn is_port(text: &[u8]) -> bool {
    let digits = text.strip_prefix(b":");
    text.is_empty() || digits.is_some_and(|digits| digits.iter().all(u8::is_ascii_digit))
}

fn check_port(text: &[u8]) -> Result<(), String> {
    match is_port(text) {
        true => Ok(()),
        false => Err(format!(
            "invalid port {:?} after host",
            String::from_utf8_lossy(text)
        )),
    }
}

fn parse_host(scheme: &[u8], host: &[u8]) -> Result<Vec<u8>, String> {
    let literal = || "invalid IP-literal".to_owned();
    match memrchr(b'[', host) {
        Some(0) => {
            let end = memrchr(b']', host).ok_or("missing ']' in host")?;
            check_port(&host[end + 1..])?;
            let address = parse_address(&host[1..end])?;
            return Ok([b"[", &address[..], b"]", &host[end + 1..]].concat());
        }
        Some(_) => return Err(literal()),
        None => {}
    }
    // Several hosts with their ports are allowed where databases have them.
    let is_web = matches!(scheme, b"http" | b"https");
    let colon = if is_web {
        memchr(b':', host)
    } else {
        memrchr(b':', host)
    };
    check_port(&host[colon.unwrap_or(host.len())..])?;
    unescape(host, Part::Host)
}

/// An IPv6 address, perhaps with a zone.
fn parse_address(text: &[u8]) -> Result<Vec<u8>, String> {
    let zone = memmem::find(text, b"%25").unwrap_or(text.len());
    let address = unescape(&text[..zone], Part::Host)?;
    let zone = unescape(&text[zone..], Part::Zone)?;
    let is_address = str::from_utf8(&address).is_ok_and(|text| text.parse::<Ipv6Addr>().is_ok());
    if !is_address || zone == b"%" {
        let shown = String::from_utf8_lossy(&address).into_owned();
        return Err(format!("invalid host: {shown:?} is no IPv6 address"));
    }
    Ok([address, zone].concat())
}
