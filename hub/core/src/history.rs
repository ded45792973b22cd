//! The revision history of a package: which revision is active, and which ones may be deleted.

use std::collections::BTreeSet;

use serde_json::{Map, Value};
use stevedore_proto_core::Digest;
use stevedore_proto_core::canonical_json;
use stevedore_proto_core::digest::Hasher;

/// One kept `PackageRevision`.
#[derive(Debug, Clone, PartialEq)]
pub struct Revision {
    /// Its number.
    pub number: u64,
    /// The image as the package named it.
    pub image: String,
    /// The config as the package gave it.
    pub config: Option<Map<String, Value>>,
    /// The component as the package named it; none for the root.
    pub component: Option<String>,
}

/// A pin that holds until the content fields change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pin {
    /// The revision it holds the package at.
    pub revision: u64,
    /// [`content_hash`] when it was taken.
    pub spec_hash: Digest,
}

/// Digest over the fields of a package that decide its content; `paused` and `placement` do not. A package without a
/// component has the digest of earlier releases, which pins have recorded.
pub fn content_hash(
    image: &str,
    config: Option<&Map<String, Value>>,
    component: Option<&str>,
) -> Digest {
    let config = config.map_or(Value::Null, |config| Value::Object(config.clone()));
    let hasher = Hasher::new("stevedore.package-content.v1")
        .field(image.as_bytes())
        .field(&canonical_json(&config));
    match component {
        Some(component) => hasher.field(component.as_bytes()).finish(),
        None => hasher.finish(),
    }
}

impl Revision {
    /// [`content_hash`] of the fields it was made from.
    pub fn content_hash(&self) -> Digest {
        content_hash(&self.image, self.config.as_ref(), self.component.as_deref())
    }
}

/// The newest revision, if it was made from these content fields: then nothing has to be pulled.
pub fn current<'a>(revisions: &'a [Revision], spec_hash: &Digest) -> Option<&'a Revision> {
    newest(revisions).filter(|newest| newest.content_hash() == *spec_hash)
}

/// The newest revision.
pub fn newest(revisions: &[Revision]) -> Option<&Revision> {
    revisions.iter().max_by_key(|revision| revision.number)
}

/// A revision that may be ordered now. Only [`active`] gives one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ActiveRevision(u64);

impl ActiveRevision {
    /// Number of the `PackageRevision`.
    pub fn number(self) -> u64 {
        self.0
    }
}

/// The revision that clusters should run: the pinned one while the pin holds, else the one that was made from
/// these content fields.
///
/// There is none while that content is not unpacked, or the pinned revision is not kept. The newest of the others
/// never takes its place: it may be the very one that was rolled back.
pub fn active(
    revisions: &[Revision],
    spec_hash: &Digest,
    pin: Option<&Pin>,
) -> Option<ActiveRevision> {
    let found = match pin.filter(|pin| holds(pin, spec_hash)) {
        Some(pin) => revisions
            .iter()
            .find(|revision| revision.number == pin.revision),
        None => current(revisions, spec_hash),
    };
    found.map(|revision| ActiveRevision(revision.number))
}

/// Whether a pin still holds for a package with these content fields.
pub fn holds(pin: &Pin, spec_hash: &Digest) -> bool {
    pin.spec_hash == *spec_hash
}

/// Numbers of the revisions that may go: all but the newest, `limit` before it, and those that are needed by a
/// ledger row or a pin.
pub fn collectable(revisions: &[Revision], limit: usize, needed: &BTreeSet<u64>) -> Vec<u64> {
    let mut numbers: Vec<_> = revisions.iter().map(|revision| revision.number).collect();
    numbers.sort_unstable_by(|one, other| other.cmp(one));
    numbers
        .into_iter()
        .skip(limit.saturating_add(1))
        .filter(|number| !needed.contains(number))
        .collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn revisions(count: u64) -> Vec<Revision> {
        (1..=count)
            .map(|number| Revision {
                number,
                image: format!("registry.example/demo:{number}"),
                config: None,
                component: None,
            })
            .collect()
    }

    #[test]
    fn the_hash_covers_image_config_and_component_whatever_the_order_of_keys() {
        let config = |text: &str| serde_json::from_str::<Map<String, Value>>(text).unwrap();
        let one = config(r#"{"a":1,"b":2}"#);
        let base = content_hash("i", Some(&one), None);
        let same = config(r#"{"b":2,"a":1}"#);
        assert_eq!(base, content_hash("i", Some(&same), None));
        assert_ne!(base, content_hash("j", Some(&one), None));
        assert_ne!(base, content_hash("i", None, None));
        assert_ne!(
            content_hash("i", json!({"a": null}).as_object(), None),
            content_hash("i", json!({}).as_object(), None)
        );
        let horn = content_hash("i", Some(&one), Some("horn"));
        assert_ne!(base, horn);
        assert_ne!(horn, content_hash("i", Some(&one), Some("bulb")));
    }

    #[test]
    fn the_hash_of_a_package_without_component_is_that_of_earlier_releases() {
        assert_eq!(
            content_hash("registry.example/demo:1", None, None).to_string(),
            "sha256:8daca7d79db9c9593b84dd376386dafb58ef9365975d5d37c4dfeb00a0de3fd9"
        );
    }

    #[test]
    fn only_the_newest_revision_is_current() {
        let kept = revisions(2);
        assert!(current(&kept, &kept[0].content_hash()).is_none());
        assert_eq!(current(&kept, &kept[1].content_hash()), Some(&kept[1]));
    }

    #[test]
    fn a_pin_decides_while_it_holds_and_else_the_revision_of_the_spec() {
        let kept = revisions(3);
        let number = |kept: &[Revision], spec_hash, pin| {
            active(kept, &spec_hash, pin).map(ActiveRevision::number)
        };
        let (older, spec) = (kept[1].content_hash(), kept[2].content_hash());
        let pin = Pin {
            revision: 1,
            spec_hash: spec,
        };
        assert_eq!(number(&kept, spec, Some(&pin)), Some(1));
        assert_eq!(number(&kept, spec, None), Some(3));
        let ended = Pin {
            spec_hash: older,
            ..pin
        };
        assert_eq!(number(&kept, spec, Some(&ended)), Some(3));
    }

    #[test]
    fn no_other_revision_stands_in_for_one_that_is_not_there() {
        let kept = revisions(3);
        let (older, spec) = (kept[1].content_hash(), kept[2].content_hash());
        let pin = Pin {
            revision: 1,
            spec_hash: spec,
        };
        assert_eq!(active(&kept, &Digest::of(b"next"), Some(&pin)), None);
        assert_eq!(active(&kept, &Digest::of(b"next"), None), None);
        assert_eq!(active(&kept, &older, None), None, "pulled again first");
        assert_eq!(active(&kept[1..], &spec, Some(&pin)), None);
    }

    #[test]
    fn history_beyond_the_limit_goes_unless_it_is_needed() {
        let kept = revisions(5);
        assert_eq!(collectable(&kept, 2, &BTreeSet::new()), [2, 1]);
        assert_eq!(collectable(&kept, 2, &BTreeSet::from([1])), [2]);
        assert_eq!(collectable(&kept, 0, &BTreeSet::new()), [4, 3, 2, 1]);
        assert!(collectable(&kept, usize::MAX, &BTreeSet::new()).is_empty());
    }
}
