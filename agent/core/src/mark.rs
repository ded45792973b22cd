//! The mark: the annotation that says which deployment owns an object.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use stevedore_proto_core::digest::Hasher;
use stevedore_proto_core::{DeploymentUid, Digest, label};

use crate::key::ObjectKey;

/// The first half of a SHA-256, as 32 hex digits: compared, never security-relevant on its own.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ShortHash([u8; 16]);

impl ShortHash {
    /// The first half of a digest.
    pub fn of(digest: &Digest) -> Self {
        let mut bytes = [0_u8; 16];
        bytes.copy_from_slice(&digest.as_bytes()[..16]);
        Self(bytes)
    }

    /// Reads 32 hex digits.
    pub fn parse(text: &str) -> Option<Self> {
        if text.len() != 32 || !text.is_ascii() {
            return None;
        }
        let mut bytes = [0_u8; 16];
        for (at, byte) in bytes.iter_mut().enumerate() {
            *byte = u8::from_str_radix(&text[2 * at..2 * at + 2], 16).ok()?;
        }
        Some(Self(bytes))
    }
}

impl fmt::Display for ShortHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for ShortHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// What we write on every object of ours.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mark {
    /// The deployment that owns the object.
    pub deployment: DeploymentUid,
    /// The order that last wrote it.
    pub order: u64,
    /// Hash of the object as that order wanted it.
    pub content: ShortHash,
    /// Name of its phase.
    pub phase: String,
    /// Position of its phase; teardown without a stored set goes by it.
    pub rank: u16,
}

#[derive(Serialize, Deserialize)]
struct Written {
    content: String,
    deployment: DeploymentUid,
    hash: String,
    order: u64,
    phase: String,
    rank: u16,
}

impl Mark {
    /// The annotation's value for one object: it is valid on that object only.
    pub fn annotation(&self, key: &ObjectKey) -> String {
        let written = Written {
            content: self.content.to_string(),
            deployment: self.deployment,
            hash: self.hash(key).to_string(),
            order: self.order,
            phase: self.phase.clone(),
            rank: self.rank,
        };
        serde_json::to_string(&written).expect("a mark holds only text and numbers")
    }

    fn hash(&self, key: &ObjectKey) -> ShortHash {
        let digest = Hasher::new("stevedore.mark.v1")
            .field(key.kind.group().as_bytes())
            .field(key.kind.kind().as_bytes())
            .field(key.namespace.as_deref().unwrap_or_default().as_bytes())
            .field(key.name.as_bytes())
            .field(self.deployment.as_bytes())
            .number(self.order)
            .field(self.content.to_string().as_bytes())
            .field(self.phase.as_bytes())
            .number(u64::from(self.rank))
            .finish();
        ShortHash::of(&digest)
    }
}

/// What an object's mark says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Marking {
    /// It has none.
    Absent,
    /// It has one that does not belong to it: copied from another object, or edited.
    Broken,
    /// It is owned.
    Owned(Mark),
}

impl Marking {
    /// Reads the mark of an object (or of its metadata alone).
    pub fn of(object: &Value, key: &ObjectKey) -> Self {
        let Some(text) = annotation(object, label::MARK) else {
            return Self::Absent;
        };
        let read = || {
            let written: Written = serde_json::from_str(text).ok()?;
            let mark = Mark {
                deployment: written.deployment,
                order: written.order,
                content: ShortHash::parse(&written.content)?,
                phase: written.phase,
                rank: written.rank,
            };
            (ShortHash::parse(&written.hash)? == mark.hash(key)).then_some(mark)
        };
        read().map_or(Self::Broken, Self::Owned)
    }

    /// The mark, if there is a valid one.
    pub fn mark(&self) -> Option<&Mark> {
        match self {
            Self::Owned(mark) => Some(mark),
            Self::Absent | Self::Broken => None,
        }
    }
}

/// An annotation of an object.
pub(crate) fn annotation<'a>(object: &'a Value, name: &str) -> Option<&'a str> {
    object
        .get("metadata")?
        .get("annotations")?
        .get(name)?
        .as_str()
}

/// A label of an object.
pub(crate) fn label_of<'a>(object: &'a Value, name: &str) -> Option<&'a str> {
    object.get("metadata")?.get("labels")?.get(name)?.as_str()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::key::Kind;
    use serde_json::json;

    fn mark() -> Mark {
        Mark {
            deployment: DeploymentUid::from_bytes([7; 16]),
            order: 3,
            content: ShortHash::of(&Digest::of(b"content")),
            phase: "deploy".into(),
            rank: 1,
        }
    }

    fn object(name: &str, mark: &str) -> (Value, ObjectKey) {
        let object = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {
            "name": name, "namespace": "ns", "annotations": {(label::MARK): mark}}});
        let key = ObjectKey::of(&object).unwrap();
        (object, key)
    }

    #[test]
    fn a_mark_is_read_back_from_its_own_object() {
        let key = ObjectKey::new(Kind::new("", "v1", "ConfigMap"), Some("ns"), "one");
        let (object, key_of) = object("one", &mark().annotation(&key));
        assert_eq!(Marking::of(&object, &key_of), Marking::Owned(mark()));
    }

    #[test]
    fn a_copied_or_edited_mark_is_not_ours() {
        let key = ObjectKey::new(Kind::new("", "v1", "ConfigMap"), Some("ns"), "one");
        let text = mark().annotation(&key);
        let (copied, copied_key) = object("two", &text);
        assert_eq!(Marking::of(&copied, &copied_key), Marking::Broken);
        let (edited, edited_key) = object("one", &text.replace("\"order\":3", "\"order\":9"));
        assert_eq!(Marking::of(&edited, &edited_key), Marking::Broken);
        let (garbage, garbage_key) = object("one", "mine");
        assert_eq!(Marking::of(&garbage, &garbage_key), Marking::Broken);
        let none = json!({"metadata": {"name": "one"}});
        assert_eq!(Marking::of(&none, &edited_key), Marking::Absent);
    }
}
