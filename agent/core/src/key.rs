//! Names of objects: what a plan, an inventory and a request speak about.

use std::fmt;
use std::sync::Arc;

use serde_json::Value;

/// A kind in a version of a group. Cheap to clone.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Kind(Arc<KindParts>);

#[derive(PartialEq, Eq, PartialOrd, Ord, Hash)]
struct KindParts {
    group: Box<str>,
    kind: Box<str>,
    version: Box<str>,
}

impl Kind {
    /// A kind; `group` is empty for the core group.
    pub fn new(group: &str, version: &str, kind: &str) -> Self {
        Self(Arc::new(KindParts {
            group: group.into(),
            kind: kind.into(),
            version: version.into(),
        }))
    }

    /// The kind that `apiVersion` and `kind` of an object name; `None` when either is missing or empty.
    pub fn of(object: &Value) -> Option<Self> {
        let api_version = object.get("apiVersion")?.as_str()?;
        let kind = object.get("kind")?.as_str()?;
        let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
        (!kind.is_empty() && !version.is_empty()).then(|| Self::new(group, version, kind))
    }

    /// API group, empty for the core group.
    pub fn group(&self) -> &str {
        &self.0.group
    }

    /// Version within the group.
    pub fn version(&self) -> &str {
        &self.0.version
    }

    /// Kind.
    pub fn kind(&self) -> &str {
        &self.0.kind
    }

    /// `group/version`, or just the version for the core group.
    pub fn api_version(&self) -> String {
        if self.group().is_empty() {
            self.version().to_owned()
        } else {
            format!("{}/{}", self.group(), self.version())
        }
    }

    /// Whether this is the core kind Secret, whose content is never shown.
    pub fn is_secret(&self) -> bool {
        self.group().is_empty() && self.kind() == "Secret"
    }

    /// Whether this is the core kind Namespace.
    pub fn is_namespace(&self) -> bool {
        self.group().is_empty() && self.kind() == "Namespace"
    }

    /// Whether this is CustomResourceDefinition.
    pub fn is_definition(&self) -> bool {
        self.group() == "apiextensions.k8s.io" && self.kind() == "CustomResourceDefinition"
    }

    /// Whether both name the same kind, whatever the version.
    pub fn same_kind(&self, other: &Self) -> bool {
        self.group() == other.group() && self.kind() == other.kind()
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.api_version(), self.kind())
    }
}

impl fmt::Debug for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// One object of the cluster: kind, namespace, name. Two keys that differ in the version only name the same
/// object: compare with [`ObjectKey::identity`].
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ObjectKey {
    /// Kind and the version it is spoken to in.
    pub kind: Kind,
    /// Absent for cluster-scoped objects.
    pub namespace: Option<Arc<str>>,
    /// Name.
    pub name: Arc<str>,
}

/// Group, kind, namespace (empty for cluster-scoped objects) and name.
pub type Identity = (Box<str>, Box<str>, Box<str>, Box<str>);

impl ObjectKey {
    /// A key.
    pub fn new(kind: Kind, namespace: Option<&str>, name: &str) -> Self {
        Self {
            kind,
            namespace: namespace.map(Arc::from),
            name: Arc::from(name),
        }
    }

    /// The key of an object as the API server answers it; `None` when kind or name are missing.
    pub fn of(object: &Value) -> Option<Self> {
        let kind = Kind::of(object)?;
        let metadata = object.get("metadata")?;
        let name = metadata.get("name")?.as_str()?;
        let namespace = metadata
            .get("namespace")
            .and_then(Value::as_str)
            .filter(|namespace| !namespace.is_empty());
        (!name.is_empty()).then(|| Self::new(kind, namespace, name))
    }

    /// What makes the object the same one in every version of its API.
    pub fn identity(&self) -> Identity {
        (
            self.kind.group().into(),
            self.kind.kind().into(),
            self.namespace.as_deref().unwrap_or_default().into(),
            (&*self.name).into(),
        )
    }

    /// Whether both name the same object, whatever the version.
    pub fn same_object(&self, other: &Self) -> bool {
        self.kind.same_kind(&other.kind)
            && self.namespace == other.namespace
            && self.name == other.name
    }
}

impl fmt::Display for ObjectKey {
    /// `Kind namespace/name`, as people are shown it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.namespace {
            Some(namespace) => write!(f, "{} {namespace}/{}", self.kind.kind(), self.name),
            None => write!(f, "{} {}", self.kind.kind(), self.name),
        }
    }
}

impl fmt::Debug for ObjectKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// What one shared watch, or one list, covers.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WatchKey {
    /// Kind.
    pub kind: Kind,
    /// Namespace; absent for cluster-scoped kinds.
    pub namespace: Option<Arc<str>>,
}

impl WatchKey {
    /// What has to be watched to see this object.
    pub fn of(key: &ObjectKey) -> Self {
        Self {
            kind: key.kind.clone(),
            namespace: key.namespace.clone(),
        }
    }

    /// Whether an object is seen here, whatever the version.
    pub fn covers(&self, key: &ObjectKey) -> bool {
        self.kind.same_kind(&key.kind) && self.namespace == key.namespace
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn keys_are_read_from_objects_and_shown_as_people_write_them() {
        let object = json!({"apiVersion": "apps/v1", "kind": "Deployment",
            "metadata": {"name": "web", "namespace": "shop"}});
        let key = ObjectKey::of(&object).unwrap();
        assert_eq!(key.to_string(), "Deployment shop/web");
        assert_eq!(key.kind.api_version(), "apps/v1");
        let node = json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": "n"}});
        assert_eq!(ObjectKey::of(&node).unwrap().to_string(), "Node n");
        assert_eq!(ObjectKey::of(&json!({"kind": "Node"})), None);
    }

    #[test]
    fn the_same_object_in_another_version_has_the_same_identity() {
        let one = ObjectKey::new(Kind::new("g", "v1", "K"), Some("ns"), "n");
        let other = ObjectKey::new(Kind::new("g", "v2", "K"), Some("ns"), "n");
        assert_ne!(one, other);
        assert_eq!(one.identity(), other.identity());
        assert!(one.same_object(&other) && WatchKey::of(&one).covers(&other));
    }
}
