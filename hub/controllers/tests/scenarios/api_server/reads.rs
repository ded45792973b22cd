//! Reads: one object, pages of lists, and watches.

use std::convert::Infallible;
use std::time::Duration;

use axum::body::{Body, Bytes};
use futures::stream;
use serde_json::{Value, json};
use tokio::time::Instant;

use super::ApiServer;
use super::call::Call;
use super::objects::{Change, Key, Objects};
use super::refusal::Refusal;

/// Pause between two bookmarks, as a real server keeps it.
const BOOKMARK: Duration = Duration::from_secs(60);

pub(super) fn get(objects: &Objects, call: &Call) -> Result<Value, Refusal> {
    let found = call.kind.and_then(|kind| objects.get(&call.key(kind)));
    match found {
        Some(object) => Ok(shape(call, object)),
        None => Err(Refusal::not_found(&call.name)),
    }
}

pub(super) fn list(objects: &Objects, call: &Call) -> Result<Value, Refusal> {
    let Some(kind) = call.kind else {
        return Err(Refusal::not_found(&call.path));
    };
    let number = |key: &str| call.query.get(key)?.parse::<usize>().ok();
    let from = number("continue").unwrap_or(0);
    let limit = number("limit").filter(|limit| *limit > 0);
    let all: Vec<_> = objects
        .iter()
        .filter(|(key, object)| is_selected(call, key, object))
        .collect();
    let page = all.iter().skip(from).take(limit.unwrap_or(usize::MAX));
    let items: Vec<_> = page.map(|(_, object)| shape(call, object)).collect();
    let next = from + items.len();
    let token = if next < all.len() {
        next.to_string()
    } else {
        String::new()
    };
    let (api_version, list) = match call.is_metadata_only {
        true => ("meta.k8s.io/v1".to_owned(), "PartialObjectMetadata"),
        false => (kind.api_version(), kind.kind),
    };
    Ok(json!({
        "apiVersion": api_version,
        "kind": format!("{list}List"),
        "metadata": {"resourceVersion": objects.version().to_string(), "continue": token},
        "items": items,
    }))
}

fn is_selected(call: &Call, key: &Key, object: &Value) -> bool {
    let in_namespace = call.namespace.is_none() || call.namespace == key.namespace;
    in_namespace
        && key.plural == call.plural()
        && selects(call.query.get("fieldSelector"), |field| match field {
            "metadata.name" => object["metadata"]["name"].as_str(),
            "type" => object["type"].as_str(),
            other => panic!("the field {other} is not served"),
        })
        && selects(call.query.get("labelSelector"), |label| {
            object["metadata"]["labels"][label].as_str()
        })
}

/// Whether every `field=value` of a selector holds.
fn selects<'a>(selector: Option<&String>, value: impl Fn(&str) -> Option<&'a str>) -> bool {
    let terms = selector.into_iter().flat_map(|text| text.split(','));
    terms.filter(|term| !term.is_empty()).all(|term| {
        let (field, wanted) = term.split_once('=').unwrap();
        value(field) == Some(wanted)
    })
}

fn shape(call: &Call, object: &Value) -> Value {
    if !call.is_metadata_only {
        return object.clone();
    }
    json!({
        "apiVersion": "meta.k8s.io/v1",
        "kind": "PartialObjectMetadata",
        "metadata": object["metadata"],
    })
}

/// A watch that goes on until its time is over.
struct Watch {
    server: ApiServer,
    call: Call,
    /// Told up to this version.
    version: u64,
    until: Instant,
    bookmark: Instant,
}

impl ApiServer {
    pub(super) fn watch(&self, call: Call) -> Body {
        let version = call.query.get("resourceVersion");
        let version = version.and_then(|text| text.parse().ok()).unwrap_or(0);
        let seconds = call.query.get("timeoutSeconds");
        let seconds = seconds.and_then(|text| text.parse().ok()).unwrap_or(1800);
        let now = Instant::now();
        let watch = Watch {
            server: self.clone(),
            call,
            version,
            until: now + Duration::from_secs(seconds),
            bookmark: now + BOOKMARK,
        };
        Body::from_stream(stream::unfold(watch, |mut watch| async move {
            let line = watch.next().await?;
            Some((Ok::<_, Infallible>(Bytes::from(format!("{line}\n"))), watch))
        }))
    }
}

impl Watch {
    async fn next(&mut self) -> Option<Value> {
        let mut changed = self.server.version.subscribe();
        loop {
            changed.mark_unchanged();
            if let Some(event) = self.due() {
                return Some(event);
            }
            let has_bookmarks = self.call.query.contains_key("allowWatchBookmarks");
            tokio::select! {
                _ = changed.changed() => {}
                () = tokio::time::sleep_until(self.until) => return None,
                () = tokio::time::sleep_until(self.bookmark), if has_bookmarks => {
                    self.bookmark += BOOKMARK;
                    return Some(self.bookmark());
                }
            }
        }
    }

    /// The next change that the watch has not told.
    fn due(&mut self) -> Option<Value> {
        let state = self.server.lock();
        let objects = &state.objects;
        if self.version < objects.forgotten {
            // Told once: the client lists again.
            self.version = u64::MAX;
            let gone = Refusal::new(410, "Expired", "too old resource version");
            return Some(json!({"type": "ERROR", "object": gone.status()}));
        }
        let seen = |change: &Change| change.version <= self.version;
        let from = objects.changes.partition_point(seen);
        for change in &objects.changes[from..] {
            if is_selected(&self.call, &change.key, &change.object) {
                let object = shape(&self.call, &change.object);
                let event = json!({"type": change.word, "object": object});
                self.version = change.version;
                return Some(event);
            }
        }
        self.version = self.version.max(objects.version());
        None
    }

    fn bookmark(&self) -> Value {
        let kind = self.call.kind.unwrap();
        json!({"type": "BOOKMARK", "object": {
            "apiVersion": kind.api_version(),
            "kind": kind.kind,
            "metadata": {"resourceVersion": self.version.to_string()},
        }})
    }
}
