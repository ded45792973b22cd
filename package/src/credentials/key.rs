//! Keys of entries: `HOST`, `HOST:PORT`, with a path or as a URL.

use std::cmp::Reverse;

/// A key, taken apart.
#[derive(Debug, Clone, Copy)]
pub(super) struct Key<'k> {
    /// With its port, if it has one.
    host: &'k str,
    /// Without slashes around it; empty for the whole host.
    path: &'k str,
}

/// How much a fitting key says: the bytes of its path, then how few `*` its host has.
pub(super) type Rank = (usize, Reverse<usize>);

impl<'k> Key<'k> {
    pub(super) fn of(key: &'k str) -> Self {
        let rest = key.split_once("://").map_or(key, |(_, rest)| rest);
        let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
        // Versions of the registries' API, which `docker login` writes behind some hosts.
        let path = ["v1", "v2"]
            .iter()
            .find_map(|version| {
                let rest = path.strip_prefix(version)?;
                (rest.is_empty() || rest.starts_with('/')).then_some(rest)
            })
            .unwrap_or(path);
        let path = path.trim_matches('/');
        Self { host, path }
    }

    /// Whether it is for this very host as a whole.
    pub(super) fn is_host(&self, host: &str) -> bool {
        self.host.eq_ignore_ascii_case(host) && self.path.is_empty()
    }

    /// How much it says of a repository; nothing if it is not for it.
    pub(super) fn rank(&self, host: &str, repository: &str) -> Option<Rank> {
        let rest = repository.strip_prefix(self.path)?;
        let ends = self.path.is_empty() || rest.is_empty() || rest.starts_with('/');
        let stars = self.host.matches('*').count();
        (ends && is_host_like(self.host, host)).then_some((self.path.len(), Reverse(stars)))
    }
}

/// Whether the names of a host are those of a pattern, one by one.
fn is_host_like(pattern: &str, host: &str) -> bool {
    let parts = |text: &str| -> (Vec<String>, Option<String>) {
        let (names, port) = match text.rsplit_once(':') {
            Some((names, port)) if !port.ends_with(']') => (names, Some(port.to_owned())),
            _ => (text, None),
        };
        let names = names.to_ascii_lowercase();
        (names.split('.').map(str::to_owned).collect(), port)
    };
    let ((patterns, port), (names, of_host)) = (parts(pattern), parts(host));
    let alike = patterns
        .iter()
        .zip(&names)
        .all(|(pattern, name)| is_like(pattern, name));
    port == of_host && patterns.len() == names.len() && alike
}

/// Whether a text is as a pattern says, in which `*` stands for any characters.
fn is_like(pattern: &str, text: &str) -> bool {
    let Some((start, rest)) = pattern.split_once('*') else {
        return pattern == text;
    };
    let Some(mut text) = text.strip_prefix(start) else {
        return false;
    };
    let mut parts: Vec<_> = rest.split('*').collect();
    let end = parts.pop().unwrap_or_default();
    for part in parts {
        let Some(at) = text.find(part) else {
            return false;
        };
        text = &text[at + part.len()..];
    }
    text.ends_with(end)
}
