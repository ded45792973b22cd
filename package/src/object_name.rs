//! The name of an object as people say it, and as it tells two objects of one rendering apart.

use std::fmt;

use serde::Serialize;
use serde_json::Value;

use crate::object::Key;

/// Group, kind, namespace and name; the version does not tell objects apart.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ObjectName {
    /// API group; empty for the core group.
    pub group: String,
    /// Kind.
    pub kind: String,
    /// Namespace, where it has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// Name.
    pub name: String,
}

impl ObjectName {
    /// The name of an object that was rendered.
    pub fn of(object: &Value) -> Self {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let version = text(&object["apiVersion"]);
        let group = version.split_once('/').map_or("", |(group, _)| group);
        let metadata = &object["metadata"];
        Self {
            group: group.to_owned(),
            kind: text(&object["kind"]),
            namespace: metadata["namespace"].as_str().map(str::to_owned),
            name: text(&metadata["name"]),
        }
    }

    /// Whether its values are secret.
    pub fn is_secret(&self) -> bool {
        crate::object::is_secret(&self.group, &self.kind)
    }

    /// As kubectl prints and takes it: `deployment.apps/web`, without the namespace.
    pub fn resource(&self) -> String {
        let kind = self.kind.to_lowercase();
        match self.group.as_str() {
            "" => format!("{kind}/{}", self.name),
            group => format!("{kind}.{group}/{}", self.name),
        }
    }
}

impl From<&Key> for ObjectName {
    fn from((group, kind, namespace, name): &Key) -> Self {
        Self {
            group: group.clone(),
            kind: kind.clone(),
            namespace: Some(namespace.clone()).filter(|it| !it.is_empty()),
            name: name.clone(),
        }
    }
}

/// `Deployment.apps harbour/web`.
impl fmt::Display for ObjectName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.kind)?;
        if !self.group.is_empty() {
            write!(f, ".{}", self.group)?;
        }
        match &self.namespace {
            Some(namespace) => write!(f, " {namespace}/{}", self.name),
            None => write!(f, " {}", self.name),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_name_is_said_as_kubernetes_says_it_and_has_no_version() {
        let object = |version: &str| {
            let metadata = json!({"name": "web", "namespace": "harbour"});
            ObjectName::of(&json!({"apiVersion": version, "kind": "Ingress", "metadata": metadata}))
        };
        let name = object("networking.k8s.io/v1");
        assert_eq!(name, object("networking.k8s.io/v1beta1"));
        assert_eq!(name.to_string(), "Ingress.networking.k8s.io harbour/web");
        assert_eq!(name.resource(), "ingress.networking.k8s.io/web");
        assert_eq!(object("v1").to_string(), "Ingress harbour/web");
        let key = ["networking.k8s.io", "Ingress", "harbour", "web"].map(str::to_owned);
        assert_eq!(ObjectName::from(&key.into()), name);
    }
}
