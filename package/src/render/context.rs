//! The context of a rendering: what templates and conditions see.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use stevedore_proto_core::content::CollisionProtection;

use crate::config;
use crate::manifest::Scope;
use crate::names::check_value;
use crate::package::Package;
use crate::violation::{Invalid, Reason, Violation};

/// The cluster a package is rendered for.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ClusterFacts {
    /// Name of the `MemberCluster`.
    pub name: String,
    /// Its cluster's UID.
    pub uid: String,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
}

/// Everything a rendered set depends on besides the package's files.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct RenderInput {
    /// Name of the `Package` or `ClusterPackage`.
    pub name: String,
    /// Namespace of the `Package`; none for a `ClusterPackage`.
    pub namespace: Option<String>,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
    /// Its annotations.
    pub annotations: BTreeMap<String, String>,
    /// Its image.
    pub image: String,
    /// Its configuration, as the user wrote it.
    pub config: Option<Value>,
    /// Facts about the cluster's environment: a map with `kubernetes` and what else is known.
    pub environment: Value,
    /// The cluster.
    pub cluster: ClusterFacts,
    /// Treatment of existing foreign objects where an object does not say.
    pub collision_protection: Option<CollisionProtection>,
    /// Seconds every probe has to pass before the whole counts as succeeded.
    pub success_delay_seconds: Option<u32>,
}

/// What templates and conditions see, with the configuration admitted by the schema.
#[derive(Debug, Clone, PartialEq)]
pub struct Context {
    value: Value,
    pub(super) name: String,
    pub(super) namespace: Option<String>,
    pub(super) collision_protection: Option<CollisionProtection>,
    pub(super) success_delay_seconds: Option<u32>,
}

impl Package {
    /// Checks the input against the manifest and builds what templates see.
    ///
    /// # Errors
    /// When the scope is not one of the package's, the name cannot be a label, or the configuration does not
    /// fit the schema.
    pub fn context(&self, input: &RenderInput) -> Result<Context, Invalid> {
        let manifest = self.manifest();
        let mut violations = Vec::new();
        let scope = if input.namespace.is_some() {
            Scope::Namespaced
        } else {
            Scope::Cluster
        };
        if !manifest.scopes.contains(&scope) {
            let details = format!("{scope:?} is none of {:?}", manifest.scopes);
            violations.push(Violation::new(Reason::ScopeUnsupported, details));
        }
        let name = if input.name.is_empty() {
            Err("it is empty")
        } else {
            check_value(&input.name)
        };
        if let Err(why) = name {
            let details = format!("name {:?} becomes a label: {why}", input.name);
            violations.push(Violation::new(Reason::LabelsInvalid, details));
        }
        let admitted = config::admit(manifest.config.as_ref(), input.config.as_ref());
        let config = admitted.unwrap_or_else(|errors| {
            let violation = |error: config::FieldError| {
                Violation::new(Reason::ConfigInvalid, error.to_string())
            };
            violations.extend(errors.into_iter().map(violation));
            Value::Null
        });
        Invalid::check(violations)?;
        let value = json!({
            "package": {
                "metadata": {
                    "name": input.name,
                    "namespace": input.namespace.as_deref().unwrap_or_default(),
                    "labels": input.labels,
                    "annotations": input.annotations,
                },
                "image": input.image,
            },
            "config": config,
            "environment": input.environment,
            "images": manifest.images,
            // Dependencies are not resolved yet; templates may go over them all the same.
            "dependencies": {},
            "cluster": {
                "name": input.cluster.name,
                "uid": input.cluster.uid,
                "labels": input.cluster.labels,
            },
        });
        Ok(Context {
            value,
            name: input.name.clone(),
            namespace: input.namespace.clone(),
            collision_protection: input.collision_protection,
            success_delay_seconds: input.success_delay_seconds,
        })
    }
}

impl Context {
    /// The tree templates see as dot, and conditions as variables.
    pub fn value(&self) -> &Value {
        &self.value
    }

    /// What every result depends on, whatever was read.
    pub(super) fn always(&self) -> Value {
        json!([
            self.name,
            self.namespace,
            self.collision_protection,
            self.success_delay_seconds
        ])
    }
}
