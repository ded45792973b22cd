//! Children: rendered `Package`s and `ClusterPackage`s that name a component of their own image. None of them becomes an
//! object: their phases become phases of the package that renders them.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Deserialize;
use serde_json::{Map, Value};
use stevedore_proto_core::content::ConditionMapping;

use super::context::{ClusterFacts, Context, RenderInput};
use crate::field::Field;
use crate::object::{Fault, Ready, is_package};
use crate::package::Package;
use crate::violation::{Reason, Violation};

/// Fields of its spec that a child may have.
const FIELDS: [&str; 4] = ["image", "component", "config", "paused"];
const COMPONENT: &[&str] = &["spec", "component"];

/// A component that a package installs with itself.
pub(super) struct Child {
    /// Its name in the manifest's words: that of its folder.
    pub(super) component: String,
    /// What it is rendered from.
    pub(super) input: RenderInput,
    /// The phase of the parent that it is in.
    pub(super) phase: String,
    /// Conditions that the parent copies from it.
    pub(super) mappings: Vec<ConditionMapping>,
    /// File and document that ask for it.
    pub(super) place: (String, usize),
}

#[derive(Deserialize)]
struct Asked {
    #[serde(default)]
    metadata: Metadata,
    #[serde(default)]
    spec: Map<String, Value>,
}

#[derive(Default, Deserialize)]
struct Metadata {
    #[serde(default)]
    name: String,
    #[serde(default)]
    labels: BTreeMap<String, String>,
    #[serde(default)]
    annotations: BTreeMap<String, String>,
}

impl Asked {
    fn text(&self, field: &str) -> Option<&str> {
        self.spec.get(field).and_then(Value::as_str)
    }

    /// Whether the package can give it.
    fn check(&self, root: &Package, context: &Context) -> Result<(), Fault> {
        let refuse = |keys: &[&str], what: String| Err(fault(Reason::NotSupported, keys, what));
        if context.component.is_some() {
            return refuse(&["kind"], "a component may not install others".to_owned());
        }
        let mut fields = self.spec.keys();
        if let Some(other) = fields.find(|field| !FIELDS.contains(&field.as_str())) {
            let what = format!("spec.{other} of a package inside a package is not supported");
            return refuse(&["spec", other], what);
        }
        let paused = self.spec.get("paused");
        if paused.is_some_and(|it| !it.is_null() && *it != false) {
            let what = "spec.paused: a component is paused with its package only";
            return refuse(&["spec", "paused"], what.to_owned());
        }
        let (image, component) = (self.text("image"), self.text("component"));
        let component = component.unwrap_or_default();
        let found = root.component(component);
        if image != Some(context.image()) && !(context.is_case && found.is_ok()) {
            let what = format!(
                "spec.image {:?} is not the image of the package itself, {:?}; packages of other images are not \
                 supported yet",
                image.unwrap_or_default(),
                context.image()
            );
            return refuse(&["spec", "image"], what);
        }
        if component.is_empty() {
            let what = "spec.component: Required value, the package cannot install itself";
            return Err(fault(Reason::ChildInvalid, COMPONENT, what.to_owned()));
        }
        let missing = |none: Violation| {
            let what = format!("spec.component {}", none.details);
            fault(none.reason, COMPONENT, what)
        };
        found.map(|_| ()).map_err(missing)
    }
}

fn fault(reason: Reason, keys: &[&str], what: String) -> Fault {
    Fault {
        problem: (reason, what),
        field: Field::of(keys),
    }
}

/// Whether an object asks for a package.
pub(super) fn is_one(ready: &Ready) -> bool {
    let (group, kind, ..) = &ready.key;
    is_package(group, kind)
}

impl Child {
    /// Reads what an object asks for that is one. Only what this package can give is taken.
    pub(super) fn of(
        ready: Ready,
        root: &Package,
        context: &Context,
        place: (String, usize),
    ) -> Result<Self, Fault> {
        let (_, kind, namespace, name) = &ready.key;
        let asked = Asked::deserialize(&ready.object.object)
            .map_err(|error| fault(Reason::ChildInvalid, &["spec"], error.to_string()))
            .and_then(|asked| asked.check(root, context).map(|()| asked))
            .map_err(|Fault { problem, field }| Fault {
                problem: (problem.0, format!("{kind} {name:?}: {}", problem.1)),
                field,
            })?;
        let component = asked.text("component").unwrap_or_default().to_owned();
        let config = asked.spec.get("config").filter(|config| !config.is_null());
        let cluster = ClusterFacts::deserialize(&context.value()["cluster"])
            .expect("a context has the cluster as it was given");
        Ok(Child {
            input: RenderInput {
                namespace: (kind == "Package").then(|| namespace.clone()),
                image: context.image().to_owned(),
                image_prefixes: Arc::clone(&context.image_prefixes),
                component: Some(component.clone()),
                config: config.cloned(),
                environment: context.value()["environment"].clone(),
                cluster,
                collision_protection: context.collision_protection,
                success_delay_seconds: None,
                name: asked.metadata.name,
                labels: asked.metadata.labels,
                annotations: asked.metadata.annotations,
            },
            component,
            phase: ready.phase,
            mappings: ready.object.condition_mappings,
            place,
        })
    }

    /// The mappings of one of its objects as the parent has them: what the object says to the child, and the child to
    /// the parent.
    pub(super) fn through(&self, mappings: &[ConditionMapping]) -> Vec<ConditionMapping> {
        let of = |inner: &ConditionMapping| {
            let outer = self.mappings.iter();
            let fits = outer.filter(|outer| outer.source_type == inner.destination_type);
            let source_type = inner.source_type.clone();
            fits.map(move |outer| ConditionMapping {
                source_type: source_type.clone(),
                destination_type: outer.destination_type.clone(),
            })
            .collect::<Vec<_>>()
        };
        mappings.iter().flat_map(of).collect()
    }
}
