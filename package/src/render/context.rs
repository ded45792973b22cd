//! The context of a rendering: what templates and conditions see.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Deserialize;
use serde_json::{Value, json};
use stevedore_proto_core::content::CollisionProtection;

use crate::config;
use crate::manifest::Scope;
use crate::names;
use crate::overrides::ImagePrefixes;
use crate::package::Package;
use crate::violation::{Invalid, Reason, Violation};

/// Namespace of a `Package` that is tested and not installed.
pub(crate) const DEFAULT_NAMESPACE: &str = "default";

/// The cluster a package is rendered for.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
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
    /// Which component of the image; none for the root.
    pub component: Option<String>,
    /// Prefixes of images that are replaced in `.images`.
    pub image_prefixes: Arc<ImagePrefixes>,
    /// Its configuration, as the user wrote it.
    pub config: Option<Value>,
    /// Facts about the cluster's environment: [`crate::environment::tree`].
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
    /// Confines the objects.
    pub(super) namespace: Option<String>,
    pub(super) component: Option<String>,
    /// It is one of a test, whose image may be called anything.
    pub(super) is_case: bool,
    /// For the components that are installed with it, whose images are not in the tree.
    pub(super) image_prefixes: Arc<ImagePrefixes>,
    has_components: bool,
    pub(super) collision_protection: Option<CollisionProtection>,
    pub(super) success_delay_seconds: Option<u32>,
}

impl RenderInput {
    /// Where the package is installed.
    fn scope(&self) -> Scope {
        match self.namespace {
            Some(_) => Scope::Namespaced,
            None => Scope::Cluster,
        }
    }
}

impl Package {
    /// Checks the input against the manifest of the root, or of the component that it names, and builds what templates
    /// see.
    ///
    /// # Errors
    /// When there is no such component, the scope is not one of the package's, the name cannot be a label, or the
    /// configuration does not fit the schema.
    pub fn context(&self, input: &RenderInput) -> Result<Context, Invalid> {
        let of_part = |part: &Package| {
            let scopes = &part.manifest().scopes;
            let scope = input.scope();
            let foreign = (!scopes.contains(&scope)).then(|| {
                let details = format!("{scope:?} is none of {scopes:?}");
                Violation::new(Reason::ScopeUnsupported, details)
            });
            let nameless = check_name(&input.name).err();
            part.context_in(input, scope, foreign.into_iter().chain(nameless).collect())
        };
        self.with_part(input.component.as_deref(), of_part)
    }

    /// The same for a test case, whose scope is what it says. Where the package cannot be installed so, templates see
    /// what the case says, and the objects are checked for the scope that it has. A case may lack a name, as in the
    /// original; one that it has was checked with the manifest.
    pub(crate) fn case_context(&self, input: &RenderInput) -> Result<Context, Invalid> {
        let context = self.with_part(input.component.as_deref(), |part| {
            let (scopes, said) = (&part.manifest().scopes, input.scope());
            let scope = match scopes.first() {
                Some(only) if !scopes.contains(&said) => *only,
                _ => said,
            };
            part.context_in(input, scope, Vec::new())
        })?;
        Ok(Context {
            is_case: true,
            ..context
        })
    }

    /// The same for defaults that are tried out.
    pub(crate) fn defaults_context(&self, input: &RenderInput) -> Result<Context, Invalid> {
        let context = self.context(input)?;
        Ok(Context {
            is_case: true,
            ..context
        })
    }

    /// Does something with a component, or with the root; what is wrong there says where.
    pub(super) fn with_part<T>(
        &self,
        component: Option<&str>,
        work: impl FnOnce(&Package) -> Result<T, Invalid>,
    ) -> Result<T, Invalid> {
        match component {
            None => work(self),
            Some(name) => work(self.component(name)?).map_err(|it| it.in_component(name)),
        }
    }

    fn context_in(
        &self,
        input: &RenderInput,
        scope: Scope,
        mut violations: Vec<Violation>,
    ) -> Result<Context, Invalid> {
        let manifest = self.manifest();
        let admitted = config::admit(manifest.config.as_ref(), input.config.as_ref());
        let config = admitted.unwrap_or_else(|errors| {
            let violation = |error: config::FieldError| {
                Violation::new(Reason::ConfigInvalid, error.to_string())
            };
            violations.extend(errors.into_iter().map(violation));
            Value::Null
        });
        Invalid::check(violations)?;
        let images = manifest.images.iter();
        let images = images.map(|(name, it)| (name, it.pinned(&input.image_prefixes)));
        let images: BTreeMap<&String, String> = images.collect();
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
            "images": images,
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
            namespace: (scope == Scope::Namespaced).then(|| {
                let given = input.namespace.as_deref();
                given.unwrap_or(DEFAULT_NAMESPACE).to_owned()
            }),
            component: input.component.clone(),
            is_case: false,
            image_prefixes: Arc::clone(&input.image_prefixes),
            has_components: manifest.has_components,
            collision_protection: input.collision_protection,
            success_delay_seconds: input.success_delay_seconds,
        })
    }
}

fn check_name(name: &str) -> Result<(), Violation> {
    names::check_name(name).map_err(|why| {
        let details = format!("name {name:?} becomes a label: {why}");
        Violation::new(Reason::LabelsInvalid, details)
    })
}

impl Context {
    /// The tree templates see as dot, and conditions as variables.
    pub fn value(&self) -> &Value {
        &self.value
    }

    /// The same where every image is this one.
    pub(crate) fn with_images(mut self, image: &str) -> Self {
        if let Some(Value::Object(images)) = self.value.get_mut("images") {
            images.values_mut().for_each(|it| *it = image.into());
        }
        self
    }

    /// The component that is rendered; none for the root.
    pub fn component(&self) -> Option<&str> {
        self.component.as_deref()
    }

    /// The image of the package.
    pub(super) fn image(&self) -> &str {
        let image = self.value.pointer("/package/image");
        image.and_then(Value::as_str).unwrap_or_default()
    }

    /// What every result depends on, whatever was read.
    pub(super) fn always(&self) -> Value {
        let prefixes = self.has_components.then(|| self.image_prefixes.as_pairs());
        json!([
            self.name,
            self.namespace,
            self.component,
            self.collision_protection,
            self.success_delay_seconds,
            prefixes
        ])
    }
}
