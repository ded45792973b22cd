//! Requests as the log shows them.

use std::collections::BTreeMap;
use std::fmt;

use axum::http::request::Parts;
use axum::http::{Method, header};
use serde_json::Value;
use tokio::time::Instant;

use super::objects::{Key, Kind};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verb {
    Get,
    List,
    Watch,
    Create,
    Replace,
    /// JSON patch.
    Patch,
    /// JSON merge patch.
    Merge,
    /// Server-side apply.
    Apply,
    Delete,
}

/// One request.
#[derive(Debug, Clone)]
pub(crate) struct Call {
    pub(crate) process: usize,
    pub(crate) verb: Verb,
    /// Absent: nothing like it is served.
    pub(crate) kind: Option<&'static Kind>,
    pub(crate) path: String,
    pub(crate) namespace: Option<String>,
    /// Empty for lists, watches and creations.
    pub(crate) name: String,
    pub(crate) is_status: bool,
    pub(crate) query: BTreeMap<String, String>,
    pub(crate) is_metadata_only: bool,
    pub(crate) body: Value,
    /// How it was answered.
    pub(crate) code: u16,
    /// When it came.
    pub(crate) at: Instant,
}

impl Call {
    pub(super) fn read(process: usize, parts: &Parts, body: &[u8]) -> Self {
        let url = format!("http://mock{}", parts.uri);
        let url = reqwest::Url::parse(&url).unwrap();
        let query: BTreeMap<String, String> = url.query_pairs().into_owned().collect();
        let segments: Vec<&str> = url.path_segments().unwrap().collect();
        let (group, rest) = match segments.as_slice() {
            ["api", "v1", rest @ ..] => ("", rest),
            ["apis", group, _, rest @ ..] => (*group, rest),
            _ => ("", [].as_slice()),
        };
        let (namespace, rest) = match rest {
            ["namespaces", namespace, plural, rest @ ..] => {
                (Some((*namespace).to_owned()), [&[*plural], rest].concat())
            }
            _ => (None, rest.to_vec()),
        };
        let kind = rest.first().and_then(|plural| Kind::of(group, plural));
        let name = rest.get(1).copied().unwrap_or_default();
        let accept = parts.headers.get(header::ACCEPT);
        let content = parts.headers.get(header::CONTENT_TYPE);
        let text = |value: Option<&header::HeaderValue>| {
            let text = value.map(|value| value.to_str().unwrap().to_owned());
            text.unwrap_or_default()
        };
        let verb = match (&parts.method, name) {
            (&Method::GET, "") if query.contains_key("watch") => Verb::Watch,
            (&Method::GET, "") => Verb::List,
            (&Method::GET, _) => Verb::Get,
            (&Method::POST, _) => Verb::Create,
            (&Method::PUT, _) => Verb::Replace,
            (&Method::DELETE, _) => Verb::Delete,
            (_, _) => match text(content).as_str() {
                "application/json-patch+json" => Verb::Patch,
                "application/merge-patch+json" => Verb::Merge,
                "application/apply-patch+yaml" => Verb::Apply,
                other => panic!("a patch of type {other}"),
            },
        };
        let body: Value = serde_json::from_slice(body).unwrap_or_default();
        let name = match verb {
            // So that the log names what is created.
            Verb::Create => body["metadata"]["name"].as_str().unwrap_or_default(),
            _ => name,
        };
        Self {
            process,
            verb,
            kind,
            path: parts.uri.to_string(),
            namespace,
            name: name.to_owned(),
            is_status: rest.get(2) == Some(&"status"),
            query,
            is_metadata_only: text(accept).contains("as=PartialObjectMetadata"),
            body,
            code: 0,
            at: Instant::now(),
        }
    }

    pub(crate) fn plural(&self) -> &'static str {
        self.kind.map_or("unknown", |kind| kind.plural)
    }

    pub(super) fn key(&self, kind: &Kind) -> Key {
        let namespace = self.namespace.clone().filter(|_| kind.is_namespaced);
        Key::new(kind.plural, namespace, &self.name)
    }

    pub(crate) fn is_write(&self) -> bool {
        !matches!(self.verb, Verb::Get | Verb::List | Verb::Watch)
    }

    /// Whether it changes what the hub must not lose: no event, which is only for people, and no renewal of a
    /// Lease, of which there is one every two seconds.
    pub(crate) fn is_durable_write(&self) -> bool {
        let is_renewal = self.plural() == "leases" && self.verb == Verb::Replace;
        self.is_write() && self.plural() != "events" && !is_renewal
    }

    /// The write in short, without names: `create packageledgers`.
    pub(crate) fn effect(&self) -> String {
        let status = if self.is_status { "/status" } else { "" };
        format!("{:?} {}{status}", self.verb, self.plural()).to_lowercase()
    }
}

impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            process,
            name,
            code,
            ..
        } = self;
        write!(f, "hub {process}: {} {name} -> {code}", self.effect())
    }
}
